// zscore: how many deviations a value lies from an exponentially weighted mean.
//   z       |value - mean| / deviation, both as core/parts/baseline.h learns them
//   fires   z >= raise          between  clear < z < raise
//   score   z^2 / (z^2 + raise^2) of a value that is not quiet, or that clears; else 0
//   learns  every value, clipped to +-3 deviations
// It raises nothing before `warmup` samples. A lasting change of level is flagged, and ends: after `memory`
// samples in a row beyond 3 deviations the detector starts anew.
//
// Sources: Shewhart 1931 (control limits), and those of the baseline. State: 152 bytes, 32 of them in use
// after the first samples.
#pragma once

#include <cmath>
#include <cstddef>

#include "core/flag.h"
#include "core/parts/baseline.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"

namespace core {

using ZscoreState = BaselineState;

// Constant after construction.
class Zscore {
 public:
  using Spec = ZscoreSpec;
  using State = ZscoreState;

  explicit Zscore(const ZscoreSpec& spec) noexcept
      : levels_{spec.raise, spec.clear}, baseline_(spec, spec.clear) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    Verdict verdict;
    if (baseline_.collects(state)) [[unlikely]] {
      baseline_.collect(state, point.value);
      verdict.condition = Condition::warming;
      return verdict;
    }
    const Baseline::Distance distance = baseline_.measure(state, point.value);
    if (explain || std::abs(distance.z) > levels_.clear * distance.widening) [[unlikely]]
      verdict = judge(state, distance);
    if (baseline_.warming(state)) [[unlikely]]
      verdict.condition = Condition::warming;
    baseline_.learn(state, point.value, distance);
    return verdict;
  }

 private:
  [[nodiscard]] Verdict judge(const State& state, const Baseline::Distance& distance) const noexcept {
    const double deviation = distance.deviation * distance.widening;
    Verdict verdict = levels_.verdict(std::abs(distance.z) / distance.widening);
    verdict.expected = state.mean;
    verdict.low = state.mean - levels_.raise * deviation;
    verdict.high = state.mean + levels_.raise * deviation;
    return verdict;
  }

  Levels levels_;
  Baseline baseline_;
};

}  // namespace core
