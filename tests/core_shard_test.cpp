// The laws of a shard. What its windows say is in core_model_test.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <utility>

#include "core/heads.h"
#include "tests/core_fixture.h"
#include "tests/core_random.h"

using namespace std::chrono_literals;
using fixture::Bed;
using fixture::Duration;
using fixture::Event;
using fixture::SeriesId;
using fixture::Time;

namespace {

using fixture::Dice;
using fixture::random_plan;
using fixture::random_steps;
using fixture::random_value;
using fixture::Step;

void run(Bed& bed, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (step.is_tick()) {
      bed.tick(step.time);
    } else {
      bed.sample(step.series, step.time, step.values[0]);
    }
  }
}

// Empty when equal to the bit, else the first difference.
std::string difference(const std::vector<Event>& got, const std::vector<Event>& expected) {
  for (std::size_t i = 0; i < std::max(got.size(), expected.size()); ++i) {
    if (i < got.size() && i < expected.size() && got[i].exact() == expected[i].exact() &&
        got[i].mean == expected[i].mean && got[i].variance == expected[i].variance) {
      continue;
    }
    std::ostringstream text;
    text << "event " << i << "\n  got      ";
    i < got.size() ? text << got[i] : text << "nothing";
    text << "\n  expected ";
    i < expected.size() ? text << expected[i] : text << "nothing";
    return text.str();
  }
  return {};
}

core::Plan one_minute() {
  core::Plan plan;
  plan.lateness = 5s;
  plan.idle = 10s;
  core::WindowSpec spec;
  spec.name = "1m";
  spec.length = spec.every = spec.retention = 60s;
  spec.aggregates = fixture::recorded();
  plan.windows = {spec};
  return plan;
}

// Whether `action` ends the process by a failed CHECK.
template <class Action>
bool aborts(Action action) {
  const pid_t child = fork();
  if (child == 0) {
    std::fclose(stderr);
    std::signal(SIGABRT, SIG_DFL);  // without the test framework's report
    action();
    std::_Exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

constexpr Time t0{1'700'000'000s - 20s};  // the start of a minute

}  // namespace

TEST_CASE("a run of ticks is its last tick") {
  for (std::uint64_t round = 0; round < 3000; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    Dice dice{seed};
    core::Plan plan = random_plan(dice);
    plan.detectors.push_back(fixture::detector(0s, core::ZscoreSpec{4, 2, 8, 20, 0}));
    auto steps = random_steps(dice, plan, 2);
    // Far finer, and far coarser: ticks put between, and all but the last of every run taken out.
    std::vector<Step> fine, coarse;
    for (const Step& step : steps) {
      if (step.is_tick() && !fine.empty()) {
        Time now = steps.front().time;
        for (const Step& earlier : fine) now = earlier.is_tick() ? earlier.time : now;
        for (Duration part = (step.time - now) / 9, at = part; part > 0ns && now + at < step.time;
             at += part) {
          fine.push_back(Step::tick(now + at));
        }
      }
      fine.push_back(step);
      if (step.is_tick() && !coarse.empty() && coarse.back().is_tick()) coarse.pop_back();
      coarse.push_back(step);
    }
    Bed with_fine{plan, 2}, with_coarse{plan, 2};
    run(with_fine, fine);
    run(with_coarse, coarse);
    for (SeriesId id = 0; id < 2; ++id) {
      REQUIRE(difference(with_fine.recorder.by_series[id], with_coarse.recorder.by_series[id]) == "");
    }
  }
}

namespace {

// Every call, in words; times in seconds after t0.
struct Calls final : core::Output {
  void window(core::Position, SeriesId, const core::WindowResult& result) noexcept override {
    calls.push_back("window until " + seconds(result.end) + (result.final ? "" : ", open"));
  }
  void flag(core::Position, SeriesId, const core::FlagChange& change) noexcept override {
    calls.push_back(std::to_string(change.detector) + ' ' + std::string{core::name(change.state)} +
                    ", told " + seconds(change.told));
  }
  void time(core::Position, Time now) noexcept override { calls.push_back("time " + seconds(now)); }
  void given_up(core::Position, SeriesId series, Time now) noexcept override {
    calls.push_back("given up " + std::to_string(series) + " at " + seconds(now));
  }
  void end(core::Position, Time now) noexcept override { calls.push_back("end " + seconds(now)); }
  static std::string seconds(Time time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time - t0).count());
  }
  std::vector<std::string> calls;
};

}  // namespace

TEST_CASE("time is told behind all that is due, the end of a series and of all input behind the rest") {
  core::Plan plan = one_minute();
  plan.detectors.push_back(fixture::detector(0s, core::SilenceSpec{30s}));
  plan.detectors.push_back(fixture::detector(0s, core::ThresholdSpec{10, {}, {}}));
  core::DetectorSpec on = fixture::detector(0s, core::ThresholdSpec{5, {}, {}});
  on.on = {0, 0};
  plan.detectors.push_back(on);
  core::SeriesTable table{2};
  for (const std::string_view name : {"a", "b"}) (void)table.intern(plan, {&name, 1}, "field");
  using core::Item;
  const std::vector<Item> items{Item::tick(t0, 0),
                                Item::sample(0, t0 + 1s, 50, 0),
                                Item::sample(1, t0 + 2s, 1, 0),
                                Item::tick(t0 + 10s, 1),
                                Item::tick(t0 + 120s, 1),
                                Item::sample(0, t0 + 120s, 60, 1),
                                Item::link(false, t0 + 125s, 2),
                                Item::evict(0, 2),
                                Item::evict(0, 2),
                                Item::end(3)};
  Calls output;
  core::Shard shard{0, 1, table, output};
  shard.process(items);
  // Told when their deadlines came, not when the tick did; a flag of a series that is given up is cleared, a
  // silence is not.
  CHECK(output.calls == std::vector<std::string>{"time 0", "1 raised, told 0", "time 10", "0 raised, told 30",
                                                 "window until 60", "2 raised, told 74", "0 raised, told 30",
                                                 "window until 60", "time 120", "0 cleared, told 120",
                                                 "time 125", "window until 180, open", "1 cleared, told 125",
                                                 "2 cleared, told 125", "given up 0 at 125", "end 125"});
  CHECK(shard.counters().flags_raised.get() == 4);
  CHECK(shard.counters().flags_cleared.get() == 3);
}

TEST_CASE("a series that is given up clears its flags, with what they began with and no value") {
  core::Plan plan = one_minute();
  plan.detectors.push_back(fixture::detector(0s, core::ThresholdSpec{10, {}, {}}));
  plan.detectors.push_back(fixture::detector(0s, core::SilenceSpec{30s}));
  plan.detectors[0].life.flaps = 1;
  Bed bed{plan, 1};
  bed.tick(t0);
  for (const double value : {50., 1., 50.}) bed.sample(0, t0 + 1s, value);
  bed.tick(t0 + 1h);
  (void)bed.take();
  bed.evict(0);
  auto told = bed.take();
  REQUIRE(told.size() == 1);  // it was flapping; the silence stays
  CHECK(told[0].is_flag);
  CHECK_FALSE(told[0].up);
  CHECK(told[0].rule == 0);
  CHECK(told[0].start == t0 + 1s);
  CHECK(told[0].end == t0 + 1h);
  CHECK(told[0].told == t0 + 1h);
  CHECK_FALSE(told[0].value);
  CHECK(told[0].score == 0);
  bed.sample(0, t0 + 1h, 1);  // begins anew, with nothing raised
  bed.evict(0);
  told = bed.take();
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told[0].is_flag);
}

TEST_CASE("many series, spans of any size and any number of shards: the same results") {
  const core::Plan plan = [] {
    core::Plan result = one_minute();
    result.detectors.push_back(fixture::detector(0s, core::ZscoreSpec{4, 2, 8, 20, 0}));
    result.detectors.push_back(fixture::detector(0s, core::SilenceSpec{30s}));
    return result;
  }();
  constexpr std::uint32_t series = 500;
  Dice dice{fixture::seed()};
  std::vector<Step> steps;
  for (int second = 0; second < 400; ++second) {
    steps.push_back(Step::tick(t0 + std::chrono::seconds{second}));
    for (SeriesId id = 0; id < series; ++id) {
      if ((id + static_cast<std::uint32_t>(second) / 50) % 7 == 0)
        continue;  // silent for a while, each in turn
      steps.push_back(
          Step::sample(id, t0 + std::chrono::seconds{second} - dice.up_to(8s), random_value(dice, 20)));
    }
  }
  Bed one{plan, series, 1}, seven{plan, series, 7};
  run(one, steps);
  run(seven, steps);

  core::SeriesTable table{series};
  for (SeriesId id = 0; id < series; ++id) {
    const std::string name = std::to_string(id);
    const std::string_view key[] = {name};
    (void)table.intern(plan, key, "field");
  }
  fixture::Recorder recorder;
  core::Shard shard{0, 1, table, recorder};
  std::vector<core::Item> items;
  core::Position position = 0;
  for (const Step& step : steps) {
    items.push_back(step.is_tick() ? core::Item::tick(step.time, position)
                                   : core::Item::sample(step.series, step.time, step.values[0], position));
    if (!step.is_tick()) ++position;
  }
  for (std::size_t done = 0; done < items.size();) {
    const auto size = std::min(items.size() - done, static_cast<std::size_t>(1 + dice.below(600)));
    shard.process({items.data() + done, size});
    done += size;
  }
  std::size_t events = 0;
  for (SeriesId id = 0; id < series; ++id) {
    events += recorder.by_series[id].size();
    REQUIRE(difference(one.recorder.by_series[id], seven.recorder.by_series[id]) == "");
    REQUIRE(difference(one.recorder.by_series[id], recorder.by_series[id]) == "");
  }
  CHECK(events > 5000);
  CHECK(one.total(&core::ShardCounters::series) == series);
  CHECK(one.total(&core::ShardCounters::state_bytes) == series * plan.state_bytes());
  CHECK(one.total(&core::ShardCounters::windows) == seven.total(&core::ShardCounters::windows));
}

TEST_CASE(
    "plain series of several plans, more than are found early: spans of any size give the same results") {
  using Results = std::vector<std::vector<double>>;
  struct Sink final : core::Output {
    void window(core::Position, SeriesId series, const core::WindowResult& result) noexcept override {
      std::vector<double> all{static_cast<double>(series),
                              static_cast<double>(result.start.time_since_epoch().count()),
                              static_cast<double>(result.count)};
      all.insert(all.end(), result.values.begin(), result.values.end());
      results.push_back(std::move(all));
    }
    void flag(core::Position, SeriesId, const core::FlagChange&) noexcept override {}
    Results results;
  };
  core::Plan hasty = one_minute(), patient = one_minute();
  hasty.idle = 2s;
  patient.idle = 30s;
  using enum core::AggregateKind;
  for (core::Plan* plan : {&hasty, &patient}) plan->windows[0].aggregates = {{mean}, {min}, {max}};
  constexpr std::uint32_t series = core::Heads::early + 1000, busy = 40;
  core::SeriesTable table{series};
  for (SeriesId id = 0; id < series; ++id) {
    const std::string name = std::to_string(id);
    const std::string_view key[] = {name};
    (void)table.intern(id % 3 == 0 ? hasty : patient, key, "field");
  }
  // All begin in one span; then a few are busy, the first and the last, with silences in between.
  Dice dice{fixture::seed()};
  std::vector<core::Item> items{core::Item::tick(t0, 0)};
  for (SeriesId id = 0; id < series; ++id) items.push_back(core::Item::sample(id, t0, 20, 0));
  for (int second = 0; second < 200; ++second) {
    const Time now = t0 + std::chrono::seconds{second};
    items.push_back(core::Item::tick(now, 0));
    for (int i = 0; i < 100; ++i) {
      const auto one = static_cast<SeriesId>(dice.below(busy));
      if ((second / 10 + static_cast<int>(one)) % 3 == 0) continue;
      const Time time = now + (dice.below(8) == 0 ? -dice.up_to(2s) : std::chrono::milliseconds{10 * i});
      items.push_back(core::Item::sample(one % 2 == 0 ? one : series - one, time, random_value(dice, 20), 0));
    }
  }
  Sink single, spread, whole;
  core::Shard one{0, 1, table, single}, spans{0, 1, table, spread}, all{0, 1, table, whole};
  for (const core::Item& item : items) one.process({&item, 1});
  all.process(items);
  for (std::size_t done = 0; done < items.size();) {
    const auto size = std::min(items.size() - done, static_cast<std::size_t>(1 + dice.below(600)));
    spans.process({items.data() + done, size});
    done += size;
  }
  CHECK(single.results.size() > 500);
  CHECK(spread.results == single.results);
  CHECK(whole.results == single.results);
  CHECK(all.counters().aggregated.get() == one.counters().aggregated.get());
  CHECK(all.counters().late.get() == one.counters().late.get());
}

TEST_CASE("a position past 2^30 is recovered whole") {
  const core::Plan plan = one_minute();
  core::SeriesTable table{1};
  (void)table.intern(plan, {}, "field");
  fixture::Recorder recorder;
  core::Shard shard{0, 1, table, recorder};
  constexpr core::Position far = (core::Position{5} << 30) - 1;
  const core::Item items[] = {core::Item::tick(t0, far - 10), core::Item::sample(0, t0, 1, far),
                              core::Item::sample(0, t0 + 65s, 2, far + 3),
                              core::Item::tick(t0 + 10min, far + 9)};
  shard.process(items);
  const auto& events = recorder.by_series[0];
  REQUIRE(events.size() == 2);
  CHECK(events[0].cause == far + 3);
  CHECK(events[1].cause == far + 9);
}

TEST_CASE("state is one block of the size the plan says, the same for every series") {
  core::Plan plan = one_minute();
  CHECK(plan.state_bytes() % 64 == 0);
  const std::size_t small = plan.state_bytes();
  plan.windows.push_back(plan.windows[0]);
  plan.windows[1].every = plan.windows[1].retention = 1s;
  const std::size_t panes = 60 + 6;           // length, and lateness with retention
  constexpr std::size_t pane = 64 + 32 + 16;  // the summary, first and last, and which pane it is
  CHECK(plan.state_bytes() >= small + panes * pane);
  CHECK(plan.state_bytes() < small + (panes + 4) * pane);
  CHECK(core::Plan{}.state_bytes() == 128);
}

TEST_CASE("samples that are late for every window are handed out where the plan asks for it") {
  for (const bool reports : {false, true}) {
    core::Plan plan = one_minute();
    plan.reports_late = reports;
    Bed bed(plan, 2);
    bed.tick(t0);
    bed.sample(0, t0, 1);
    bed.sample(0, t0 + 10min, 2);
    bed.sample(0, t0 + 1min, 3);
    bed.sample(1, t0 + 1min, 4);  // another series, and in time
    bed.sample(0, t0 + 2min, 5);
    CHECK(bed.total(&core::ShardCounters::late) == 2);
    const Time watermark = t0 + 10min - plan.lateness;
    using Late = fixture::Recorder::Late;
    const std::vector<Late> expected{{2, 0, t0 + 1min, 3, watermark}, {4, 0, t0 + 2min, 5, watermark}};
    CHECK((bed.recorder.lates == (reports ? expected : std::vector<Late>{})));
  }
}

TEST_CASE("our own bugs stop the program") {
  const core::Plan plan = one_minute();
  const auto check = [&](std::initializer_list<core::Item> items) {
    return aborts([&] {
      core::SeriesTable table{4};
      const std::string_view keys[][1] = {{"a"}, {"b"}};
      for (const auto& key : keys) (void)table.intern(plan, key, "field");
      fixture::Recorder recorder;
      core::Shard shard{0, 2, table, recorder};
      shard.process({items.begin(), items.size()});
    });
  };
  using core::Item;
  CHECK_FALSE(check({Item::tick(t0, 0), Item::sample(0, t0, 1, 0)}));
  CHECK(check({Item::sample(0, t0, 1, 0)}));                                 // no tick yet
  CHECK(check({Item::tick(t0, 0), Item::sample(1, t0, 1, 0)}));              // another shard's
  CHECK(check({Item::tick(t0, 0), Item::tick(t0 - 1ns, 0)}));                // time goes back
  CHECK(check({Item::tick(t0, 0), Item::sample(0, core::time_max, 1, 0)}));  // no event time
  CHECK(check({Item::tick(t0, 0), Item::sample(0, core::no_time, 1, 0)}));
}
