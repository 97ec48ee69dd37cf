// Moments of a summary: all from the same sums, with twice the digits of a double, each rounded once.
// `Number` is a TwofoldBy. Pure; any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/summary.h"
#include "core/twofold.h"

namespace core {

struct Moments {
  double sum, mean;
  double variance, stddev;  // of samples (n - 1), never negative; NaN of one value
};

// What the moments of a summary, not empty, are made of.
template <class Number>
struct MomentSums {
  [[gnu::always_inline]] explicit MomentSums(const Summary& all) noexcept
      : count(static_cast<double>(all.count)),
        shift(Number::sum(all.sum_shifted, all.sum_compensation)),
        squares(Number::sum(all.squares_shifted, all.squares_compensation)),
        whole(Number::product(all.reference, count) + shift),
        spread(squares - shift * shift / count) {}

  double count;
  Number shift, squares;  // of the distances from the reference
  Number whole;           // of the values themselves
  Number spread;          // of the squared distances from the mean
};

template <class Number>
[[gnu::always_inline]] inline double long_root(const Number& variance) noexcept {
  const double root = std::sqrt(variance.high);
  if (!(root > 0) || !std::isfinite(root))
    return std::isnan(variance.high) ? variance.high : std::max(root, 0.0);
  const double result = variance.root_from(root);
  return std::isfinite(result) ? result : root;
}

template <class Number>
[[gnu::always_inline]] inline Moments moments_of(const Summary& all,
                                                 const MomentSums<Number>& sums) noexcept {
  Moments result{.sum = sums.whole.rounded(),
                 .mean = (sums.whole / sums.count).rounded(),
                 .variance = std::numeric_limits<double>::quiet_NaN(),
                 .stddev = std::numeric_limits<double>::quiet_NaN()};
  if (std::isnan(result.sum)) result.sum = all.reference * sums.count + all.sum_shifted;
  // The sum may be too large where the mean is not.
  if (!std::isfinite(result.mean)) result.mean = all.reference + all.sum_shifted / sums.count;
  if (all.count > 1) {
    const Number variance = sums.spread / (sums.count - 1);
    const double rounded = variance.rounded();
    result.variance = rounded < 0 ? 0 : rounded;
    result.stddev = long_root(variance);
  }
  return result;
}

}  // namespace core
