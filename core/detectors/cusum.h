// cusum: the sum of what lies beyond `slack` deviations: small shifts that last, soonest those of 2 slack.
//   high    max(0, high + min(d - slack, 2)), low  max(0, low + min(-d - slack, 2)), both at most 2 raise
//           where d = (value - mean) / deviation
//   fires   S >= raise          between  clear < S < raise, where S = max(high, low)
//   score   S^2 / (S^2 + raise^2) of an S that is not quiet, or that clears; else 0
//   learns  every value, clipped to +-3 deviations, while its flag is down (core/parts/baseline.h)
// A shift of 3 deviations is found within some 7 samples, one of 10 at its fifth. A flag says since when, by
// the sum's last beginning, and which way: only high (mean + slack deviations) for a level that has risen,
// only low for one that has fallen. As values came back it ends within (2 raise - clear) / slack samples, and
// the sums begin anew.
//
// While a flag is up the baseline stands still; after `memory` samples it starts anew, and the flag ends. A
// change by the step the values are written in is none. A random walk, which has no level, is flagged again
// and again.
//
// Source: Page 1954, "Continuous inspection schemes". State: 192 bytes, 72 of them in use after the first
// samples.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/flag.h"
#include "core/parts/baseline.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"
#include "core/parts/sums.h"

namespace core {

struct CusumState {
  Sums sums;
  std::uint32_t up = 0;  // samples since the flag is up
  std::uint32_t unused = 0;
  BaselineState baseline;
};
static_assert(sizeof(CusumState) == 192);

// Constant after construction.
class Cusum {
 public:
  using Spec = CusumSpec;
  using State = CusumState;

  explicit Cusum(const CusumSpec& spec) noexcept
      : levels_{spec.raise, spec.clear}, slack_(spec.slack), baseline_(spec, spec.slack) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    Verdict verdict;
    verdict.condition = Condition::warming;
    if (baseline_.collects(state.baseline)) [[unlikely]] {
      state.sums = {};
      baseline_.collect(state.baseline, point.value);
      return verdict;
    }
    const Baseline::Distance distance = baseline_.measure(state.baseline, point.value);
    if (!baseline_.warming(state.baseline)) [[likely]] {
      state.sums.add(distance.z / distance.widening, distance.least(slack_), 2 * levels_.raise, point.time);
      verdict = judge(state, distance, explain);
    }
    if (verdict.condition == Condition::fire || (verdict.condition == Condition::between && state.up != 0)) {
      state.baseline.before = point.value;
      if (++state.up >= baseline_.memory()) state = {};
    } else {
      if (state.up != 0) state.sums = {};
      state.up = 0;
      baseline_.learn(state.baseline, point.value, distance);
    }
    return verdict;
  }

 private:
  [[nodiscard]] Verdict judge(const State& state, const Baseline::Distance& distance,
                              bool explain) const noexcept {
    if (!explain && state.sums.greatest() <= levels_.clear) [[likely]]
      return {};
    const double slack = slack_ * distance.widening * distance.deviation;
    return state.sums.verdict(levels_, state.baseline.mean, slack);
  }

  Levels levels_;
  double slack_;
  Baseline baseline_;
};

}  // namespace core
