// iqr: how far a value lies outside the quartiles of the last `samples` values before it.
//   distance   from the nearer quartile / spread; 0 between the quartiles, which are of type 7
//   spread     (upper - lower quartile) * (1 + 12 / n), n values being known: few know it badly. Never below
//              two steps that the value and the one before are written in (parts/written.h), as each quartile
//              is known to a step only, and 1e-12 of the quartiles
//   fires, between, score   of the distance, by parts/levels.h
//   learns     every value, also those that fire: a quartile is led by a quarter of the values, not by a few
// It is warming until half of `samples` are known. A lasting change of level has become usual when it fills a
// quarter of them. White noise fires once in 20000 values at 31 samples and raise 3 (without the 12 / n: once
// in 1500).
//
// Sources: Tukey 1977, "Exploratory Data Analysis" (fences); parts/recent.h. State: 8 bytes and 9 for each of
// `samples`, rounded up to 8 (288 with 31).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "core/flag.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"
#include "core/parts/recent.h"
#include "core/parts/written.h"
#include "core/windows/sorted_values.h"

namespace core {

// Constant after construction.
class Iqr {
 public:
  using Spec = IqrSpec;
  using State = RecentState;

  explicit Iqr(const IqrSpec& spec) noexcept
      : levels_{.raise = spec.raise, .clear = spec.clear}, recent_(spec.samples) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return recent_.bytes(); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    Verdict verdict;
    if (recent_.enough(state)) [[likely]] {
      const std::span<const double> sorted = recent_.sorted(state);
      const double lower = SortedValues::quantile(sorted, 0.25), upper = SortedValues::quantile(sorted, 0.75);
      const double outside = std::clamp(std::max(lower - point.value, point.value - upper), 0.0, most);
      if (explain || outside > levels_.clear * (upper - lower)) [[unlikely]]
        verdict = judge(state, point.value, {lower, upper}, outside);
    } else {
      verdict.condition = Condition::warming;
    }
    recent_.add(state, point.value);
    return verdict;
  }

 private:
  static constexpr double most = std::numeric_limits<double>::max();
  static constexpr double relative_floor = 1e-12;

  struct Quartiles {
    double lower, upper;
  };

  [[nodiscard]] Verdict judge(State& state, double value, const Quartiles& quartiles,
                              double outside) const noexcept {
    const auto [lower, upper] = quartiles;
    const double widening = 1 + 12 / static_cast<double>(state.count);
    const double spread =
        std::max({(upper - lower) * widening, relative_floor * std::max(std::abs(lower), std::abs(upper)),
                  2 * written_step(value, recent_.newest(state))});
    Verdict verdict = levels_.verdict(outside / spread);
    verdict.expected = SortedValues::quantile(recent_.sorted(state), 0.5);
    verdict.low = lower - levels_.raise * spread;
    verdict.high = upper + levels_.raise * spread;
    return verdict;
  }

  Levels levels_;
  Recent recent_;
};

}  // namespace core
