// threshold: a value beyond a fixed limit.
//   fires   value > above   (or value < below)
//   clears  value <= clear  (or value >= clear)
//   score   1 beyond the limit, 0 from the clear level on, in proportion between them
// Source: alarm limits with a deadband, as in ISA-18.2. State: none.
#pragma once

#include <cstddef>

#include "core/flag.h"
#include "core/parts/ends.h"

namespace core {

// Constant after construction.
class Threshold {
 public:
  using Spec = ThresholdSpec;
  struct State {};

  explicit Threshold(const ThresholdSpec& spec) noexcept
      : limit_(spec.above ? *spec.above : *spec.below),
        clear_(spec.clear.value_or(limit_)),
        above_(spec.above) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return 0; }

  [[nodiscard]] Verdict add(State&, const Point& point, bool) const noexcept {
    const double value = point.value;
    Verdict verdict;
    (above_ ? verdict.high : verdict.low) = limit_;
    const bool beyond = above_ ? value > limit_ : value < limit_;
    const bool back = above_ ? value <= clear_ : value >= clear_;
    if (beyond) {
      verdict.condition = Condition::fire;
      verdict.score = 1;
    } else if (!back) {
      verdict.condition = Condition::between;
      // Halved, so that a clear level and a limit at opposite ends of a double do not overflow.
      verdict.score = (value / 2 - clear_ / 2) / (limit_ / 2 - clear_ / 2);
    }
    return verdict;
  }

 private:
  double limit_;
  double clear_;
  bool above_;
};

}  // namespace core
