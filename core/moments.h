// Moments of a summary: all from the same sums, with twice the digits of a double, each rounded once. How
// products are made (twofold.h) does not show in the bits. Pure; any thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/summary.h"
#include "core/twofold.h"

namespace core {

struct Moments {
  double sum, mean;
  double variance, stddev;  // of samples (n - 1), never negative; NaN of one value
};

// Of any summary that is not empty.
[[nodiscard]] Moments moments_with_care(const Summary& all) noexcept;

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
    return moments_with_care(all);
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
