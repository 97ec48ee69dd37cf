// The shard against a model that keeps every sample and recomputes, and its laws.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <utility>

#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using fixture::Bed;
using fixture::Duration;
using fixture::Event;
using fixture::SeriesId;
using fixture::Time;

namespace {

struct Step {
  bool is_tick;
  SeriesId series;
  Time time;
  double value;
};

// ---- The model: one series, every sample kept, nothing clever.

class Model {
 public:
  explicit Model(const core::Plan& plan)
      : plan_(plan),
        kept_(plan.windows.size()),
        revs_(plan.windows.size()),
        pending_(plan.detectors.size()),
        raised_(plan.detectors.size()) {}

  void tick(Time now, core::Position cause) {
    now_ = now;
    if (!newest_) return;
    struct Due {
      Time deadline;
      bool silence;
      std::uint32_t rule;
      Time end;
      auto operator<=>(const Due&) const = default;
    };
    std::set<Due> due;
    for (std::uint32_t w = 0; w < plan_.windows.size(); ++w) {
      for (const Time end : ends(w)) {
        const Time deadline = newest_arrival_ + (end - *newest_) + plan_.lateness + plan_.idle;
        if (end > watermark_ && deadline <= now) due.insert({deadline, false, w, end});
      }
    }
    for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
      const auto* silence = std::get_if<core::SilenceSpec>(&plan_.detectors[d].kind);
      if (silence == nullptr || raised_[d] || last_arrival_ + silence->after > now) continue;
      due.insert({last_arrival_ + silence->after, true, d, {}});
    }
    for (const Due& one : due) {
      if (one.silence) {
        raised_[one.rule] = last_arrival_;
        flag(one.rule, true, one.deadline, last_arrival_, std::nullopt, 1, cause);
      } else {
        emit(one.rule, one.end, cause);
      }
    }
    watermark_ = std::max(watermark_, device_watermark());
  }

  void sample(Time time, double value, core::Position cause) {
    if (newest_) watermark_ = std::max(watermark_, device_watermark());
    const bool fresh = !newest_ || time >= *newest_;
    const Time before = newest_ ? watermark_ : time - plan_.lateness;
    if (!newest_ || time > *newest_) {
      newest_ = time;
      newest_arrival_ = now_;
    }
    watermark_ = std::max(before, *newest_ - plan_.lateness);
    last_arrival_ = now_;
    clear_silences(time, value, cause);
    for (std::uint32_t w = 0; w < plan_.windows.size(); ++w) {
      for (const Time end : ends(w)) {
        if (end > before && end <= watermark_) emit(w, end, cause);
      }
    }
    bool taken = plan_.windows.empty();
    for (std::uint32_t w = 0; w < plan_.windows.size(); ++w) taken |= add(w, time, value, cause);
    ++(taken ? aggregated : late);
    if (fresh) judge(time, value, cause);
  }

  std::vector<Event> events;
  std::uint64_t aggregated = 0;
  std::uint64_t late = 0;

 private:
  struct Sample {
    Time time;
    double value;
  };

  Time device_watermark() const { return *newest_ + (now_ - newest_arrival_) - plan_.lateness - plan_.idle; }

  // Ends of the windows that hold `time`, ascending.
  static std::vector<Time> ends_of(const core::WindowSpec& spec, Time time) {
    std::vector<Time> result;
    const auto every = spec.every.count();
    const auto since = (time.time_since_epoch() - spec.offset).count();
    const auto index = since >= 0 ? since / every : -((-since + every - 1) / every);
    for (Duration start = spec.offset + spec.every * index - spec.length + spec.every;
         start <= time.time_since_epoch(); start += spec.every) {
      result.push_back(Time{start + spec.length});
    }
    return result;
  }
  // Ends of all windows that have samples, ascending.
  std::set<Time> ends(std::uint32_t w) const {
    std::set<Time> result;
    for (const Sample& sample : kept_[w]) {
      for (const Time end : ends_of(plan_.windows[w], sample.time)) result.insert(end);
    }
    return result;
  }

  bool add(std::uint32_t w, Time time, double value, core::Position cause) {
    const core::WindowSpec& spec = plan_.windows[w];
    const auto all = ends_of(spec, time);
    if (all.back() <= watermark_ - spec.retention) return false;
    kept_[w].push_back({time, value});
    for (const Time end : all) {
      if (end <= watermark_ && end > watermark_ - spec.retention) emit(w, end, cause);
    }
    return true;
  }

  void emit(std::uint32_t w, Time end, core::Position cause) {
    const Time start = end - plan_.windows[w].length;
    Event event;
    event.cause = cause;
    event.rule = w;
    event.start = start;
    event.end = end;
    event.rev = ++revs_[w][end];
    event.up = true;
    long double sum = 0, squares = 0;
    Time first_time{}, last_time{};
    for (const Sample& sample : kept_[w]) {
      if (sample.time < start || sample.time >= end) continue;
      if (event.count == 0) event.min = event.max = sample.value;
      event.min = std::min(event.min, sample.value);
      event.max = std::max(event.max, sample.value);
      if (event.count == 0 || sample.time < first_time) first_time = sample.time, event.first = sample.value;
      if (event.count == 0 || sample.time >= last_time) last_time = sample.time, event.last = sample.value;
      ++event.count;
      sum += sample.value;
    }
    const auto count = static_cast<long double>(event.count);
    for (const Sample& sample : kept_[w]) {
      if (sample.time < start || sample.time >= end) continue;
      squares += (sample.value - sum / count) * (sample.value - sum / count);
    }
    event.mean = static_cast<double>(sum / count);
    event.variance = event.count > 1 ? static_cast<double>(squares / (count - 1)) : 0;
    events.push_back(event);
  }

  void judge(Time time, double value, core::Position cause) {
    for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
      const auto* spec = std::get_if<core::ThresholdSpec>(&plan_.detectors[d].kind);
      if (spec == nullptr) continue;
      const double sign = spec->above ? 1 : -1;
      const double limit = spec->above ? *spec->above : *spec->below;
      const bool beyond = sign * value > sign * limit;
      const double clear = spec->clear.value_or(limit);
      if (raised_[d]) {
        if (sign * value <= sign * clear)
          flag(d, false, time, *std::exchange(raised_[d], std::nullopt), value, 0, cause);
        continue;
      }
      if (!beyond) pending_[d].reset();
      if (beyond && !pending_[d]) pending_[d] = time;
      if (beyond && time - *pending_[d] >= plan_.detectors[d].for_) {
        raised_[d] = std::exchange(pending_[d], std::nullopt);
        flag(d, true, time, *raised_[d], value, 1, cause);
      }
    }
  }

  void clear_silences(Time time, double value, core::Position cause) {
    for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
      if (!std::holds_alternative<core::SilenceSpec>(plan_.detectors[d].kind) || !raised_[d]) continue;
      flag(d, false, time, *std::exchange(raised_[d], std::nullopt), value, 0, cause);
    }
  }

  void flag(std::uint32_t d, bool up, Time time, Time since, std::optional<double> value, double score,
            core::Position cause) {
    Event event;
    event.is_flag = true;
    event.cause = cause;
    event.rule = d;
    event.start = since;
    event.end = time;
    event.up = up;
    event.value = value;
    event.score = score;
    events.push_back(event);
  }

  const core::Plan& plan_;
  Time now_{};
  std::optional<Time> newest_;
  Time newest_arrival_{};
  Time last_arrival_{};
  Time watermark_{};
  std::vector<std::vector<Sample>> kept_;
  std::vector<std::map<Time, std::uint32_t>> revs_;
  std::vector<std::optional<Time>> pending_;
  std::vector<std::optional<Time>> raised_;  // since
};

// ---- Random plans and timelines. Each seed turns some things off and gives the others wild weights.

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(std::int64_t percent) { return below(100) < percent; }
  Duration up_to(Duration most) { return Duration{below(most.count() + 1)}; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(static_cast<std::int64_t>(choices.size()))];
  }

 private:
  std::mt19937_64 random_;
};

core::DetectorSpec detector(Duration least, decltype(core::DetectorSpec::kind) kind) {
  core::DetectorSpec spec;
  spec.for_ = least;
  spec.kind = kind;
  return spec;
}

core::Plan random_plan(Dice& dice) {
  core::Plan plan;
  plan.lateness = dice.one_of<Duration>({0s, 0s, 300ms, 2s, 5s, 17s});
  plan.idle = dice.one_of<Duration>({0s, 1s, 10s, 60s});
  const auto windows = dice.chance(5) ? 0 : 1 + dice.below(3);
  for (std::int64_t i = 0; i < windows; ++i) {
    core::WindowSpec spec;
    spec.every = dice.one_of<Duration>({1s, 2s, 5s, 7s, 60s, 1500ms, 333333333ns});
    spec.length = spec.every * (dice.chance(40) ? 1 : 1 + dice.below(6));
    spec.offset = dice.chance(50) ? Duration{0} : dice.up_to(spec.every - 1ns);
    spec.retention = dice.one_of<Duration>({Duration{0}, spec.every, spec.every, spec.length, Duration{30s}});
    REQUIRE(spec.problems(plan.lateness).empty());
    plan.windows.push_back(spec);
  }
  const Duration least = dice.one_of<Duration>({0s, 0s, 3s});
  if (dice.chance(30)) plan.detectors.push_back(detector(least, core::ThresholdSpec{10, {}, 5}));
  if (dice.chance(30)) plan.detectors.push_back(detector(least, core::ThresholdSpec{{}, -10, {}}));
  if (dice.chance(40))
    plan.detectors.push_back(detector(0s, core::SilenceSpec{dice.one_of<Duration>({1s, 7s, 300s})}));
  if (dice.chance(20)) plan.detectors.push_back(detector(0s, core::SilenceSpec{7s}));
  return plan;
}

double random_value(Dice& dice, double offset) {
  if (dice.chance(1)) return dice.one_of({1e15, -1e12, 0.0});
  return offset + static_cast<double>(dice.below(4096) - 2048) / 128;
}

std::vector<Step> random_steps(Dice& dice, const core::Plan& plan, std::uint32_t series) {
  const Duration pace = dice.one_of<Duration>({10ms, 200ms, 1s, 3s, 20s});
  const Duration disorder = dice.chance(30)   ? Duration{0}
                            : dice.chance(70) ? plan.lateness
                                              : plan.lateness * 3 + 10s;
  const auto ticks = dice.one_of<std::int64_t>({5, 30, 60});
  const auto jumps = dice.one_of<std::int64_t>({0, 0, 3});
  const auto duplicates = dice.one_of<std::int64_t>({0, 10});
  const auto gaps = dice.one_of<std::int64_t>({0, 3, 10});
  const double offset = dice.one_of({0.0, 20.0, 1e9});
  Time now = Time{1'700'000'000s} + dice.up_to(100s);
  std::vector<Time> clocks;
  for (std::uint32_t i = 0; i < series; ++i) clocks.push_back(now + dice.up_to(200s) - 100s);
  std::vector<Step> steps{{true, 0, now, 0}};
  const auto length = 10 + dice.below(70);
  while (static_cast<std::int64_t>(steps.size()) < length) {
    if (dice.chance(ticks)) {
      now += dice.chance(gaps) ? dice.up_to(10min)
             : dice.chance(1)  ? Duration{dice.up_to(24h * 30)}
                               : dice.up_to(pace * 2);
      steps.push_back({true, 0, now, 0});
    } else if (const auto last = steps.back(); !last.is_tick && dice.chance(duplicates)) {
      steps.push_back(last);
    } else {
      const auto id = static_cast<SeriesId>(dice.below(series));
      Time& clock = clocks[id];
      clock += dice.chance(jumps)  ? dice.up_to(24h * 400)
               : dice.chance(gaps) ? dice.up_to(3min)
                                   : dice.up_to(pace);
      steps.push_back({false, id, clock - dice.up_to(disorder), random_value(dice, offset)});
    }
  }
  return steps;
}

void run(Bed& bed, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    if (step.is_tick) {
      bed.tick(step.time);
    } else {
      bed.sample(step.series, step.time, step.value);
    }
  }
}

bool near(double got, double expected) {
  return got == expected || std::abs(got - expected) <= 1e-12 * std::abs(expected);
}

// The mean of values that cancel is as exact as the values.
bool agrees(const Event& got, const Event& expected) {
  const double size = std::max(std::abs(expected.min), std::abs(expected.max));
  return got.exact() == expected.exact() &&
         std::abs(got.mean - expected.mean) <= 1e-15 * size + 1e-12 * std::abs(expected.mean) &&
         near(got.variance, expected.variance);
}

// Empty when equal, else the first difference.
std::string difference(const std::vector<Event>& got, const std::vector<Event>& expected) {
  for (std::size_t i = 0; i < std::max(got.size(), expected.size()); ++i) {
    if (i < got.size() && i < expected.size() && agrees(got[i], expected[i])) continue;
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

TEST_CASE("12000 random timelines: the shard says what the model says") {
  std::size_t windows = 0, revisions = 0, flags = 0, late = 0;
  for (std::uint64_t round = 0; round < 12000; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    Dice dice{seed};
    const core::Plan plan = random_plan(dice);
    const auto series = static_cast<std::uint32_t>(1 + dice.below(3));
    const auto steps = random_steps(dice, plan, series);
    Bed bed{plan, series, static_cast<std::uint32_t>(1 + dice.below(2))};
    run(bed, steps);
    std::uint64_t model_aggregated = 0, model_late = 0;
    for (SeriesId id = 0; id < series; ++id) {
      Model model{plan};
      core::Position position = 0;
      for (const Step& step : steps) {
        if (step.is_tick) model.tick(step.time, position);
        if (!step.is_tick && step.series == id) model.sample(step.time, step.value, position);
        if (!step.is_tick) ++position;
      }
      REQUIRE(difference(bed.recorder.by_series[id], model.events) == "");
      model_aggregated += model.aggregated;
      model_late += model.late;
      for (const Event& event : model.events) ++(event.is_flag ? flags : event.rev > 1 ? revisions : windows);
    }
    REQUIRE(bed.total(&core::ShardCounters::aggregated) == model_aggregated);
    REQUIRE(bed.total(&core::ShardCounters::late) == model_late);
    late += model_late;
  }
  // The timelines reach what they are made for.
  CHECK(windows > 100'000);
  CHECK(revisions > 10'000);
  CHECK(flags > 10'000);
  CHECK(late > 1'000);
}

TEST_CASE("a run of ticks is its last tick") {
  for (std::uint64_t round = 0; round < 3000; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    Dice dice{seed};
    core::Plan plan = random_plan(dice);
    plan.detectors.push_back(detector(0s, core::ZscoreSpec{4, 2, 8, 20, 0}));
    auto steps = random_steps(dice, plan, 2);
    // Far finer, and far coarser: ticks put between, and all but the last of every run taken out.
    std::vector<Step> fine, coarse;
    for (const Step& step : steps) {
      if (step.is_tick && !fine.empty()) {
        Time now = steps.front().time;
        for (const Step& earlier : fine) now = earlier.is_tick ? earlier.time : now;
        for (Duration part = (step.time - now) / 9, at = part; part > 0ns && now + at < step.time;
             at += part) {
          fine.push_back({true, 0, now + at, 0});
        }
      }
      fine.push_back(step);
      if (step.is_tick && !coarse.empty() && coarse.back().is_tick) coarse.pop_back();
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

TEST_CASE("many series, spans of any size and any number of shards: the same results") {
  const core::Plan plan = [] {
    core::Plan result = one_minute();
    result.detectors.push_back(detector(0s, core::ZscoreSpec{4, 2, 8, 20, 0}));
    result.detectors.push_back(detector(0s, core::SilenceSpec{30s}));
    return result;
  }();
  constexpr std::uint32_t series = 500;
  Dice dice{fixture::seed()};
  std::vector<Step> steps;
  for (int second = 0; second < 400; ++second) {
    steps.push_back({true, 0, t0 + std::chrono::seconds{second}, 0});
    for (SeriesId id = 0; id < series; ++id) {
      if ((id + static_cast<std::uint32_t>(second) / 50) % 7 == 0)
        continue;  // silent for a while, each in turn
      steps.push_back(
          {false, id, t0 + std::chrono::seconds{second} - dice.up_to(8s), random_value(dice, 20)});
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
    items.push_back(step.is_tick ? core::Item::tick(step.time, position)
                                 : core::Item::sample(step.series, step.time, step.value, position));
    if (!step.is_tick) ++position;
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
  const std::size_t panes = 60 + 6;      // length, and lateness with retention
  constexpr std::size_t pane = 64 + 16;  // the summary, and which pane it is
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
