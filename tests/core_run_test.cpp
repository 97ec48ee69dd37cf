// A run of values: what comes of it, and that nobody can see how it travelled. That any input may be cut
// anywhere is in core_model_test, that batches may be of any size in core_engine_test.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/engine.h"
#include "core/kernel.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Duration;
using core::Item;
using core::Summary;
using fixture::Time;

namespace {

constexpr Time t0{1'699'999'200s};  // where an hour begins

struct Said {
  Time start, end;
  std::uint64_t count;
  std::vector<double> values;

  bool operator==(const Said& other) const {  // to the bit
    return start == other.start && end == other.end && count == other.count &&
           values.size() == other.values.size() &&
           std::memcmp(values.data(), other.values.data(), values.size() * sizeof(double)) == 0;
  }
};

class Listener final : public core::Output {
 public:
  void window(core::Position, core::SeriesId, const core::WindowResult& result) noexcept override {
    said.push_back({result.start, result.end, result.count, {result.values.begin(), result.values.end()}});
  }
  void flag(core::Position, core::SeriesId, const core::FlagChange&) noexcept override {}

  std::vector<Said> said;
};

core::Plan plan_of(Duration length, Duration every, bool plain) {
  using enum core::AggregateKind;
  core::WindowSpec spec;
  spec.length = length;
  spec.every = every;
  spec.aggregates = {{sum}, {mean}, {variance}, {stddev}, {min}, {max}};
  if (!plain) spec.aggregates.push_back({last});
  core::Plan plan;
  plan.windows = {spec};
  return plan;
}

struct Run {
  Time first;
  Duration step;
  std::vector<double> values;
};

// What a series says of one value, the run, and the end of input.
class Bench {
 public:
  explicit Bench(const core::Plan& plan) : plan_(plan) {
    const std::string_view key[] = {"a"};
    (void)table_.intern(plan_, key, "f");
  }
  // As runs, in batches of so many items.
  std::vector<Said> as_run(double before, const Run& run, std::size_t batch) {
    return said(before, batch,
                [&](core::Engine& engine) { engine.push_run(0, run.first, run.step, run.values, 1); });
  }
  std::vector<Said> one_by_one(double before, const Run& run) {
    return said(before, 1, [&](core::Engine& engine) {
      Time time = run.first;
      for (const double value : run.values) {
        engine.push(0, time, value, 1);
        time += run.step;
      }
    });
  }

 private:
  template <class Push>
  std::vector<Said> said(double before, std::size_t batch, const Push& push) {
    Listener listener;
    core::Engine engine({1, false, batch, batch}, table_, {&listener});
    engine.tick(t0, 0);
    engine.push(0, t0, before, 0);
    push(engine);
    engine.finish(2);
    return listener.said;
  }

  const core::Plan plan_;
  core::SeriesTable table_{1};
};

std::vector<double> values(std::mt19937_64& random, std::size_t count, double grain) {
  std::vector<double> result(count);
  for (double& one : result) one = 1000 + static_cast<double>(random() % 2048) * grain;
  return result;
}

// What the bench's window says of a summary.
std::vector<double> told(const Summary& all) {
  return {all.sum(), all.mean(), all.variance(), all.stddev(), all.min, all.max};
}

// The first value, then each piece of the run as the kernel adds it.
Summary expected(double before, const std::vector<double>& run) {
  Summary result;
  result.add(before);
  for (std::size_t at = 0; at < run.size(); at += Item::run_max) {
    const std::span<const double> rest = std::span(run).subspan(at);
    core::kernel::add_run(result, rest.first(std::min<std::size_t>(rest.size(), Item::run_max)));
  }
  return result;
}

std::size_t some_count(std::mt19937_64& random) {
  return 1 + random() % (random() % 10 == 0 ? 10'000 : random() % 3 == 0 ? 300 : 20);
}

}  // namespace

TEST_CASE("inside one pane a run is what the kernel makes of it, to the bit, in batches of any size") {
  std::mt19937_64 random{fixture::seed()};
  INFO("WEIR_SEED=" << fixture::seed());
  Bench bench(plan_of(1h, 1h, true));
  for (int round = 0; round < 300; ++round) {
    const Run run{t0 + std::chrono::milliseconds{random() % 1000}, Duration{random() % 300'000'000},
                  values(random, some_count(random), 0.1)};
    CAPTURE(run.values.size());
    const std::vector<Said> whole = bench.as_run(7, run, 20'000);
    REQUIRE(whole == std::vector<Said>{{t0, t0 + 1h, run.values.size() + 1, told(expected(7, run.values))}});
    for (const std::size_t batch : {std::size_t{1}, std::size_t{2}, 1 + random() % 500}) {
      REQUIRE(bench.as_run(7, run, batch) == whole);
    }
  }
}

// Multiples of 1/64: no sum rounds, so no order and no lanes can show.
TEST_CASE("a run of values whose sums are exact is its values one by one, and the kernel's of all of them") {
  std::mt19937_64 random{fixture::seed()};
  INFO("WEIR_SEED=" << fixture::seed());
  Bench bench(plan_of(1h, 1h, true));
  for (int round = 0; round < 300; ++round) {
    const Run run{t0 + 1s, Duration{random() % 300'000'000}, values(random, some_count(random), 1.0 / 64)};
    CAPTURE(run.values.size());
    const std::vector<Said> single = bench.one_by_one(7, run);
    REQUIRE(single.size() == 1);
    REQUIRE(bench.as_run(7, run, 1 + random() % 500) == single);
    std::vector<double> all{7};
    all.insert(all.end(), run.values.begin(), run.values.end());
    REQUIRE(told(core::kernel::summarize(all)) == single[0].values);
  }
}

TEST_CASE("a run that meets the end of a pane, or other parts, is its values one by one, to the bit") {
  std::mt19937_64 random{fixture::seed()};
  INFO("WEIR_SEED=" << fixture::seed());
  Bench crossing(plan_of(4s, 2s, true)), rich(plan_of(1h, 1h, false));
  std::size_t results = 0;
  for (int round = 0; round < 300; ++round) {
    // From one pane into others; and at one time, or all in one pane, of a window that keeps more.
    const Run far{t0 + 1s, Duration{1'000'000 + random() % 100'000'000},
                  values(random, 1000 + random() % 3000, 0.1)};
    const Run near{t0 + 1s, Duration{random() % 100'000'000}, values(random, some_count(random), 0.1)};
    const std::vector<Said> single = crossing.one_by_one(7, far);
    results += single.size();
    REQUIRE(crossing.as_run(7, far, 1 + random() % 500) == single);
    REQUIRE(rich.as_run(7, near, 1 + random() % 500) == rich.one_by_one(7, near));
  }
  CHECK(results > 300);
}

TEST_CASE("what the kernel makes of a run: exact but for the roundings that it states") {
  __extension__ using Quad = __float128;
  std::mt19937_64 random{fixture::seed()};
  INFO("WEIR_SEED=" << fixture::seed());
  std::normal_distribution<double> normal;
  for (int round = 0; round < 2000; ++round) {
    const double offset = std::pow(10.0, static_cast<double>(random() % 19) - 9);
    const double spread = offset * std::pow(10.0, -static_cast<double>(random() % 10));
    std::vector<double> all(some_count(random));
    for (double& one : all) one = offset + spread * normal(random);
    CAPTURE(all.size());
    const Summary got = core::kernel::summarize(all);
    Quad sum = 0, squares = 0, magnitude = 0;
    for (const double value : all) {
      const Quad distance = static_cast<Quad>(value) - all[0];
      sum += distance;
      magnitude += distance < 0 ? -distance : distance;
      squares += distance * distance;
    }
    const auto off = [](double high, double low, Quad exact) {
      const Quad error = static_cast<Quad>(high) + low - exact;
      return static_cast<double>(error < 0 ? -error : error);
    };
    const double bound = (static_cast<double>(all.size()) / 32 + 3) * 0x1p-53;
    REQUIRE(got.count == all.size());
    REQUIRE(got.reference == all[0]);
    REQUIRE(got.min == *std::min_element(all.begin(), all.end()));
    REQUIRE(got.max == *std::max_element(all.begin(), all.end()));
    REQUIRE(off(got.squares_shifted, got.squares_compensation, squares) <=
            bound * static_cast<double>(squares));
    REQUIRE(off(got.sum_shifted, got.sum_compensation, sum) <= bound * static_cast<double>(magnitude));
  }
}
