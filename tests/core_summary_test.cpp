#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/aggregate.h"
#include "core/summary.h"

using core::Aggregate;
using core::Summary;
using core::Time;

namespace {

__extension__ using Quad = __float128;
__extension__ using Wide = __int128;

struct Sample {
  Time time;
  double value;
};
using Samples = std::vector<Sample>;

std::uint64_t seed() {
  const char* text = std::getenv("WEIR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20261123;
}

Time at(std::int64_t seconds) { return Time{std::chrono::seconds{seconds}}; }

Samples samples(const std::vector<double>& values) {
  Samples result;
  for (const double value : values) result.push_back({at(static_cast<std::int64_t>(result.size())), value});
  return result;
}

Summary summarize(const Samples& all) {
  Summary summary;
  for (const Sample& sample : all) summary.add(sample.time, sample.value);
  return summary;
}

// The same samples in `parts` pieces of random size, merged from left to right, or from right to left.
Summary merge_pieces(const Samples& all, std::size_t parts, bool from_left, std::mt19937_64& random) {
  std::vector<Summary> pieces(parts);
  std::vector<std::size_t> cuts{0, all.size()};
  for (std::size_t i = 1; i < parts; ++i) cuts.push_back(random() % (all.size() + 1));
  std::sort(cuts.begin(), cuts.end());
  for (std::size_t i = 0; i < parts; ++i) {
    pieces[i] = summarize({all.begin() + static_cast<std::ptrdiff_t>(cuts[i]),
                           all.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1])});
  }
  if (from_left) {
    Summary result;
    for (const Summary& piece : pieces) result.merge(piece);
    return result;
  }
  Summary result = pieces.back();
  for (std::size_t i = parts - 1; i-- > 0;) {
    Summary left = pieces[i];
    left.merge(result);
    result = left;
  }
  return result;
}

struct Truth {
  Quad sum, mean, variance, magnitude;
};

// Two passes with 113 bits.
Truth truth(const Samples& all) {
  Truth result{0, 0, 0, 0};
  for (const Sample& sample : all) {
    result.sum += sample.value;
    result.magnitude += std::abs(sample.value);
  }
  result.mean = result.sum / static_cast<Quad>(all.size());
  for (const Sample& sample : all) {
    const Quad distance = sample.value - result.mean;
    result.variance += distance * distance;
  }
  if (all.size() > 1) result.variance /= static_cast<Quad>(all.size() - 1);
  return result;
}

double relative(double got, Quad expected) {
  if (expected == 0) return std::abs(got);
  const Quad error = (static_cast<Quad>(got) - expected) / expected;
  return std::abs(static_cast<double>(error));
}

bool same(const Summary& a, const Summary& b) {
  return a.count == b.count && a.reference == b.reference && a.sum_shifted == b.sum_shifted &&
         a.sum_compensation == b.sum_compensation && a.squares_shifted == b.squares_shifted &&
         a.squares_compensation == b.squares_compensation && a.min == b.min && a.max == b.max &&
         a.first == b.first && a.last == b.last && a.first_time == b.first_time && a.last_time == b.last_time;
}

double number(Aggregate aggregate, const Summary& summary) { return core::value(aggregate, summary).value(); }

}  // namespace

TEST_CASE("every aggregate of a few samples") {
  const auto check = [](const std::vector<double>& values, Aggregate aggregate,
                        std::optional<double> expected) {
    INFO("aggregate " << core::name(aggregate));
    CHECK(core::value(aggregate, summarize(samples(values))) == expected);
  };
  const std::vector<double> four{4, 1, 7, 2};
  check(four, Aggregate::count, 4);
  check(four, Aggregate::sum, 14);
  check(four, Aggregate::mean, 3.5);
  check(four, Aggregate::variance, 7);
  check(four, Aggregate::stddev, 2.6457513110645907);
  check(four, Aggregate::min, 1);
  check(four, Aggregate::max, 7);
  check(four, Aggregate::range, 6);
  check(four, Aggregate::first, 4);
  check(four, Aggregate::last, 2);
  check(four, Aggregate::delta, -2);
  // Zero is a value like any other.
  check({0, 0, 0}, Aggregate::count, 3);
  check({0, 0, 0}, Aggregate::mean, 0);
  check({0, 0, 0}, Aggregate::variance, 0);
  check({5, 0}, Aggregate::min, 0);
  check({-5, 0}, Aggregate::max, 0);
  check({-5, -7}, Aggregate::max, -5);
  // What does not exist.
  check({}, Aggregate::count, 0);
  for (const auto name : core::aggregate_names()) {
    const auto aggregate = core::find_aggregate(name).value();
    if (aggregate != Aggregate::count) check({}, aggregate, std::nullopt);
  }
  check({3}, Aggregate::variance, std::nullopt);
  check({3}, Aggregate::stddev, std::nullopt);
  check({3}, Aggregate::range, 0);
}

TEST_CASE("names and aliases") {
  const auto check = [](std::string_view text, std::optional<Aggregate> expected) {
    INFO(text);
    CHECK(core::find_aggregate(text) == expected);
  };
  check("mean", Aggregate::mean);
  check("avg", Aggregate::mean);
  check("average", Aggregate::mean);
  check("std", Aggregate::stddev);
  check("stddev", Aggregate::stddev);
  check("change", Aggregate::delta);
  check("delta", Aggregate::delta);
  check("median", std::nullopt);
  check("Mean", std::nullopt);
  check("", std::nullopt);
  CHECK(core::aggregate_names().size() == 15);
  for (int i = 0; i <= static_cast<int>(Aggregate::delta); ++i) {
    const auto aggregate = static_cast<Aggregate>(i);
    CHECK(core::find_aggregate(core::name(aggregate)) == aggregate);
  }
}

TEST_CASE("first and last go by time, not by order of arrival") {
  Summary summary;
  summary.add(at(5), 50);
  summary.add(at(3), 30);
  summary.add(at(9), 90);
  summary.add(at(7), 70);
  CHECK(summary.first == 30);
  CHECK(summary.last == 90);
  summary.add(at(3), 31);  // of equal first times the one added first
  summary.add(at(9), 91);  // of equal last times the one added last
  CHECK(summary.first == 30);
  CHECK(summary.last == 91);
}

// NIST's numerical accuracy data sets; the certified values hold for decimals, so up to the rounding of the
// inputs.
TEST_CASE("NumAcc1 to NumAcc4") {
  const auto check = [](double center, double low, double high, int pairs, double deviation,
                        double input_error) {
    std::vector<double> values{center};
    for (int i = 0; i < pairs; ++i) values.insert(values.end(), {low, high});
    const Summary summary = summarize(samples(values));
    CHECK(summary.mean() == center);
    CHECK(std::abs(summary.stddev() / deviation - 1) <= input_error);
    CHECK(relative(summary.variance(), truth(samples(values)).variance) <= 2e-16);
  };
  check(10000002, 10000001, 10000003, 1, 1, 0);
  check(1.2, 1.1, 1.3, 500, 0.1, 1e-15);
  check(1000000.2, 1000000.1, 1000000.3, 500, 0.1, 1e-9);
  check(10000000.2, 10000000.1, 10000000.3, 500, 0.1, 1e-8);
}

TEST_CASE("offset 1e9: variance by exact integers") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  for (int round = 0; round < 200; ++round) {
    // Multiples of 2^-20 near 1e9 are exact doubles; their spread is 0.1.
    Samples all;
    Wide sum = 0, squares = 0;
    const auto count = static_cast<std::int64_t>(2 + random() % 2000);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto steps = static_cast<std::int64_t>(random() % 209715) - 104857;
      all.push_back({at(i), 1e9 + static_cast<double>(steps) * 0x1p-20});
      sum += steps;
      squares += static_cast<Wide>(steps) * steps;
    }
    const Quad exact = static_cast<Quad>(count * squares - sum * sum) /
                       (static_cast<Quad>(count) * static_cast<Quad>(count - 1)) * 0x1p-40;
    const Quad mean = 1e9 + static_cast<Quad>(sum) / static_cast<Quad>(count) * 0x1p-20;
    const auto parts = 1 + random() % 20;
    for (const Summary& summary : {summarize(all), merge_pieces(all, parts, true, random)}) {
      REQUIRE(relative(summary.variance(), exact) <= 1e-15);
      REQUIRE(summary.mean() == static_cast<double>(mean));
      REQUIRE(summary.sum() == static_cast<double>(mean * static_cast<Quad>(count)));
    }
  }
}

TEST_CASE("1e16, 1, 1, 1: nothing is lost beside a large value") {
  const Summary summary = summarize(samples({1e16, 1, 1, 1}));
  CHECK(summary.sum() == 1e16 + 3);  // 1e16 + 4, the double nearest to the true sum
  CHECK(summary.mean() == 2.5e15 + 0.75);
  CHECK(summarize(samples({1, 1e16, 1, -1e16})).sum() == 2);
  CHECK(summarize(samples({1e16, 1, -1e16})).mean() == 1.0 / 3);
  // The samples after the spike, in panes of their own, never knew it.
  Summary later = summarize(samples({1, 1, 1}));
  later.merge(summarize(samples({2, 2, 2})));
  CHECK(later.sum() == 9);
  CHECK(later.variance() == 0.3);
}

TEST_CASE("a first value of 1e15 costs the others no digit") {
  std::mt19937_64 random{seed()};
  std::vector<double> values{1e15};
  for (int i = 0; i < 999; ++i) values.push_back(20 + static_cast<double>(random() % 1000) / 256);
  const Samples all = samples(values);
  CHECK(relative(summarize(all).variance(), truth(all).variance) <= 1e-15);
  CHECK(relative(summarize(all).mean(), truth(all).mean) <= 1e-15);
  CHECK(relative(merge_pieces(all, 7, true, random).variance(), truth(all).variance) <= 1e-15);
}

TEST_CASE("against 113 bits: magnitudes from 1e-9 to 1e15, any order, any pieces") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  std::normal_distribution<double> normal;
  for (int round = 0; round < 3000; ++round) {
    const double offset = std::pow(10.0, static_cast<double>(random() % 25) - 9);
    const double spread = offset * std::pow(10.0, -static_cast<double>(random() % 10));
    std::vector<double> values;
    const auto count = 2 + random() % 300;
    for (std::size_t i = 0; i < count; ++i) {
      values.push_back(offset + spread * normal(random));
      if (random() % 100 == 0) values.back() *= -1e6;
    }
    Samples all = samples(values);
    std::shuffle(all.begin(), all.end(), random);
    const Truth expected = truth(all);
    for (const Summary& summary : {summarize(all), merge_pieces(all, 1 + random() % 30, true, random),
                                   merge_pieces(all, 1 + random() % 30, false, random)}) {
      REQUIRE(summary.count == all.size());
      REQUIRE(relative(summary.variance(), expected.variance) <= 1e-14);
      // A mean near zero is as exact as the values it comes from.
      const double tolerance = static_cast<double>(expected.magnitude) * 2e-16;
      REQUIRE(std::abs(static_cast<double>(summary.sum() - expected.sum)) <= tolerance);
      const auto by_time = [](const Sample& a, const Sample& b) { return a.time < b.time; };
      REQUIRE(summary.first == std::min_element(all.begin(), all.end(), by_time)->value);
      REQUIRE(summary.last == std::max_element(all.begin(), all.end(), by_time)->value);
      const auto by_value = [](const Sample& a, const Sample& b) { return a.value < b.value; };
      REQUIRE(summary.min == std::min_element(all.begin(), all.end(), by_value)->value);
      REQUIRE(summary.max == std::max_element(all.begin(), all.end(), by_value)->value);
    }
  }
}

TEST_CASE("laws: identity, one sample, associativity") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  std::normal_distribution<double> normal{20, 5};
  for (int round = 0; round < 2000; ++round) {
    Samples all;
    const auto count = 1 + random() % 50;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back({at(static_cast<std::int64_t>(random() % 20)), normal(random)});
    }
    const Summary whole = summarize(all);
    Summary left = whole;
    left.merge(Summary{});
    REQUIRE(same(left, whole));  // identity, to the bit
    Summary right;
    right.merge(whole);
    REQUIRE(same(right, whole));
    Summary merged;
    for (const Sample& sample : all) merged.merge(summarize({sample}));
    REQUIRE(same(merged, whole));  // add is merge of one, to the bit

    const Summary a = merge_pieces(all, 3, true, random);
    const Summary b = merge_pieces(all, 3, false, random);
    REQUIRE(a.first == b.first);  // exact: count, min, max, first, last, in any grouping
    REQUIRE(a.last == b.last);
    REQUIRE(a.min == b.min);
    REQUIRE(a.max == b.max);
    REQUIRE(relative(a.mean(), static_cast<Quad>(b.mean())) <= 3e-16);
    if (count > 1) REQUIRE(std::abs(a.variance() - b.variance()) <= 1e-15 * std::max(1.0, b.variance()));
  }
}

TEST_CASE("ten million samples keep their digits") {
  Summary summary;
  std::mt19937_64 random{seed()};
  Wide sum = 0, squares = 0;
  constexpr std::int64_t count = 10'000'000;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto steps = static_cast<std::int64_t>(random() % 2048);
    summary.add(at(i), 1e6 + static_cast<double>(steps) / 1024);
    sum += steps;
    squares += static_cast<Wide>(steps) * steps;
  }
  const Quad exact = static_cast<Quad>(count * squares - sum * sum) /
                     (static_cast<Quad>(count) * (count - 1)) / (1024 * 1024);
  CHECK(relative(summary.variance(), exact) <= 1e-15);
  CHECK(summary.mean() == static_cast<double>(1e6 + static_cast<Quad>(sum) / count / 1024));
}

TEST_CASE("a result too large for a double does not exist, and is never wrong") {
  constexpr double most = std::numeric_limits<double>::max();
  const Summary equal = summarize(samples({most, most, most}));
  CHECK(number(Aggregate::mean, equal) == most);
  CHECK(number(Aggregate::variance, equal) == 0);
  CHECK(core::value(Aggregate::sum, equal) == std::nullopt);
  const Summary apart = summarize(samples({most, -most, 1}));
  CHECK(core::value(Aggregate::range, apart) == std::nullopt);
  CHECK(core::value(Aggregate::mean, apart) == std::nullopt);
  CHECK(core::value(Aggregate::variance, apart) == std::nullopt);
  CHECK(number(Aggregate::max, apart) == most);
  CHECK(number(Aggregate::last, apart) == 1);
  Summary merged = summarize(samples({1, 2}));
  merged.merge(apart);
  CHECK(core::value(Aggregate::variance, merged) == std::nullopt);
  CHECK(number(Aggregate::count, merged) == 5);
}

TEST_CASE("an empty summary is zero bytes") {
  const Summary empty;
  const unsigned char zero[sizeof(Summary)] = {};
  CHECK(std::equal(std::begin(zero), std::end(zero), reinterpret_cast<const unsigned char*>(&empty)));
}
