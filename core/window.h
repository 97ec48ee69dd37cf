// Windows: what a configuration may ask for, and what leaves a shard. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/aggregate.h"
#include "core/calendar.h"
#include "core/time.h"

namespace core {

enum class WindowKind : std::uint8_t {
  tumbling,    // length
  hopping,     // length, every; every divides length
  sliding,     // length: a result per sample, over (its time - length, its time]
  count,       // the last `samples` samples as they came, a result every `step` of them
  session,     // from the first sample to the last before a pause of `gap`
  cumulative,  // since the series began, a result every `every`
  calendar,    // periods of a calendar
};
inline constexpr std::size_t window_kinds = 7;
[[nodiscard]] std::string_view name(WindowKind kind) noexcept;

enum class Emit : std::uint8_t {
  on_close,   // once, when the window closes (and again when late samples change it)
  on_change,  // and with every sample that changes it before; of those that overlap, the next to close
  every,      // and every `emit_every` of event time before, where samples came; the next to close
};

// What a window without samples says, from a series' first sample on.
enum class Empty : std::uint8_t {
  skip,  // nothing
  zero,  // every aggregate is 0
  null,  // no aggregate exists; published as null
  last,  // count 0, and what the last window with samples said
};
// Of a cumulative window without new samples all but `skip` say what it has come to.

// What is an outlier among a window's values: outside the quartiles by 1.5 of their distance; beyond 3
// standard deviations of the mean; beyond 3 scaled median absolute deviations of the median.
enum class Outliers : std::uint8_t { iqr, zscore, mad };

// Start inclusive, end exclusive, aligned to the epoch plus `offset` (tumbling, hopping, cumulative).
struct WindowSpec {
  std::string name;
  Duration length{};
  Duration every{};      // tumbling: = length
  Duration offset{0};    // in [0, every)
  Duration retention{};  // how long after its end (by watermark) a closed window still takes late samples
  WindowKind kind = WindowKind::hopping;
  std::uint32_t samples = 0;         // count: 1 to samples_limit
  std::uint32_t step = 0;            // count: = samples: tumbling; 1: per sample; divides samples
  std::uint32_t samples_max = 1000;  // sliding: the most samples that are kept; the oldest leave first
  Duration gap{};                    // session
  std::optional<CalendarSpec> calendar;

  Emit emit = Emit::on_close;
  Duration emit_every{};
  Empty empty = Empty::skip;
  Duration spread{0};  // each series' windows are shifted by a part of this that its name decides, < every

  std::vector<Aggregate> aggregates{{AggregateKind::count},
                                    {AggregateKind::mean},
                                    {AggregateKind::min},
                                    {AggregateKind::max},
                                    {AggregateKind::stddev}};
  std::optional<double> above, below;              // above_count, below_count: strict
  std::optional<std::pair<double, double>> range;  // in_range_count: inclusive
  Outliers outliers = Outliers::iqr;
  double error = 0.01;       // of percentiles over more than `kept` samples: relative
  std::uint32_t kept = 256;  // samples (and different values) that are kept exactly
  Duration half_life{};      // ewma; 0: a quarter of the length, where there is one
  Duration hold{};           // integral, time_weighted_mean, increase, rate: longest time a value holds
  bool linear = false;       // integral, time_weighted_mean: between samples; else a value holds
  Duration cadence{};        // completeness: expected time between samples; 0: learned

  // All that is wrong with it, in words, beginning with the key ("every: 3s does not divide length 10s;
  // ..."); empty when valid. Also refuses more than panes_max panes, those that `lateness` and retention need
  // included.
  [[nodiscard]] std::vector<std::string> problems(Duration lateness = Duration{0}) const;

  // Panes of one window; 0: it is not made of panes of time.
  [[nodiscard]] std::int64_t panes() const noexcept;
  // Panes (sessions) that are kept. Precondition: panes() > 0, or a session; the kind's own keys are valid.
  [[nodiscard]] std::int64_t slots(Duration lateness) const;

  static constexpr std::int64_t panes_max = 100'000;
  static constexpr std::uint32_t samples_limit = 1'000'000;
};

// A window's result as it leaves a shard; valid only during the call.
struct WindowResult {
  std::uint32_t window;  // index in the plan
  Time start;
  Time end;
  std::uint32_t rev;  // 1, 2, ... per (series, window, start); of cumulative ones per end
  // The window has closed. False for early results, and at the end of input; integral, time_weighted_mean,
  // gap and completeness then go to the newest sample, not to the window's end.
  bool final;
  std::uint64_t count;
  // Of the window's aggregates, in their order. NaN: does not exist.
  std::span<const double> values;
  bool approximate = false;  // some of them come from a sketch
  bool nulls = false;        // what does not exist is null, instead of being left out
};

}  // namespace core
