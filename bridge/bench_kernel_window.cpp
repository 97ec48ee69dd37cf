#include <algorithm>
#include <array>
#include <string_view>

#include "bridge/bench_kernel_parts.h"
#include "bridge/bench_naive.h"
#include "bridge/bench_usage.h"
#include "core/kernel.h"
#include "core/series.h"
#include "core/shard.h"

namespace bridge::kernel_bench {
namespace {

core::Plan every_function_plan() {
  core::WindowSpec window;
  window.name = "300";
  window.kind = core::WindowKind::count;
  window.samples = 300;
  window.step = 1;
  window.above = 29;
  window.below = 21;
  window.range = {22, 28};
  window.aggregates.clear();
  for (const char* name :
       {"count",  "sum",         "mean",        "min",           "max",          "variance",
        "stddev", "median",      "p25",         "p75",           "p90",          "p95",
        "p99",    "first",       "last",        "delta",         "change_ratio", "outlier_count",
        "cv",     "above_count", "below_count", "in_range_count"}) {
    window.aggregates.push_back(core::find_aggregate(name).value());
  }
  core::Plan plan;
  plan.windows = {window};
  plan.window_rules = {0};
  return plan;
}

}  // namespace

namespace {

// The upper bound: one array of one series in cache. `sum` is the yardstick.
BenchFigure one_array(const KernelOptions& options, double (*sum)(std::span<const double>),
                      std::string_view yardstick_name) {
  std::vector<double> values(4096);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 20 + static_cast<double>(i % 100) * 0.01;
  const std::uint64_t passes = std::max<std::uint64_t>(options.samples * 10 / values.size(), 1);
  [[maybe_unused]] volatile double sink = 0;
  std::vector<Pair> rounds;
  for (std::uint32_t i = 0; i < options.rounds; ++i) {
    const double all = static_cast<double>(passes * values.size());
    auto start = Clock::now();
    for (std::uint64_t pass = 0; pass < passes; ++pass) sink = sum(values);
    const double yardstick = all / seconds_since(start);
    start = Clock::now();
    for (std::uint64_t pass = 0; pass < passes; ++pass) sink = core::kernel::summarize(values).sum_shifted;
    rounds.push_back({all / seconds_since(start), yardstick});
  }
  BenchFigure figure = figure_of(rounds);
  figure.what = "one array of 4096 values, one series (upper bound)";
  figure.keys = 1;
  figure.cores = 1;
  figure.window = "one pane";
  figure.yardstick = yardstick_name;
  return figure;
}

}  // namespace

std::vector<BenchFigure> one_array(const KernelOptions& options) {
  return {one_array(options, naive::sum, "a bare vectorised sum"),
          one_array(options, naive::sum_in_four_chains, "a bare vectorised sum in four chains")};
}

// All functions at every point over the last 300, against doing that point by point: as the predecessor does,
// without its lock, with one sort instead of one for each percentile, and with a good one.
std::vector<BenchFigure> every_function(const KernelOptions& options) {
  const core::Plan plan = every_function_plan();
  core::SeriesTable table(1);
  const std::string_view key[] = {"one"};
  (void)table.intern(plan, key, "value");
  Nowhere output;
  core::Shard shard(0, 1, table, output);
  const Item tick = Item::tick(begin, 0);
  shard.process({&tick, 1});
  Random random{1};
  core::Position position = 0;
  const auto value = [&] { return 20 + static_cast<double>(random.below(1000)) * 0.01; };
  const auto weir = [&](std::uint64_t points) {
    std::array<Item, chunk> items;
    const auto start = Clock::now();
    for (std::uint64_t done = 0; done < points; done += chunk) {
      for (Item& item : items) {
        ++position;
        item =
            Item::sample(0, begin + core::Duration{static_cast<std::int64_t>(position)}, value(), position);
      }
      shard.process(items);
    }
    return static_cast<double>(points) / seconds_since(start);
  };
  const auto naive_rate = [&](naive::Form form, std::uint64_t points) {
    naive::PointByPoint port(form, 300, {22, 28});
    for (int i = 0; i < 300; ++i) port.add(value());
    const auto start = Clock::now();
    for (std::uint64_t i = 0; i < points; ++i) port.add(value());
    return static_cast<double>(points) / seconds_since(start);
  };
  struct Rival {
    naive::Form form;
    const char* name;
    std::uint64_t points;
  };
  const std::uint64_t scale = std::max<std::uint64_t>(options.samples / 1'000'000, 1);
  constexpr std::array rivals{
      Rival{naive::Form::sorts_for_each_locked,
            "the predecessor's: a quadratic sort for each percentile, lock", 20},
      Rival{naive::Form::sorts_for_each, "the same without the lock", 20},
      Rival{naive::Form::quadratic_sort_once, "one quadratic sort a point, no lock", 100},
      Rival{naive::Form::std_sort_once, "one std::sort a point, no lock", 2000}};
  const std::uint64_t points = 50'000 * scale;
  std::vector<BenchFigure> figures;
  (void)weir(100'000);
  for (const Rival& rival : rivals) {
    std::vector<Pair> rounds;
    std::uint64_t allocated = 0, waited = 0;
    for (std::uint32_t i = 0; i < options.rounds; ++i) {
      const double other = naive_rate(rival.form, rival.points * scale);
      const std::uint64_t allocations_before = allocations(), switches_before = thread_switches();
      const double own = weir(points);
      allocated += allocations() - allocations_before;
      waited += thread_switches() - switches_before;
      rounds.push_back({own, other});
    }
    BenchFigure figure = figure_of(rounds);
    figure.samples = points * options.rounds;
    figure.allocations = allocated;
    figure.futex_waits = waited;
    figure.what = "22 functions at every point";
    figure.keys = 1;
    figure.cores = 1;
    figure.window = "last 300 samples";
    figure.yardstick = rival.name;
    figure.bytes_per_series = plan.state_bytes();
    figures.push_back(figure);
  }
  return figures;
}

}  // namespace bridge::kernel_bench
