#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/parts/quantiles.h"
#include "tests/parts_fixture.h"

using core::LogScale;
using core::Quantiles;
using fixture::Values;
using State = fixture::State<Quantiles>;

namespace {

constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double infinity = std::numeric_limits<double>::infinity();
const Values some_ps{0, 1e-5, 0.001, 0.01, 0.1, 0.25, 1.0 / 3, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.99999, 1};

// Type 7 of sorted values: the two order statistics and the weight of the upper.
struct Place {
  double low, high, weight;
};
Place place(const Values& sorted, double p) {
  const double rank = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  return {sorted[below], sorted[std::min(below + 1, sorted.size() - 1)], rank - std::floor(rank)};
}

std::uint64_t beyond(const Values& values, double low, double high) {
  return static_cast<std::uint64_t>(
      std::count_if(values.begin(), values.end(), [&](double value) { return value < low || value > high; }));
}

// All that can be asked of a state, as bits.
std::vector<std::uint64_t> answers(const Quantiles& part, const State& state) {
  const std::byte* data = state.data();
  std::vector<std::uint64_t> result{part.count(data), part.approximate(data) ? 1U : 0U,
                                    std::bit_cast<std::uint64_t>(part.error(data))};
  for (const double limit : {-1e300, -20.0, -1.0, 0.0, 1e-300, 0.5, 3.0, 1e9}) {
    result.push_back(part.outside(data, limit, infinity));
    result.push_back(part.outside(data, -infinity, limit));
  }
  if (part.count(data) == 0) return result;
  Values found(some_ps.size());
  part.quantiles(data, some_ps, found);
  for (const double value : found) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

double random_double(std::mt19937_64& random) {
  while (true) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) return value;
  }
}

Values generate(std::size_t count, const std::function<double(std::size_t)>& make) {
  Values values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(make(i));
  return values;
}

struct Case {
  std::string name;
  Values values;
};

std::vector<Case> cases(std::size_t count, std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0, 1);
  std::normal_distribution<double> normal;
  const auto make = [&](const std::function<double(std::size_t)>& one) { return generate(count, one); };
  const auto sign = [&] { return random() % 2 == 0 ? 1.0 : -1.0; };
  std::vector<Case> all{
      {"uniform", make([&](auto) { return 100 * unit(random); })},
      {"uniform around zero", make([&](auto) { return 2 * unit(random) - 1; })},
      {"normal", make([&](auto) { return 20 + 3 * normal(random); })},
      {"normal around zero", make([&](auto) { return normal(random); })},
      {"log-normal", make([&](auto) { return std::exp(normal(random)); })},
      {"log-normal, wide", make([&](auto) { return std::exp(10 * normal(random)); })},
      {"constant", make([](auto) { return 21.3; })},
      {"constant zero", make([](auto i) { return i % 2 == 0 ? 0.0 : -0.0; })},
      {"largest", make([](auto) { return std::numeric_limits<double>::max(); })},
      {"bimodal", make([&](auto) { return (random() % 3 == 0 ? 400 : 20) + normal(random); })},
      {"two clusters far apart", make([&](auto) {
         return random() % 2 == 0 ? 1e-9 * (1 + unit(random)) : -1e12 * (1 + unit(random));
       })},
      {"1e-300 to 1e300", make([&](auto) { return std::pow(10, 600 * unit(random) - 300); })},
      {"1e-300 to 1e300, both signs",
       make([&](auto) { return sign() * std::pow(10, 600 * unit(random) - 300); })},
      {"any double", make([&](auto) { return random_double(random); })},
      {"denormals", make([&](auto) { return sign() * smallest * static_cast<double>(random() % 5000); })},
      {"sorted", make([](auto i) { return 0.01 * static_cast<double>(i); })},
      {"sawtooth", make([](auto i) { return static_cast<double>(i % 1000) - 300; })},
      {"whole numbers", make([&](auto) { return std::floor(5 * normal(random)); })},
      {"a spike of 1e15", make([&](auto i) { return i == 7 ? 1e15 : 20 + normal(random); })},
  };
  all.push_back({"reversed", {all[15].values.rbegin(), all[15].values.rend()}});
  return all;
}

// The error after the fewest collapses that make the values fit.
double error_expected(double error, std::uint32_t buckets, const Values& values) {
  const LogScale scale(error);
  std::set<std::pair<int, std::uint32_t>> used;  // sign and index
  for (const double value : values) {
    const std::uint32_t index = value == 0 ? 0 : scale.index(std::bit_cast<std::uint64_t>(std::abs(value)));
    used.emplace((value > 0) - (value < 0), index);
  }
  while (used.size() > buckets) {
    std::set<std::pair<int, std::uint32_t>> coarser;
    for (const auto& [sign, index] : used) coarser.emplace(sign, index / 2);
    used = std::move(coarser);
    error = 2 * error / (1 + error * error);
  }
  return error;
}

}  // namespace

TEST_CASE("few samples: type 7, to the bit") {
  const auto check = [](const Values& values, double p, double expected) {
    const Quantiles part(0.01, 64);
    const State state(part, values);
    CAPTURE(p);
    CHECK(part.quantile(state.data(), p) == expected);
    CHECK_FALSE(part.approximate(state.data()));
    CHECK(part.error(state.data()) == 0);
  };
  check({3}, 0.5, 3);
  check({4, 1, 3, 2}, 0.5, 2.5);
  check({4, 1, 3, 2}, 0.25, 1.75);
  check({4, 1, 3, 2}, 0, 1);
  check({4, 1, 3, 2}, 1, 4);
  check({10, -10}, 0.75, 5);
  check({1e308, -1e308, 1.5e308}, 0.25, 0);
  check({-1.7e308, 1.7e308}, 0.5, 0);
  check({0.1, 0.1, 0.1}, 0.3, 0.1);

  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (int round = 0; round < 300; ++round) {
    const Quantiles part(0.01, 100);
    Values values = generate(1 + random() % 100, [&](auto) { return 20 + normal(random); });
    const State state(part, values);
    std::sort(values.begin(), values.end());
    for (const double p : some_ps) {
      const auto [low, high, weight] = place(values, p);
      REQUIRE(part.quantile(state.data(), p) == std::min(low + (high - low) * weight, high));
    }
    REQUIRE(part.outside(state.data(), 19.5, 21) == beyond(values, 19.5, 21));
  }
}

TEST_CASE("a zero has no sign, and answers do not depend on which came last") {
  const Quantiles part(0.01, 4);
  const State state(part, Values{-0.0, 0.0, -0.0});
  for (const double p : some_ps) CHECK_FALSE(std::signbit(part.quantile(state.data(), p)));
}

TEST_CASE("many samples: every quantile within the error that is told, which is the least possible") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  struct Shape {
    double error;
    std::uint32_t kept, buckets;
    std::size_t count;
  };
  for (const Shape shape :
       {Shape{0.01, 64, 512, 100'000}, Shape{0.1, 0, 16, 20'000}, Shape{0.0005, 600, 512, 20'000}}) {
    const Quantiles part(shape.error, shape.kept, shape.buckets);
    for (const Case& one : cases(shape.count, random)) {
      CAPTURE(one.name);
      CAPTURE(shape.error);
      const State state(part, one.values);
      const std::byte* data = state.data();
      REQUIRE(part.approximate(data));
      REQUIRE(part.count(data) == one.values.size());
      const double error = part.error(data);
      CHECK(error == error_expected(shape.error, shape.buckets, one.values));
      Values sorted = one.values;
      std::sort(sorted.begin(), sorted.end());
      Values found(some_ps.size());
      part.quantiles(data, some_ps, found);
      CHECK(found.front() == sorted.front());
      CHECK(found.back() == sorted.back());
      CHECK(std::is_sorted(found.begin(), found.end()));
      for (std::size_t i = 0; i < some_ps.size(); ++i) {
        const auto [low, high, weight] = place(sorted, some_ps[i]);
        const double expected = low * (1 - weight) + high * weight;
        // e |expected| where low and high have one sign.
        const double allowed = error * (std::abs(low) * (1 - weight) + std::abs(high) * weight);
        CAPTURE(some_ps[i]);
        CAPTURE(found[i]);
        CAPTURE(expected);
        CHECK(std::abs(found[i] - expected) <= allowed * (1 + 1e-14) + smallest);
      }
      CHECK(answers(part, fixture::through_panes(part, one.values, 16, random)) == answers(part, state));
    }
  }
}

TEST_CASE("what 1 % and 512 buckets hold without giving way") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::set<std::string> wide{"uniform around zero",
                                   "normal around zero",
                                   "log-normal, wide",
                                   "1e-300 to 1e300",
                                   "1e-300 to 1e300, both signs",
                                   "any double",
                                   "denormals",
                                   "sorted",
                                   "reversed"};
  const Quantiles part(0.01, 64);
  for (const Case& one : cases(20'000, random)) {
    CAPTURE(one.name);
    const State state(part, one.values);
    if (!wide.contains(one.name)) CHECK(part.error(state.data()) == 0.01);
  }
  const auto geometric = [](double from, double to) {
    Values values;
    for (double value = from; value < to; value *= 1.001) values.push_back(value);
    return values;
  };
  CHECK(part.error(State(part, geometric(1, 2.5e4)).data()) == 0.01);
}

TEST_CASE("outside: nothing is counted that is inside, nothing is missed beyond the error") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Quantiles part(0.02, 10, 300);
  for (const Case& one : cases(5'000, random)) {
    CAPTURE(one.name);
    const State state(part, one.values);
    const double error = part.error(state.data());
    const double factor = (1 + error) / (1 - error) * (1 + 1e-14);
    for (int round = 0; round < 20; ++round) {
      double low = one.values[random() % one.values.size()];
      double high = one.values[random() % one.values.size()];
      if (low > high) std::swap(low, high);
      const std::uint64_t found = part.outside(state.data(), low, high);
      CAPTURE(low);
      CAPTURE(high);
      CHECK(found <= beyond(one.values, low, high));
      CHECK(found >= beyond(one.values, low < 0 ? low * factor : low / factor,
                            high < 0 ? high / factor : high * factor));
    }
    CHECK(part.outside(state.data(), -infinity, infinity) == 0);
    CHECK(part.outside(state.data(), infinity, infinity) == one.values.size());
  }
}

TEST_CASE("laws of merging, to the bit of every answer") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const auto values = [&] {
    const double spread = std::pow(10, static_cast<double>(random() % 4) * 50);
    const bool wild = random() % 8 == 0;
    const std::size_t sizes[] = {0, 1, 3, 9, 17, 40, 300};
    return generate(random() % (sizes[random() % 7] + 1), [&](auto) {
      return wild ? random_double(random) : normal(random) * (random() % 50 == 0 ? spread : 1);
    });
  };
  for (int round = 0; round < 2000; ++round) {
    const std::uint32_t kept[] = {0, 1, 16, 64};
    const Quantiles part(random() % 2 == 0 ? 0.01 : 0.1, kept[random() % 4],
                         16 + static_cast<std::uint32_t>(random() % 40));
    const Values va = values(), vb = values(), vc = values();
    const State none(part), a(part, va), b(part, vb), c(part, vc);
    const auto of = [&](const State& state) { return answers(part, state); };
    CAPTURE(round);
    REQUIRE(of(a.with(none)) == of(a));
    REQUIRE(of(none.with(a)) == of(a));
    REQUIRE(of(a.with(b)) == of(b.with(a)));
    REQUIRE(of(a.with(b).with(c)) == of(a.with(b.with(c))));
    State all(a);
    for (const Values& more : {vb, vc}) {
      for (const double value : more) all.add(value);
    }
    REQUIRE(of(a.with(b).with(c)) == of(all));
    Values mixed = va;
    mixed.insert(mixed.end(), vb.begin(), vb.end());
    std::shuffle(mixed.begin(), mixed.end(), random);
    REQUIRE(of(State(part, mixed)) == of(a.with(b)));
    const double one = normal(random);
    State added(a);
    added.add(one);
    REQUIRE(of(added) == of(a.with(State(part, Values{one}))));
  }
}

TEST_CASE("a scale's middle is within the error of every value of its bucket, at every level") {
  const std::uint64_t seed = fixture::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const double requested : {0.0005, 0.00731, 0.01, 0.02, 0.1}) {
    const LogScale scale(requested);
    for (int round = 0; round < 5'000; ++round) {
      double value = std::abs(random_double(random));
      if (round % 8 == 0) value = smallest * static_cast<double>(1 + random() % 100);
      if (round % 8 == 1) value = std::ldexp(1, static_cast<int>(random() % 2000) - 1000);
      if (value == 0) continue;
      const std::uint32_t index = scale.index(std::bit_cast<std::uint64_t>(value));
      const double above = std::nextafter(value, infinity);
      const std::uint32_t next = scale.index(std::bit_cast<std::uint64_t>(above));
      double error = requested;
      CAPTURE(value);
      CAPTURE(requested);
      if (value >= 1e-306) REQUIRE((next == index || next == index + 1));
      REQUIRE(next >= index);
      for (std::uint32_t level = 0; level < 4; ++level) {
        const double middle = scale.middle(index >> level, level);
        const long double away = std::abs(static_cast<long double>(middle) - value);
        const long double rounding = value < 1e-306 ? smallest / 2.0L : 0;
        REQUIRE((away <= error * static_cast<long double>(value) * (1 + 1e-15L) + rounding));
        error = 2 * error / (1 + error * error);
      }
    }
  }
}

TEST_CASE("a scale's numbers are the same everywhere") {
  const LogScale scale(0.01);  // 35 buckets per octave
  const auto index = [&](double value) { return scale.index(std::bit_cast<std::uint64_t>(value)); };
  CHECK(index(smallest) == 0);
  CHECK(index(2 * smallest) == 35);
  CHECK(index(std::nextafter(1.0, 0.0)) == 1074 * 35 - 1);
  CHECK(index(1) == 1074 * 35);
  CHECK(index(std::numbers::sqrt2) == 1074 * 35 + 17);
  CHECK(index(infinity) == 2098 * 35);
  std::mt19937_64 random(1);  // the standard says what it gives
  std::uint64_t sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bits = random() >> 1U;
    if (std::isfinite(std::bit_cast<double>(bits)) && bits != 0) sum = sum * 31 + scale.index(bits);
  }
  CHECK(sum == 9552935645941081362U);
  CHECK(scale.middle(1074 * 35, 0) == 1.0099842504744183);
}
