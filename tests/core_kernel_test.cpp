// Every form of the kernel gives the bits of the portable one.
#include "core/kernel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "tests/core_fixture.h"

using core::Summary;

namespace {

bool same_bits(const Summary& a, const Summary& b) { return std::memcmp(&a, &b, sizeof(Summary)) == 0; }

// Of every size from 1e-60 to 1e60, and some that are equal or whole.
double value(std::mt19937_64& random) {
  const auto whole = static_cast<double>(static_cast<std::int64_t>(random() % 2048) - 1024);
  switch (random() % 4) {
    case 0:
      return whole;
    case 1:
      return 1e9 + whole / 1024;
    case 2:
      return whole * 1.1;
    default:
      return whole * std::pow(10.0, static_cast<double>(random() % 121) - 60);
  }
}

}  // namespace

TEST_CASE("all forms add to summaries, also to one several times, with the bits of Summary::add") {
  std::mt19937_64 random{fixture::seed()};
  for (const auto& form : core::kernel::forms()) {
    INFO("form " << form.name << ", WEIR_SEED=" << fixture::seed());
    for (int round = 0; round < 500; ++round) {
      std::array<Summary, 40> got{}, expected{};
      for (std::size_t i = 0; i < got.size(); ++i) {
        got[i].add(value(random));
        expected[i] = got[i];
      }
      const std::size_t among = 1 + random() % got.size();  // how often one comes again
      for (int call = 0; call < 20; ++call) {
        std::vector<Summary*> places(random() % 40);
        std::vector<double> values(places.size());
        for (std::size_t i = 0; i < places.size(); ++i) {
          const std::size_t which = random() % among;
          places[i] = &got[which];
          values[i] = value(random);
          expected[which].add(values[i]);
        }
        form.add_each(places, values.data());
        std::vector<double> few(random() % 32);
        for (double& one : few) expected[0].add(one = value(random));
        form.add_few(got[0], few);
      }
      for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(same_bits(got[i], expected[i]));
    }
  }
}

TEST_CASE("all forms summarise a run with the same bits") {
  std::mt19937_64 random{fixture::seed()};
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> values(1 + random() % 300);
    for (double& one : values) one = value(random);
    const Summary expected = core::kernel::forms().back().summarize(values);
    REQUIRE(expected.count == values.size());
    for (const auto& form : core::kernel::forms()) {
      INFO("form " << form.name << ", " << values.size() << " values");
      REQUIRE(same_bits(form.summarize(values), expected));
    }
  }
}

TEST_CASE("all forms make the same moments of a summary, and those are what it says itself") {
  std::mt19937_64 random{fixture::seed()};
  const auto bits = [](double a) { return std::isnan(a) ? 0 : std::bit_cast<std::uint64_t>(a); };
  for (int round = 0; round < 200'000; ++round) {
    Summary all{};
    const auto count = 1 + random() % (round % 64 == 0 ? 2000 : 20);
    // Of one kind, so that all sums are moderate, or of any, or too large or too small for products.
    const double scale = std::pow(10.0, static_cast<double>(random() % 617) - 308);
    const auto kind = random() % 4;
    for (std::size_t i = 0; i < count; ++i) {
      const auto whole = static_cast<double>(random() % 1000);
      all.add(kind == 0   ? 20 + whole * 0.01
              : kind == 1 ? 1e9 + whole
              : kind == 2 ? value(random)
                          : whole * scale);
    }
    for (const auto& form : core::kernel::forms()) {
      INFO("form " << form.name << ", round " << round << ", WEIR_SEED=" << fixture::seed());
      const core::Moments moments = form.moments(all);
      REQUIRE(bits(moments.sum) == bits(all.sum()));
      REQUIRE(bits(moments.mean) == bits(all.mean()));
      REQUIRE(bits(moments.variance) == bits(all.variance()));
      REQUIRE(bits(moments.stddev) == bits(all.stddev()));
    }
  }
}

TEST_CASE("all forms replace one of sorted values by another, of any number of them") {
  std::mt19937_64 random{fixture::seed()};
  for (std::size_t size = 1; size <= 400; ++size) {
    INFO(size << " values, WEIR_SEED=" << fixture::seed());
    const std::uint64_t different = 1 + random() % 1000;
    const auto any = [&] { return static_cast<double>(random() % different) - 100; };
    std::vector<double> values(size);
    for (double& one : values) one = any();
    std::sort(values.begin(), values.end());
    for (int round = 0; round < 20; ++round) {
      const double out = values[random() % size], in = any();
      std::vector<double> expected = values;
      expected.erase(std::find(expected.begin(), expected.end(), out));
      expected.insert(std::upper_bound(expected.begin(), expected.end(), in), in);
      for (const auto& form : core::kernel::forms()) {
        std::vector<double> got = values;
        REQUIRE(form.replace(got, out, in));
        REQUIRE(got == expected);
        got = values;
        REQUIRE_FALSE(form.replace(got, 0.5, in));
      }
      values = expected;
    }
  }
}

TEST_CASE("a run adds as many values as its samples would one by one, and the same sums") {
  std::mt19937_64 random{fixture::seed()};
  for (std::size_t size = 1; size <= 200; ++size) {
    INFO(size << " values, WEIR_SEED=" << fixture::seed());
    Summary run{}, single{};
    run.add(7);
    single.add(7);
    std::vector<double> values(size);  // whole numbers: every sum is exact
    for (double& one : values) one = static_cast<double>(static_cast<std::int64_t>(random() % 2048) - 1024);
    core::kernel::add_run(run, values);
    for (const double one : values) single.add(one);
    REQUIRE(run.count == size + 1);
    REQUIRE(run.min == single.min);
    REQUIRE(run.max == single.max);
    REQUIRE(run.sum() == single.sum());
    REQUIRE(run.variance() == single.variance());
  }
}
