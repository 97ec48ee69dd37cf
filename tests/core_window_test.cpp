// What a window may be, and the few results everybody should be able to check by hand.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Duration;
using core::WindowSpec;
using fixture::Bed;
using fixture::Event;
using fixture::Time;

namespace {

constexpr Time t0{1'700'000'000s - 20s};  // the start of a minute

WindowSpec window(Duration length, Duration every, Duration offset = 0s, Duration retention = 0s) {
  WindowSpec spec;
  spec.name = "w";
  spec.length = length;
  spec.every = every;
  spec.offset = offset;
  spec.retention = retention;
  return spec;
}

core::Plan plan_of(const WindowSpec& spec, Duration lateness = 0s, Duration idle = 10s) {
  core::Plan plan;
  plan.lateness = lateness;
  plan.idle = idle;
  plan.windows = {spec};
  return plan;
}

}  // namespace

TEST_CASE("windows say what is wrong with their settings") {
  const auto check = [](const WindowSpec& spec, Duration lateness, std::vector<std::string> expected) {
    CHECK(spec.problems(lateness) == expected);
  };
  check(window(60s, 60s), 5s, {});
  check(window(60s, 10s, 3s, 10s), 5s, {});
  check(window(1ns, 1ns), 0s, {});
  check(window(10s, 3s), 0s, {"every: 3s does not divide length 10s; choose 2500ms or 5s"});
  check(window(1h, 7min), 0s, {"every: 7m does not divide length 1h; choose 400s or 450s"});
  check(window(10s, 20s), 0s, {"every: 20s is longer than length 10s; choose at most the length"});
  check(window(10s, 0s), 0s, {"every: 0s is not a length of time; choose one above 0s"});
  check(window(10s, -1s), 0s, {"every: -1s is not a length of time; choose one above 0s"});
  check(window(0s, 1s), 0s, {"length: 0s is not allowed; choose above 0s and at most 3660d"});
  check(window(4000 * 24h, 1s), 0s, {"length: 4000d is not allowed; choose above 0s and at most 3660d"});
  check(window(60s, 60s, 60s), 0s, {"offset: 1m is not allowed; choose 0s or more and less than every 1m"});
  check(window(60s, 60s, -1ms), 0s,
        {"offset: -1ms is not allowed; choose 0s or more and less than every 1m"});
  check(window(60s, 60s, 0s, -1s), 0s, {"retention: -1s is not allowed; choose 0s to 3660d"});
  check(window(100s, 1ms), 0s, {});
  check(window(100s, 1ms), 1ms,
        {"every: 1ms needs 100001 panes for length 100s, lateness 1ms and retention 0s; at most 100000 are "
         "allowed: choose a longer every"});
  check(window(999999999999989ns, 7ns),
        0s,  // a prime: no divisor is looked for where too many panes forbid it
        {"every: 7ns needs 142857142857141 panes for length 999999999999989ns, lateness 0s and retention 0s; "
         "at most 100000 are allowed: choose a longer every"});
  check(window(1s, 1ns), 0s,
        {"every: 1ns needs 1000000000 panes for length 1s, lateness 0s and retention 0s; at most 100000 are "
         "allowed: choose a longer every"});
}

TEST_CASE("a window of ten seconds holds ten seconds, not a life") {
  Bed bed{plan_of(window(10s, 10s)), 1};
  bed.tick(t0);
  for (int i = 0; i <= 30; ++i) bed.sample(0, t0 + std::chrono::seconds{i}, i);
  const auto got = bed.take();
  REQUIRE(got.size() == 3);
  const auto check = [&](std::size_t i, double first, double last, double mean) {
    CHECK(got[i].count == 10);
    CHECK(got[i].first == first);
    CHECK(got[i].last == last);
    CHECK(got[i].min == first);
    CHECK(got[i].max == last);
    CHECK(got[i].mean == mean);
    CHECK(got[i].variance == 82.5 / 9);
  };
  check(0, 0, 9, 4.5);
  check(1, 10, 19, 14.5);
  check(2, 20, 29, 24.5);
}

TEST_CASE("a spike of 1e15 that has left a hopping window leaves no trace in its variance") {
  Bed bed{plan_of(window(10s, 1s)), 1};
  bed.tick(t0);
  const double values[] = {20, 20.5, 21, 20.25, 19.5, 20.75, 20.125};
  for (int i = 0; i < 60; ++i) {
    bed.sample(0, t0 + std::chrono::seconds{i}, i == 20 ? 1e15 : values[i % 7]);
  }
  for (const Event& event : bed.take()) {
    const auto end = (event.end - t0) / 1s;
    if (end > 20 && end <= 30) {
      CHECK(event.max == 1e15);
      continue;
    }
    long double sum = 0, squares = 0;
    int count = 0;
    for (auto i = std::max<std::int64_t>(0, end - 10); i < end; ++i, ++count) sum += values[i % 7];
    for (auto i = std::max<std::int64_t>(0, end - 10); i < end; ++i) {
      squares += (values[i % 7] - sum / count) * (values[i % 7] - sum / count);
    }
    CHECK(event.count == static_cast<std::uint64_t>(count));
    CHECK(event.mean == static_cast<double>(sum / count));
    if (count > 1)
      CHECK(event.variance == doctest::Approx(static_cast<double>(squares / (count - 1))).epsilon(1e-15));
  }
}

TEST_CASE("after a jump of years a window costs what its ring holds") {
  Bed bed{plan_of(window(1h, 1s, 0s, 1s), 5s), 1};
  bed.tick(t0);
  bed.sample(0, t0, 1);
  bed.sample(0, core::time_max - 1ns, 2);
  CHECK(bed.take().size() ==
        3600);  // the windows that hold the first sample, and none of the empty ones after
  bed.tick(t0 + 24h);
  CHECK(bed.take().size() == 3600);
  CHECK(bed.total(&core::ShardCounters::aggregated) == 2);
}

TEST_CASE("the first and the last instant of event time") {
  Bed bed{plan_of(window(60s, 20s, 7s, 20s), 5s), 2};
  bed.tick(t0);
  bed.sample(0, core::time_min, 1);
  bed.sample(1, core::time_max - 1ns, 1);
  bed.tick(t0 + 1h);
  const auto got = bed.take();
  REQUIRE(got.size() == 3);
  CHECK(got[0].start == core::time_min - 53s);
  CHECK(got[0].end == core::time_min + 7s);
  CHECK(bed.recorder.by_series[1].size() == 3);
}

TEST_CASE("a device an hour behind is closed as late as one that is right") {
  for (const Duration behind : {0s, 3600s, -50s}) {
    Bed bed{plan_of(window(60s, 60s, 0s, 60s), 5s, 10s), 1};
    bed.tick(t0);
    bed.sample(0, t0 - behind, 1);
    bed.tick(t0 + 60s + 5s + 10s - (behind == -50s ? 50s : 0s) - 1ns);
    CHECK(bed.take().empty());
    bed.tick(t0 + 60s + 5s + 10s - (behind == -50s ? 50s : 0s));
    CHECK(bed.take().size() == 1);
  }
}

TEST_CASE("a clock that stands still does not keep a window open") {
  Bed bed{plan_of(window(60s, 60s, 0s, 60s), 5s, 10s), 1};
  for (int i = 0; i < 200; ++i) {
    bed.tick(t0 + std::chrono::seconds{i});
    bed.sample(0, t0 + 30s, 1);
  }
  const auto got = bed.take();
  REQUIRE(got.size() > 1);
  CHECK(got[0].rev == 1);
  CHECK(got[0].count == 45);  // 30 s to the end by the device's clock, 5 s lateness, 10 s idle
  CHECK(bed.total(&core::ShardCounters::late) > 0);
}
