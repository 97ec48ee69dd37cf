// What programs like this one get wrong, each as a property that holds here: arithmetic, windows and shards.
// bridge_defects_test has those of configuration, payloads and results; README.md lists them all.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/aggregate.h"
#include "core/engine.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Duration;
using core::WindowKind;
using core::WindowSpec;
using fixture::Bed;
using fixture::Event;
using fixture::Time;

namespace {

constexpr Time t0{1'700'000'000s};  // where a window of ten seconds begins

core::Plan plan_of(const WindowSpec& spec) {
  core::Plan plan;
  plan.windows = {spec};
  return plan;
}

// The last `samples`, a result every `step` of them.
WindowSpec last(std::uint32_t samples, std::uint32_t step = 1) {
  WindowSpec spec;
  spec.kind = WindowKind::count;
  spec.samples = samples;
  spec.step = step;
  return spec;
}

WindowSpec timed(WindowKind kind, Duration length, Duration every) {
  WindowSpec spec;
  spec.kind = kind;
  spec.length = length;
  spec.every = every;
  spec.samples_max = 100'000;
  return spec;
}

// Windows of time that hold all samples of ten seconds.
std::vector<WindowSpec> ten_seconds() {
  std::vector<WindowSpec> all{timed(WindowKind::tumbling, 10s, 10s),
                              timed(WindowKind::hopping, 10s, 5s),
                              timed(WindowKind::sliding, 10s, 0s),
                              timed(WindowKind::cumulative, 0s, 10s),
                              {},
                              {}};
  all[4].kind = WindowKind::session;
  all[4].gap = 1s;
  all[5].kind = WindowKind::calendar;
  all[5].calendar.emplace();
  all[5].calendar->unit = core::CalendarUnit::hour;
  all[5].calendar->zone = {"UTC", {{core::time_min, 0s}}};
  return all;
}

struct Sample {
  Duration after;  // t0
  double value;
};

struct Said {
  std::uint64_t count;
  std::vector<double> values;
};

class Listener final : public core::Output {
 public:
  void window(core::Position, core::SeriesId, const core::WindowResult& result) noexcept override {
    said.push_back({result.count, {result.values.begin(), result.values.end()}});
  }
  void flag(core::Position, core::SeriesId, const core::FlagChange&) noexcept override {}

  std::vector<Said> said;
};

// All that a window says of these samples, the end of input included.
std::vector<Said> said(WindowSpec spec, std::initializer_list<const char*> aggregates,
                       const std::vector<Sample>& samples) {
  spec.aggregates.clear();
  for (const char* name : aggregates) spec.aggregates.push_back(core::find_aggregate(name).value());
  const auto problems = spec.problems();
  REQUIRE_MESSAGE(problems.empty(), problems.front());
  const core::Plan plan = plan_of(spec);
  core::SeriesTable table{1};
  const std::string_view key[] = {"a"};
  (void)table.intern(plan, key, "f");
  Listener listener;
  core::Shard shard{0, 1, table, listener};
  std::vector<core::Item> items{core::Item::tick(t0, 0)};
  for (const auto& [after, value] : samples) {
    items.push_back(core::Item::sample(0, t0 + after, value, items.size()));
  }
  items.push_back(core::Item::end(items.size()));
  shard.process(items);
  return listener.said;
}

Event newest(Bed& bed) { return bed.take().back(); }

}  // namespace

TEST_CASE("a window of ten forgets the eleventh") {
  // Once a second: a spike, then 1, 2, ...
  std::vector<Sample> samples{{0s, 1000}};
  for (int i = 1; i <= 20; ++i) samples.push_back({std::chrono::seconds{i}, static_cast<double>(i)});
  for (const WindowSpec& spec : {last(10), last(10, 5), last(10, 10), timed(WindowKind::tumbling, 10s, 10s),
                                 timed(WindowKind::hopping, 10s, 5s), timed(WindowKind::sliding, 10s, 0s)}) {
    CAPTURE(core::name(spec.kind));
    CAPTURE(spec.step);
    std::size_t full = 0;
    for (const auto& [count, values] :
         said(spec, {"last", "count", "sum", "min", "max", "first", "delta", "variance"}, samples)) {
      CHECK(count <= 10);
      const double newest = values[0];
      if (count < 10 || newest < 10) continue;  // 1000 may be in it
      ++full;
      CHECK(values ==
            std::vector<double>{newest, 10, 10 * newest - 45, newest - 9, newest, newest - 9, 9, 82.5 / 9});
    }
    CHECK(full >= 1);
  }
}

TEST_CASE("after 1e16 has left a window of two, what is left is exact") {
  Bed bed{plan_of(last(2)), 1};
  bed.tick(t0);
  for (const double value : {1e16, 1.0, 1.0, 1.0}) bed.sample(0, t0, value);
  const Event event = newest(bed);
  CHECK(event.mean == 1);
  CHECK(event.variance == 0);
}

TEST_CASE("the variance of 1e9, 1e9 + 1, 1e9 + 2 is 1, and population's two thirds are not it") {
  Bed bed{plan_of(last(3)), 1};
  bed.tick(t0);
  for (const double value : {1e9, 1e9 + 1, 1e9 + 2}) bed.sample(0, t0, value);
  CHECK(newest(bed).variance == 1);
}

TEST_CASE("the 10001st device gets results like the first") {
  constexpr core::SeriesId devices = 10'001;
  Bed bed{plan_of(timed(WindowKind::tumbling, 1s, 1s)), devices};
  bed.tick(t0);
  for (core::SeriesId id = 0; id < devices; ++id) bed.sample(id, t0, 1);
  bed.end();
  CHECK(bed.recorder.by_series.size() == devices);
  CHECK(bed.recorder.by_series[devices - 1].size() == 1);
}

TEST_CASE("a window of time is one of time, however many samples it holds") {
  std::vector<Sample> samples;
  for (int i = 0; i < 1000; ++i) samples.push_back({std::chrono::milliseconds{i}, 1});
  for (const WindowSpec& spec : ten_seconds()) {
    CAPTURE(core::name(spec.kind));
    CHECK(said(spec, {"sum"}, samples).back().values[0] == 1000);
  }
}

TEST_CASE("a change from 100 to 150 is a ratio of 0.5 in every kind of window") {
  std::vector<WindowSpec> kinds = ten_seconds();
  for (const WindowSpec& spec : {last(2), last(2, 2)}) kinds.push_back(spec);
  for (const WindowSpec& spec : kinds) {
    CAPTURE(core::name(spec.kind));
    const Said both = said(spec, {"change_ratio", "change_rate", "delta"}, {{1s, 100}, {1500ms, 150}}).back();
    CHECK(both.values == std::vector<double>{0.5, 0.5, 50});
  }
}

TEST_CASE("percentiles and counts beyond a limit come from the samples, not from a curve through them") {
  // A normal distribution of the same mean and deviation has its median at 10.9 and p99 near 242.
  std::vector<Sample> samples;
  for (int i = 0; i < 100; ++i) samples.push_back({std::chrono::milliseconds{i}, i == 0 ? 1000.0 : 1.0});
  std::vector<WindowSpec> kinds = ten_seconds();
  for (const WindowSpec& spec : {last(100), last(100, 100)}) kinds.push_back(spec);
  for (WindowSpec spec : kinds) {
    CAPTURE(core::name(spec.kind));
    spec.above = 1;
    spec.below = 1;
    spec.range = {1, 1};
    std::vector<Said> all = said(
        spec, {"median", "p90", "p99", "p99.5", "above_count", "below_count", "in_range_count"}, samples);
    const auto full = std::find_if(all.begin(), all.end(), [](const Said& one) { return one.count == 100; });
    REQUIRE(full != all.end());
    // At 0.99 and 0.995 of the way from the first of a hundred to the last: 98.01 and 98.505.
    const double p99 = 1 + (1000 - 1) * (0.99 * 99 - 98), p995 = 1 + (1000 - 1) * (0.995 * 99 - 98);
    CHECK(full->values[0] == 1);
    CHECK(full->values[1] == 1);
    CHECK(full->values[2] == doctest::Approx(p99).epsilon(1e-12));
    CHECK(full->values[3] == doctest::Approx(p995).epsilon(1e-12));
    CHECK(full->values[4] == 1);
    CHECK(full->values[5] == 0);
    CHECK(full->values[6] == 99);
  }
}

TEST_CASE("counts beyond a limit are exact for any number of samples") {
  WindowSpec spec = timed(WindowKind::tumbling, 10s, 10s);
  spec.above = 0;
  spec.below = 0;
  spec.range = {-1, 1};
  std::vector<Sample> samples;
  for (int i = 0; i < 50'000; ++i) samples.push_back({std::chrono::microseconds{i}, (i % 7) - 2.0});
  const Said all = said(spec, {"above_count", "below_count", "in_range_count"}, samples).back();
  double above = 0, below = 0, inside = 0;
  for (const Sample& one : samples) {
    above += one.value > 0 ? 1 : 0;
    below += one.value < 0 ? 1 : 0;
    inside += std::abs(one.value) <= 1 ? 1 : 0;
  }
  CHECK(all.values == std::vector<double>{above, below, inside});
}

// An item of each kind would need the series; one that gives up what was never there needs none.
TEST_CASE("a series id of any size belongs to one shard that there is, also with its highest bit set") {
  core::SeriesTable table{1};
  Listener listener;
  for (const std::uint32_t shards : {1U, 2U, 3U, 7U, 64U, 1000U, 1024U}) {
    CAPTURE(shards);
    core::Engine engine({shards, false, 1, 1}, table, std::vector<core::Output*>(shards, &listener));
    engine.tick(t0, 0);
    std::vector<std::uint64_t> sent(shards, 1);
    const auto check = [&](core::SeriesId id) {
      CAPTURE(id);
      engine.evict(id, 0);
      ++sent[id % shards];
      REQUIRE(engine.sent(id % shards) == sent[id % shards]);
    };
    for (const core::SeriesId edge : {0U, 0x7FFF'FFFFU, 0x8000'0000U, 0xFFFF'FFFFU}) {
      for (core::SeriesId near = 0; near < 5; ++near) check(edge - 2 + near);
    }
    std::uint32_t id = 12345;
    for (int i = 0; i < 10'000; ++i) check(id = id * 1664525U + 1013904223U);
    for (std::uint32_t shard = 0; shard < shards; ++shard) REQUIRE(engine.sent(shard) == sent[shard]);
  }
  CHECK(listener.said.empty());
}
