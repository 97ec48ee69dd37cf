// Level K of the bench: decoded samples into windows, in one process, on threads of its own, nothing else
// around them. Every figure has a yardstick that ran beside it, round by round.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bridge {

struct KernelFigure {
  std::string what;        // "random series", ...
  std::uint64_t keys = 0;  // series
  unsigned cores = 0;      // threads that worked
  std::string window;
  double rate = 0;  // samples per second of weir, median of the rounds
  std::string yardstick;
  double yardstick_rate = 0;
  double ratio = 0;  // median of the rounds' ratios
  std::uint64_t bytes_per_series = 0;
};

struct KernelOptions {
  std::uint64_t keys_max = 6'000'000;
  std::uint32_t rounds = 9;
  std::uint64_t samples = 4'000'000;  // of a round
};

[[nodiscard]] std::vector<KernelFigure> bench_kernel(const KernelOptions& options);

struct KernelReport {
  std::vector<KernelFigure> figures;

  [[nodiscard]] bool complete() const { return !figures.empty(); }
};

}  // namespace bridge
