// What the way values are written tells about them. Pure; any thread.
#pragma once

#include <cmath>

namespace core {

// The step two finite values are written in: the coarsest of 1, 0.1, 0.01, ... and 1/2, 1/4, ... that both
// are multiples of. A sensor that says 20.1 after a day of 20.0 has not done anything odd.
[[nodiscard]] double written_step(double a, double b) noexcept;

// How far the difference of two values can lie from that of the decimal numbers they stand for: 20.3 - 20.2
// is a little more than 0.1.
[[nodiscard]] inline double written_error(double a, double b) noexcept {
  return 0x1p-52 * std::abs(a) + 0x1p-52 * std::abs(b);
}

}  // namespace core
