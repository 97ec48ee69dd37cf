// Level K of the bench: decoded samples into windows, in one process, on threads of its own, nothing else
// around them. Every figure has a yardstick that ran beside it, round by round.
#pragma once

#include <cstdint>
#include <vector>

#include "bridge/bench_figure.h"

namespace bridge {

struct KernelOptions {
  std::uint64_t keys_max = 6'000'000;
  std::uint32_t rounds = 9;
  std::uint64_t samples = 4'000'000;  // of a round
};

[[nodiscard]] std::vector<BenchFigure> bench_kernel(const KernelOptions& options);

}  // namespace bridge
