#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "core/summary.h"

using core::Summary;

namespace {

__extension__ using Quad = __float128;
__extension__ using Wide = __int128;

using Values = std::vector<double>;

std::uint64_t seed() {
  const char* text = std::getenv("WEIR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20261123;
}

Summary summarize(const Values& all) {
  Summary summary;
  for (const double value : all) summary.add(value);
  return summary;
}

// The same samples in `parts` pieces of random size, merged from left to right, or from right to left.
Summary merge_pieces(const Values& all, std::size_t parts, bool from_left, std::mt19937_64& random) {
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
Truth truth(const Values& all) {
  Truth result{0, 0, 0, 0};
  for (const double value : all) {
    result.sum += value;
    result.magnitude += std::abs(value);
  }
  result.mean = result.sum / static_cast<Quad>(all.size());
  for (const double value : all) {
    const Quad distance = value - result.mean;
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
         a.squares_compensation == b.squares_compensation && a.min == b.min && a.max == b.max;
}

}  // namespace

// NIST's numerical accuracy data sets, by their rule: a middle, and as many of one neighbour as of the other.
// The certified values hold for decimals, so up to the rounding of the inputs; the exact ones are those of
// the doubles, by integers.
TEST_CASE("NumAcc1 to NumAcc4: exact rational arithmetic and the certified values") {
  std::mt19937_64 random{seed()};
  const auto check = [&](double center, double low, double high, int pairs, double deviation,
                         double input_error) {
    Values values{center};
    for (int i = 0; i < pairs; ++i) values.insert(values.end(), {low, high});
    // In units of 2^-52, from the middle: whole numbers.
    Wide sum = 0, squares = 0;
    for (const double value : values) {
      const auto steps = static_cast<Wide>((static_cast<Quad>(value) - center) * 0x1p52);
      sum += steps;
      squares += steps * steps;
    }
    const auto count = static_cast<Wide>(values.size());
    const Quad variance =
        static_cast<Quad>(count * squares - sum * sum) / static_cast<Quad>(count * (count - 1)) * 0x1p-104;
    const Quad mean = center + static_cast<Quad>(sum) / static_cast<Quad>(count) * 0x1p-52;
    const auto agrees = [&](const Summary& summary) {
      CHECK(relative(summary.mean(), mean) <= 2e-16);
      CHECK(relative(summary.variance(), variance) <= 1e-15);
      CHECK(relative(summary.stddev() * summary.stddev(), variance) <= 1e-15);
      CHECK(std::abs(summary.mean() / center - 1) <= 1e-15);
      CHECK(std::abs(summary.stddev() / deviation - 1) <= input_error);
    };
    agrees(summarize(values));
    agrees(merge_pieces(values, 16, true, random));
    agrees(merge_pieces(values, 16, false, random));
  };
  check(10000002, 10000001, 10000003, 1, 1, 1e-15);
  check(1.2, 1.1, 1.3, 500, 0.1, 1e-14);
  check(1000000.2, 1000000.1, 1000000.3, 500, 0.1, 1e-9);
  check(10000000.2, 10000000.1, 10000000.3, 500, 0.1, 1e-8);
}

TEST_CASE("offset 1e9: variance by exact integers") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  for (int round = 0; round < 200; ++round) {
    // Multiples of 2^-20 near 1e9 are exact doubles; their spread is 0.1.
    Values all;
    Wide sum = 0, squares = 0;
    const auto count = static_cast<std::int64_t>(2 + random() % 2000);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto steps = static_cast<std::int64_t>(random() % 209715) - 104857;
      all.push_back(1e9 + static_cast<double>(steps) * 0x1p-20);
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
  const Summary summary = summarize({1e16, 1, 1, 1});
  CHECK(summary.sum() == 1e16 + 3);  // 1e16 + 4, the double nearest to the true sum
  CHECK(summary.mean() == 2.5e15 + 0.75);
  CHECK(summarize({1, 1e16, 1, -1e16}).sum() == 2);
  CHECK(summarize({1e16, 1, -1e16}).mean() == 1.0 / 3);
  // The samples after the spike, in panes of their own, never knew it.
  Summary later = summarize({1, 1, 1});
  later.merge(summarize({2, 2, 2}));
  CHECK(later.sum() == 9);
  CHECK(later.variance() == 0.3);
}

TEST_CASE("a first value of 1e15 costs the others no digit") {
  std::mt19937_64 random{seed()};
  std::vector<double> values{1e15};
  for (int i = 0; i < 999; ++i) values.push_back(20 + static_cast<double>(random() % 1000) / 256);
  const Values& all = values;
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
    Values all = values;
    std::shuffle(all.begin(), all.end(), random);
    const Truth expected = truth(all);
    for (const Summary& summary : {summarize(all), merge_pieces(all, 1 + random() % 30, true, random),
                                   merge_pieces(all, 1 + random() % 30, false, random)}) {
      REQUIRE(summary.count == all.size());
      REQUIRE(relative(summary.variance(), expected.variance) <= 1e-14);
      // A mean near zero is as exact as the values it comes from.
      const double tolerance = static_cast<double>(expected.magnitude) * 2e-16;
      REQUIRE(std::abs(static_cast<double>(summary.sum() - expected.sum)) <= tolerance);
      REQUIRE(summary.min == *std::min_element(all.begin(), all.end()));
      REQUIRE(summary.max == *std::max_element(all.begin(), all.end()));
    }
  }
}

TEST_CASE("laws: identity, one sample, associativity") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  std::normal_distribution<double> normal{20, 5};
  for (int round = 0; round < 2000; ++round) {
    Values all;
    const auto count = 1 + random() % 50;
    for (std::size_t i = 0; i < count; ++i) all.push_back(normal(random));
    const Summary whole = summarize(all);
    Summary left = whole;
    left.merge(Summary{});
    REQUIRE(same(left, whole));  // identity, to the bit
    Summary right;
    right.merge(whole);
    REQUIRE(same(right, whole));
    Summary merged;
    for (const double value : all) merged.merge(summarize({value}));
    REQUIRE(same(merged, whole));  // add is merge of one, to the bit

    const Summary a = merge_pieces(all, 3, true, random);
    const Summary b = merge_pieces(all, 3, false, random);
    REQUIRE(a.count == b.count);  // exact in any grouping
    REQUIRE(a.min == b.min);
    REQUIRE(a.max == b.max);
    REQUIRE(relative(a.mean(), static_cast<Quad>(b.mean())) <= 3e-16);
    if (count > 1) REQUIRE(std::abs(a.variance() - b.variance()) <= 1e-15 * std::max(1.0, b.variance()));
  }
}

TEST_CASE("laws: either way; where sums are exact, any grouping and order to the bit of every answer") {
  std::mt19937_64 random{seed()};
  INFO("WEIR_SEED=" << seed());
  const auto answers = [](const Summary& all) {
    return Values{static_cast<double>(all.count),
                  all.sum(),
                  all.mean(),
                  all.variance(),
                  all.stddev(),
                  all.min,
                  all.max};
  };
  for (int round = 0; round < 2000; ++round) {
    const bool exact = round % 2 == 0;
    Values va(2 + random() % 30), vb(1 + random() % 30);
    for (Values* const values : {&va, &vb}) {
      const double offset = values == &va ? 1000 : -3;  // so that references lie apart
      for (double& one : *values) {
        one = offset + static_cast<double>(random() % 4096) * (exact ? 1.0 / 64 : 0.1);
      }
    }
    Summary ab = summarize(va), ba = summarize(vb);
    ab.merge(summarize(vb));
    ba.merge(summarize(va));
    Values all = va;
    all.insert(all.end(), vb.begin(), vb.end());
    std::shuffle(all.begin(), all.end(), random);
    for (const Summary& other :
         {ba, summarize(all), merge_pieces(all, 1 + random() % 8, random() % 2 == 0, random)}) {
      const Values left = answers(ab), right = answers(other);
      if (exact) REQUIRE(left == right);
      for (std::size_t i = 0; i < left.size(); ++i) {
        REQUIRE(std::abs(left[i] - right[i]) <= 1e-15 * std::abs(left[i]));
      }
    }
  }
}

TEST_CASE("ten million samples keep their digits") {
  Summary summary;
  std::mt19937_64 random{seed()};
  Wide sum = 0, squares = 0;
  constexpr std::int64_t count = 10'000'000;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto steps = static_cast<std::int64_t>(random() % 2048);
    summary.add(1e6 + static_cast<double>(steps) / 1024);
    sum += steps;
    squares += static_cast<Wide>(steps) * steps;
  }
  const Quad exact = static_cast<Quad>(count * squares - sum * sum) /
                     (static_cast<Quad>(count) * (count - 1)) / (1024 * 1024);
  CHECK(relative(summary.variance(), exact) <= 1e-15);
  CHECK(summary.mean() == static_cast<double>(1e6 + static_cast<Quad>(sum) / count / 1024));
}

TEST_CASE("a moment too large for a double is infinite or NaN, and never wrong") {
  constexpr double most = std::numeric_limits<double>::max();
  const Summary equal = summarize({most, most, most});
  CHECK(equal.mean() == most);
  CHECK(equal.variance() == 0);
  CHECK_FALSE(std::isfinite(equal.sum()));
  const Summary apart = summarize({most, -most, 1});
  CHECK_FALSE(std::isfinite(apart.variance()));
  CHECK(apart.max == most);
  Summary merged = summarize({1, 2});
  merged.merge(apart);
  CHECK_FALSE(std::isfinite(merged.variance()));
  CHECK(merged.count == 5);
}

TEST_CASE("an empty summary is zero bytes") {
  const Summary empty;
  const unsigned char zero[sizeof(Summary)] = {};
  CHECK(std::equal(std::begin(zero), std::end(zero), reinterpret_cast<const unsigned char*>(&empty)));
}
