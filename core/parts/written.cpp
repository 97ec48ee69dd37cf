#include "core/parts/written.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace core {
namespace {

// The coarsest of 1, 0.1, ..., 1e-9 that `value` is a multiple of, up to what it would lose as a float if it
// is one, else up to its own rounding; 0 when there is none.
double decimal_step(double value) noexcept {
  const bool is_float = static_cast<double>(static_cast<float>(value)) == value;
  const double tolerance = is_float ? 0x1p-23 : 0x1p-51;
  double scale = 1;
  for (int digits = 0; digits < 10; ++digits, scale *= 10) {
    const double scaled = value * scale;
    if (std::abs(scaled - std::nearbyint(scaled)) <= tolerance * std::abs(scaled)) return 1 / scale;
  }
  return 0;
}

// The coarsest of 1, 1/2, 1/4, ... that `value` is a multiple of. Zero is a multiple of all.
double binary_step(double value) noexcept {
  if (value == 0) return 1;
  int exponent = 0;
  const double mantissa =
      std::frexp(value, &exponent);  // value = mantissa * 2^53 * 2^(exponent - 53), the first two whole
  const auto whole = static_cast<std::uint64_t>(std::abs(std::ldexp(mantissa, 53)));
  return std::min(1.0, std::ldexp(1.0, exponent - 53 + std::countr_zero(whole)));
}

}  // namespace

double written_step(double a, double b) noexcept {
  return std::min(std::max(decimal_step(a), binary_step(a)), std::max(decimal_step(b), binary_step(b)));
}

}  // namespace core
