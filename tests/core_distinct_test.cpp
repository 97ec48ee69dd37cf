#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/parts/distinct.h"
#include "core/parts/probe.h"
#include "tests/parts_fixture.h"

using core::Distinct;
using fixture::Values;
using State = fixture::State<Distinct>;

namespace {

std::pair<bool, std::uint64_t> answers(const Distinct& part, const State& state) {
  return {part.approximate(state.data()), part.estimate(state.data())};
}

}  // namespace

TEST_CASE("few values: exact, however often each comes") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    const auto kept = static_cast<std::uint32_t>(1 + random() % 300);
    const Distinct part(0.1, kept);
    State state(part);
    std::set<double> seen;
    for (std::uint64_t i = random() % 1000; i > 0; --i) {
      const double value =
          std::ldexp(static_cast<double>(random() % (kept + 1)), static_cast<int>(random() % 2) * 100);
      if (seen.size() == kept && !seen.contains(value)) continue;
      seen.insert(value);
      state.add(value);
    }
    REQUIRE(part.estimate(state.data()) == seen.size());
    REQUIRE_FALSE(part.approximate(state.data()));
    REQUIRE(part.error(state.data()) == 0);
    if (seen.size() < kept) continue;
    state.add(-1);
    REQUIRE(part.approximate(state.data()));
    REQUIRE(part.error(state.data()) <= 0.1);
  }
}

TEST_CASE("zeros are one value, its neighbours are others") {
  const Distinct part(0.1, 8);
  const State state(part, Values{-0.0, 0.0, 4.9e-324, -4.9e-324, 1, std::nextafter(1, 2)});
  CHECK(part.estimate(state.data()) == 5);
}

TEST_CASE("many values: errors are as large as told, and lean to no side") {
  // Each row's values differ for each i. What telemetry looks like in bits: whole numbers, decimals,
  // neighbours.
  const auto check = [](const std::string& name, double error, std::size_t count,
                        const std::function<double(std::uint64_t)>& value) {
    CAPTURE(name);
    CAPTURE(count);
    const Distinct part(error, 16);
    const int rounds = 40;
    double sum = 0;
    double squares = 0;
    double stated = 0;
    for (int round = 0; round < rounds; ++round) {
      State state(part);
      for (std::size_t i = 0; i < count; ++i) state.add(value(static_cast<std::uint64_t>(round) * count + i));
      REQUIRE(part.approximate(state.data()));
      stated = part.error(state.data());
      const auto found = static_cast<double>(part.estimate(state.data()));
      const double off = (found - static_cast<double>(count)) / static_cast<double>(count);
      CHECK(std::abs(off) < 4.5 * stated);
      sum += off;
      squares += off * off;
    }
    CHECK(stated <= error);
    // Of 40 rounds: the mean's own deviation is stated / 6.3, that of the root mean square 11 %.
    CHECK(std::abs(sum / rounds) < 4 * stated / std::sqrt(rounds));
    CHECK(std::sqrt(squares / rounds) < 1.45 * stated);
  };
  const auto whole = [](std::uint64_t i) { return static_cast<double>(i); };
  for (const std::size_t count : {17U, 100U, 1'000U, 3'000U, 5'000U, 20'000U})
    check("whole", 0.03, count, whole);
  check("whole", 0.25, 3'000, whole);
  check("decimals", 0.03, 3'000, [](std::uint64_t i) { return 0.1 * static_cast<double>(i); });
  check("negative", 0.03, 3'000, [](std::uint64_t i) { return -0.5 - static_cast<double>(i); });
  check("neighbours", 0.03, 3'000,
        [](std::uint64_t i) { return std::bit_cast<double>(0x4034'0000'0000'0000U + i); });
  check("powers", 0.03, 50, [](std::uint64_t i) { return std::ldexp(1, static_cast<int>(i) - 1000); });
}

TEST_CASE("laws of merging, for every answer") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 1000; ++round) {
    const std::uint32_t kept = std::array{0U, 1U, 10U, 100U}[random() % 4];
    const Distinct part(random() % 2 == 0 ? 0.25 : 0.1, kept);
    const auto values = [&] {
      Values result;
      for (std::uint64_t i = random() % (random() % 2 == 0 ? 8 : 200); i > 0; --i) {
        result.push_back(0.5 * static_cast<double>(random() % 150));
      }
      return result;
    };
    const Values va = values(), vb = values(), vc = values();
    const State none(part), a(part, va), b(part, vb), c(part, vc);
    const auto of = [&](const State& state) { return answers(part, state); };
    CAPTURE(round);
    REQUIRE(of(a.with(none)) == of(a));
    REQUIRE(of(none.with(a)) == of(a));
    REQUIRE(of(a.with(a)) == of(a));
    REQUIRE(of(a.with(b)) == of(b.with(a)));
    REQUIRE(of(a.with(b).with(c)) == of(a.with(b.with(c))));
    Values all = va;
    all.insert(all.end(), vb.begin(), vb.end());
    all.insert(all.end(), vc.begin(), vc.end());
    std::shuffle(all.begin(), all.end(), random);
    REQUIRE(of(State(part, all)) == of(a.with(b).with(c)));
    REQUIRE(of(fixture::through_panes(part, all, 16, random)) == of(State(part, all)));
    REQUIRE(part.approximate(State(part, all).data()) ==
            (std::set<double>(all.begin(), all.end()).size() > kept));
  }
}

TEST_CASE("hashes are the same everywhere") {
  // SplitMix64 from the states 0 and its constant.
  CHECK(core::mix(0) == 0xe220a8397b1dcdafU);
  CHECK(core::mix(0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
  const Distinct part(0.025, 0);
  State state(part);
  for (int i = 0; i < 10'000; ++i) state.add(0.1 * i);
  CHECK(part.bytes() == 2056);
  CHECK(part.estimate(state.data()) == 9982);
}
