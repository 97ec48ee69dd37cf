// zscore: how many deviations a value lies from an exponentially weighted mean.
//   z       |value - mean| / deviation
//   fires   z >= raise          holds  clear < z < raise
//   score   z^2 / (z^2 + raise^2) of a value that is not quiet, or that clears; else 0
//   learns  mean += w * d, deviation^2 = (1 - w) * (deviation^2 + w * d^2), where w = max(2 / (memory + 1), 1
//   / n)
//           and d = value - mean, clipped to +-3 deviations
// The deviation is never below deviation_min, the step the values are written in, and 1e-12 of the mean; for
// z it is widened by 1 + 12 / n while n < 1024 samples are known, as Student's t is.
//
// It starts from the median and the median absolute deviation of the first 15 samples (fewer where warmup is
// shorter), raises nothing before `warmup` samples, and so is not led by an outlier among them. What an
// outlier can do later is bounded: one sample, however far, moves the mean by 3w deviations and widens the
// deviation by sqrt(1 + 8w) (2.6 % at memory 300). A lasting change of level is flagged, and ends: after
// `memory` samples in a row beyond 3 deviations the detector starts anew.
//
// The step values are written in: the coarsest of 1, 0.1, 0.01, ... and 1/2, 1/4, ... that both the value and
// the one before are multiples of. A sensor that says 20.1 after a day of 20.0 has not done anything odd.
//
// Sources: Finch 2009, "Incremental calculation of weighted mean and variance"; Huber 1964 (clipping);
// Rousseeuw and Croux 1993 (median absolute deviation). State: 168 bytes, 48 of them in use after the first
// samples.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/flag.h"

namespace core {

struct ZscoreState {
  static constexpr std::uint32_t first_max = 15;

  FlagLife life;
  double mean = 0;
  double deviation = 0;
  double before = 0;         // the value before
  std::uint32_t count = 0;   // samples learned from; stays at its largest value
  std::uint32_t beyond = 0;  // samples in a row beyond `clip` deviations
  std::array<double, first_max> first{};
};
static_assert(sizeof(ZscoreState) == 168);

// Constant after construction.
class Zscore {
 public:
  explicit Zscore(const ZscoreSpec& spec) noexcept
      : raise_(spec.raise),
        clear_(spec.clear),
        suspicious_(std::min(spec.clear, clip)),
        weight_(2.0 / (spec.memory + 1.0)),
        deviation_min_(spec.deviation_min),
        warmup_(spec.warmup),
        memory_(spec.memory),
        first_(std::min(spec.warmup, ZscoreState::first_max)) {}

  // Judges `value`, then learns from it. While nothing is raised a quiet value is not explained further.
  [[nodiscard]] Verdict add(ZscoreState& state, double value) const noexcept {
    if (state.count < first_) return collect(state, value);
    const double distance = value - state.mean;
    double deviation = std::max(state.deviation, relative_floor * std::abs(state.mean));
    if (std::abs(distance) > suspicious_ * deviation) [[unlikely]] {
      deviation = std::max(deviation, step(value, state.before));
    }
    const double z = distance / deviation;
    const double widening = state.count < few ? 1 + 12 / static_cast<double>(state.count) : 1;
    Verdict verdict;
    if (state.count >= warmup_ && (std::abs(z) > clear_ * widening || state.life.raised())) [[unlikely]] {
      verdict = judge(state, std::abs(z) / widening, deviation * widening);
    }
    learn(state, z, deviation);
    state.before = value;
    return verdict;
  }

  static constexpr double clip = 3;

 private:
  static constexpr std::uint32_t few = 1024;  // samples for which the deviation is widened
  static constexpr double relative_floor = 1e-12;
  static constexpr double deviation_least = 1e-300;
  static constexpr double deviation_max = 1e300;

  // The step two values are written in.
  static double step(double a, double b) noexcept;
  Verdict collect(ZscoreState& state, double value) const noexcept;
  void begin(ZscoreState& state) const noexcept;

  [[nodiscard]] Verdict judge(const ZscoreState& state, double z, double deviation) const noexcept {
    const double ratio = raise_ / z;  // infinite at z == 0: score 0
    return {.condition = z >= raise_  ? Condition::fire
                         : z > clear_ ? Condition::hold
                                      : Condition::quiet,
            .score = 1 / (1 + ratio * ratio),
            .expected = state.mean,
            .low = state.mean - raise_ * deviation,
            .high = state.mean + raise_ * deviation};
  }

  // In units of `deviation`, so that no square overflows.
  void learn(ZscoreState& state, double z, double deviation) const noexcept {
    const double clipped = std::clamp(z, -clip, clip);
    if (z == clipped) [[likely]] {
      state.beyond = 0;
    } else if (++state.beyond >= memory_) {
      state.count = 0;
      state.beyond = 0;
      return;
    }
    if (state.count != std::numeric_limits<std::uint32_t>::max()) ++state.count;
    const double weight =
        state.count < memory_ ? std::max(weight_, 1 / static_cast<double>(state.count)) : weight_;
    const double before = state.deviation == deviation ? 1 : state.deviation / deviation;
    state.mean += weight * clipped * deviation;
    const double after = deviation * std::sqrt((1 - weight) * (before * before + weight * clipped * clipped));
    state.deviation = std::clamp(after, std::max(deviation_min_, deviation_least), deviation_max);
  }

  double raise_;
  double clear_;
  double suspicious_;
  double weight_;
  double deviation_min_;
  std::uint32_t warmup_;
  std::uint32_t memory_;
  std::uint32_t first_;
};

}  // namespace core
