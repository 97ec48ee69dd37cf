#include "core/parts/log_scale.h"

#include <cmath>

#include "core/check.h"

namespace core {
namespace {

constexpr int octave_exponent = -1074;  // octave 0 begins at 2^-1074

}  // namespace

// A bucket spans at most a factor exp(0.7 / per_octave) (0.7: see fraction()), and (1 + e) / (1 - e) is exp(2
// atanh(e)). The millionths are for what fraction() cuts off. Rounded up to a whole number, so the last bit
// of atanh is lost.
LogScale::LogScale(double error) noexcept
    : per_octave_(static_cast<std::uint64_t>(std::ceil(0.35 * (1 + 4e-6) / std::atanh(error)))) {
  CHECK(error >= error_min && error <= error_max, "error %g", error);
}

double LogScale::middle(std::uint32_t index, std::uint32_t level) const noexcept {
  const auto begin = [&](std::uint64_t at) {
    return edge((((at << level) << 32U) + per_octave_ - 1) / per_octave_);
  };
  const Edge low = begin(index);
  const Edge high = begin(std::uint64_t{index} + 1);
  const double ratio = std::ldexp(low.scale / high.scale, low.octave - high.octave);
  return std::ldexp(2 * low.scale / (1 + ratio), low.octave + octave_exponent);
}

// The smallest number whose position is at least `position`.
LogScale::Edge LogScale::edge(std::uint64_t position) noexcept {
  const std::uint64_t wanted = position & 0xffff'ffffU;
  std::uint64_t t = 0;
  for (std::uint64_t left = steps; left > 0;) {
    const std::uint64_t half = left / 2;
    if (fraction(t + half) < wanted) {
      t += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return {1 + static_cast<double>(t) / static_cast<double>(steps), static_cast<int>(position >> 32U)};
}

}  // namespace core
