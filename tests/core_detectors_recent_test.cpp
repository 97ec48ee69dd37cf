// Detectors of the last samples: mad, iqr, and what they share.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <limits>
#include <random>
#include <string>

#include "core/detectors/iqr.h"
#include "core/detectors/mad.h"
#include "core/parts/recent.h"
#include "core/parts/written.h"
#include "tests/core_detectors_fixture.h"

using core::Condition;
using core::IqrSpec;
using core::MadSpec;
using core::Verdict;
using fixture::Fed;
using fixture::flags;
using fixture::generate;
using fixture::t0;
using fixture::turns;
using Seconds = std::vector<std::int64_t>;

namespace {

constexpr double most = std::numeric_limits<double>::max();
constexpr double least = std::numeric_limits<double>::denorm_min();

bool same(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

// Type 7, by sorting.
double quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const double place = p * static_cast<double>(values.size() - 1);
  const auto lower = static_cast<std::size_t>(place);
  if (lower + 1 == values.size()) return values.back();
  const double weight = place - static_cast<double>(lower), a = values[lower], b = values[lower + 1];
  return a < 0 && b > 0 ? a * (1 - weight) + b * weight : std::min(a + (b - a) * weight, b);
}

// What a detector of the last samples says, from the values it may know, in order.
Verdict verdict(const MadSpec& spec, const std::vector<double>& before, double value) {
  const double median = quantile(before, 0.5);
  std::vector<double> distances;
  for (const double one : before) distances.push_back(std::abs(one - median));
  const double widening = 1 + 12 / static_cast<double>(before.size());
  std::sort(distances.begin(), distances.end());
  double usual = quantile(distances, 0.5);
  if (usual == 0) usual = distances[distances.size() - 1 - distances.size() / 4];
  const double deviation = std::max({1.482602218505602 * widening * usual, spec.deviation_min,
                                     1e-12 * std::abs(median), core::written_step(value, before.back())});
  const double z = std::abs(value - median) / deviation;
  return {.condition = z >= spec.raise  ? Condition::fire
                       : z > spec.clear ? Condition::between
                                        : Condition::quiet,
          .score = 1 / (1 + spec.raise / z * (spec.raise / z)),
          .expected = median,
          .low = median - spec.raise * deviation,
          .high = median + spec.raise * deviation};
}
Verdict verdict(const IqrSpec& spec, const std::vector<double>& before, double value) {
  const double lower = quantile(before, 0.25), upper = quantile(before, 0.75);
  const double widening = 1 + 12 / static_cast<double>(before.size());
  const double spread =
      std::max({(upper - lower) * widening, 1e-12 * std::max(std::abs(lower), std::abs(upper)),
                2 * core::written_step(value, before.back())});
  const double z = std::max({0.0, lower - value, value - upper}) / spread;
  return {.condition = z >= spec.raise  ? Condition::fire
                       : z > spec.clear ? Condition::between
                                        : Condition::quiet,
          .score = 1 / (1 + spec.raise / z * (spec.raise / z)),
          .expected = quantile(before, 0.5),
          .low = lower - spec.raise * spread,
          .high = upper + spec.raise * spread};
}

// Series of different shape: duplicates, steps, spikes, full precision.
double draw(std::mt19937_64& random, std::uint64_t shape) {
  std::normal_distribution<double> normal;
  const double value = normal(random);
  if (random() % 20 == 0) return value * 1e6;
  if (shape == 0) return 20 + value;
  if (shape == 1) return std::round(value * 10) / 10;
  if (shape == 2) return static_cast<double>(random() % 3);
  return random() % 2 == 0 ? -0.0 : value * 1e-3;
}

template <class Kind>
void compare_with_sorting(const typename Kind::Spec& spec, std::uint64_t shape) {
  INFO("samples " << spec.samples << " shape " << shape << " seed " << fixture::seed());
  std::mt19937_64 random{fixture::seed() + shape};
  Fed<Kind> explained{spec}, terse{spec};
  std::vector<double> before;
  std::size_t fired = 0;
  for (int i = 0; i < 1500; ++i) {
    const double value = draw(random, shape);
    const Verdict got = explained.add(value, true), brief = terse.add(value, false);
    REQUIRE(got.condition == brief.condition);
    REQUIRE(explained.state() == terse.state());
    if (before.size() < (spec.samples + 1) / 2) {
      REQUIRE(got.condition == Condition::warming);
    } else {
      const Verdict wanted = verdict(spec, before, value + 0.0);
      REQUIRE(got.condition == wanted.condition);
      REQUIRE(same(got.score, wanted.score));
      REQUIRE(same(got.expected, wanted.expected));
      REQUIRE(same(got.low, wanted.low));
      REQUIRE(same(got.high, wanted.high));
      if (brief.condition != Condition::quiet) REQUIRE(same(brief.score, wanted.score));
      if (got.condition == Condition::fire) ++fired;
    }
    before.push_back(value + 0.0);
    if (before.size() > spec.samples) before.erase(before.begin());
  }
  CHECK(fired > 10);
  CHECK(fired < 1000);
}

}  // namespace

TEST_CASE("Recent: the last values in order, whatever comes") {
  std::mt19937_64 random{fixture::seed()};
  for (const std::uint32_t size : {1U, 2U, 5U, 31U, 254U, 255U}) {
    INFO("size " << size);
    const core::Recent recent{size};
    CHECK(recent.bytes() == 8 + size * 8 + (size + 7) / 8 * 8);
    std::vector<std::uint64_t> block(recent.bytes() / 8 + 1);
    auto& state = *reinterpret_cast<core::RecentState*>(block.data());
    std::deque<double> model;
    for (int i = 0; i < 3000; ++i) {
      CHECK(recent.enough(state) == (2 * model.size() >= size));
      const double value = i / 500 % 2 == 0 ? static_cast<double>(random() % 8) - 4
                                            : std::ldexp(static_cast<double>(random()), -9);
      recent.add(state, i % 7 == 0 ? -0.0 : value);
      model.push_back(i % 7 == 0 ? 0.0 : value);
      if (model.size() > size) model.pop_front();
      std::vector<double> wanted(model.begin(), model.end());
      std::sort(wanted.begin(), wanted.end());
      const auto got = recent.sorted(state);
      REQUIRE(std::equal(got.begin(), got.end(), wanted.begin(), wanted.end(), same));
      REQUIRE(recent.newest(state) == model.back());
    }
    CHECK(block.back() == 0);  // nothing behind its bytes
  }
}

TEST_CASE("mad and iqr say what sorting says, to the bit") {
  for (const std::uint32_t samples : {5U, 6U, 30U, 31U, 254U, 255U}) {
    for (const std::uint64_t shape : {0U, 1U, 2U, 3U}) {
      compare_with_sorting<core::Mad>({.samples = samples}, shape);
      compare_with_sorting<core::Mad>({.raise = 3, .clear = 1, .samples = samples, .deviation_min = 0.4},
                                      shape);
      compare_with_sorting<core::Iqr>({.samples = samples}, shape);
      compare_with_sorting<core::Iqr>({.raise = 1.5, .clear = 0.1, .samples = samples}, shape);
    }
  }
}

TEST_CASE_TEMPLATE("last samples: a spike of any size is flagged, and blinds for nothing", Kind, core::Mad,
                   core::Iqr) {
  std::mt19937_64 random{fixture::seed()};
  std::uniform_real_distribution<double> noise{18, 22};
  const typename Kind::Spec spec{.samples = 63};
  for (const double size : {40.0, 1e15, -1e15, 1e308, -1e308}) {
    INFO("size " << size);
    auto values = generate(4000, [&](std::size_t) { return noise(random); });
    Seconds spikes, ends;
    for (std::size_t i = 100; i < values.size(); i += 25) {
      values[i] = size;
      values[i + 2] = -20;  // soon after it, and much smaller
      for (const std::size_t spike : {i, i + 2}) {
        spikes.push_back(static_cast<std::int64_t>(spike));
        ends.push_back(static_cast<std::int64_t>(spike + 1));
      }
    }
    const auto got = flags(typename Kind::Spec{spec}, values);
    CHECK(turns(got, true) == spikes);
    CHECK(turns(got, false) == ends);
  }
}

TEST_CASE_TEMPLATE("last samples: a lasting step is flagged once, and becomes usual", Kind, core::Mad,
                   core::Iqr) {
  std::mt19937_64 random{fixture::seed()};
  std::uniform_real_distribution<double> noise{-1, 1};
  for (const double size : {25.0, 1e6, 1e15}) {
    INFO("size " << size);
    const auto values =
        generate(2000, [&](std::size_t i) { return (i < 1000 ? 20 : 20 + size) + noise(random); });
    const auto got = flags(typename Kind::Spec{}, values);
    CHECK(turns(got, true) == Seconds{1000});
    REQUIRE(turns(got, false).size() == 1);
    CHECK(turns(got, false)[0] > 1005);
    CHECK(turns(got, false)[0] <= 1016);
  }
}

TEST_CASE_TEMPLATE("last samples: the neighbours that are not anomalies", Kind, core::Mad, core::Iqr) {
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform{-1, 1};
  const auto check = [](const std::string& what, const std::vector<double>& values, std::size_t flagged = 0) {
    INFO(what);
    CHECK(turns(flags(typename Kind::Spec{.samples = 127}, values), true).size() <= flagged);
  };
  constexpr std::size_t few = 5;  // where iqr expects one flag in 120000 samples
  check("white noise", generate(30000, [&](std::size_t) { return normal(random); }), few);
  check("white noise at 1e9", generate(30000, [&](std::size_t) { return 1e9 + 0.1 * normal(random); }), few);
  check("uniform noise", generate(30000, [&](std::size_t) { return uniform(random); }));
  check("constant", generate(10000, [&](std::size_t) { return 20.1; }));
  check("zero", generate(10000, [&](std::size_t i) { return i % 2 == 0 ? 0.0 : -0.0; }));
  check("20.0, then 20.1", generate(20000, [&](std::size_t i) { return i < 10000 ? 20.0 : 20.1; }));
  check("a constant that flickers by one step",
        generate(30000, [&](std::size_t) { return random() % 100 == 0 ? 20.2 : 20.1; }));
  check("sixteenths", generate(30000, [&](std::size_t) { return random() % 50 == 0 ? 20.125 : 20.0625; }));
  check("steps of a float of one decimal", generate(30000, [&](std::size_t) {
          return static_cast<double>(random() % 50 == 0 ? 20.2F : 20.1F);
        }));
  check("whole numbers that change by up to five", generate(30000, [&](std::size_t) {
          return -67.0 - (random() % 300 == 0 ? static_cast<double>(random() % 6) : 0);
        }));
  check("a door: closed for an hour, open for a minute",
        generate(30000, [&](std::size_t i) { return i % 3660 > 3600 ? 1.0 : 0.0; }));
  check("a square wave", generate(20000, [&](std::size_t i) { return i / 5 % 2 == 0 ? 5.0 : 25.0; }));
  check("a valve: open for a third of the time",
        generate(20000, [&](std::size_t i) { return i / 7 % 3 == 0 ? 100.0 : 0.0; }));
  check("a slow wave",
        generate(30000,
                 [&](std::size_t i) {
                   return 20 + 5 * std::sin(static_cast<double>(i) * 2 * 3.14159265 / 86400) +
                          0.1 * normal(random);
                 }),
        few);
  check("a ramp", generate(20000, [&](std::size_t i) { return 0.3 * static_cast<double>(i); }));
}

TEST_CASE_TEMPLATE("last samples: extreme values neither stop nor spoil them", Kind, core::Mad, core::Iqr) {
  const double extremes[] = {most, -most, least, -least, 0.0, -0.0, 1e300, 1, 1e15, most / 2, -most / 3};
  std::mt19937_64 random{fixture::seed()};
  for (const std::uint32_t samples : {5U, 6U, 31U, 255U}) {
    Fed<Kind> fed{{.samples = samples}};
    std::uint64_t kinds = 1;
    for (int i = 0; i < 20000; ++i) {
      if (i % 500 == 0) kinds = 1 + random() % std::size(extremes);  // some of them for a while
      const auto verdict = fed.add(t0, extremes[random() % kinds]);
      REQUIRE(verdict.score >= 0);
      REQUIRE(verdict.score <= 1);
      if (verdict.condition == Condition::warming) continue;
      REQUIRE((verdict.condition == Condition::fire) == (verdict.score >= 0.5));
      REQUIRE(std::isfinite(verdict.expected));
      REQUIRE(!std::isnan(verdict.low));
      REQUIRE(!std::isnan(verdict.high));
    }
    // Ordinary values after that: nothing of it is left.
    for (std::uint32_t i = 0; i < samples; ++i) fed.add(i % 2 == 0 ? 20.5 : 19.5);
    CHECK(fed.add(20).condition == Condition::quiet);
    CHECK(fed.add(90).condition == Condition::fire);
  }
}
