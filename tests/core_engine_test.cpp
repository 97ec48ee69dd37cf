#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <latch>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "core/aggregate.h"
#include "core/engine.h"

using namespace std::chrono_literals;
using core::Engine;
using core::EngineSpec;
using core::FlushCause;
using core::Position;
using core::SeriesId;
using core::Time;

namespace {

// Everything a shard said, by series, as text with every digit.
class Results final : public core::Output {
 public:
  void window(Position cause, SeriesId series, const core::WindowResult& result) noexcept override {
    std::ostringstream line;
    line << std::hexfloat << "window " << cause << ' ' << result.window << ' '
         << result.start.time_since_epoch().count() << ' ' << result.end.time_since_epoch().count() << ' '
         << result.rev << ' ' << result.final << ' ' << result.count << ' ' << result.approximate;
    for (const double value : result.values) line << ' ' << value;
    by_series[series].push_back(line.str());
  }
  void flag(Position cause, SeriesId series, const core::FlagChange& change) noexcept override {
    std::ostringstream line;
    line << std::hexfloat << "flag " << cause << ' ' << change.detector << ' ' << core::name(change.state)
         << ' ' << change.time.time_since_epoch().count() << ' ' << change.since.time_since_epoch().count()
         << ' ' << change.value.value_or(-1) << ' ' << change.score;
    by_series[series].push_back(line.str());
  }

  std::map<SeriesId, std::vector<std::string>> by_series;
};

// Every kind of window, with every aggregate.
std::vector<core::WindowSpec> every_window() {
  std::vector<core::WindowSpec> result;
  for (std::size_t i = 0; i < core::window_kinds; ++i) {
    core::WindowSpec spec;
    spec.kind = static_cast<core::WindowKind>(i);
    spec.aggregates.clear();
    for (const auto name : core::aggregate_names()) {
      if (const auto found = core::find_aggregate(name)) spec.aggregates.push_back(*found);
    }
    spec.above = spec.below = 5;
    spec.range = {2, 7};
    spec.half_life = 1s;
    spec.kept = 8;
    switch (spec.kind) {
      case core::WindowKind::tumbling:
      case core::WindowKind::hopping:
      case core::WindowKind::cumulative:
        spec.every = spec.retention = 2s;
        spec.spread = 1s;
        spec.length = spec.kind == core::WindowKind::tumbling  ? 2s
                      : spec.kind == core::WindowKind::hopping ? 6s
                                                               : 0s;
        spec.emit = spec.kind == core::WindowKind::hopping ? core::Emit::on_change : core::Emit::on_close;
        spec.empty = spec.kind == core::WindowKind::tumbling ? core::Empty::last : core::Empty::skip;
        break;
      case core::WindowKind::sliding:
        spec.length = 1s;
        break;
      case core::WindowKind::count:
        spec.samples = 20;
        spec.step = 5;
        break;
      case core::WindowKind::session:
        spec.gap = 200ms;
        break;
      case core::WindowKind::calendar:
        spec.calendar.emplace();
        spec.calendar->unit = core::CalendarUnit::hour;
        spec.calendar->zone = {"UTC", {{core::time_min, 0s}}};
        break;
    }
    REQUIRE(spec.problems(300ms).empty());
    result.push_back(spec);
  }
  return result;
}

core::Plan plan() {
  core::Plan plan;
  plan.lateness = 300ms;
  plan.idle = 2s;
  core::WindowSpec tumbling, hopping;
  tumbling.name = "1s";
  tumbling.length = tumbling.every = tumbling.retention = 1s;
  hopping.name = "4s";
  hopping.length = 4s;
  hopping.every = hopping.retention = 1s;
  hopping.aggregates.push_back({core::AggregateKind::last});
  plan.windows = {tumbling, hopping};
  core::DetectorSpec high, odd, gone;
  high.name = "high";
  high.kind = core::ThresholdSpec{9.5, {}, 8.0};
  odd.name = "odd";
  odd.kind = core::ZscoreSpec{3, 1, 8, 8, 0};
  gone.name = "gone";
  gone.kind = core::SilenceSpec{3s};
  plan.detectors = {high, odd, gone};
  plan.window_rules = {0, 1};
  plan.detector_rules = {0, 1, 2};
  return plan;
}

constexpr std::uint32_t series_count = 20;
constexpr Time begin{std::chrono::seconds{1'700'000'000}};

// An engine over its own table and results; one plan for all series.
struct Bench {
  explicit Bench(const EngineSpec& spec, core::Plan plan_of_all = plan())
      : rules(std::move(plan_of_all)), results(spec.shards) {
    for (std::uint32_t i = 0; i < series_count; ++i) {
      const std::string device = std::to_string(i);
      const std::string_view key[]{device};
      REQUIRE(table.intern(rules, key, "value") == i);
    }
    std::vector<core::Output*> outputs;
    for (Results& result : results) outputs.push_back(&result);
    engine = std::make_unique<Engine>(spec, table, outputs);
  }

  [[nodiscard]] std::uint64_t handled() const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < engine->shards(); ++i) {
      sum += engine->counters(i).aggregated.get() + engine->counters(i).late.get();
    }
    return sum;
  }
  // Precondition: the engine is settled or closed.
  [[nodiscard]] std::map<SeriesId, std::vector<std::string>> all() const {
    std::map<SeriesId, std::vector<std::string>> merged;
    for (const Results& result : results) {
      for (const auto& [series, lines] : result.by_series) REQUIRE(merged.emplace(series, lines).second);
    }
    return merged;
  }

  const core::Plan rules;
  core::SeriesTable table{series_count};
  std::vector<Results> results;
  std::unique_ptr<Engine> engine;
};

// A seeded run of everything the edge may do. Flushes and settles differ between engines: they may change
// nothing.
void drive(Bench& bench, std::uint32_t seed, int messages, std::uint32_t flush_seed) {
  std::mt19937 random(seed);
  std::mt19937 flush_random(flush_seed);
  Time now = begin;
  std::uint64_t pushed = 0;
  bench.engine->tick(now, 0);
  for (int i = 0; i < messages; ++i) {
    const auto position = static_cast<Position>(i);
    now += std::chrono::milliseconds{random() % 40};
    if (random() % 500 == 0) now += 8s;  // windows close by idleness, devices fall silent
    if (random() % 10 == 0) bench.engine->tick(now, position);
    for (std::uint32_t n = random() % 4; n > 0; --n) {
      const SeriesId series =
          random() % 3 == 0 ? 0 : static_cast<SeriesId>(random() % series_count);  // one of them is hot
      const Time time = now - std::chrono::milliseconds{random() % (random() % 20 == 0 ? 5000 : 400)};
      if (random() % 50 == 0) {
        std::vector<double> values(1 + random() % 40);
        for (double& value : values) value = static_cast<double>(random() % 1000) / 100;
        bench.engine->push_run(series, time, 1ms, values, position);
        pushed += values.size();
        continue;
      }
      if (bench.rules.wants_nulls() && random() % 30 == 0) {
        bench.engine->push_null(series, time, position);
        ++pushed;
      }
      if (random() % 400 == 0) bench.engine->evict(series, position);
      bench.engine->push(series, time, static_cast<double>(random() % 1000) / 100, position);
      ++pushed;
    }
    const std::uint32_t what = static_cast<std::uint32_t>(flush_random() % 100);
    if (what < 3) bench.engine->flush(FlushCause::idle);
    if (what == 3) bench.engine->flush(FlushCause::interval);
    if (what == 4) {
      bench.engine->settle();
      REQUIRE(bench.handled() == pushed);
    }
  }
  bench.engine->finish(static_cast<Position>(messages));
  bench.engine->close();
  REQUIRE(bench.handled() == pushed);
}

}  // namespace

TEST_CASE(
    "stress: every series gives the same results for any number of shards and threads, any queue and batch") {
  for (const std::uint32_t seed : {1U, 2U}) {
    CAPTURE(seed);
    Bench reference(EngineSpec{1, false, 1, 1});
    drive(reference, seed, 3000, 0);
    const auto expected = reference.all();
    REQUIRE(expected.size() == series_count);
    std::size_t lines = 0;
    for (const auto& [series, said] : expected) lines += said.size();
    REQUIRE(lines > 2000);
    std::uint32_t flush_seed = 1;
    for (const std::uint32_t shards : {1U, 2U, 7U}) {
      for (const bool threads : {false, true}) {
        for (const std::size_t batch : {std::size_t{1}, std::size_t{256}, std::size_t{500}}) {
          for (const std::size_t queue : {batch, std::size_t{4096}}) {
            CAPTURE(shards);
            CAPTURE(threads);
            CAPTURE(batch);
            CAPTURE(queue);
            Bench bench(EngineSpec{shards, threads, batch, queue});
            drive(bench, seed, 3000, flush_seed++);
            CHECK((bench.all() == expected));
          }
        }
      }
    }
  }
}

TEST_CASE(
    "stress: all kinds of windows, all aggregates: the same bytes for any shards, threads, queue and batch") {
  core::Plan all = plan();
  all.windows = every_window();
  Bench reference(EngineSpec{1, false, 1, 1}, all);
  drive(reference, 3, 500, 0);
  const auto expected = reference.all();
  std::size_t lines = 0;
  for (const auto& [series, said] : expected) lines += said.size();
  REQUIRE(lines > 1000);
  std::uint32_t flush_seed = 1;
  for (const auto& spec :
       {EngineSpec{1, true, 256, 256}, EngineSpec{2, false, 500, 500}, EngineSpec{2, true, 1, 4096},
        EngineSpec{7, false, 256, 4096}, EngineSpec{7, true, 500, 500}}) {
    CAPTURE(spec.shards);
    CAPTURE(spec.batch_items);
    Bench bench(spec, all);
    drive(bench, 3, 500, flush_seed++);
    CHECK((bench.all() == expected));
  }
}

TEST_CASE("a run longer than an item may say is several, and any batch may split it") {
  core::Plan one = plan();
  one.windows.resize(1);
  one.windows[0].length = one.windows[0].every = one.windows[0].retention = 60s;
  one.detectors.clear();
  std::vector<double> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 1000) / 64;
  for (const std::size_t batch : {std::size_t{1}, std::size_t{7}, std::size_t{500}}) {
    Bench bench(EngineSpec{2, batch == 7, batch, 4096}, one);
    bench.engine->tick(begin, 0);
    bench.engine->push(3, begin, 0, 0);
    bench.engine->push_run(3, begin + 1ms, 1ms, values, 0);
    bench.engine->push_run(3, begin + 1ms, 1ms, {}, 0);
    bench.engine->finish(1);
    bench.engine->settle();
    CHECK(bench.handled() == values.size() + 1);
    const auto all = bench.all();
    REQUIRE(all.at(3).size() == 1);
    CHECK(all.at(3)[0].find(" 10001 ") != std::string::npos);
  }
}

// NIST's NumAcc4, through seven shards.
TEST_CASE("NumAcc4 keeps its digits through seven shards and many panes") {
  core::Plan one = plan();
  one.windows.resize(1);
  one.windows[0].length = 160s;
  one.windows[0].every = one.windows[0].retention = 10s;  // sixteen panes
  one.windows[0].kind = core::WindowKind::hopping;
  one.windows[0].aggregates = {{core::AggregateKind::mean}, {core::AggregateKind::stddev}};
  one.detectors.clear();
  Bench bench(EngineSpec{7, false, 256, 4096}, one);
  const Time start{std::chrono::seconds{1'700'000'000 / 160 * 160}};
  bench.engine->tick(start, 0);
  for (SeriesId series = 0; series < series_count; ++series) {
    for (int i = 0; i <= 1000; ++i) {
      const double value = i == 0 ? 10000000.2 : i % 2 == 1 ? 10000000.1 : 10000000.3;
      bench.engine->push(series, start + std::chrono::milliseconds{159 * i}, value, 0);
    }
  }
  bench.engine->finish(1);
  bench.engine->settle();
  for (const auto& [series, lines] : bench.all()) {
    bool whole = false;
    for (const std::string& line : lines) {
      std::istringstream words(line);
      std::vector<std::string> word{std::istream_iterator<std::string>(words), {}};
      if (word[7] != "1001") continue;
      whole = true;
      CHECK(std::abs(std::strtod(word[9].c_str(), nullptr) / 10000000.2 - 1) <= 1e-15);
      CHECK(std::abs(std::strtod(word[10].c_str(), nullptr) / 0.1 - 1) <= 1e-8);
    }
    CHECK(whole);
  }
}

TEST_CASE("batches leave when they are full, when told to, and behind a tick") {
  for (const bool threads : {false, true}) {
    CAPTURE(threads);
    Bench bench(EngineSpec{2, threads, 4, 16});
    Engine& engine = *bench.engine;
    const auto check = [&](std::uint64_t full, std::uint64_t interval, std::uint64_t idle, std::uint64_t tick,
                           std::uint64_t items) {
      CAPTURE(items);
      CHECK(engine.flushes(FlushCause::full) == full);
      CHECK(engine.flushes(FlushCause::interval) == interval);
      CHECK(engine.flushes(FlushCause::idle) == idle);
      CHECK(engine.flushes(FlushCause::tick) == tick);
      CHECK(engine.batch_items_total() == items);
    };
    engine.flush(FlushCause::idle);
    check(0, 0, 0, 0, 0);
    engine.tick(begin, 0);
    check(0, 0, 0, 2, 2);
    for (int i = 0; i < 4; ++i) engine.push(0, begin, 1, 0);
    check(1, 0, 0, 2, 6);
    engine.push(0, begin, 1, 1);
    engine.push(1, begin, 1, 1);
    check(1, 0, 0, 2, 6);
    engine.flush(FlushCause::interval);  // one batch for each shard
    check(1, 2, 0, 2, 8);
    engine.flush(FlushCause::interval);
    check(1, 2, 0, 2, 8);
    for (int i = 0; i < 3; ++i) engine.push(1, begin, 1, 2);
    engine.tick(begin + 1s, 3);  // fills shard 1's batch; shard 0 gets one with nothing else in it
    check(1, 2, 0, 4, 13);
    engine.push(1, begin, 1, 4);
    engine.settle();
    check(1, 2, 1, 4, 14);
    engine.push(1, begin, 1, 4);
    engine.finish(5);
    check(1, 2, 3, 4, 17);
    engine.settle();
    check(1, 2, 3, 4, 17);
    const std::array<std::uint64_t, 4> by_size{7, 1, 2,
                                               0};  // of one item, of two, of up to four, of up to eight
    for (std::size_t i = 0; i < by_size.size(); ++i) {
      CAPTURE(i);
      CHECK(engine.batches(i) == by_size[i]);
    }
    CHECK(engine.batches(Engine::batch_buckets) == 0);
    CHECK(bench.handled() == 11);
    CHECK(engine.queued_items(0) == 0);
    CHECK(engine.queued_items(1) == 0);
  }
}

TEST_CASE("closing delivers what waits; closing twice and not at all is closing once") {
  for (const bool threads : {false, true}) {
    for (const int closes : {0, 1, 2}) {
      CAPTURE(threads);
      CAPTURE(closes);
      Bench bench(EngineSpec{3, threads, 500, 500});
      bench.engine->tick(begin, 0);
      for (SeriesId series = 0; series < series_count; ++series) {
        bench.engine->push(series, begin, 1, 0);
        bench.engine->push(series, begin + 2s, 1, 1);
      }
      for (int i = 0; i < closes; ++i) bench.engine->close();
      if (closes > 0) CHECK(bench.handled() == 2 * series_count);
      bench.engine.reset();
      const auto all = bench.all();
      CHECK(all.size() == series_count);  // each closed its first window
    }
  }
}

TEST_CASE("a full queue makes the edge wait, and that is counted") {
  Bench bench(EngineSpec{1, true, 1, 1});
  bench.engine->tick(begin, 0);
  for (int i = 0; i < 500; ++i) bench.engine->push(0, begin + std::chrono::milliseconds{i}, 1, 0);
  bench.engine->settle();
  CHECK(bench.handled() == 500);
  CHECK(bench.engine->queue_waits(0) > 0);
}

namespace {

// Stops its worker at the first result until it is let go on.
class Stopped final : public core::Output {
 public:
  void window(Position, SeriesId, const core::WindowResult&) noexcept override {
    if (!entered.try_wait()) entered.count_down();
    go_on.wait();
  }
  void flag(Position, SeriesId, const core::FlagChange&) noexcept override {}

  std::latch entered{1}, go_on{1};
};

}  // namespace

// By structure, not by time: the worker stands still, nobody flushes, and yet every push returns.
TEST_CASE("a push waits for no flush, and for no worker as long as there is room") {
  constexpr std::size_t batch = 100, queue = 400;
  const core::Plan rules = plan();
  core::SeriesTable table(1);
  const std::string_view key[]{"a"};
  REQUIRE(table.intern(rules, key, "value") == 0U);
  Stopped output;
  Engine engine({1, true, batch, queue}, table, {&output});
  engine.tick(begin, 0);
  engine.push(0, begin, 1, 0);
  engine.push(0, begin + 5s, 1, 0);  // closes the first window
  engine.flush(FlushCause::idle);
  output.entered.wait();
  CHECK(engine.batch_items_total() == 3);
  for (std::size_t i = 1; i < batch; ++i) engine.push(0, begin + 5s, 1, i);
  CHECK(engine.batch_items_total() == 3);  // what is not full stays
  CHECK(engine.queued_items(0) == 0);
  for (std::size_t i = batch; i < queue + batch; ++i) engine.push(0, begin + 5s, 1, i);
  CHECK(engine.queued_items(0) == queue);  // full, and the next batch is all but that
  CHECK(engine.flushes(FlushCause::full) == queue / batch);
  CHECK(engine.flushes(FlushCause::interval) == 0);
  CHECK(engine.queue_waits(0) == 0);
  CHECK(engine.handled(0) < 3);  // still at the second sample
  output.go_on.count_down();
  engine.settle();
  CHECK(engine.handled(0) == 3 + queue + batch - 1);
}
