// Summary: what a pane knows of its samples. Mergeable; nothing is ever subtracted from it.
// Owned by one worker. A value type without pointers: zero bytes are the empty summary.
//
// Moments are sums shifted by a reference (the first value added), with a compensated first sum: at mean 1e9 and
// deviation 0.1 the relative error of the variance is near 1e-15, where Welford's is 1e-7 (Chan, Golub, LeVeque 1983,
// "Algorithms for computing the sample variance"; Neumaier 1974 for the compensation).
#pragma once

#include <cstdint>

#include "core/time.h"

namespace core {

struct Summary {
  std::uint64_t count = 0;
  double reference = 0;         // the first value added; all sums below are of (value - reference)
  double sum_shifted = 0;
  double sum_compensation = 0;  // what rounding took from sum_shifted
  double squares_shifted = 0;
  double min = 0;
  double max = 0;
  double first = 0;             // value with the earliest time; of equal times the one added first
  double last = 0;              // value with the latest time; of equal times the one added last
  Time first_time{};
  Time last_time{};

  // Adds one finite sample, in any order of time.
  void add(Time time, double value) noexcept;
  // Adds all samples of `other`, as if they had been added after ours.
  void merge(const Summary& other) noexcept;

  // Precondition for all of these: count > 0; variance and stddev: count > 1. Computed in long double and rounded once.
  [[nodiscard]] double sum() const noexcept;
  [[nodiscard]] double mean() const noexcept;
  [[nodiscard]] double variance() const noexcept;  // sample variance (n - 1), never negative
  [[nodiscard]] double stddev() const noexcept;
};

}  // namespace core
