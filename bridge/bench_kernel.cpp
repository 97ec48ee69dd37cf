#include "bridge/bench_kernel.h"

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>

#include "bridge/bench_naive.h"
#include "bridge/bench_report.h"
#include "core/arena.h"
#include "core/check.h"
#include "core/kernel.h"
#include "core/series.h"
#include "core/shard.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;
using core::Item;
using core::Time;

constexpr Time begin{std::chrono::seconds{1'767'225'600}};  // 2026-01-01
constexpr std::size_t chunk = 1024;                         // items a worker takes at once
// Event time runs as if each core took so many samples a second.
constexpr std::uint64_t pace = 100'000'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// xorshift64* (Vigna 2016): fast enough not to be seen.
struct Random {
  std::uint64_t state;
  std::uint64_t operator()() {
    state ^= state >> 12U;
    state ^= state << 25U;
    state ^= state >> 27U;
    return state * 0x2545F4914F6CDD1DU;
  }
  std::uint32_t below(std::uint64_t bound) {
    return static_cast<std::uint32_t>(((operator()() >> 32U) * bound) >> 32U);
  }
};

class Nowhere final : public core::Output {
 public:
  void window(core::Position, core::SeriesId, const core::WindowResult& result) noexcept override {
    samples += result.count;
    ++results;
  }
  void flag(core::Position, core::SeriesId, const core::FlagChange&) noexcept override {}
  std::uint64_t samples = 0, results = 0;
};

// Moments, extremes and a 60 s window every 10 s; each series' windows begin at another time, so that any
// stretch of time closes its share of them.
core::Plan moments_plan() {
  core::WindowSpec window;
  window.name = "60s-10s";
  window.length = std::chrono::seconds{60};
  window.every = window.retention = std::chrono::seconds{10};
  window.spread = window.every - core::Duration{1};
  core::Plan plan;
  plan.idle = std::chrono::seconds{10};
  plan.windows = {window};
  plan.window_rules = {0};
  return plan;
}

// One thread's series and what it is fed.
class Feed {
 public:
  Feed(const core::Plan& plan, std::uint32_t keys, std::uint64_t seed)
      : keys_(keys), random_{seed}, table_(keys), shard_(0, 1, table_, output_) {
    for (std::uint32_t i = 0; i < keys; ++i) {
      const std::string name = std::to_string(i);
      const std::string_view key[] = {name};
      (void)table_.intern(plan, key, "value");
    }
    arena_places_.reserve(keys);
    const std::size_t bytes = plan.state_bytes();
    for (std::uint32_t i = 0; i < keys; ++i) arena_places_.push_back(arena_.allocate(bytes));
    pane_ = bytes - sizeof(core::Summary);
    tick();
    // Every series begins, and has a pane.
    for (std::uint32_t i = 0; i < keys; i += chunk) {
      const std::size_t count = std::min<std::size_t>(chunk, keys - i);
      for (std::size_t k = 0; k < count; ++k) items_[k] = sample(static_cast<std::uint32_t>(i + k));
      shard_.process(std::span(items_).first(count));
      yardstick(count);
    }
  }

  // Makes chunks and times only what is done with them.
  template <class Take>
  double seconds(std::uint64_t samples, const Take& take) {
    double used = 0;
    for (std::uint64_t done = 0; done < samples; done += chunk) {
      for (Item& item : items_) item = sample(random_.below(keys_));
      const auto start = Clock::now();
      take();
      used += seconds_since(start);
    }
    return used;
  }
  double weir_seconds(std::uint64_t samples) {
    return seconds(samples, [this] { shard_.process(items_); });
  }
  double yardstick_seconds(std::uint64_t samples) {
    return seconds(samples, [this] { yardstick(chunk); });
  }
  [[nodiscard]] std::uint64_t taken() const {
    return shard_.counters().aggregated.get() + shard_.counters().late.get();
  }
  [[nodiscard]] std::uint64_t results() const { return output_.results; }

 private:
  Item sample(std::uint32_t series) {
    if (++position_ % (pace / 10) == 0) tick();
    const double value = 20 + static_cast<double>(position_ % 1000) * 0.01;
    return Item::sample(series, time(), value, position_);
  }
  [[nodiscard]] Time time() const {
    constexpr std::int64_t step = 1'000'000'000 / static_cast<std::int64_t>(pace);
    return begin + core::Duration{static_cast<std::int64_t>(position_) * step};
  }
  void tick() {
    const Item item = Item::tick(time(), position_);
    shard_.process({&item, 1});
  }

  // The same lines, asked for as early, and changed; no arithmetic, no time, no windows.
  void yardstick(std::size_t count) {
    std::array<std::byte*, chunk> blocks;
    constexpr std::size_t far = 64, near = 32;
    const auto resolve = [&](std::size_t i) {
      blocks[i] = arena_.at(arena_places_[items_[i].series]);
      __builtin_prefetch(blocks[i], 1);
    };
    const auto touch = [&](std::size_t i) { __builtin_prefetch(blocks[i] + pane_, 1); };
    for (std::size_t i = 0; i < std::min(far, count); ++i) resolve(i);
    for (std::size_t i = 0; i < std::min(near, count); ++i) touch(i);
    for (std::size_t i = 0; i < count; ++i) {
      if (i + far < count) resolve(i + far);
      if (i + near < count) touch(i + near);
      std::memcpy(blocks[i] + 8, &items_[i].time, 8);
      std::memcpy(blocks[i] + pane_, &items_[i].bits, 8);
    }
  }

  std::uint32_t keys_;
  Random random_;
  core::Position position_ = 0;
  Nowhere output_;
  core::SeriesTable table_;
  core::Shard shard_;
  core::Arena arena_;  // the yardstick's
  std::vector<core::Arena::Place> arena_places_;
  std::size_t pane_ = 0;
  std::array<Item, chunk> items_{};
};

struct Pair {
  double weir, yardstick;
};

KernelFigure figure_of(const std::vector<Pair>& rounds) {
  std::vector<double> weir, yardstick, ratios;
  for (const Pair& round : rounds) {
    weir.push_back(round.weir);
    yardstick.push_back(round.yardstick);
    ratios.push_back(round.weir / round.yardstick);
  }
  KernelFigure figure;
  figure.rate = median(weir);
  figure.yardstick_rate = median(yardstick);
  figure.ratio = median(ratios);
  return figure;
}

// `cores` threads, each with its share of the series; rates are summed.
KernelFigure random_series(const KernelOptions& options, std::uint64_t keys, unsigned cores) {
  const core::Plan plan = moments_plan();
  std::vector<Pair> rounds(options.rounds, Pair{0, 0});
  std::vector<std::vector<Pair>> each(cores, rounds);
  std::barrier together(static_cast<std::ptrdiff_t>(cores));
  const auto work = [&](unsigned core) {
    Feed feed(plan, static_cast<std::uint32_t>(keys / cores), core + 1);
    const std::uint64_t samples = std::max<std::uint64_t>(options.samples, keys);
    (void)feed.weir_seconds(samples / 4);
    (void)feed.yardstick_seconds(samples / 4);
    for (Pair& round : each[core]) {
      together.arrive_and_wait();
      round.yardstick = static_cast<double>(samples) / feed.yardstick_seconds(samples);
      together.arrive_and_wait();
      round.weir = static_cast<double>(samples) / feed.weir_seconds(samples);
    }
    CHECK(feed.results() > 0, "%llu series closed no window", static_cast<unsigned long long>(keys));
  };
  std::vector<std::jthread> threads;
  for (unsigned core = 0; core < cores; ++core) threads.emplace_back(work, core);
  threads.clear();
  for (std::uint32_t i = 0; i < options.rounds; ++i) {
    for (unsigned core = 0; core < cores; ++core) {
      rounds[i].weir += each[core][i].weir;
      rounds[i].yardstick += each[core][i].yardstick;
    }
  }
  KernelFigure figure = figure_of(rounds);
  figure.what = "random series";
  figure.keys = keys;
  figure.cores = cores;
  figure.window = "60s/10s";
  figure.yardstick = "the same lines, no arithmetic";
  figure.bytes_per_series = plan.state_bytes();
  return figure;
}

// The upper bound: one array of one series in cache.
KernelFigure one_array(const KernelOptions& options) {
  std::vector<double> values(4096);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 20 + static_cast<double>(i % 100) * 0.01;
  const std::uint64_t passes = std::max<std::uint64_t>(options.samples * 10 / values.size(), 1);
  [[maybe_unused]] volatile double sink = 0;
  std::vector<Pair> rounds;
  for (std::uint32_t i = 0; i < options.rounds; ++i) {
    const double all = static_cast<double>(passes * values.size());
    auto start = Clock::now();
    for (std::uint64_t pass = 0; pass < passes; ++pass) sink = naive::sum(values);
    const double yardstick = all / seconds_since(start);
    start = Clock::now();
    for (std::uint64_t pass = 0; pass < passes; ++pass) sink = core::kernel::summarize(values).sum_shifted;
    rounds.push_back({all / seconds_since(start), yardstick});
  }
  KernelFigure figure = figure_of(rounds);
  figure.what = "one array of 4096 values, one series (upper bound)";
  figure.keys = 1;
  figure.cores = 1;
  figure.window = "one pane";
  figure.yardstick = "a bare vectorised sum";
  return figure;
}

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

// All functions at every point over the last 300, against doing that point by point: with a lock and a
// quadratic sort, without the lock, and with a good sort.
std::vector<KernelFigure> every_function(const KernelOptions& options) {
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
      Rival{naive::Form::locked_quadratic, "point by point, quadratic sort, lock", 100},
      Rival{naive::Form::quadratic, "point by point, quadratic sort, no lock", 100},
      Rival{naive::Form::sorted, "point by point, std::sort, no lock", 2000}};
  std::vector<KernelFigure> figures;
  (void)weir(100'000);
  for (const Rival& rival : rivals) {
    std::vector<Pair> rounds;
    for (std::uint32_t i = 0; i < options.rounds; ++i) {
      const double other = naive_rate(rival.form, rival.points * scale);
      rounds.push_back({weir(50'000 * scale), other});
    }
    KernelFigure figure = figure_of(rounds);
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

}  // namespace

std::vector<KernelFigure> bench_kernel(const KernelOptions& options) {
  std::vector<KernelFigure> figures;
  for (const std::uint64_t keys : {1'000ULL, 100'000ULL, 1'000'000ULL, 6'000'000ULL}) {
    if (keys <= options.keys_max) figures.push_back(random_series(options, keys, 1));
  }
  for (const std::uint64_t keys : {60'000ULL, 100'000ULL}) {
    const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
    if (keys <= options.keys_max) figures.push_back(random_series(options, keys, std::min(cores, 2U)));
  }
  figures.push_back(one_array(options));
  for (KernelFigure& figure : every_function(options)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace bridge
