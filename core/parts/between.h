// What lies between two order statistics. Pure; any thread.
#pragma once

#include <algorithm>

namespace core {

// low <= high, weight in [0, 1). Never beyond either, and never less for more weight.
[[nodiscard]] inline double between(double low, double high, double weight) noexcept {
  if (low < 0 && high > 0) return low * (1 - weight) + high * weight;  // their distance may be no double
  return std::min(low + (high - low) * weight, high);
}

}  // namespace core
