// What the tests of core/ share: an output that remembers, and shards fed by hand.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/series.h"
#include "core/shard.h"

namespace fixture {

using core::Duration;
using core::Position;
using core::SeriesId;
using core::Time;

inline std::uint64_t seed() {
  const char* text = std::getenv("WEIR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20261123;
}

// One call of Output. What does not belong to the kind is empty.
struct Event {
  bool is_flag = false;
  Position cause = 0;
  std::uint32_t rule = 0;  // window or detector
  Time start{};            // since, of a flag
  Time end{};              // time, of a flag
  std::uint32_t rev = 0;
  bool up = false;  // final, or raised
  std::uint64_t count = 0;
  double min = 0, max = 0, first = 0, last = 0;
  std::optional<double> value, expected, low, high;
  double score = 0;
  Time told{};  // of a flag
  // Compared with a tolerance, and so not part of exact().
  double mean = 0;
  double variance = 0;

  [[nodiscard]] auto exact() const {
    return std::tie(is_flag, cause, rule, start, end, rev, up, count, min, max, first, last, value, score,
                    told);
  }
};

inline std::ostream& operator<<(std::ostream& out, const Event& event) {
  const auto seconds = [](Time time) { return static_cast<double>(time.time_since_epoch().count()) * 1e-9; };
  out.precision(17);
  if (event.is_flag) {
    return out << "flag " << event.rule << (event.up ? " raised" : " cleared") << " at " << seconds(event.end)
               << " since " << seconds(event.start) << " told " << seconds(event.told) << " score "
               << event.score << " cause " << event.cause;
  }
  return out << "window " << event.rule << ' ' << seconds(event.start) << ".." << seconds(event.end)
             << " rev " << event.rev << " count " << event.count << " mean " << event.mean << " variance "
             << event.variance << " first " << event.first << " last " << event.last << " min " << event.min
             << " max " << event.max << " cause " << event.cause;
}

class Recorder final : public core::Output {
 public:
  void window(Position cause, SeriesId series, const core::WindowResult& result) noexcept override {
    Event event;
    event.cause = cause;
    event.rule = result.window;
    event.start = result.start;
    event.end = result.end;
    event.rev = result.rev;
    event.up = result.final;
    event.count = result.count;
    event.mean = result.values[0];
    event.variance = result.count > 1 ? result.values[1] : 0;
    event.min = result.values[2];
    event.max = result.values[3];
    event.first = result.values[4];
    event.last = result.values[5];
    by_series[series].push_back(event);
  }
  void flag(Position cause, SeriesId series, const core::FlagChange& change) noexcept override {
    Event event;
    event.is_flag = true;
    event.cause = cause;
    event.rule = change.detector;
    event.start = change.since;
    event.end = change.time;
    event.up = change.state != core::FlagState::cleared;
    event.value = change.value;
    event.expected = change.expected;
    event.low = change.low;
    event.high = change.high;
    event.score = change.score;
    event.told = change.told;
    by_series[series].push_back(event);
  }

  void late(Position cause, SeriesId series, const core::Point& point, Time watermark) noexcept override {
    lates.push_back({cause, series, point.time, point.value, watermark});
  }

  struct Late {
    Position cause;
    SeriesId series;
    Time time;
    double value;
    Time watermark;
    bool operator==(const Late&) const = default;
  };
  std::map<SeriesId, std::vector<Event>> by_series;
  std::vector<Late> lates;
};

// What Recorder notes of a window.
inline std::vector<core::Aggregate> recorded() {
  using enum core::AggregateKind;
  return {{mean}, {variance}, {min}, {max}, {first}, {last}};
}

// Series "0", "1", ... of one plan, in `shards` shards that are fed one item at a time.
class Bed {
 public:
  Bed(const core::Plan& plan, std::uint32_t series, std::uint32_t shards = 1) : plan_(plan), table_(series) {
    for (core::WindowSpec& window : plan_.windows) window.aggregates = recorded();
    for (std::uint32_t i = 0; i < series; ++i) {
      const std::string name = std::to_string(i);
      const std::string_view key[] = {name};
      if (!table_.intern(plan_, key, "field")) throw std::runtime_error("no room for series " + name);
    }
    for (std::uint32_t i = 0; i < shards; ++i) {
      shards_.push_back(std::make_unique<core::Shard>(i, shards, table_, recorder));
    }
  }

  void tick(Time now) {
    for (const auto& shard : shards_) process(*shard, core::Item::tick(now, position_));
  }
  void end() {
    for (const auto& shard : shards_) process(*shard, core::Item::end(position_));
  }
  void sample(SeriesId series, Time time, double value) {
    process(*shards_[series % shards_.size()], core::Item::sample(series, time, value, position_));
    ++position_;
  }

  // A sample of a plan that is paired.
  void pair(SeriesId series, Time time, double value, double median) {
    core::Item items[2] = {core::Item::run(series, time, Duration{0}, 2, position_), {}};
    const double values[core::Item::run_values] = {value, median, 0};
    std::memcpy(&items[1], values, sizeof items[1]);
    shards_[series % shards_.size()]->process(items);
    ++position_;
  }
  void expect(SeriesId series) {
    process(*shards_[series % shards_.size()], core::Item::expect(series, position_));
  }
  void evict(SeriesId series) {
    process(*shards_[series % shards_.size()], core::Item::evict(series, position_));
  }
  void link(bool up, Time now) {
    for (const auto& shard : shards_) process(*shard, core::Item::link(up, now, position_));
  }

  [[nodiscard]] std::uint64_t total(core::Counter core::ShardCounters::*counter) const {
    std::uint64_t sum = 0;
    for (const auto& shard : shards_) sum += (shard->counters().*counter).get();
    return sum;
  }
  // What series 0 gave since the last call.
  std::vector<Event> take() { return std::exchange(recorder.by_series[0], {}); }

  Recorder recorder;

 private:
  static void process(core::Shard& shard, const core::Item& item) { shard.process({&item, 1}); }

  core::Plan plan_;
  core::SeriesTable table_;
  std::vector<std::unique_ptr<core::Shard>> shards_;
  Position position_ = 0;
};

}  // namespace fixture
