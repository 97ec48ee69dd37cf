// Detectors of fixed limits: range, rate_of_change, flatline. Those of the last samples: the other source.
#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "core/detectors/flatline.h"
#include "core/detectors/range.h"
#include "core/detectors/rate_of_change.h"
#include "core/parts/written.h"
#include "tests/core_detectors_fixture.h"

using namespace std::chrono_literals;
using core::Condition;
using core::Duration;
using core::FlatlineSpec;
using core::RangeSpec;
using core::RateOfChangeSpec;
using core::Time;
using fixture::Fed;
using fixture::flags;
using fixture::generate;
using fixture::t0;
using fixture::turns;
using Seconds = std::vector<std::int64_t>;

namespace {

constexpr double most = std::numeric_limits<double>::max();
constexpr double least = std::numeric_limits<double>::denorm_min();
constexpr double extremes[] = {most, -most, least, -least, 0.0, -0.0, 1e300, 1, 1e15, 1e-300};
constexpr auto quiet = Condition::quiet, between = Condition::between, fire = Condition::fire,
               warming = Condition::warming;

}  // namespace

TEST_CASE("range: inclusive limits, margin, bounds") {
  const auto check = [](const RangeSpec& spec, double value, Condition condition, double score) {
    INFO("value " << value);
    const auto verdict = Fed<core::Range>{spec}.add(value, false);
    CHECK(verdict.condition == condition);
    CHECK(verdict.score == score);
    CHECK(verdict.low == spec.low);
    CHECK(verdict.high == spec.high);
    CHECK(std::isnan(verdict.expected));
  };
  check({10, 20, 0}, 9.99, fire, 1);
  check({10, 20, 0}, 10, quiet, 0);
  check({10, 20, 0}, 20, quiet, 0);
  check({10, 20, 0}, 20.01, fire, 1);
  check({10, 20, 2}, 10, between, 1);
  check({10, 20, 2}, 11.5, between, 0.25);
  check({10, 20, 2}, 12, quiet, 0);
  check({10, 20, 2}, 18, quiet, 0);
  check({10, 20, 2}, 18.5, between, 0.25);
  check({10, 20, 2}, 20, between, 1);
  check({10, 20, 2}, 20.5, fire, 1);
  check({-5, 0, 1}, -0.0, between, 1);
  check({-5, 0, 1}, least, fire, 1);
  check({-most, most, 1e308 / 2}, most, between, 1);
  check({0, 1e-300, 1e-320}, least, between, 1 - least / 1e-320);
}

TEST_CASE("rate_of_change: strict limits up and down, clear, bounds") {
  struct Row {
    Duration after;
    double value;
    Condition condition;
    double score;
  };
  const auto check = [](const RateOfChangeSpec& spec, const std::vector<Row>& rows) {
    Fed<core::RateOfChange> fed{spec};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      INFO("row " << i);
      const auto verdict = fed.add(t0 + rows[i].after, rows[i].value, false);
      CHECK(verdict.condition == rows[i].condition);
      CHECK(verdict.score == doctest::Approx(rows[i].score));
    }
  };
  check({.rise = 2, .fall = 1}, {{0s, 10, warming, 0},
                                 {1s, 12, quiet, 0},
                                 {2s, 14.5, fire, 1},
                                 {3s, 13.5, quiet, 0},
                                 {4s, 12, fire, 1},
                                 {14s, 32, quiet, 0},
                                 {15s, 34.1, fire, 1}});
  // Only one of the two.
  check({2, {}}, {{0s, 10, warming, 0}, {1s, -1000, quiet, 0}, {2s, -997, fire, 1}});
  check({{}, 2}, {{0s, 10, warming, 0}, {1s, 1000, quiet, 0}, {2s, 997, fire, 1}});
  // By the minute; part of the limit to be back at.
  check({6, {}, 1min, 0.5},
        {{0s, 0, warming, 0}, {10s, 1.1, fire, 1}, {20s, 1.9, between, 0.6}, {30s, 2.4, quiet, 0}});
  // Exactly the limit, in tenths.
  check({.rise = 0.1, .fall = 0.1}, {{0s, 20.1, warming, 0},
                                     {1s, 20.2, quiet, 0},
                                     {2s, 20.3, quiet, 0},
                                     {3s, 20.2, quiet, 0},
                                     {4s, 20.1, quiet, 0},
                                     {5s, 20.201, fire, 1}});
  // Samples of one time are all measured from the last one of an earlier time.
  check({2, {}}, {{0s, 10, warming, 0},
                  {0s, 50, warming, 0},
                  {1s, 51, quiet, 0},
                  {1s, 90, fire, 1},
                  {1s, 51, quiet, 0},
                  {1s, 52, quiet, 0},
                  {2s, 54, quiet, 0},
                  {2s, 54.1, fire, 1}});
}

TEST_CASE("rate_of_change explains itself, also after a gap") {
  Fed<core::RateOfChange> fed{{.rise = 2, .fall = 1}};
  fed.add(t0, 10);
  auto verdict = fed.add(t0 + 1h, 10000);
  CHECK(verdict.condition == fire);
  CHECK(verdict.expected == 10);
  CHECK(verdict.high == 10 + 2 * 3600);
  CHECK(verdict.low == 10 - 3600);
  verdict = fed.add(t0 + 1h + 500ms, 10000);
  CHECK(verdict.condition == quiet);
  CHECK(verdict.expected == 10000);
  CHECK(verdict.high == 10001);
  Fed<core::RateOfChange> rising{{2, {}}};
  rising.add(t0, 10);
  CHECK(std::isnan(rising.add(t0 + 1s, 10).low));
}

TEST_CASE("flatline: for so long, and so many; since is the first") {
  const auto check = [](const FlatlineSpec& spec, const std::vector<double>& values, const Seconds& raised,
                        const Seconds& cleared) {
    const auto got = flags(spec, values);
    CHECK(turns(got, true) == raised);
    CHECK(turns(got, false) == cleared);
  };
  const auto steps = [](double step) {
    return generate(40, [=](std::size_t i) { return i < 10 ? 5 + step * static_cast<double>(i) : 7.5; });
  };
  check({.after = 10s, .samples = 5}, steps(0.1), {20}, {});
  check({.after = 10s, .samples = 20}, steps(0.1), {29}, {});
  check({.after = 30s, .samples = 2}, steps(0.1), {}, {});
  check({.after = 29s, .samples = 2}, steps(0.1), {39}, {});
  // A value that has never moved.
  check({.after = 10s, .samples = 2}, std::vector<double>(40, 0.0), {10}, {});
  // Tolerance, exactly used up in tenths, and exceeded.
  const auto alternate = [](double other) {
    return generate(40, [=](std::size_t i) { return i == 25 ? 99 : i % 2 == 0 ? 20.2 : other; });
  };
  check({.after = 10s, .tolerance = 0.1, .samples = 5}, alternate(20.3), {10, 36}, {25});
  check({.after = 10s, .tolerance = 0.1, .samples = 5}, alternate(20.301), {}, {});
  check({.after = 10s, .samples = 5}, alternate(std::nextafter(20.2, 21)), {}, {});
  // A drift ends the run each time it has used up the tolerance.
  check({.after = 10s, .tolerance = 1.5, .samples = 2},
        generate(48, [](std::size_t i) { return 0.1 * static_cast<double>(i); }), {10, 26, 42}, {16, 32});
}

TEST_CASE("flatline explains itself; repeated times and gaps are what they are") {
  Fed<core::Flatline> fed{{.after = 10s, .tolerance = 1, .samples = 4}};
  CHECK(fed.add(t0, 5).score == 0);
  for (int i = 0; i < 100; ++i) CHECK(fed.add(t0, 5).condition == quiet);  // no time has passed
  CHECK(fed.add(t0 + 5s, 5.5).score == 0.25);
  CHECK(fed.add(t0 + 10s - 1ns, 5).condition == quiet);
  auto verdict = fed.add(t0 + 10s, 6, false);
  CHECK(verdict.condition == fire);
  CHECK(verdict.score == 1);
  CHECK(verdict.since == t0);
  CHECK(verdict.low == 5);
  CHECK(verdict.high == 6);
  verdict = fed.add(t0 + 11s, 4.9);
  CHECK(verdict.condition == quiet);
  CHECK(verdict.score == 0);
  CHECK(verdict.since == core::no_time);
  // Two samples far apart are not enough of them.
  CHECK(fed.add(t0 + 1h, 4.9).condition == quiet);
  CHECK(fed.add(t0 + 1h, 4.9).score == 0.375);
  verdict = fed.add(t0 + 1h, 4.9);
  CHECK(verdict.condition == fire);
  CHECK(verdict.since == t0 + 11s);
}

TEST_CASE("limits: extreme values neither stop nor spoil them") {
  std::mt19937_64 random{fixture::seed()};
  Fed<core::Range> range{{-1e300, 1e308, 1e299}};
  Fed<core::RateOfChange> rates[] = {
      Fed<core::RateOfChange>{{.rise = most, .fall = least, .per = 1ns, .clear = 0.5}},
      Fed<core::RateOfChange>{{.rise = least, .fall = most, .per = core::duration_max, .clear = 1e-300}},
      Fed<core::RateOfChange>{{.rise = 1e308, .fall = 1e308, .clear = 0.5}}};
  Fed<core::Flatline> flat[] = {Fed<core::Flatline>{{.after = 1ns, .tolerance = most, .samples = 2}},
                                Fed<core::Flatline>{{.after = core::duration_max, .samples = 1'000'000}}};
  Time time = core::time_min;
  const auto sane = [](const core::Verdict& verdict) {
    REQUIRE(verdict.score >= 0);
    REQUIRE(verdict.score <= 1);
    REQUIRE((verdict.condition == fire) == (verdict.score == 1 && verdict.condition != between));
  };
  for (int i = 0; i < 20000; ++i) {
    const double value = extremes[random() % std::size(extremes)];
    const Duration steps[] = {0ns, 1ns, 1s, 24h};
    time = std::min(time + steps[random() % 4], core::time_max - 1ns);
    sane(range.add(time, value));
    for (auto& rate : rates) sane(rate.add(time, value));
    for (auto& one : flat) sane(one.add(time, value));
  }
  // From one end of a double to the other is too fast; one that then stays is not.
  Fed<core::RateOfChange> fed{{1e307, {}}};
  fed.add(-most);
  CHECK(fed.add(most).condition == fire);
  CHECK(fed.add(most).condition == quiet);
}

TEST_CASE("the step that values are written in") {
  const auto check = [](double a, double b, double step) { CHECK(core::written_step(a, b) == step); };
  check(20.0, 20.1, 0.1);
  check(20.1, 20.13, 0.01);
  check(20.0625, 20.125, 0.0625);
  check(-67, -70, 1);
  check(0, 300, 1);
  check(static_cast<double>(20.1F), static_cast<double>(20.2F), 0.1);
  check(1e15, 3, 1);
  check(-0.0, 0.001, 0.001);
}
