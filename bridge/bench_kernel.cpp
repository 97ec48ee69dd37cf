#include "bridge/bench_kernel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstring>
#include <thread>

#include "bridge/bench_kernel_parts.h"
#include "bridge/bench_usage.h"
#include "core/arena.h"
#include "core/check.h"
#include "core/heads.h"
#include "core/series.h"
#include "core/shard.h"
#include "core/summary.h"

namespace bridge {
namespace {

using namespace kernel_bench;

using core::Item;
using core::Time;

// Event time runs as if each core took so many samples a second.
constexpr std::uint64_t pace = 100'000'000;

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
    heads_.grow(keys);
    const std::size_t bytes = plan.state_bytes() - sizeof(core::SeriesHead);
    for (std::uint32_t i = 0; i < keys; ++i) {
      heads_[i].pane = arena_.allocate(bytes) + bytes - sizeof(core::Summary);
    }
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
    constexpr std::size_t far = 64, near = 32;
    for (std::size_t i = 0; i < count; ++i) {
      const auto head = [&](std::size_t at) -> core::SeriesHead& {
        return heads_[items_[std::min(at, count - 1)].series];
      };
      __builtin_prefetch(&head(i + far), 1);
      __builtin_prefetch(head(i + near).pane, 1);
      head(i).newest = items_[i].time;
      std::memcpy(head(i).pane, &items_[i].bits, sizeof items_[i].bits);
    }
  }

  std::uint32_t keys_;
  Random random_;
  core::Position position_ = 0;
  Nowhere output_;
  core::SeriesTable table_;
  core::Shard shard_;
  core::Heads heads_;  // the yardstick's, and its panes
  core::Arena arena_;
  std::array<Item, chunk> items_{};
};

// `cores` threads, each with its share of the series; rates are summed.
BenchFigure random_series(const KernelOptions& options, std::uint64_t keys, unsigned cores) {
  const core::Plan plan = moments_plan();
  std::vector<Pair> rounds(options.rounds, Pair{0, 0});
  std::vector<std::vector<Pair>> each(cores, rounds);
  std::barrier together(static_cast<std::ptrdiff_t>(cores));
  std::atomic<std::uint64_t> samples_seen{0}, allocated{0}, waited{0};
  const auto work = [&](unsigned core) {
    Feed feed(plan, static_cast<std::uint32_t>(keys / cores), core + 1);
    const std::uint64_t samples = std::max<std::uint64_t>(options.samples, keys);
    (void)feed.weir_seconds(samples / 4);
    (void)feed.yardstick_seconds(samples / 4);
    std::uint64_t waits = 0;
    together.arrive_and_wait();
    const std::uint64_t allocations_before = allocations();
    for (Pair& round : each[core]) {
      together.arrive_and_wait();
      round.yardstick = static_cast<double>(samples) / feed.yardstick_seconds(samples);
      together.arrive_and_wait();
      const std::uint64_t before = thread_switches();
      round.weir = static_cast<double>(samples) / feed.weir_seconds(samples);
      waits += thread_switches() - before;
    }
    together.arrive_and_wait();
    if (core == 0) allocated = allocations() - allocations_before;
    together.arrive_and_wait();
    samples_seen += samples * options.rounds;
    waited += waits;
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
  BenchFigure figure = figure_of(rounds);
  figure.what = "random series";
  figure.keys = keys;
  figure.cores = cores;
  figure.window = "60s/10s";
  figure.yardstick = "the same lines, no arithmetic";
  figure.bytes_per_series = plan.state_bytes();
  figure.samples = samples_seen;
  figure.allocations = allocated;
  figure.futex_waits = waited;  // at most: whatever made a thread give its processor up and wait
  return figure;
}

// What a detector on every series costs: the same samples with it and without, on one core.
BenchFigure detector_on(const KernelOptions& options, std::uint64_t keys) {
  const core::Plan plain = moments_plan();
  core::Plan judged = plain;
  judged.detectors.emplace_back().kind = core::AutoSpec{};
  judged.detector_rules = {0};
  Feed without(plain, static_cast<std::uint32_t>(keys), 1);
  Feed with(judged, static_cast<std::uint32_t>(keys), 1);
  const std::uint64_t samples = std::max<std::uint64_t>(options.samples / 4, keys);
  std::vector<Pair> rounds(options.rounds, Pair{0, 0});
  const std::uint64_t warm = std::max<std::uint64_t>(samples, keys * 200);  // its warming lasts 150 samples
  (void)without.weir_seconds(samples);
  (void)with.weir_seconds(warm);
  for (Pair& round : rounds) {
    round.yardstick = static_cast<double>(samples) / without.weir_seconds(samples);
    round.weir = static_cast<double>(samples) / with.weir_seconds(samples);
  }
  BenchFigure figure = figure_of(rounds);
  figure.what = "random series, auto on";
  figure.keys = keys;
  figure.cores = 1;
  figure.window = "60s/10s";
  figure.yardstick = "the same, no detector";
  figure.bytes_per_series = judged.state_bytes();
  return figure;
}

}  // namespace

std::vector<BenchFigure> bench_kernel(const KernelOptions& options) {
  std::vector<BenchFigure> figures;
  for (const std::uint64_t keys : {1'000ULL, 100'000ULL, 1'000'000ULL, 6'000'000ULL}) {
    if (keys <= options.keys_max) figures.push_back(random_series(options, keys, 1));
  }
  for (const std::uint64_t keys : {60'000ULL, 100'000ULL}) {
    const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
    if (keys <= options.keys_max) figures.push_back(random_series(options, keys, std::min(cores, 2U)));
  }
  for (const std::uint64_t keys : {1'000ULL, 100'000ULL}) {
    if (keys <= options.keys_max) figures.push_back(detector_on(options, keys));
  }
  for (const BenchFigure& figure : one_array(options)) figures.push_back(figure);
  for (BenchFigure& figure : every_function(options)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace bridge
