// ewma: a smoothed value too far from the long-term mean: small shifts that last, and slow drift.
//   e       e + w * (d - e), where d = (value - mean) / deviation, of which at most two limits count
//   limit   raise * sqrt(w / (2 - w)): `raise` deviations of e in a series without shifts
//   fires   |e| >= limit        between  in proportion for clear
//   score   z^2 / (z^2 + raise^2), where z = |e| / sqrt(w / (2 - w)), of an e that is not quiet, or that
//           clears; else 0
//   learns  every value, clipped to +-3 deviations, while its flag is down (core/parts/baseline.h)
// With w = 0.2 and raise 6 the limit is 2 deviations: a shift of 3 is found at its fifth sample, one of 10 at
// its fourth, and one outlier, however far, is none. A drift of less than some 10 deviations in `memory`
// samples is followed and not flagged. Expected is the mean; low and high bound the smoothed value.
//
// While a flag is up the baseline stands still; after `memory` samples it starts anew, and the flag ends.
// Values of a random walk, which has no level, are flagged again and again.
//
// Source: Roberts 1959, "Control chart tests based on geometric moving averages"; Lucas and Saccucci 1990.
// State: 168 bytes, 48 of them in use after the first samples.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/flag.h"
#include "core/parts/baseline.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"

namespace core {

struct EwmaState {
  double smoothed = 0;   // e
  std::uint32_t up = 0;  // samples since the flag is up
  std::uint32_t unused = 0;
  BaselineState baseline;
};
static_assert(sizeof(EwmaState) == 168);

// Constant after construction.
class Ewma {
 public:
  using Spec = EwmaSpec;
  using State = EwmaState;

  explicit Ewma(const EwmaSpec& spec) noexcept
      : levels_{spec.raise, spec.clear},
        weight_(spec.weight),
        unit_(std::sqrt(spec.weight / (2 - spec.weight))),
        most_(2 * spec.raise * unit_),
        baseline_(spec, spec.clear * unit_) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    Verdict verdict;
    verdict.condition = Condition::warming;
    if (baseline_.collects(state.baseline)) [[unlikely]] {
      state.smoothed = 0;
      baseline_.collect(state.baseline, point.value);
      return verdict;
    }
    const Baseline::Distance distance = baseline_.measure(state.baseline, point.value);
    if (!baseline_.warming(state.baseline)) [[likely]] {
      const double one = std::clamp(distance.z / distance.widening, -most_, most_);
      state.smoothed += weight_ * (one - state.smoothed);
      verdict = judge(state, distance, explain);
    }
    if (verdict.condition == Condition::fire || (verdict.condition == Condition::between && state.up != 0)) {
      state.baseline.before = point.value;
      if (++state.up >= baseline_.memory()) state = {};
    } else {
      state.up = 0;
      baseline_.learn(state.baseline, point.value, distance);
    }
    return verdict;
  }

 private:
  [[nodiscard]] Verdict judge(const State& state, const Baseline::Distance& distance,
                              bool explain) const noexcept {
    const double z = std::abs(state.smoothed) / unit_;
    if (!explain && z <= levels_.clear) [[likely]]
      return {};
    const double limit = levels_.raise * unit_ * distance.widening * distance.deviation;
    Verdict verdict = levels_.verdict(z);
    verdict.expected = state.baseline.mean;
    verdict.low = verdict.expected - limit;
    verdict.high = verdict.expected + limit;
    return verdict;
  }

  Levels levels_;
  double weight_;
  double unit_;  // deviation of e, in deviations of the values
  double most_;  // that one value counts
  Baseline baseline_;
};

}  // namespace core
