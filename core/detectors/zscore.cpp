#include "core/detectors/zscore.h"

#include <bit>
#include <numeric>
#include <span>

namespace core {
namespace {

constexpr double normal_consistency = 1.482602218505602;  // deviation of a normal distribution / its MAD

double median(std::span<double> values) noexcept {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

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

double Zscore::step(double a, double b) noexcept {
  return std::min(std::max(decimal_step(a), binary_step(a)), std::max(decimal_step(b), binary_step(b)));
}

Verdict Zscore::collect(ZscoreState& state, double value) const noexcept {
  state.first[state.count] = value;
  state.before = value;
  if (++state.count == first_) begin(state);
  return {};
}

// The baseline from the first samples.
void Zscore::begin(ZscoreState& state) const noexcept {
  const std::span values{state.first.data(), first_};
  state.mean = median(values);
  for (double& value : values) value = std::min(std::abs(value - state.mean), deviation_max);
  state.deviation = std::clamp(normal_consistency * median(values), std::max(deviation_min_, deviation_least),
                               deviation_max);
}

}  // namespace core
