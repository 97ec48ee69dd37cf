// Laws of the small parts of a pane: identity, associativity, and commutativity where there is one. Those of
// the sketches are in core_quantiles_test, core_distinct_test and core_mode_test, of the moments in
// core_summary_test, of all of them in one state in core_aggregate_test.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/parts/steps.h"
#include "core/parts/tallies.h"
#include "core/parts/weighted.h"
#include "tests/parts_fixture.h"

using namespace std::chrono_literals;
using core::Area;
using core::Decay;
using core::Duration;
using core::Ends;
using core::Longest;
using core::Point;
using core::Rise;
using core::Slope;
using core::Summary;
using core::Tallies;
using core::Time;

namespace {

constexpr Time t0{1'700'000'000s};
constexpr Duration for_ever = Duration::max();

using Points = std::vector<Point>;

// In order of time, some at one time. Values are multiples of 1/64: sums of them are exact.
Points points(std::mt19937_64& random, std::size_t count) {
  Points all;
  Time time = t0 + std::chrono::milliseconds{random() % 1000};
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 5 != 0)
      time += std::chrono::milliseconds{random() % (random() % 10 == 0 ? 100'000 : 3000)};
    all.push_back({time, static_cast<double>(static_cast<std::int64_t>(random() % 2048) - 1024) / 64});
  }
  return all;
}

Points part(const Points& all, std::size_t from, std::size_t to) {
  return {all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to)};
}

template <class Part, class Merge>
Part merged(Part a, const Part& b, const Merge& merge) {
  merge(a, b);
  return a;
}

bool near(long double a, long double b, long double scale) { return std::abs(a - b) <= scale; }

bool same(const Point& a, const Point& b) { return a.time == b.time && a.value == b.value; }
bool same(const Ends& a, const Ends& b) { return same(a.first, b.first) && same(a.last, b.last); }
bool same(const Tallies& a, const Tallies& b) {
  return a.above == b.above && a.below == b.below && a.between == b.between && a.nulls == b.nulls;
}
bool same(const Longest& a, const Longest& b) { return a.between == b.between; }
bool same(const Rise& a, const Rise& b) {
  return a.total() == b.total() && a.covered == b.covered && a.steps == b.steps;
}
// A value times a time is no double: it is kept to about 1e-30 of the area.
bool same(const Area& a, const Area& b) {
  return a.covered == b.covered && near(a.total(), b.total(), 1e-14L * (1 + std::abs(a.total())));
}
bool same(const Decay& a, const Decay& b) {
  return a.time == b.time && near(a.mean(), b.mean(), 1e-13L * 16) &&
         near(a.weights, b.weights, 1e-12L * a.weights);
}

const auto plainly = [](auto& a, const auto& b) { a.merge(b); };

// Three pieces of one sequence, and the whole.
template <class Part, class Make, class Merge>
void check_laws(const Points& all, std::size_t cut, std::size_t second, const Make& make,
                const Merge& merge) {
  const Part a = make(all, 0, cut), b = make(all, cut, second), c = make(all, second, all.size());
  const Part left = merged(merged(a, b, merge), c, merge), right = merged(a, merged(b, c, merge), merge);
  REQUIRE(same(left, right));
  REQUIRE(same(left, make(all, 0, all.size())));
}

// Either way, and nothing changes nothing.
template <class Part>
void check_either_way(const Part& a, const Part& b) {
  const Part none{};
  REQUIRE(same(merged(a, b, plainly), merged(b, a, plainly)));
  REQUIRE(same(merged(a, none, plainly), a));
  REQUIRE(same(merged(none, a, plainly), a));
}

struct Cuts {
  Points all;
  std::size_t cut, second;
};

// Three pieces, none of them empty.
Cuts cuts(std::mt19937_64& random) {
  Points all = points(random, 3 + random() % 40);
  const std::size_t cut = 1 + random() % (all.size() - 2);
  return {all, cut, cut + 1 + random() % (all.size() - cut - 1)};
}

template <class Check>
void rounds(const Check& check) {
  std::mt19937_64 random{fixture::seed()};
  INFO("WEIR_SEED=" << fixture::seed());
  for (int round = 0; round < 2000; ++round) check(random);
}

}  // namespace

TEST_CASE("tallies: identity, any grouping, either way") {
  rounds([](std::mt19937_64& random) {
    const core::Limits limits{3, -3, -8, std::numeric_limits<double>::quiet_NaN()};
    const core::Limits inside{0, 0, -2, 5};
    const core::Limits& chosen = random() % 2 == 0 ? limits : inside;
    const auto make = [&](const Points& all, std::size_t from, std::size_t to) {
      Tallies tallies;
      for (std::size_t i = from; i < to; ++i) {
        if (all[i].value == 1) ++tallies.nulls;
        tallies.add(all[i].value, chosen);
      }
      return tallies;
    };
    const auto [all, cut, second] = cuts(random);
    check_laws<Tallies>(all, cut, second, make, plainly);
    const Tallies a = make(all, 0, cut), b = make(all, cut, all.size());
    check_either_way(a, b);
  });
}

TEST_CASE("ends: any grouping in any order; either way unless times are equal") {
  rounds([](std::mt19937_64& random) {
    auto [all, cut, second] = cuts(random);
    std::shuffle(all.begin(), all.end(), random);
    const auto make = [](const Points& some, std::size_t from, std::size_t to) {
      Ends ends;
      for (std::size_t i = from; i < to; ++i) ends.add(some[i], i == from);
      return ends;
    };
    check_laws<Ends>(all, cut, second, make, plainly);
    const Ends a = make(all, 0, cut), b = make(all, cut, all.size());
    if (a.first.time != b.first.time && a.last.time != b.last.time) {
      REQUIRE(same(merged(a, b, plainly), merged(b, a, plainly)));
    }
    // What is added as the first is merged with what follows.
    Ends behind = make(all, 1, all.size());
    behind.add_first(all[0]);
    REQUIRE(same(behind, merged(make(all, 0, 1), make(all, 1, all.size()), plainly)));
  });
}

TEST_CASE("longest pause: identity, any grouping, either way") {
  rounds([](std::mt19937_64& random) {
    const auto make = [](const Points& all, std::size_t from, std::size_t to) {
      Longest longest;  // with the step that leads to each
      for (std::size_t i = std::max<std::size_t>(from, 1); i < to; ++i)
        longest.step(all[i - 1].time, all[i].time);
      return longest;
    };
    const auto [all, cut, second] = cuts(random);
    check_laws<Longest>(all, cut, second, make, plainly);
    const Longest a = make(all, 0, cut), b = make(all, cut, all.size());
    check_either_way(a, b);
  });
}

TEST_CASE("rise and area: identity, any grouping, either way") {
  rounds([](std::mt19937_64& random) {
    const Duration longest = random() % 2 == 0 ? for_ever : Duration{2s};
    const bool linear = random() % 2 == 0;
    const auto steps = [&](auto empty, const Points& all, std::size_t from, std::size_t to,
                           const auto& step) {
      for (std::size_t i = std::max<std::size_t>(from, 1); i < to; ++i) step(empty, all[i - 1], all[i]);
      return empty;
    };
    const auto rise = [&](const Points& all, std::size_t from, std::size_t to) {
      return steps(Rise{}, all, from, to,
                   [&](Rise& part, const Point& a, const Point& b) { part.step(a, b, longest); });
    };
    const auto area = [&](const Points& all, std::size_t from, std::size_t to) {
      return steps(Area{}, all, from, to,
                   [&](Area& part, const Point& a, const Point& b) { part.step(a, b, longest, linear); });
    };
    const auto [all, cut, second] = cuts(random);
    check_laws<Rise>(all, cut, second, rise, plainly);
    check_laws<Area>(all, cut, second, area, plainly);
    check_either_way(rise(all, 0, cut), rise(all, cut, all.size()));
    check_either_way(area(all, 0, cut), area(all, cut, all.size()));
  });
}

namespace {

// A slope goes with the summary of its samples.
struct Line {
  Slope slope;
  Summary summary;

  void add(const Point& point) {
    summary.add(point.value);
    slope.add(point, summary);
  }
  void merge(const Line& later) {
    slope.merge(later.slope, summary, later.summary);
    summary.merge(later.summary);
  }
};

bool same(const Line& a, const Line& b) {
  const auto left = a.slope.value(a.summary), right = b.slope.value(b.summary);
  if (!left || !right) return left.has_value() == right.has_value();
  // Values differ by 32 at most, and over at least a millisecond.
  return near(*left, *right, 1e-12L * (1e-3L + std::abs(*left)));
}

}  // namespace

TEST_CASE("slope and decaying mean: samples and pieces in any order, any grouping, either way") {
  rounds([](std::mt19937_64& random) {
    auto [all, cut, second] = cuts(random);
    std::shuffle(all.begin(), all.end(), random);
    const auto line = [](const Points& some, std::size_t from, std::size_t to) {
      Line result;
      for (std::size_t i = from; i < to; ++i) result.add(some[i]);
      return result;
    };
    const double half_life = static_cast<double>(Duration{5s}.count());
    const auto forget = [&](Decay& a, const Decay& b) { a.merge(b, half_life); };
    const auto decay = [&](const Points& some, std::size_t from, std::size_t to) {
      Decay result;
      for (std::size_t i = from; i < to; ++i) result.add(some[i], half_life, i == from);
      return result;
    };
    check_laws<Line>(all, cut, second, line, plainly);
    check_laws<Decay>(all, cut, second, decay, forget);
    const Points first = part(all, 0, cut), rest = part(all, cut, all.size());
    const Line a = line(first, 0, first.size()), b = line(rest, 0, rest.size());
    REQUIRE(same(merged(a, b, plainly), merged(b, a, plainly)));
    const Decay c = decay(first, 0, first.size()), d = decay(rest, 0, rest.size());
    REQUIRE(same(merged(c, d, forget), merged(d, c, forget)));
  });
}
