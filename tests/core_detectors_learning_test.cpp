// Detectors that learn a level: ewma, cusum, page_hinkley, seasonal. What they flag, how soon and how long,
// and what they must not flag. Golden texts of the same stand in tests/timelines/.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "core/detectors/cusum.h"
#include "core/detectors/ewma.h"
#include "core/detectors/page_hinkley.h"
#include "core/detectors/seasonal.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Condition;
using core::Duration;
using core::FlagLife;
using core::SeasonalSpec;
using core::Time;
using core::Verdict;

namespace {

constexpr Time monday{1'795'392'000s};  // 2026-11-23
constexpr double pi = 3.14159265358979323846;

// A detector with its state, and the flag that comes of it.
template <class Kind>
class Watch {
 public:
  explicit Watch(const typename Kind::Spec& spec = {}) : kind_(spec), bytes_(kind_.bytes() / 8) {}

  Verdict add(Time time, double value, bool explain = true) {
    const Verdict verdict = kind_.add(state(), {time, value}, explain || life_.up());
    const FlagLife::Change change = life_.advance(verdict, time, {.flaps = 0});
    if (change == FlagLife::Change::raise) raised.push_back(count);
    if (change == FlagLife::Change::clear) cleared.push_back(count);
    ++count;
    return verdict;
  }
  // A value a second.
  Verdict add(double value, bool explain = true) { return add(monday + 1s * count, value, explain); }

  [[nodiscard]] typename Kind::State& state() {
    return *reinterpret_cast<typename Kind::State*>(bytes_.data());
  }
  [[nodiscard]] bool up() const { return life_.up(); }
  [[nodiscard]] Time since() const { return life_.since(); }
  [[nodiscard]] const Kind& kind() const { return kind_; }

  std::int64_t count = 0;
  std::vector<std::int64_t> raised, cleared;  // places of the samples that did it

 private:
  Kind kind_;
  std::vector<std::uint64_t> bytes_;
  FlagLife life_;
};

const core::BaselineState& baseline(const core::EwmaState& state) { return state.baseline; }
const core::BaselineState& baseline(const core::CusumState& state) { return state.baseline; }
const core::BaselineState& baseline(const core::PageHinkleyState& state) { return state.baseline; }
const core::BaselineState& baseline(const core::SeasonalState& state) { return state.noise; }

class Noise {
 public:
  explicit Noise(std::uint64_t number = 0) : random_(fixture::seed() + number) {}
  double normal() { return normal_(random_); }
  double uniform() { return uniform_(random_); }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_{-1, 1};
};

// The first flag after `quiet` samples of white noise and then `wave`, and how it ends.
struct Found {
  std::int64_t after = -1;  // samples of `wave` until it is raised, which counts as one
  std::int64_t lasts = -1;
  std::int64_t since = 0;  // samples of `wave` before the flag's begin
  std::size_t flags = 0;
};
template <class Kind>
Found find(const std::function<double(double)>& wave, std::uint64_t number, std::int64_t samples = 3000) {
  constexpr std::int64_t quiet = 3000;
  Watch<Kind> watch;
  Noise noise{number};
  for (int i = 0; i < quiet; ++i) watch.add(20 + noise.normal(), false);
  REQUIRE(watch.raised.empty());
  Found found;
  for (int i = 0; i < samples; ++i) {
    watch.add(20 + wave(i) + noise.normal(), false);
    if (watch.raised.size() == 1 && watch.raised[0] + 1 == watch.count)
      found.since = (watch.since() - monday) / 1s - quiet;
  }
  found.flags = watch.raised.size();
  if (!watch.raised.empty()) found.after = watch.raised[0] - quiet + 1;
  if (!watch.cleared.empty()) found.lasts = watch.cleared[0] - watch.raised[0];
  return found;
}

// Flags of `count` samples, one a second.
template <class Kind>
std::size_t flags(std::size_t count, const std::function<double(std::size_t)>& make) {
  Watch<Kind> watch;
  for (std::size_t i = 0; i < count; ++i) watch.add(make(i), false);
  return watch.raised.size();
}

}  // namespace

TEST_CASE_TEMPLATE("learning: stationary noise of any kind is not flagged", Kind, core::Ewma, core::Cusum,
                   core::PageHinkley) {
  Noise noise;
  const auto check = [](const std::string& what, std::size_t count,
                        const std::function<double(std::size_t)>& make) {
    INFO(what);
    CHECK(flags<Kind>(count, make) == 0);
  };
  for (int i = 0; i < 4; ++i) check("white noise", 200000, [&](std::size_t) { return noise.normal(); });
  for (int i = 0; i < 300; ++i) check("a beginning", 300, [&](std::size_t) { return noise.normal(); });
  check("white noise at 1e9", 200000, [&](std::size_t) { return 1e9 + 0.1 * noise.normal(); });
  check("uniform noise", 200000, [&](std::size_t) { return noise.uniform(); });
  check("constant", 200000, [](std::size_t) { return 20.1; });
  check("zero", 10000, [](std::size_t) { return 0.0; });
  check("whole numbers", 200000, [&](std::size_t) { return std::round(20 + noise.normal()); });
  for (const double part : {0.03, 0.1, 0.2, 0.3, 0.5}) {
    check("less noise than the step it is written in", 100000,
          [&](std::size_t) { return std::round(20.3 + part * noise.normal()); });
  }
  check("a day of 20.0, then 20.1", 90000, [](std::size_t i) { return i < 86400 ? 20.0 : 20.1; });
  check("rare flicker", 200000, [&](std::size_t) { return noise.below(500) == 0 ? 20.2 : 20.1; });
}

// Its first 15 samples show a level and no noise; so it may be taken for a shift once it is warm.
TEST_CASE_TEMPLATE("learning: a square wave is flagged at its beginning at most", Kind, core::Ewma,
                   core::Cusum, core::PageHinkley) {
  Watch<Kind> watch;
  for (int i = 0; i < 50000; ++i) watch.add(i / 5 % 2 == 0 ? 5 : 25, false);
  CHECK(watch.raised.size() <= 2);
  CHECK((watch.raised.empty() || watch.raised.back() < 1500));
  CHECK_FALSE(watch.up());
}

TEST_CASE_TEMPLATE("learning: one outlier, however far, is no shift; many blind for nothing else", Kind,
                   core::Ewma, core::Cusum, core::PageHinkley) {
  for (const double size : {12.0, 1e3, 1e15, -1e15, 1e308, -1e308}) {
    INFO("size " << size);
    Watch<Kind> watch;
    Noise noise;
    for (int i = 0; i < 5000; ++i) watch.add(i % 100 == 99 ? size : 20 + noise.normal(), false);
    CHECK(watch.raised.empty());
    for (int i = 0; i < 20; ++i) watch.add(26 + noise.normal(), false);
    CHECK(watch.raised.size() == 1);
  }
}

TEST_CASE_TEMPLATE("learning: outliers among the first samples do not lead it", Kind, core::Ewma, core::Cusum,
                   core::PageHinkley) {
  for (const int bad : {0, 1, 7, 14, 20, 29}) {
    INFO("outlier " << bad);
    Watch<Kind> watch;
    Noise noise;
    for (int i = 0; i < 500; ++i) watch.add(i == bad ? 1e15 : 20 + noise.normal(), false);
    CHECK(watch.raised.empty());
    CHECK(std::abs(baseline(watch.state()).mean - 20) < 0.5);
    for (int i = 0; i < 20; ++i) watch.add(30 + noise.normal(), false);
    CHECK(watch.raised.size() == 1);
  }
}

TEST_CASE_TEMPLATE("learning: nothing is raised before `warmup` samples", Kind, core::Ewma, core::Cusum,
                   core::PageHinkley) {
  typename Kind::Spec spec;
  spec.warmup = 100;
  Watch<Kind> watch{spec};
  Noise noise;
  for (int i = 0; i < 100; ++i) {
    CHECK(watch.add((i < 80 ? 20 : 90) + noise.normal()).condition == Condition::warming);
  }
  CHECK(watch.add(20).condition != Condition::warming);
}

TEST_CASE_TEMPLATE("learning: extreme values neither stop nor spoil it", Kind, core::Ewma, core::Cusum,
                   core::PageHinkley, core::Seasonal) {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double least = std::numeric_limits<double>::denorm_min();
  const double extremes[] = {most, -most, least, -least, 0.0, -0.0, 1e300, 1, 1e308, -1e308};
  for (const Duration step : {Duration{0}, Duration{1s}, Duration{20min}, Duration{5h}}) {
    for (const std::uint64_t kinds : {2U, 5U, 10U}) {
      Watch<Kind> watch;
      Noise noise;
      Time time = monday;
      for (int i = 0; i < 10000; ++i) {
        const Verdict verdict = watch.add(time += step * noise.below(3), extremes[noise.below(kinds)]);
        REQUIRE(verdict.score >= 0);
        REQUIRE(verdict.score <= 1);
        REQUIRE((verdict.condition == Condition::warming ||
                 (verdict.score >= 0.5) == (verdict.condition == Condition::fire)));
        REQUIRE(std::isfinite(baseline(watch.state()).mean));
        REQUIRE(std::isfinite(baseline(watch.state()).deviation));
      }
    }
  }
}

TEST_CASE_TEMPLATE("learning: explained or not, a flag is the same", Kind, core::Ewma, core::Cusum,
                   core::PageHinkley, core::Seasonal) {
  Watch<Kind> one, other;
  Noise noise;
  for (int i = 0; i < 20000; ++i) {
    const double value = (i / 1500 % 2 == 0 ? 20 : 27) + noise.normal();
    const Time time = monday + 2min * i;
    const Verdict a = one.add(time, value, true), b = other.add(time, value, false);
    REQUIRE(a.condition == b.condition);
    if (b.condition == Condition::fire) REQUIRE(a.score == b.score);
  }
  CHECK(one.raised == other.raised);
  CHECK(one.cleared == other.cleared);
}

TEST_CASE("ewma is the weighted sum of all clipped distances since it is warm") {
  core::EwmaSpec spec;
  spec.weight = 0.3;
  const double unit = std::sqrt(0.3 / 1.7);
  const core::Baseline learned{spec, 3 * unit};
  core::BaselineState known;
  Watch<core::Ewma> watch{spec};
  Noise noise;
  std::vector<double> distances;
  for (int i = 0; i < 400; ++i) {
    const double value = 20 + noise.normal() + (i % 37 == 0 ? 9 : 0);
    const Verdict verdict = watch.add(value);
    REQUIRE(verdict.condition != Condition::fire);
    if (learned.collects(known)) {
      learned.collect(known, value);
      continue;
    }
    const auto [z, deviation, widening, coarse] = learned.measure(known, value);
    if (!learned.warming(known)) {
      distances.push_back(std::clamp(z / widening, -12 * unit, 12 * unit));
      double sum = 0, weight = 0.3;
      for (auto d = distances.rbegin(); d != distances.rend(); ++d, weight *= 0.7) sum += weight * *d;
      const double share = sum / unit / 6;
      CHECK(verdict.score == doctest::Approx(share * share / (share * share + 1)).epsilon(1e-9));
      CHECK(verdict.expected == known.mean);
      CHECK(verdict.high - verdict.expected == doctest::Approx(6 * unit * deviation * widening));
    }
    if (verdict.condition == Condition::between && watch.state().up != 0) continue;
    learned.learn(known, value, {z, deviation, widening, coarse});
  }
  CHECK(distances.size() == 370);
}

TEST_CASE_TEMPLATE("cusum, page_hinkley: sums above their least so far, and since when", Kind, core::Cusum,
                   core::PageHinkley) {
  typename Kind::Spec spec;
  const core::Baseline learned{spec, spec.slack};
  core::BaselineState known;
  Watch<Kind> watch{spec};
  Noise noise;
  double high = 0, low = 0, high_least = 0, low_least = 0;  // sums of all
  int high_since = 0, low_since = 0;
  for (int i = 0; i < 5000; ++i) {
    const double value = 20 + noise.normal() + (i % 50 < 3 ? 2 : 0);
    const Verdict verdict = watch.add(value);
    REQUIRE(verdict.condition != Condition::fire);
    if (learned.collects(known)) {
      learned.collect(known, value);
      continue;
    }
    const core::Baseline::Distance distance = learned.measure(known, value);
    if (!learned.warming(known)) {
      const double z = distance.z / distance.widening;
      if (high == high_least) high_since = i;
      if (low == low_least) low_since = i;
      high_least = std::min(high_least, high += std::min(z - spec.slack, 2.0));
      low_least = std::min(low_least, low += std::min(-z - spec.slack, 2.0));
      const double sum = std::max(high - high_least, low - low_least);
      const double share = sum / spec.raise;
      CHECK(verdict.score == doctest::Approx(share * share / (share * share + 1)).epsilon(1e-9));
      CHECK(verdict.expected == known.mean);
      if (sum > 1e-9) {
        const bool up = high - high_least >= low - low_least;
        CHECK(verdict.since == monday + 1s * (up ? high_since : low_since));
        CHECK(std::isnan(up ? verdict.low : verdict.high));
        CHECK(std::abs((up ? verdict.high : verdict.low) - known.mean) ==
              doctest::Approx(spec.slack * distance.deviation * distance.widening));
      }
    }
    learned.learn(known, value, distance);
  }
  CHECK(watch.raised.empty());
}

TEST_CASE("ewma: shifts and drifts are found as soon as the header says, and end") {
  for (std::uint64_t number = 0; number < 30; ++number) {
    for (const double sign : {1.0, -1.0}) {
      const Found three = find<core::Ewma>([&](double) { return sign * 3; }, number);
      CHECK(three.after >= 3);
      CHECK(three.after <= 12);
      CHECK(three.lasts == 1000);
      CHECK(three.flags == 1);
      const Found ten = find<core::Ewma>([&](double) { return sign * 10; }, number);
      CHECK(ten.after >= 2);
      CHECK(ten.after <= 5);
      CHECK(ten.flags == 1);
      const Found drift = find<core::Ewma>([&](double i) { return sign * 0.03 * i; }, number);
      CHECK(drift.after > 30);
      CHECK(drift.after < 110);
    }
    CHECK(find<core::Ewma>([](double) { return 0.5; }, number).flags == 0);
    const Found back = find<core::Ewma>([](double i) { return i < 50 ? 5 : 0; }, number);
    CHECK(back.flags == 1);
    CHECK(back.lasts > 45);
    CHECK(back.lasts < 80);
  }
}

TEST_CASE("cusum: shifts and drifts are found as soon as the header says, with their begin, and end") {
  for (std::uint64_t number = 0; number < 30; ++number) {
    for (const double sign : {1.0, -1.0}) {
      const Found three = find<core::Cusum>([&](double) { return sign * 3; }, number);
      CHECK(three.after >= 5);
      CHECK(three.after <= 12);
      CHECK(three.since >= -12);
      CHECK(three.since <= 2);
      CHECK(three.lasts == 1000);
      CHECK(three.flags == 1);
      const Found ten = find<core::Cusum>([&](double) { return sign * 10; }, number);
      CHECK(ten.after >= 4);
      CHECK(ten.after <= 5);
      const Found drift = find<core::Cusum>([&](double i) { return sign * 0.02 * i; }, number);
      CHECK(drift.after > 30);
      CHECK(drift.after < 140);
    }
    CHECK(find<core::Cusum>([](double) { return 0.5; }, number).flags == 0);
    const Found back = find<core::Cusum>([](double i) { return i < 50 ? 5 : 0; }, number);
    CHECK(back.flags == 1);
    CHECK(back.lasts > 45);
    CHECK(back.lasts < 80);
  }
}

TEST_CASE("page_hinkley: each change is one flag, which ends when the new level is known") {
  for (std::uint64_t number = 0; number < 30; ++number) {
    const Found three = find<core::PageHinkley>([](double) { return 3; }, number);
    CHECK(three.after >= 10);
    CHECK(three.after <= 25);
    CHECK(three.since >= -12);
    CHECK(three.since <= 2);
    CHECK(three.lasts == 30);
    CHECK(three.flags == 1);
    const Found ten = find<core::PageHinkley>([](double) { return -10; }, number);
    CHECK(ten.after >= 10);
    CHECK(ten.after <= 11);
    // Four levels are three changes.
    CHECK(find<core::PageHinkley>([](double i) { return 8 * std::floor(i / 1000); }, number).flags == 2);
    CHECK(find<core::PageHinkley>([](double i) { return 0.02 * i; }, number).flags > 5);
  }
  // With `for`: the condition has held since the change, and holds until the new level is known.
  Watch<core::PageHinkley> watch;
  for (int i = 0; i < 1000; ++i) watch.add(i % 2);
  int fires = 0;
  for (int i = 0; i < 200; ++i) {
    const Verdict verdict = watch.add(50 + i % 2);
    CHECK((verdict.score >= 0.5) == (verdict.condition == Condition::fire));
    fires += verdict.condition == Condition::fire;
  }
  CHECK(fires == 30);
}

TEST_CASE("a random walk has no level: it is flagged again and again") {
  const auto walk = [](auto count) {
    Noise noise;
    double value = 0;
    return count(50000, [&](std::size_t) { return value += noise.normal(); });
  };
  CHECK(walk(flags<core::Ewma>) > 20);
  CHECK(walk(flags<core::Cusum>) > 20);
  CHECK(walk(flags<core::PageHinkley>) > 20);
}

namespace {

double day_wave(Time time) {
  const double seconds = static_cast<double>((time - monday).count()) * 1e-9;
  return 20 + 5 * std::sin(seconds * 2 * pi / 86400);
}
bool is_weekend(Time time) { return (time - monday) / 24h % 7 >= 5; }
double hour(Time time) {
  return static_cast<double>((time - monday).count() % Duration{24h}.count()) / 3.6e12;
}

// Samples every `every` in [from, to), as `make` says.
void feed(Watch<core::Seasonal>& watch, Time from, Time to, Duration every,
          const std::function<double(Time)>& make) {
  for (Time time = from; time < to; time += every) watch.add(time, make(time), false);
}

SeasonalSpec weekly() {
  SeasonalSpec spec;
  spec.period = SeasonalSpec::Period::week;
  spec.parts = 168;
  return spec;
}

}  // namespace

TEST_CASE("seasonal: a season with noise, at any cadence, in any step, is not flagged") {
  for (const Duration every : {Duration{20s}, Duration{10min}, Duration{30min}, Duration{1h}, Duration{5h}}) {
    Noise noise;
    const auto check = [&](const std::string& what, const std::function<double(Time)>& make) {
      INFO(what << " every " << every / 1s << " s");
      Watch<core::Seasonal> watch;
      feed(watch, monday, monday + every * 20000, every, make);
      CHECK(watch.raised.empty());
    };
    check("with noise", [&](Time t) { return day_wave(t) + 0.3 * noise.normal(); });
    check("with uniform noise", [&](Time t) { return day_wave(t) + noise.uniform(); });
    check("without noise", day_wave);
    check("noise alone", [&](Time) { return noise.normal(); });
    check("constant", [](Time) { return 20.1; });
    check("in tenths", [&](Time t) { return std::round(10 * day_wave(t) + noise.normal()) / 10; });
    check("in whole numbers", [&](Time t) { return std::round(day_wave(t)); });
    check("at 1e9", [&](Time t) { return 1e9 + day_wave(t) + 0.3 * noise.normal(); });
    check("day and night",
          [&](Time t) { return (hour(t) >= 8.2 && hour(t) < 18.1 ? 21 : 17) + 0.2 * noise.normal(); });
    check("noise by day alone",
          [&](Time t) { return day_wave(t) + (hour(t) < 12 ? 2 : 0.1) * noise.normal(); });
    check("a level that drifts by a deviation a day", [&](Time t) {
      return 0.3 * static_cast<double>((t - monday) / 1min) / 1440 + day_wave(t) + 0.3 * noise.normal();
    });
  }
}

TEST_CASE("seasonal: the 200,000 samples of 23 weeks, a minute each, several times") {
  for (std::uint64_t number = 0; number < 3; ++number) {
    Noise noise{number};
    Watch<core::Seasonal> watch;
    feed(watch, monday, monday + 200000min, 1min, [&](Time t) { return day_wave(t) + noise.normal(); });
    CHECK(watch.raised.empty());
  }
}

TEST_CASE("seasonal: what is usual at one time is flagged at another") {
  Noise noise;
  Watch<core::Seasonal> watch;
  const auto usual = [&](Time t) { return (hour(t) >= 8 && hour(t) < 18 ? 50 : 10) + noise.normal(); };
  const Time day = monday + 10 * 24h;
  feed(watch, monday, day, 1min, usual);
  CHECK(watch.raised.empty());
  const Verdict night = watch.add(day + 5s, 50);
  CHECK(night.condition == Condition::fire);
  CHECK(std::abs(night.expected - 10) < 1);
  CHECK(night.low < 8);
  CHECK(night.low > -10);
  CHECK(night.high > 12);
  CHECK(night.high < 30);
  CHECK(night.score > 0.8);
  feed(watch, day + 1min, day + 12h, 1min, usual);
  CHECK(watch.raised.size() == 1);
  CHECK(watch.cleared.size() == 1);
  const Verdict noon = watch.add(day + 12h, 50);
  CHECK(noon.condition == Condition::quiet);
  CHECK(std::abs(noon.expected - 50) < 1);
  CHECK(watch.add(day + 12h + 1s, 10).condition == Condition::fire);
}

TEST_CASE("seasonal: a working day's load on a Sunday, where the period is a week") {
  Noise noise;
  Watch<core::Seasonal> week{weekly()}, day;
  const auto usual = [&](Time t) {
    return (!is_weekend(t) && hour(t) >= 8 && hour(t) < 18 ? 100 : 10) + 3 * noise.normal();
  };
  const Time sunday = monday + 4 * 7 * 24h + 6 * 24h;
  feed(week, monday, sunday, 5min, usual);
  feed(day, monday, sunday, 5min, usual);
  CHECK(week.raised.empty());
  CHECK(week.add(sunday + 12h, 100).condition == Condition::fire);
  CHECK(day.add(sunday + 12h, 100).condition != Condition::fire);
}

TEST_CASE("seasonal: warms up for two visits of a part; parts never visited are not judged") {
  Noise noise;
  Watch<core::Seasonal> watch;
  for (Time time = monday; time < monday + 4 * 24h; time += 1min) {
    if (hour(time) >= 12) continue;  // off every afternoon
    const bool warming =
        watch.add(time, day_wave(time) + 0.1 * noise.normal()).condition == Condition::warming;
    CHECK(warming == (time < monday + 2 * 24h));
  }
  CHECK(watch.raised.empty());
  CHECK(watch.add(monday + 4 * 24h + 13h, 1e6).condition == Condition::warming);
  CHECK(watch.add(monday + 5 * 24h + 3h, 1e6).condition == Condition::fire);
}

TEST_CASE("seasonal: no outlier teaches it, whatever visit it falls into") {
  for (const Duration every : {Duration{1min}, Duration{10min}, Duration{30min}}) {
    for (const double size : {1e15, -1e15, 1e308, 60.0}) {
      INFO("size " << size << " every " << every / 1s << " s");
      Noise noise;
      Watch<core::Seasonal> watch;
      int count = 0;
      feed(watch, monday, monday + 20 * 24h, every,
           [&](Time t) { return ++count % 97 == 5 ? size : day_wave(t) + 0.3 * noise.normal(); });
      feed(watch, monday + 20 * 24h, monday + 24 * 24h, every,
           [&](Time t) { return day_wave(t) + 0.3 * noise.normal(); });
      const std::size_t before = watch.raised.size();
      CHECK(before > 0);
      CHECK_FALSE(watch.up());
      for (Time time = monday + 24 * 24h; time < monday + 26 * 24h; time += every) {
        const Verdict verdict = watch.add(time, day_wave(time) + 0.3 * noise.normal());
        CHECK(verdict.condition != Condition::fire);
        CHECK(std::abs(verdict.expected - day_wave(time)) < 1.5);
      }
      CHECK(watch.add(monday + 26 * 24h, day_wave(monday) + 6).condition == Condition::fire);
    }
  }
}

TEST_CASE(
    "seasonal: a lasting step is flagged for a period at most, a lasting change of the days is learned") {
  Noise noise;
  Watch<core::Seasonal> step, shape;
  const Time change = monday + 20 * 24h;
  feed(step, monday, change + 5 * 24h, 5min,
       [&](Time t) { return (t < change ? 0 : 10) + day_wave(t) + 0.3 * noise.normal(); });
  CHECK(step.raised == std::vector<std::int64_t>{20 * 288});
  REQUIRE(step.cleared.size() == 1);
  CHECK(step.cleared[0] <= 21 * 288);
  CHECK(step.cleared[0] > 20 * 288 + 30);
  // An hour that becomes another: flagged for days, not for ever.
  feed(shape, monday, change + 60 * 24h, 5min, [&](Time t) {
    return (t >= change && hour(t) >= 3 && hour(t) < 4 ? 8 : 0) + day_wave(t) + 0.3 * noise.normal();
  });
  REQUIRE_FALSE(shape.raised.empty());
  CHECK(shape.raised[0] == 20 * 288 + 36);
  CHECK(shape.raised.size() >= 3);
  CHECK(shape.raised.back() < 40 * 288);
}

TEST_CASE("seasonal: gaps and repeated times change nothing") {
  Noise noise;
  Watch<core::Seasonal> watch;
  const auto usual = [&](Time t) { return day_wave(t) + 0.3 * noise.normal(); };
  feed(watch, monday, monday + 10 * 24h, 1min, usual);
  feed(watch, monday + 40 * 24h + 7h, monday + 41 * 24h, 1min, usual);
  feed(watch, monday + 400 * 24h + 3h, monday + 404 * 24h, 7min, usual);
  for (int i = 0; i < 1000; ++i) watch.add(monday + 404 * 24h, usual(monday), false);
  CHECK(watch.raised.empty());
  CHECK(watch.add(monday + 404 * 24h, day_wave(monday) + 5).condition == Condition::fire);
}

TEST_CASE("seasonal: the state is as large as the parts make it") {
  SeasonalSpec spec;
  spec.parts = 4;
  CHECK(core::Seasonal{spec}.bytes() == 376 + 4 * 16);
  spec.parts = 336;
  CHECK(core::Seasonal{spec}.bytes() == 376 + 336 * 16);
}
