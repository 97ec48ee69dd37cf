// What the two halves of level K share. Plain values; one thread each.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "bridge/bench_figure.h"
#include "bridge/bench_kernel.h"
#include "core/item.h"
#include "core/output.h"

namespace bridge::kernel_bench {

using Clock = std::chrono::steady_clock;
using core::Item;
using core::Time;

inline constexpr Time begin{std::chrono::seconds{1'767'225'600}};  // 2026-01-01
inline constexpr std::size_t chunk = 1024;                         // items a worker takes at once

inline double seconds_since(Clock::time_point start) {
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

// Samples per second in one round.
struct Pair {
  double weir, yardstick;
};

inline BenchFigure figure_of(const std::vector<Pair>& rounds) {
  std::vector<double> weir, yardstick, ratios;
  for (const Pair& round : rounds) {
    weir.push_back(round.weir);
    yardstick.push_back(round.yardstick);
    ratios.push_back(round.weir / round.yardstick);
  }
  BenchFigure figure;
  figure.level = "K";
  figure.unit = "samples/s";
  figure.value = median(weir);
  figure.yardstick_value = median(yardstick);
  figure.ratio = median(ratios);
  return figure;
}

// One array of one series in cache; and every function at every point.
[[nodiscard]] std::vector<BenchFigure> one_array(const KernelOptions& options);
[[nodiscard]] std::vector<BenchFigure> every_function(const KernelOptions& options);

}  // namespace bridge::kernel_bench
