// Levels: from how far something lies, in deviations, to a condition and a score.
//   fires  z >= raise          between  clear < z < raise          score  z^2 / (z^2 + raise^2)
// So the score is 0.5 or more exactly when it fires. Pure; any thread.
#pragma once

#include <algorithm>

#include "core/flag.h"

namespace core {

// The standard deviation of a normal distribution / its median absolute deviation.
inline constexpr double normal_consistency = 1.482602218505602;

struct Levels {
  double raise;  // > clear
  double clear;  // > 0

  // z >= 0, which may be infinite.
  [[nodiscard]] Verdict verdict(double z) const noexcept {
    constexpr double below_half = 0x1.fffffffffffffp-2;
    const double ratio = raise / z;  // infinite at z == 0: score 0
    const double score = 1 / (1 + ratio * ratio);
    Verdict verdict;
    verdict.condition = z >= raise ? Condition::fire : z > clear ? Condition::between : Condition::quiet;
    verdict.score = z >= raise ? score : std::min(score, below_half);
    return verdict;
  }
};

}  // namespace core
