// The model: one series, every sample kept, every result made anew from all of them. Slow and plain; what the
// windows of core/ must say, and how exactly.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/item.h"
#include "core/output.h"
#include "core/plan.h"

namespace model {

using core::Duration;
using core::Position;
using core::Time;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// What a value may be: in [low, high], or NaN where both are.
struct Expected {
  double low, high;
  bool or_none = false;
  std::vector<double> any_of{};  // where not empty: one of these

  static Expected exactly(double value) { return {value, value}; }
  static Expected near(long double value, long double tolerance) {
    return {static_cast<double>(value - tolerance), static_cast<double>(value + tolerance)};
  }
  [[nodiscard]] bool allows(double value) const;
};

// One call of Output, as it was or as it must be.
struct Event {
  bool is_flag = false;
  Position cause = 0;
  std::uint32_t rule = 0;  // window or detector
  Time start{}, end{};     // of a flag: since, time
  std::uint32_t rev = 0;
  bool up = false;  // final, or raised
  std::uint64_t count = 0;
  bool approximate = false, nulls = false;
  double score = 0;
  std::vector<double> got{};         // a window's values, or the flag's
  std::vector<Expected> expected{};  // by the model
};

// Empty when what was said is what must be said, else the first difference.
std::string difference(const core::Plan& plan, const std::vector<Event>& got,
                       const std::vector<Event>& expected);

// A shard's output, as events of one series.
class Recorder final : public core::Output {
 public:
  explicit Recorder(std::size_t series) : by_series(series) {}
  void window(Position cause, core::SeriesId series, const core::WindowResult& result) noexcept override;
  void flag(Position cause, core::SeriesId series, const core::FlagChange& change) noexcept override;

  std::vector<std::vector<Event>> by_series;
};

struct Sample {
  Time time;
  double value;          // NaN: null
  bool follows = false;  // it is one of those that follow each other
  std::int64_t pane = 0;
};
using Samples = std::vector<Sample>;

// What a result is made of, in the order in which it was taken.
struct View {
  Samples samples;
  std::optional<Sample> before;  // the value before the first one
  Time start, end;
  Duration cadence;
};

// The window's values by the naive way, in the order of its aggregates. `sketched`: it may answer by
// sketches.
std::vector<Expected> values(const core::WindowSpec& spec, const View& view, bool sketched,
                             bool& approximate);

// What a series' windows know of it.
struct Clock {
  Time newest{};
  std::vector<Duration> gaps;
  [[nodiscard]] Duration cadence(const core::WindowSpec& spec) const;
};

class Window {
 public:
  virtual ~Window() = default;
  // The watermark at which it does something next.
  [[nodiscard]] virtual Time due() const = 0;
  virtual void close(Time watermark, bool final) = 0;
  virtual bool add(const Sample& sample, Time watermark) = 0;

  // Where results go: rule and cause are filled in by the series.
  std::vector<Event>* events = nullptr;
  const Clock* clock = nullptr;
};

// `hash`: of the series' name. `first`: time of its first sample.
std::unique_ptr<Window> make_window(const core::WindowSpec& spec, Duration lateness, std::uint64_t hash,
                                    Time first);
// The hash that decides a series' phase, of its name in the table.
std::uint64_t name_hash(std::string_view name);

class Series {
 public:
  Series(const core::Plan& plan, std::uint64_t hash);

  void tick(Time now, Position cause);
  void sample(Time time, double value, Position cause);  // NaN: a null
  void evict(Position cause);
  void end(Position cause);

  std::vector<Event> events;
  std::uint64_t aggregated = 0;
  std::uint64_t late = 0;

 private:
  [[nodiscard]] Time device_watermark() const;
  void begin(Time time);
  void close(Time watermark, bool final, Position cause);
  void judge(Time time, double value, Position cause);
  void clear_silences(Time time, double value, Position cause);
  void flag(std::uint32_t detector, bool up, Time time, Time since, double value, double score,
            Position cause);

  const core::Plan& plan_;
  std::uint64_t hash_;
  Time now_{};
  bool known_ = false;
  Clock clock_;
  Time newest_arrival_{}, last_arrival_{}, watermark_{};
  std::vector<std::unique_ptr<Window>> windows_;
  std::vector<std::optional<Time>> pending_, raised_;  // since
};

}  // namespace model
