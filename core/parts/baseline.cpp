#include "core/parts/baseline.h"

#include <numeric>

#include "core/parts/levels.h"

namespace core {

double median(std::span<double> values) noexcept {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

void Baseline::collect(BaselineState& state, double value) const noexcept {
  state.first[state.count] = value;
  state.before = value;
  if (++state.count == first_) begin(state);
}

// From the first samples.
void Baseline::begin(BaselineState& state) const noexcept {
  const std::span values{state.first.data(), first_};
  state.mean = median(values);
  for (double& value : values) value = std::min(std::abs(value - state.mean), deviation_max);
  state.deviation = std::clamp(normal_consistency * median(values), deviation_least_, deviation_max);
}

}  // namespace core
