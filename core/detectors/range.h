// range: a value outside of [low, high].
//   fires   value < low, or value > high
//   clears  low + margin <= value <= high - margin
//   score   1 outside, 0 from the margin on inwards, in proportion between them
// Source: alarm limits with a deadband, as in ISA-18.2. State: none.
#pragma once

#include <cstddef>

#include "core/flag.h"
#include "core/parts/ends.h"

namespace core {

// Constant after construction.
class Range {
 public:
  using Spec = RangeSpec;
  struct State {};

  explicit Range(const RangeSpec& spec) noexcept
      : low_(spec.low),
        high_(spec.high),
        clear_low_(spec.low + spec.margin),
        clear_high_(spec.high - spec.margin) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return 0; }

  [[nodiscard]] Verdict add(State&, const Point& point, bool) const noexcept {
    const double value = point.value;
    Verdict verdict;
    verdict.low = low_;
    verdict.high = high_;
    if (value < low_ || value > high_) {
      verdict.condition = Condition::fire;
      verdict.score = 1;
    } else if (value < clear_low_) {
      verdict.condition = Condition::between;
      verdict.score = (clear_low_ - value) / (clear_low_ - low_);
    } else if (value > clear_high_) {
      verdict.condition = Condition::between;
      verdict.score = (value - clear_high_) / (high_ - clear_high_);
    }
    return verdict;
  }

 private:
  double low_;
  double high_;
  double clear_low_;
  double clear_high_;
};

}  // namespace core
