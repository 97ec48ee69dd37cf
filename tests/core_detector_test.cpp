// Detectors: what they flag, what they must not flag, and how they are told.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "core/detectors/threshold.h"
#include "core/detectors/zscore.h"
#include "core/flag.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Condition;
using core::DetectorSpec;
using core::Duration;
using core::FlagLife;
using core::SilenceSpec;
using core::ThresholdSpec;
using core::Time;
using core::Zscore;
using core::ZscoreSpec;
using core::ZscoreState;
using fixture::Bed;
using fixture::Event;

namespace {

constexpr Time t0{1'700'000'000s};

core::Plan plan_of(decltype(DetectorSpec::kind) kind, Duration least = 0s) {
  core::Plan plan;
  plan.lateness = 5s;
  plan.idle = 10s;
  DetectorSpec spec;
  spec.name = "it";
  spec.life.least = least;
  spec.kind = kind;
  plan.detectors = {spec};
  return plan;
}

// Flags of one series with a sample a second, in order.
std::vector<Event> flags(const core::Plan& plan, const std::vector<double>& values) {
  Bed bed{plan, 1};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Time now = t0 + std::chrono::seconds{i};
    bed.tick(now);
    bed.sample(0, now, values[i]);
  }
  return bed.take();
}

std::vector<double> generate(std::size_t count, const std::function<double(std::size_t)>& make) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = make(i);
  return values;
}

std::int64_t second(Time time) { return std::chrono::duration_cast<std::chrono::seconds>(time - t0).count(); }

}  // namespace

TEST_CASE("FlagLife: for, hold, since") {
  using Change = FlagLife::Change;
  const auto check = [](Duration least, std::vector<Condition> conditions, std::vector<Change> expected,
                        std::int64_t since) {
    FlagLife life;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      INFO("sample " << i);
      core::Verdict verdict;
      verdict.condition = conditions[i];
      CHECK(life.advance(verdict, t0 + std::chrono::seconds{i}, {.least = least}) == expected[i]);
    }
    CHECK(second(life.since()) == since);
  };
  constexpr auto quiet = Condition::quiet, between = Condition::between, fire = Condition::fire;
  constexpr auto none = Change::none, raise = Change::raise, clear = Change::clear;
  check(0s, {quiet, fire, fire, quiet, quiet}, {none, raise, none, clear, none}, 1);
  check(0s, {fire, between, between, fire, quiet}, {raise, none, none, none, clear}, 0);
  check(2s, {fire, fire, fire, quiet}, {none, none, raise, clear}, 0);
  check(2s, {fire, fire, quiet, fire, fire, fire}, {none, none, none, none, none, raise}, 3);
  // What lies between does not keep a flag that is not up waiting.
  check(2s, {fire, between, fire, fire, fire}, {none, none, none, none, raise}, 2);
  check(0s, {between, between, quiet}, {none, none, none}, -1'700'000'000);
  check(3s, {quiet, fire, fire, fire, fire, between, quiet, fire},
        {none, none, none, none, raise, none, clear, none}, 7);
}

TEST_CASE("threshold: strict limits, clear level, for; zero and negative limits are limits") {
  const auto check = [](ThresholdSpec spec, Duration least, const std::vector<double>& values,
                        const std::vector<std::pair<std::int64_t, bool>>& expected) {
    std::vector<std::pair<std::int64_t, bool>> got;
    for (const Event& event : flags(plan_of(spec, least), values))
      got.emplace_back(second(event.end), event.up);
    CHECK(got == expected);
  };
  check({80, {}, 75}, 0s, {79, 80, 80.5, 79, 76, 75}, {{2, true}, {5, false}});
  check({80, {}, {}}, 0s, {80, 81, 80.1, 80, 79}, {{1, true}, {3, false}});
  check({{}, 5, 8}, 0s, {5, 4.9, 5, 7.9, 8}, {{1, true}, {4, false}});
  check({{}, 0, {}}, 0s, {1, 0, -0.5, 0}, {{2, true}, {3, false}});
  check({0, {}, -1}, 0s, {-5, 0.5, 0, -1}, {{1, true}, {3, false}});
  check({{}, -40, -35}, 0s, {-40, -41, -36, -35}, {{1, true}, {3, false}});
  check({80, {}, 75}, 3s, {81, 81, 81, 79, 81, 81, 81, 81, 70}, {{7, true}, {8, false}});
}

TEST_CASE("threshold explains itself") {
  const auto got = flags(plan_of(ThresholdSpec{80, {}, 70}, 1s), {60, 90, 95, 75, 70});
  REQUIRE(got.size() == 2);
  CHECK(got[0].value == 95);
  CHECK(got[0].high == 80);
  CHECK(got[0].low == std::nullopt);
  CHECK(got[0].expected == std::nullopt);
  CHECK(got[0].score == 1);
  CHECK(second(got[0].start) == 1);
  CHECK(second(got[1].start) == 1);
  CHECK(got[1].score == 0);
  const core::Threshold threshold{ThresholdSpec{80, {}, 70}};
  core::Threshold::State none;
  CHECK(threshold.add(none, {t0, 77.5}, true).score == 0.75);
  CHECK(core::Threshold{ThresholdSpec{1e308, {}, -1e308}}.add(none, {t0, 0}, true).score == 0.5);
}

TEST_CASE("a sample older than the newest changes no detector") {
  const core::Plan plan = plan_of(ThresholdSpec{80, {}, {}});
  Bed bed{plan, 1};
  bed.tick(t0);
  bed.sample(0, t0, 50);
  bed.sample(0, t0 - 1ns, 99);
  CHECK(bed.take().empty());
  bed.sample(0, t0, 99);  // not older
  CHECK(bed.take().size() == 1);
  bed.sample(0, t0 - 10s, 50);
  CHECK(bed.take().empty());
  CHECK(bed.total(&core::ShardCounters::aggregated) == 4);
}

TEST_CASE("silence: by arrival, whatever the device's clock says; the next sample clears") {
  const core::Plan plan = plan_of(SilenceSpec{180s});
  for (const Duration clock : {Duration{0s}, Duration{-24h}, Duration{50s}}) {
    Bed bed{plan, 1};
    bed.tick(t0 - 1h);
    bed.tick(t0);
    bed.sample(0, t0 + clock, 7);
    bed.tick(t0 + 180s - 1ns);
    CHECK(bed.take().empty());
    bed.tick(t0 + 200s);
    auto got = bed.take();
    REQUIRE(got.size() == 1);
    CHECK(got[0].up);
    CHECK(second(got[0].end) == 180);  // the deadline, not the tick that noticed
    CHECK(second(got[0].start) == 0);
    CHECK(got[0].value == std::nullopt);
    CHECK(got[0].score == 1);
    bed.tick(t0 + 1h);
    CHECK(bed.take().empty());          // once
    bed.sample(0, t0 + clock - 1s, 8);  // an old one shows the device alive just as well
    got = bed.take();
    REQUIRE(got.size() == 1);
    CHECK_FALSE(got[0].up);
    CHECK(got[0].end == t0 + clock - 1s);
    CHECK(second(got[0].start) == 0);
    CHECK(got[0].value == 8);
    bed.tick(t0 + 1h + 180s);
    CHECK(bed.take().size() == 1);
  }
}

TEST_CASE("silence while the samples keep coming: nothing, at any cadence below it") {
  const core::Plan plan = plan_of(SilenceSpec{180s});
  Bed bed{plan, 1};
  for (int i = 0; i < 1000; ++i) {
    bed.tick(t0 + 179s * i);
    bed.sample(0, t0 + 179s * i, 1);
  }
  CHECK(bed.take().empty());
}

TEST_CASE("silence, learned: several times the usual pause; outages teach nothing, a new cadence soon does") {
  const core::Plan plan = plan_of(SilenceSpec{});
  Bed bed{plan, 1};
  Time now = t0;
  const auto send = [&](Duration pause) {
    now += pause;
    bed.tick(now);
    bed.sample(0, now, 1);
  };
  const auto raised_after = [&] {  // without a sample; 0s: not within a day
    for (Duration quiet = 1s; quiet <= 24h; quiet += 1s) {
      bed.tick(now + quiet);
      for (const Event& event : bed.take()) {
        if (event.up) return now += quiet, event.end - event.start;
      }
    }
    now += 24h;
    return Duration{0};
  };
  send(0s);
  for (int i = 0; i < 4; ++i) send(60s);
  CHECK(raised_after() == 0s);  // four pauses are too few
  for (int i = 0; i < 20; ++i) send(60s);
  CHECK(raised_after() == 300s);
  send(1h);  // the outage ends
  CHECK(bed.take().size() == 1);
  CHECK(raised_after() == 300s);
  send(0s);
  for (int i = 0; i < 20; ++i) {  // two out of three at once, and then a pause
    send(i % 3 == 0 ? Duration{90s} : Duration{0s});
  }
  bed.take();
  CHECK(raised_after() == 450s);
  send(0s);
  for (int i = 0; i < 15; ++i) send(10min);
  bed.take();
  CHECK(raised_after() == 50min);
  send(0s);
  for (int i = 0; i < 15; ++i) send(100ms);
  bed.take();
  CHECK(raised_after() == 10s);  // `least`
}

TEST_CASE("silence: a device that is expected counts before it was ever seen") {
  const core::Plan plan = plan_of(SilenceSpec{180s});
  Bed bed{plan, 1};
  bed.tick(t0);
  bed.expect(0);
  bed.expect(0);  // again changes nothing
  bed.tick(t0 + 100s);
  bed.expect(0);
  bed.tick(t0 + 180s - 1ns);
  CHECK(bed.take().empty());
  bed.tick(t0 + 200s);
  auto got = bed.take();
  REQUIRE(got.size() == 1);
  CHECK(got[0].up);
  CHECK(second(got[0].start) == 0);
  CHECK(second(got[0].end) == 180);
  bed.sample(0, t0 - 1h, 5);  // its clock is behind: the windows begin there
  got = bed.take();
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0].up);
  CHECK(bed.total(&core::ShardCounters::aggregated) == 1);
  CHECK(bed.total(&core::ShardCounters::late) == 0);
  bed.end();
}

TEST_CASE("silence: what is never seen has no windows to close") {
  core::Plan plan = plan_of(SilenceSpec{180s});
  plan.windows.resize(1);
  plan.windows[0].length = plan.windows[0].every = 60s;
  Bed bed{plan, 2};
  bed.tick(t0);
  bed.expect(0);
  bed.expect(1);
  bed.tick(t0 + 1h);
  CHECK(bed.take().size() == 1);
  bed.sample(1, t0, 1);
  bed.end();
  CHECK(bed.take().empty());
  CHECK(bed.recorder.by_series[1].size() == 3);  // raised, cleared, one window
}

TEST_CASE("silence: who is expected while nothing can be heard begins with its first sample all the same") {
  core::Plan plan = plan_of(SilenceSpec{180s});
  plan.idle = 1h;
  plan.detectors.push_back(plan.detectors[0]);
  plan.detectors[1].kind = ThresholdSpec{80, {}, {}};
  Bed bed{plan, 1};
  bed.tick(t0);
  bed.expect(0);
  bed.link(false, t0 + 1s);
  bed.tick(t0 + 300s);  // its silence would be due
  bed.link(true, t0 + 310s);
  bed.sample(0, t0 + 310s, 50);
  bed.sample(0, t0 + 300s, 99);  // older than the newest: no detector sees it
  CHECK(bed.take().empty());
  bed.sample(0, t0 + 311s, 99);
  CHECK(bed.take().size() == 1);
}

TEST_CASE("silence: nothing is silent while nothing can be heard") {
  const core::Plan plan = plan_of(SilenceSpec{180s});
  Bed bed{plan, 1};
  bed.tick(t0);
  bed.sample(0, t0, 1);
  bed.link(false, t0 + 100s);
  bed.tick(t0 + 300s);
  bed.tick(t0 + 2h);
  CHECK(bed.take().empty());
  bed.link(true, t0 + 3h);
  bed.tick(t0 + 3h + 180s - 1ns);
  CHECK(bed.take().empty());
  bed.tick(t0 + 4h);
  auto got = bed.take();
  REQUIRE(got.size() == 1);
  CHECK(second(got[0].start) == 3 * 3600);
  CHECK(second(got[0].end) == 3 * 3600 + 180);
  // What was silent before stays so.
  bed.link(false, t0 + 5h);
  bed.link(true, t0 + 6h);
  bed.tick(t0 + 7h);
  CHECK(bed.take().empty());
  bed.sample(0, t0 + 7h, 1);
  CHECK(bed.take().size() == 1);
}

TEST_CASE("zscore flags a spike, explains it, and clears") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{21.4, 0.2};
  auto values = generate(600, [&](std::size_t) { return noise(random); });
  values[400] = 48.2;
  const auto got = flags(plan_of(ZscoreSpec{}), values);
  REQUIRE(got.size() == 2);
  CHECK(second(got[0].end) == 400);
  CHECK(got[0].up);
  CHECK(got[0].value == 48.2);
  CHECK(std::abs(got[0].expected.value() - 21.4) < 0.1);
  CHECK(std::abs(got[0].high.value() - got[0].expected.value() - 6 * 0.2) < 0.3);
  CHECK(std::abs(got[0].expected.value() - got[0].low.value() - 6 * 0.2) < 0.3);
  CHECK(got[0].score > 0.99);
  CHECK(got[0].score < 1);
  CHECK(second(got[1].end) == 401);
  CHECK_FALSE(got[1].up);
  CHECK(got[1].start == got[0].start);
}

TEST_CASE(
    "zscore: spikes of any size and sign, one in a hundred, are all flagged and blind it for nothing else") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  for (const double size : {12.0, 1e3, 1e15, -1e15, 1e308, -1e308}) {
    INFO("size " << size);
    auto values = generate(20000, [&](std::size_t) { return noise(random); });
    std::vector<std::int64_t> expected, got;
    for (std::size_t i = 200; i < values.size(); i += 100) {
      values[i] = 20 + size;
      expected.push_back(static_cast<std::int64_t>(i));
    }
    for (const Event& event : flags(plan_of(ZscoreSpec{}), values)) {
      if (event.up) got.push_back(second(event.end));
    }
    CHECK(got == expected);
  }
}

TEST_CASE("zscore: one spike widens the deviation by what the header says") {
  const ZscoreSpec spec;
  const Zscore zscore{spec};
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  ZscoreState state;
  for (int i = 0; i < 5000; ++i) (void)zscore.add(state, {t0, noise(random)}, false);
  CHECK(std::abs(state.mean - 20) < 0.3);
  CHECK(std::abs(state.deviation - 1) < 0.15);
  const ZscoreState before = state;
  CHECK(zscore.add(state, {t0, 1e15}, true).score == 1);
  const double weight = 2.0 / 301;
  CHECK(state.deviation <= before.deviation * std::sqrt(1 + 8 * weight) * (1 + 1e-12));
  CHECK(std::abs(state.mean - before.mean) <= 3 * weight * before.deviation * (1 + 1e-12));
}

TEST_CASE("zscore: outliers among the first samples do not lead it") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  for (const std::size_t bad : {0U, 1U, 7U, 14U, 20U, 29U}) {
    INFO("outlier " << bad);
    auto values = generate(500, [&](std::size_t) { return noise(random); });
    values[bad] = 1e15;
    values[60] = 60;  // flagged all the same
    const auto got = flags(plan_of(ZscoreSpec{}), values);
    REQUIRE(got.size() == 2);
    CHECK(second(got[0].end) == 60);
    CHECK(second(got[1].end) == 61);
  }
}

TEST_CASE("zscore raises nothing while it warms up") {
  const auto check = [](std::uint32_t warmup, std::size_t spike, bool flagged) {
    ZscoreSpec spec;
    spec.warmup = warmup;
    std::mt19937_64 random{fixture::seed()};
    std::normal_distribution<double> noise{20, 1};
    auto values = generate(spike + 5, [&](std::size_t) { return noise(random); });
    values[spike] = 1000;
    CHECK(flags(plan_of(spec), values).size() == (flagged ? 2U : 0U));
  };
  check(30, 10, false);
  check(30, 29, false);
  check(30, 30, true);
  check(8, 7, false);
  check(8, 8, true);
  check(1000, 999, false);
  check(1000, 1000, true);
}

TEST_CASE("zscore: the neighbours that are not anomalies") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform{-1, 1};
  const auto check = [](const char* what, const std::vector<double>& values) {
    INFO(what);
    CHECK(flags(plan_of(ZscoreSpec{}), values).empty());
  };
  check("white noise", generate(200000, [&](std::size_t) { return normal(random); }));
  check("white noise at 1e9", generate(100000, [&](std::size_t) { return 1e9 + 0.1 * normal(random); }));
  check("uniform noise", generate(100000, [&](std::size_t) { return uniform(random); }));
  check("constant", generate(100000, [&](std::size_t) { return 20.1; }));
  check("zero", generate(100000, [&](std::size_t) { return 0.0; }));
  check("a day of 20.0, then 20.1", generate(90000, [&](std::size_t i) { return i < 86400 ? 20.0 : 20.1; }));
  check("a constant that flickers by one step",
        generate(100000, [&](std::size_t) { return random() % 1000 == 0 ? 20.2 : 20.1; }));
  check("sixteenths, as a DS18B20 gives them",
        generate(100000, [&](std::size_t) { return random() % 500 == 0 ? 20.125 : 20.0625; }));
  check("steps of a float of one decimal", generate(100000, [&](std::size_t) {
          return static_cast<double>(random() % 500 == 0 ? 20.2F : 20.1F);
        }));
  check("whole numbers that change by up to five", generate(100000, [&](std::size_t) {
          return -67.0 - (random() % 300 == 0 ? static_cast<double>(random() % 6) : 0);
        }));
  check("a door: closed for an hour, open for a minute",
        generate(50000, [&](std::size_t i) { return i % 3660 > 3600 ? 1.0 : 0.0; }));
  check("a square wave it knows",
        generate(50000, [&](std::size_t i) { return i / 5 % 2 == 0 ? 5.0 : 25.0; }));
  check("a slow wave", generate(200000, [&](std::size_t i) {
          return 20 + 5 * std::sin(static_cast<double>(i) * 2 * 3.14159265 / 86400) + 0.1 * normal(random);
        }));
  check("a steady ramp",
        generate(50000, [&](std::size_t i) { return 0.01 * static_cast<double>(i) + 0.1 * normal(random); }));
  double walk = 20;
  check("a random walk", generate(50000, [&](std::size_t) { return walk += 0.1 * uniform(random); }));
}

TEST_CASE("zscore: a lasting step is flagged once, and ends after `memory` samples at the latest") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{0, 1};
  for (const double size : {10.0, 50.0, 1e6, 1e15}) {
    INFO("size " << size);
    const auto values =
        generate(3000, [&](std::size_t i) { return (i < 1000 ? 20 : 20 + size) + noise(random); });
    const auto got = flags(plan_of(ZscoreSpec{}), values);
    REQUIRE(got.size() == 2);
    CHECK(second(got[0].end) == 1000);
    CHECK_FALSE(got[1].up);
    CHECK(second(got[1].end) <= 1300);
  }
}

TEST_CASE("zscore: deviation_min keeps it from judging below a sensor's resolution") {
  ZscoreSpec spec;
  spec.deviation_min = 0.5;
  const auto values = generate(500, [](std::size_t i) { return i == 300 ? 22.9 : 20.123456; });
  CHECK(flags(plan_of(spec), values).empty());
  CHECK(flags(plan_of(ZscoreSpec{}), values).size() == 2);
}

TEST_CASE("zscore: extreme values neither stop nor spoil it") {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double least = std::numeric_limits<double>::denorm_min();
  std::mt19937_64 random{fixture::seed()};
  const double extremes[] = {most, -most, least, -least, 0.0, -0.0, 1e300, 1};
  ZscoreState state;
  const Zscore zscore{ZscoreSpec{}};
  for (int i = 0; i < 100000; ++i) {
    const auto verdict = zscore.add(state, {t0, extremes[random() % 8]}, true);
    REQUIRE(verdict.score >= 0);
    REQUIRE(verdict.score <= 1);
    REQUIRE(std::isfinite(state.mean));
    REQUIRE(std::isfinite(state.deviation));
    if (i >= 15) REQUIRE(state.deviation > 0);
  }
}

TEST_CASE("detectors say what is wrong with their settings") {
  const auto check = [](decltype(DetectorSpec::kind) kind, Duration least,
                        std::vector<std::string> expected) {
    DetectorSpec spec;
    spec.kind = kind;
    spec.life.least = least;
    CHECK(spec.problems() == expected);
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  check(ThresholdSpec{80, {}, 75}, 30s, {});
  check(ThresholdSpec{80, {}, 80}, 0s, {});
  check(ThresholdSpec{{}, -5, 0}, 0s, {});
  check(ThresholdSpec{0, {}, {}}, 0s, {});
  check(ThresholdSpec{80, {}, 85}, 0s, {"clear: 85 lies beyond above 80; choose at most 80"});
  check(ThresholdSpec{{}, 5, 4.5}, 0s, {"clear: 4.5 lies beyond below 5; choose at least 5"});
  check(ThresholdSpec{}, 0s, {"above: is missing, and so is below; a threshold needs one of them"});
  check(ThresholdSpec{80, 5, {}}, 0s,
        {"below: 5 stands beside above 80; a threshold has one of them: make two detectors, or one of kind "
         "range"});
  check(ThresholdSpec{nan, {}, {}}, 0s, {"above: must be a finite number"});
  check(ThresholdSpec{80, {}, {}}, -1s, {"for: -1s is not allowed; choose 0s to 3660d"});
  check(ZscoreSpec{}, 0s, {});
  check(ZscoreSpec{3, 3, 30, 300, 0}, 0s, {"clear: 3 is not allowed; choose less than raise 3"});
  check(ZscoreSpec{0, 3, 30, 300, 0}, 0s, {"raise: 0 is not allowed; choose a number above 0"});
  check(ZscoreSpec{6, nan, 30, 300, 0}, 0s, {"clear: nan is not allowed; choose a number above 0"});
  check(ZscoreSpec{6, 3, 7, 1'000'001, -1}, 0s,
        {"deviation_min: -1 is not allowed; choose 0 or a number above it",
         "warmup: 7 is not allowed; choose 8 to 1000000 samples",
         "memory: 1000001 is not allowed; choose 8 to 1000000 samples"});
  check(SilenceSpec{3min}, 0s, {});
  check(SilenceSpec{-1s}, 0s, {"after: -1s is not allowed; choose above 0s and at most 3660d"});
  check(SilenceSpec{3min}, 30s, {"for: 30s has no meaning for a silence; choose a longer after instead"});
}

TEST_CASE("names") {
  DetectorSpec spec;
  CHECK(core::kind_name(spec) == "threshold");
  spec.kind = ZscoreSpec{};
  CHECK(core::kind_name(spec) == "zscore");
  spec.kind = SilenceSpec{};
  CHECK(core::kind_name(spec) == "silence");
  CHECK(core::name(core::Severity::info) == "info");
  CHECK(core::name(core::Severity::warning) == "warning");
  CHECK(core::name(core::Severity::critical) == "critical");
}
