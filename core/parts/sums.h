// Sums: what lies beyond a slack, summed up on either side and never below nothing (a two-sided tabular
// CUSUM). Part of a detector's state: zero bytes are empty, owned by one worker.
#pragma once

#include <algorithm>

#include "core/parts/levels.h"
#include "core/time.h"

namespace core {

struct Sums {
  // One value counts for at most so much beyond the slack, so that no outlier is a shift.
  static constexpr double one_max = 2;

  double high = 0;
  double low = 0;
  Time high_since{};  // when the sum last began
  Time low_since{};

  // z in deviations. Sums end at `most`.
  void add(double z, double slack, double most, Time time) noexcept {
    grow(high, high_since, std::min(z - slack, one_max), most, time);
    grow(low, low_since, std::min(-z - slack, one_max), most, time);
  }
  [[nodiscard]] double greatest() const noexcept { return std::max(high, low); }
  // Of the greater sum, which says which way: only `high` when the level has risen, only `low` when it fell.
  [[nodiscard]] Verdict verdict(const Levels& levels, double expected, double slack) const noexcept {
    Verdict verdict = levels.verdict(greatest());
    verdict.expected = expected;
    if (high >= low) verdict.high = expected + slack;
    if (low >= high) verdict.low = expected - slack;
    if (greatest() > 0) verdict.since = high >= low ? high_since : low_since;
    return verdict;
  }

 private:
  static void grow(double& sum, Time& since, double by, double most, Time time) noexcept {
    if (sum == 0) {
      if (by <= 0) [[likely]]
        return;
      since = time;
    }
    sum = std::clamp(sum + by, 0.0, most);
  }
};
static_assert(sizeof(Sums) == 32);

}  // namespace core
