// page_hinkley: a change of the mean since the last change; after one the new level is learned.
//   high    max(0, high + min(d - slack, 2)), low  max(0, low + min(-d - slack, 2)), both at most 2 raise
//           where d = (value - mean) / deviation; the mean is of all values since the last change, of the
//           last `memory` at most (core/parts/baseline.h)
//   fires   S >= raise, where S = max(high, low); and on, until `warmup` samples of the new level are known
//   between clear < S < raise
//   score   S^2 / (S^2 + raise^2) of an S that is not quiet; 0.5 while the new level is learned; else 0
// So a flag lasts for about `warmup` samples and says: here the level changed. It says since when, by the
// sum's last beginning, and which way: only high (mean + slack deviations) for a level that has risen, only
// low for one that has fallen.
//
// max(0, ...) is Page's and Hinkley's m - min m, written so that it needs no sum of all values. A change by
// the step the values are written in is none. A random walk, which has no level, changes again and again.
//
// Sources: Page 1954, "Continuous inspection schemes"; Hinkley 1971, "Inference about the change-point from
// cumulative sum tests". State: 192 bytes, 72 of them in use after the first samples.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/flag.h"
#include "core/parts/baseline.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"
#include "core/parts/sums.h"

namespace core {

struct PageHinkleyState {
  Sums sums;
  std::uint32_t changed = 0;  // 1: the level after a change is being learned
  std::uint32_t unused = 0;
  BaselineState baseline;
};
static_assert(sizeof(PageHinkleyState) == 192);

// Constant after construction.
class PageHinkley {
 public:
  using Spec = PageHinkleySpec;
  using State = PageHinkleyState;

  explicit PageHinkley(const PageHinkleySpec& spec) noexcept
      : levels_{spec.raise, spec.clear}, slack_(spec.slack), baseline_(spec, spec.slack) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    if (baseline_.collects(state.baseline)) [[unlikely]] {
      state.sums = {};
      baseline_.collect(state.baseline, point.value);
      return learning(state);
    }
    const Baseline::Distance distance = baseline_.measure(state.baseline, point.value);
    Verdict verdict = learning(state);
    if (!baseline_.warming(state.baseline)) [[likely]] {
      state.changed = 0;
      state.sums.add(distance.z / distance.widening, distance.least(slack_), 2 * levels_.raise, point.time);
      verdict = judge(state, distance, explain);
    }
    if (verdict.condition == Condition::fire && state.changed == 0) [[unlikely]] {
      state = {};
      state.changed = 1;
      baseline_.collect(state.baseline, point.value);
    } else {
      baseline_.learn(state.baseline, point.value, distance);
    }
    return verdict;
  }

 private:
  [[nodiscard]] static Verdict learning(const State& state) noexcept {
    Verdict verdict;
    verdict.condition = state.changed != 0 ? Condition::fire : Condition::warming;
    verdict.score = state.changed != 0 ? 0.5 : 0;
    return verdict;
  }
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
