#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

#include "core/parts/mode.h"
#include "tests/parts_fixture.h"

using core::Mode;
using fixture::Values;
using State = fixture::State<Mode>;

namespace {

// All that can be asked of a state.
auto answers(const Mode& part, const State& state) {
  const std::byte* data = state.data();
  return std::tuple(part.approximate(data), part.mode(data), part.times(data), part.undercount(data));
}

std::map<double, std::uint64_t> counts(const Values& values) {
  std::map<double, std::uint64_t> result;
  for (const double value : values) ++result[value];
  return result;
}

// The most frequent value, of several the smallest.
std::pair<double, std::uint64_t> oracle(const Values& values) {
  std::pair<double, std::uint64_t> best{0, 0};
  for (const auto& [value, times] : counts(values)) {
    if (times > best.second) best = {value, times};
  }
  return best;
}

// Values of which small ones come more often.
Values skewed(std::size_t count, std::size_t different, std::mt19937_64& random) {
  Values values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<double>(random() % (1 + random() % different)) - 3);
  }
  return values;
}

}  // namespace

TEST_CASE("few values: the most frequent, of several the smallest") {
  const auto check = [](const Values& values, double expected, std::uint64_t times) {
    const Mode part(4);
    const State state(part, values);
    CHECK(part.mode(state.data()) == expected);
    CHECK(part.times(state.data()) == times);
    CHECK_FALSE(part.approximate(state.data()));
  };
  check({5}, 5, 1);
  check({1, 2, 2, 3}, 2, 2);
  check({3, 2, 3, 2, -7}, 2, 2);
  check({-1, -2, 0, -2, -1}, -2, 2);
  check({0.0, -0.0, 1}, 0, 2);
  check({1e308, -1e308, 5e-324, 5e-324}, 5e-324, 2);
  const Mode part(4);
  CHECK(part.mode(State(part).data()) == std::nullopt);
  CHECK(part.times(State(part).data()) == 0);
}

TEST_CASE("while no more values than kept: exact, and of the samples alone") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 1000; ++round) {
    const std::size_t different = 1 + random() % 40;
    const Mode part(static_cast<std::uint32_t>(different + random() % 3));
    Values values = skewed(1 + random() % 300, different, random);
    const State state(part, values);
    const auto [value, times] = oracle(values);
    CAPTURE(round);
    REQUIRE(answers(part, state) == std::tuple(false, std::optional(value), times, std::uint64_t{0}));
    REQUIRE(answers(part, fixture::through_panes(part, values, 16, random)) == answers(part, state));
  }
}

TEST_CASE("more values than kept: within the bounds that are told, however merged") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const auto kept = static_cast<std::uint32_t>(1 + random() % 30);
    const Mode part(kept);
    const Values values = skewed(kept * 20 + random() % 1000, 4 * kept + 8, random);
    std::map<double, std::uint64_t> seen = counts(values);
    const auto [value, times] = oracle(values);
    for (const State& state : {State(part, values), fixture::through_panes(part, values, 16, random)}) {
      const std::byte* data = state.data();
      CAPTURE(round);
      const std::uint64_t missing = part.undercount(data);
      REQUIRE(part.approximate(data) == (seen.size() > kept));
      REQUIRE(missing <= values.size() / (kept + 1));
      const std::optional<double> mode = part.mode(data);
      REQUIRE(part.times(data) + missing >= times);
      if (!mode) continue;
      REQUIRE(part.times(data) <= seen[*mode]);
      REQUIRE(seen[*mode] <= part.times(data) + missing);
    }
  }
}

TEST_CASE("one value among many others is found") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Mode part(64);
  Values values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(i % 20 == 0 ? 21.5 : static_cast<double>(random()));
  }
  for (const State& state : {State(part, values), fixture::through_panes(part, values, 16, random)}) {
    CHECK(part.mode(state.data()) == 21.5);
    CHECK(part.times(state.data()) + part.undercount(state.data()) >= 5'000);
    CHECK(part.undercount(state.data()) <= 100'000 / 65);
  }
}

TEST_CASE("laws of merging") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const auto kept = static_cast<std::uint32_t>(1 + random() % 20);
    const Mode part(kept);
    const auto values = [&] { return skewed(random() % 100, 1 + random() % 40, random); };
    const Values va = values(), vb = values(), vc = values();
    const State none(part), a(part, va), b(part, vb), c(part, vc);
    const auto of = [&](const State& state) { return answers(part, state); };
    CAPTURE(round);
    REQUIRE(of(a.with(none)) == of(a));
    REQUIRE(of(none.with(a)) == of(a));
    REQUIRE(of(a.with(b)) == of(b.with(a)));
    State added(a);
    const Values one{static_cast<double>(random() % 50)};
    added.add(one[0]);
    REQUIRE(of(added) == of(a.with(State(part, one))));
    const State left = a.with(b).with(c);
    const State right = a.with(b.with(c));
    if (!part.approximate(left.data())) {
      REQUIRE(of(left) == of(right));
    } else {
      REQUIRE(part.approximate(right.data()));
    }
  }
}
