// Accumulator: what is kept of the samples of one pane, and the aggregates made of it. Constant, shared by
// all series of a plan; works on states: plain bytes, 8-byte aligned, zero bytes being empty, that begin with
// a Summary and hold the parts the asked aggregates need. Used by workers, on state they own.
//
// Nothing is ever subtracted: results over several panes come from merging their states in order of time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "core/parts/distinct.h"
#include "core/parts/ends.h"
#include "core/parts/mode.h"
#include "core/parts/quantiles.h"
#include "core/parts/tallies.h"
#include "core/summary.h"
#include "core/window.h"

namespace core {

class Accumulator {
 public:
  // Who keeps the samples, can tell from them what depends on the order of their values, how many lie beyond
  // a limit, and which is the first: nothing of that is then part of a state (see Known).
  enum class Samples : std::uint8_t { forgotten, kept };

  // What the aggregates are made of, beside number and extremes.
  struct Needs {
    explicit Needs(const std::vector<Aggregate>& aggregates);
    [[nodiscard]] bool tallies() const noexcept { return nulls || limits; }
    bool moments = false, rise = false, area = false, longest = false, ends = false, slope = false,
         decay = false;
    bool nulls = false, limits = false, quantiles = false, outliers = false, distinct = false, mode = false;
  };

  explicit Accumulator(const WindowSpec& spec, Samples samples = Samples::forgotten);

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // A state is a Summary and nothing else.
  [[nodiscard]] bool summary_only() const noexcept { return bytes_ == sizeof(Summary); }
  // Some aggregate (rate, increase, gap, integral, time_weighted_mean) depends on which sample follows which;
  // then samples should come in order of time, and one that does not is left out of these. In windows of
  // samples as they came, and sliding ones, it is a step back in time that is left out.
  [[nodiscard]] bool ordered() const noexcept { return chain_ != 0; }
  [[nodiscard]] const Needs& needs() const noexcept { return needs_; }
  [[nodiscard]] bool wants_nulls() const noexcept { return needs_.nulls; }

  static constexpr std::size_t aggregates_limit = 64;

  static Summary& summary(std::byte* state) noexcept { return *reinterpret_cast<Summary*>(state); }
  static const Summary& summary(const std::byte* state) noexcept {
    return *reinterpret_cast<const Summary*>(state);
  }

  // Adds a sample. `before`: the series' newest sample in the window's panes so far, null: none. NaN is a
  // null.
  void add(std::byte* state, const Point& point, const Point* before) const noexcept {
    if (summary_only() && point.value == point.value) return summary(state).add(point.value);
    add_parts(state, point, before);
  }
  // Neither samples nor nulls.
  [[nodiscard]] bool empty(const std::byte* state) const noexcept {
    return summary(state).count == 0 && (tallies_ == 0 || part<Tallies>(state, tallies_).nulls == 0);
  }
  // A copy of a state.
  void copy(std::byte* to, const std::byte* from) const noexcept {
    if (summary_only()) {
      summary(to) = summary(from);
    } else {
      std::memcpy(to, from, bytes_);
    }
  }
  // Adds a sample as if it had come before all others. `before`: the one before it, null: none.
  void add_first(std::byte* state, const Point& point, const Point* before) const noexcept {
    if (summary_only() && point.value == point.value) return summary(state).add(point.value);
    add_parts_first(state, point, before);
  }
  // Adds all of `later`, as if it had been added after ours.
  void merge(std::byte* into, const std::byte* later) const noexcept {
    if (summary_only()) return summary(into).merge(summary(later));
    merge_parts(into, later);
  }

  // Where a state's samples lie in time, for what depends on that.
  struct Span {
    Time start, end;
    Duration cadence;  // expected between samples; 0: unknown
  };
  // The aggregates in the order of the specification; NaN: does not exist. True when some are approximate.
  bool values(const std::byte* state, const Span& span, std::span<double> out) const noexcept;

  // The same in two steps, between which the caller adds what it can tell from samples that it keeps.
  class Known {
   public:
    double& operator[](AggregateKind kind) noexcept { return of_[static_cast<std::size_t>(kind)]; }
    void add(const Tallies& tallies,
             std::uint64_t count) noexcept;  // count: of the samples that are not null
    void add(const Ends& ends) noexcept;
    // In the order of fractions().
    double* percentiles() noexcept { return of_.data() + aggregate_kinds; }

   private:
    friend class Accumulator;
    std::array<double, aggregate_kinds + aggregates_limit> of_;  // only what is asked for is written
  };
  void find(const std::byte* state, const Span& span, Known& known) const noexcept;
  void list(const Known& known, std::span<double> out) const noexcept;
  [[nodiscard]] std::span<const double> fractions() const noexcept { return fractions_; }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  [[nodiscard]] std::size_t size() const noexcept { return aggregates_.size(); }
  [[nodiscard]] const std::vector<Aggregate>& aggregates() const noexcept { return aggregates_; }

 private:
  using Offset = std::uint32_t;  // of a part in a state; 0: not there

  void place(const WindowSpec& spec, Samples samples);
  void add_parts(std::byte* state, const Point& point, const Point* before) const noexcept;
  void add_parts_first(std::byte* state, const Point& point, const Point* before) const noexcept;
  void merge_parts(std::byte* into, const std::byte* later) const noexcept;
  void add_unordered(std::byte* state, const Point& point, bool empty) const noexcept;
  void take_step(std::byte* state, const Point& from, const Point& to) const noexcept;
  static void find_moments(const Summary& all, Known& known) noexcept;
  void find_rise(const std::byte* state, Known& known) const noexcept;
  void find_area(const std::byte* state, const Span& span, Known& known) const noexcept;
  void find_order(const std::byte* state, Known& known) const noexcept;
  [[nodiscard]] double gap(const std::byte* state, const Span& span) const noexcept;
  [[nodiscard]] double outliers(const std::byte* state) const noexcept;
  template <class Part>
  [[nodiscard]] static Part& part(std::byte* state, Offset offset) noexcept {
    return *reinterpret_cast<Part*>(state + offset);
  }
  template <class Part>
  [[nodiscard]] static const Part& part(const std::byte* state, Offset offset) noexcept {
    return *reinterpret_cast<const Part*>(state + offset);
  }

  std::vector<Aggregate> aggregates_;
  Needs needs_;
  std::vector<double> fractions_;      // of the percentiles among them, in order
  std::vector<std::uint8_t> sources_;  // where in what is known each of them is
  std::size_t bytes_ = sizeof(Summary);
  Offset ends_ = 0, chain_ = 0, rise_ = 0, area_ = 0, longest_ = 0, slope_ = 0, decay_ = 0, tallies_ = 0;
  Offset quantiles_at_ = 0, distinct_at_ = 0, mode_at_ = 0;
  bool has_more_ = false;  // than a summary, ends and tallies
  std::optional<Quantiles> quantiles_;
  std::optional<Distinct> distinct_;
  std::optional<Mode> mode_;
  Limits limits_;
  Outliers outliers_;
  Duration hold_;
  bool linear_;
  bool as_they_come_;  // samples follow each other as they are added
  double half_life_;   // nanoseconds
};

}  // namespace core
