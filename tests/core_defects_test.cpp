// What programs like this one get wrong, each as a property that holds here. The table in README.md names the
// tests of those that are not here.
#include <doctest/doctest.h>

#include <string>

#include "core/engine.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using fixture::Bed;
using fixture::Event;
using fixture::Time;

namespace {

constexpr Time t0{1'700'000'000s};

core::Plan plan_of(const core::WindowSpec& spec) {
  core::Plan plan;
  plan.windows = {spec};
  return plan;
}

core::Plan last(std::uint32_t samples) {
  core::WindowSpec spec;
  spec.kind = core::WindowKind::count;
  spec.samples = samples;
  spec.step = 1;
  return plan_of(spec);
}

Event newest(Bed& bed) { return bed.take().back(); }

}  // namespace

TEST_CASE("a window of ten forgets the eleventh") {
  Bed bed{last(10), 1};
  bed.tick(t0);
  for (int i = 0; i <= 10; ++i) bed.sample(0, t0 + std::chrono::seconds{i}, i == 0 ? 1000 : i);
  const Event event = newest(bed);
  CHECK(event.count == 10);
  CHECK(event.max == 10);
  CHECK(event.min == 1);
  CHECK(event.mean == 5.5);
  CHECK(event.first == 1);
  CHECK(event.variance == 82.5 / 9);
}

TEST_CASE("after 1e16 has left a window of two, what is left is exact") {
  Bed bed{last(2), 1};
  bed.tick(t0);
  for (const double value : {1e16, 1.0, 1.0, 1.0}) bed.sample(0, t0, value);
  const Event event = newest(bed);
  CHECK(event.mean == 1);
  CHECK(event.variance == 0);
}

TEST_CASE("the variance of 1e9, 1e9 + 1, 1e9 + 2 is 1, and population's two thirds are not it") {
  Bed bed{last(3), 1};
  bed.tick(t0);
  for (const double value : {1e9, 1e9 + 1, 1e9 + 2}) bed.sample(0, t0, value);
  CHECK(newest(bed).variance == 1);
}

TEST_CASE("the 10001st device gets results like the first") {
  core::WindowSpec spec;
  spec.kind = core::WindowKind::tumbling;
  spec.length = spec.every = 1s;
  constexpr core::SeriesId devices = 10'001;
  Bed bed{plan_of(spec), devices};
  bed.tick(t0);
  for (core::SeriesId id = 0; id < devices; ++id) bed.sample(id, t0, 1);
  bed.end();
  CHECK(bed.recorder.by_series.size() == devices);
  CHECK(bed.recorder.by_series[devices - 1].size() == 1);
}

TEST_CASE("a window of time is one of time, however many samples it holds") {
  core::WindowSpec spec;
  spec.kind = core::WindowKind::tumbling;
  spec.length = spec.every = 10s;
  Bed bed{plan_of(spec), 1};
  bed.tick(t0);
  for (int i = 0; i < 1000; ++i) bed.sample(0, t0 + std::chrono::milliseconds{i}, 1);
  bed.end();
  CHECK(newest(bed).count == 1000);
}
