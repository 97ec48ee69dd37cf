// mad: how many deviations a value lies from the median of the last `samples` values before it.
//   z          |value - median| / deviation
//   deviation  1.4826 * the median of the distances from the median * (1 + 12 / n), n of them being known:
//              few values know their noise badly. Where most values are the median itself, the distance that
//              a quarter of them reach takes its place, so that a signal of two levels knows both. Never
//              below deviation_min, the step that the value and the one before are written in
//              (parts/written.h), and 1e-12 of the median
//   fires, between, score   of z, by parts/levels.h
//   learns     every value, also those that fire: a median is led by half of the values, not by a few
// It is warming until half of `samples` are known. A lasting change of level has become usual when it fills
// half of them. White noise fires once in a million values at 31 samples and raise 6 (without the 12 / n:
// once in twelve thousand).
//
// Sources: Hampel 1974, "The influence curve and its role in robust estimation"; parts/recent.h. State: 8
// bytes and 9 for each of `samples`, rounded up to 8 (288 with 31).
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
class Mad {
 public:
  using Spec = MadSpec;
  using State = RecentState;

  explicit Mad(const MadSpec& spec) noexcept
      : levels_{.raise = spec.raise, .clear = spec.clear},
        deviation_min_(spec.deviation_min),
        recent_(spec.samples) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return recent_.bytes(); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    Verdict verdict;
    if (recent_.enough(state)) [[likely]] {
      const std::span<const double> sorted = recent_.sorted(state);
      const double median = SortedValues::quantile(sorted, 0.5);
      const double distance = std::min(std::abs(point.value - median), most);
      const double deviation = std::max(deviation_least(sorted, median), deviation_min_);
      if (explain || distance > levels_.clear * deviation) [[unlikely]]
        verdict = judge(state, point.value, median, distance);
    } else {
      verdict.condition = Condition::warming;
    }
    recent_.add(state, point.value);
    return verdict;
  }

 private:
  static constexpr double most = std::numeric_limits<double>::max();
  static constexpr double relative_floor = 1e-12;

  static double widening(std::size_t count) noexcept { return 1 + 12 / static_cast<double>(count); }

  // What the deviation is at least: less than half of the values lie between the quarters of the window.
  static double deviation_least(std::span<const double> sorted, double median) noexcept {
    const std::size_t quarter = sorted.size() / 4;
    return normal_consistency *
           std::min(median - sorted[quarter], sorted[sorted.size() - 1 - quarter] - median);
  }

  static double reached_by_quarter(std::span<const double> sorted, double median) noexcept {
    const auto below = [&] { return median - sorted.front(); };
    const auto above = [&] { return sorted.back() - median; };
    for (std::size_t left = sorted.size() / 4; left > 0; --left)
      sorted = below() > above() ? sorted.subspan(1) : sorted.first(sorted.size() - 1);
    return std::max(below(), above());
  }

  [[nodiscard]] Verdict judge(State& state, double value, double median, double distance) const noexcept {
    const std::span<const double> sorted = recent_.sorted(state);
    double distance_usual = SortedValues::deviation(sorted, median);
    if (distance_usual == 0) distance_usual = reached_by_quarter(sorted, median);
    const double deviation =
        std::max({normal_consistency * widening(sorted.size()) * distance_usual, deviation_min_,
                  relative_floor * std::abs(median), written_step(value, recent_.newest(state))});
    Verdict verdict = levels_.verdict(distance / deviation);
    verdict.expected = median;
    verdict.low = median - levels_.raise * deviation;
    verdict.high = median + levels_.raise * deviation;
    return verdict;
  }

  Levels levels_;
  double deviation_min_;
  Recent recent_;
};

}  // namespace core
