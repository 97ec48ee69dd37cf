// Moments of a summary: all from the same sums, with twice the digits of a double, each rounded once. How
// products are made (twofold.h) does not show in the bits. Pure; any thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
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

// Of any summary that is not empty.
template <class Products>
Moments moments_with_care(const Summary& all) noexcept {
  using Number = TwofoldBy<Products>;
  const MomentSums<Number> sums(all);
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

// The same where no step can leave the range of doubles, in which the rests of products are exact either way,
// and fewer steps wait for each other: the variance is n Q - S^2 over n (n - 1), of which the divisor is
// known before.
template <class Products>
[[gnu::always_inline]] inline Moments moments_of(const Summary& all) noexcept {
  using Number = TwofoldBy<Products>;
  const auto moderate = [](double size) { return std::abs(size) > 1e-100 && std::abs(size) < 1e100; };
  const auto count = static_cast<double>(static_cast<std::int64_t>(all.count));
  const double divisor = count * (count - 1);
  const Number shift = Number::sum(all.sum_shifted, all.sum_compensation);
  const Number squares = Number::sum(all.squares_shifted, all.squares_compensation);
  const Number spread = Number::difference_of_products(squares, {count, 0}, shift, shift);
  if (all.count < 2 || all.count > (1U << 26U) || !moderate(all.reference) || !moderate(shift.high) ||
      !moderate(squares.high) || !(spread.high > 1e-100)) [[unlikely]]
    return moments_with_care<ByHalves>(all);
  const Number whole = Number::product(all.reference, count) + shift;
  const double mean = whole.high / count;
  const double variance = spread.high / divisor;
  const double rest = (Products::left(spread.high, variance, divisor) + spread.low) * (1 / divisor);
  const double root = std::sqrt(variance);
  return {.sum = whole.rounded(),
          .mean = mean + (Products::left(whole.high, mean, count) + whole.low) * (1 / count),
          .variance = variance + rest,
          .stddev = root + (Products::left(variance, root, root) + rest) * (0.5 / root)};
}

}  // namespace core
