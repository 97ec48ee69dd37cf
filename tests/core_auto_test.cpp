// auto: what it flags without being told anything, and what it must not.
#include "core/detectors/auto.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Auto;
using core::AutoSpec;
using core::Condition;
using core::Duration;
using core::FlagLife;
using core::Time;
using core::Verdict;

namespace {

constexpr Time t0{1'767'225'600s};  // a Thursday, 00:00 UTC

// One series.
class Series {
 public:
  explicit Series(AutoSpec spec = {}) : detector_(spec), room_(detector_.bytes() / 8) {}

  Verdict add(Time time, double value, bool explain = true) {
    return detector_.add(*reinterpret_cast<core::AutoState*>(room_.data()), {time, value}, explain);
  }
  // A sample a minute; when flags were raised.
  std::vector<std::size_t> raises(std::size_t count, const std::function<double(std::size_t)>& value) {
    std::vector<std::size_t> at;
    FlagLife life;
    for (std::size_t i = 0; i < count; ++i) {
      const Time time = t0 + i * 1min;
      const Verdict verdict = add(time, value(i));
      REQUIRE(verdict.score >= 0);
      REQUIRE(verdict.score <= 1);
      if (life.advance(verdict, time, {.flaps = 0}) == FlagLife::Change::raise) at.push_back(i);
    }
    return at;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& room() const { return room_; }

 private:
  Auto detector_;
  std::vector<std::uint64_t> room_;
};

double day_wave(std::size_t minute) {
  return std::sin(static_cast<double>(minute % 1440) * 2 * 3.14159265358979 / 1440);
}

}  // namespace

TEST_CASE("auto: a spike, a step and a drift are flagged where they are, among noise") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  for (const double size : {15.0, -15.0, 1e3, 1e15}) {
    INFO("spike " << size);
    Series series;
    const auto at =
        series.raises(3000, [&](std::size_t i) { return noise(random) + (i == 2000 ? size : 0); });
    REQUIRE(at.size() >= 1);
    CHECK(at.front() == 2000);
    CHECK(at.size() <= 2);  // what follows an enormous one is judged by its own size
  }
  Series step;
  const auto steps = step.raises(3000, [&](std::size_t i) { return noise(random) + (i >= 2000 ? 12 : 0); });
  REQUIRE(steps.size() >= 1);
  CHECK(steps.front() == 2000);
  Series drift;
  const auto drifts = drift.raises(3000, [&](std::size_t i) {
    return noise(random) + 0.3 * static_cast<double>(std::max<std::size_t>(i, 2000) - 2000);
  });
  REQUIRE(drifts.size() >= 1);
  CHECK(drifts.front() > 2000);
  CHECK(drifts.front() < 2100);
}

TEST_CASE("auto: what is no anomaly raises nothing") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform{-1, 1};
  const auto raised = [](const std::function<double(std::size_t)>& value) {
    Series series;
    return series.raises(43'200, value).size();
  };
  CHECK(raised([](std::size_t) { return 20.5; }) == 0);
  CHECK(raised([](std::size_t) { return 0.0; }) == 0);
  CHECK(raised([](std::size_t i) { return 1e9 + static_cast<double>(i); }) == 0);
  CHECK(raised([&](std::size_t) { return random() % 2 == 0 ? 0.0 : 1.0; }) == 0);
  CHECK(raised([&](std::size_t) { return uniform(random); }) == 0);
  CHECK(raised([&](std::size_t i) { return i < 20'000 ? 20.0 : 20.1; }) == 0);
  std::size_t white = 0, walk = 0, season = 0;
  for (int i = 0; i < 20; ++i) {  // months
    white += raised([&](std::size_t) { return normal(random); });
    double at = 0;
    walk += raised([&](std::size_t) { return at += normal(random); });
    season += raised([&](std::size_t minute) { return 5 * day_wave(minute) + normal(random); });
  }
  CHECK(white < 20);
  CHECK(walk < 20);
  CHECK(season < 20);
}

TEST_CASE("auto: what is usual at noon is flagged at midnight, once two days are known") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{0, 0.5};
  const auto value = [&](std::size_t i) {
    const bool night = i >= 10 * 1440 && i < 10 * 1440 + 180;  // three hours as at noon
    return (night ? 10.0 : -10 * std::cos(static_cast<double>(i % 1440) * 2 * 3.14159265358979 / 1440)) +
           noise(random);
  };
  Series with;
  bool found = false;
  for (const std::size_t at : with.raises(12 * 1440, value))
    found |= at >= 10 * 1440 && at <= 10 * 1440 + 240;
  CHECK(found);
}

TEST_CASE("auto: a spike blinds it for no longer than its memory") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  for (const double huge : {1e15, 1e300, -std::numeric_limits<double>::max()}) {
    Series series;
    const auto at = series.raises(
        16'000, [&](std::size_t i) { return i == 1000 ? huge : noise(random) + (i == 15'000 ? 15 : 0); });
    CHECK(std::find(at.begin(), at.end(), 1000) != at.end());
    CHECK(std::find(at.begin(), at.end(), 15'000) != at.end());
  }
}

TEST_CASE(
    "auto: warming, then quiet; a raise is followed by no second one, but by the flag as long as the value "
    "is away") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  Series series;
  for (int i = 0; i < 1000; ++i) {
    const Verdict verdict = series.add(t0 + i * 1min, i == 100 ? 100 : noise(random));
    if (i < 134) CHECK(verdict.condition == Condition::warming);
    if (i > 200) CHECK(verdict.condition == Condition::quiet);
  }
  const Verdict raise = series.add(t0 + 1000min, 60);
  CHECK(raise.condition == Condition::fire);
  CHECK(raise.score >= 0.5);
  CHECK(std::abs(raise.expected - 20) < 2);
  CHECK(raise.low < 20);
  CHECK(raise.high > 20);
  CHECK(raise.high < 60);
  const Verdict next = series.add(t0 + 1001min, 60);
  CHECK(next.condition == Condition::fire);  // the flag may still wait for its `for`
  CHECK(next.score < 0.5);
  const Verdict back = series.add(t0 + 1002min, 20);
  CHECK(back.condition == Condition::quiet);
}

TEST_CASE("auto: whether it explains changes nothing of what it knows or raises") {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  Series told, silent;
  for (int i = 0; i < 20'000; ++i) {
    const double value = random() % 300 == 0 ? 20 + 30 * noise(random) : noise(random);
    const Verdict a = told.add(t0 + i * 1min, value, true);
    const Verdict b = silent.add(t0 + i * 1min, value, false);
    REQUIRE(a.condition == b.condition);
    if (a.condition == Condition::fire) REQUIRE(a.score == b.score);
  }
  CHECK(told.room() == silent.room());
}

TEST_CASE("auto: without the season it takes a third of the memory and flags the same spikes") {
  CHECK(Auto{AutoSpec{.season = false}}.bytes() <= 512);
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{20, 1};
  Series series{AutoSpec{.season = false}};
  const auto at = series.raises(3000, [&](std::size_t i) { return noise(random) + (i == 2000 ? 15 : 0); });
  REQUIRE(at.size() >= 1);
  CHECK(at.front() == 2000);
}

TEST_CASE("auto: extremes, gaps and equal times neither stop nor spoil it") {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double least = std::numeric_limits<double>::denorm_min();
  const double extremes[] = {most, -most, least, -least, 0.0, -0.0, 1e300, 1, 1e15, 0.1};
  std::mt19937_64 random{fixture::seed()};
  Series series;
  Time time = t0;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 3 == 0) time += random() % 100 == 0 ? Duration{40h} : Duration{7min};
    const Verdict verdict = series.add(time, extremes[random() % 10]);
    REQUIRE(verdict.score >= 0);
    REQUIRE(verdict.score <= 1);
    REQUIRE(std::isfinite(verdict.score));
  }
}
