// Baseline: the level and the noise of a series, as detectors learn them from its samples.
//   learns  mean += w * d, deviation^2 = (1 - w) * (deviation^2 + w * d^2), where w = max(2 / (memory + 1), 1
//   / n)
//           and d = value - mean, clipped to +-3 deviations
// The deviation is never below deviation_min, the step the values are written in, and 1e-12 of the mean; what
// is judged by it is widened by 1 + 12 / n while n < 1024 samples are known, as Student's t is.
//
// It starts from the median and the median absolute deviation of the first 15 samples (fewer where warmup is
// shorter), and so is not led by an outlier among them. What an outlier can do later is bounded: one sample,
// however far, moves the mean by 3w deviations and widens the deviation by sqrt(1 + 8w) (2.6 % at memory
// 300). After `memory` samples in a row beyond 3 deviations it starts anew.
//
// The step values are written in (written.h) is that of the value and the one before.
//
// Sources: Finch 2009, "Incremental calculation of weighted mean and variance"; Huber 1964 (clipping);
// Rousseeuw and Croux 1993 (median absolute deviation). Constant after construction.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "core/detector_specs.h"
#include "core/parts/written.h"

namespace core {

// Of one series; zero bytes at first, owned by one worker. 152 bytes, 32 of them in use after the first
// samples.
struct BaselineState {
  static constexpr std::uint32_t first_max = 15;

  double mean = 0;
  double deviation = 0;
  double before = 0;         // the value before
  std::uint32_t count = 0;   // samples learned from; stays at its largest value
  std::uint32_t beyond = 0;  // samples in a row beyond `clip` deviations
  std::array<double, first_max> first{};
};
static_assert(sizeof(BaselineState) == 152);

// Changes their order. Precondition: not empty.
[[nodiscard]] double median(std::span<double> values) noexcept;

class Baseline {
 public:
  static constexpr double clip = 3;

  // How far a value lies from the mean. Never NaN for a finite value.
  struct Distance {
    double z;          // in deviations, with its sign
    double deviation;  // > 0
    double widening;   // >= 1: what is judged by the deviation is judged by so many times it
    bool coarse;       // the deviation is the step that values are written in

    // So that one such step is never more than a slack.
    [[nodiscard]] double least(double slack) const noexcept { return coarse ? std::max(slack, 1.0) : slack; }
  };

  // The step values are written in is looked at beyond `suspicious` deviations, which are at most `clip`.
  Baseline(const LearningSpec& spec, double suspicious) noexcept
      : suspicious_(std::min(suspicious, clip)),
        weight_(2.0 / (spec.memory + 1.0)),
        deviation_least_(std::max(spec.deviation_min, 1e-300)),
        warmup_(spec.warmup),
        memory_(spec.memory),
        first_(std::min(spec.warmup, BaselineState::first_max)) {}

  // Whether the next value is one of the first: they are collected, all others are measured and learned.
  [[nodiscard]] bool collects(const BaselineState& state) const noexcept { return state.count < first_; }
  [[nodiscard]] bool warming(const BaselineState& state) const noexcept { return state.count < warmup_; }
  [[nodiscard]] std::uint32_t memory() const noexcept { return memory_; }

  void collect(BaselineState& state, double value) const noexcept;

  [[nodiscard]] Distance measure(const BaselineState& state, double value) const noexcept {
    const double floor = relative_floor * std::abs(state.mean);
    return measure(state, value, value - state.mean, std::max(state.deviation, floor));
  }
  // The same for a distance and a deviation that the caller knows better.
  [[nodiscard]] Distance measure(const BaselineState& state, double value, double distance,
                                 double deviation) const noexcept {
    bool coarse = false;
    if (std::abs(distance) > suspicious_ * deviation && deviation < step_max) [[unlikely]] {
      const double least = written_step(value, state.before);
      coarse = least > deviation;
      deviation = std::max(deviation, least);
    }
    const double widening = state.count < few ? 1 + 12 / static_cast<double>(state.count) : 1;
    return {distance / deviation, deviation, widening, coarse};
  }

  void learn(BaselineState& state, double value, const Distance& distance) const noexcept {
    learn(state, value, distance, weight_, memory_);
  }
  // With another memory, and weight = 2 / (memory + 1).
  void learn(BaselineState& state, double value, const Distance& distance, double weight,
             std::uint32_t memory) const noexcept {
    state.before = value;
    adapt(state, distance.z, distance.deviation, weight, memory);
  }

  static constexpr double relative_floor = 1e-12;
  static constexpr double step_max = 1;

 private:
  static constexpr std::uint32_t few = 1024;  // samples for which the deviation is widened
  static constexpr double deviation_max = 1e300;

  void begin(BaselineState& state) const noexcept;

  // In units of `deviation`, so that no square overflows.
  void adapt(BaselineState& state, double z, double deviation, double weight_least,
             std::uint32_t memory) const noexcept {
    const double clipped = std::clamp(z, -clip, clip);
    if (z == clipped) [[likely]] {
      state.beyond = 0;
    } else if (++state.beyond >= memory) {
      state.count = 0;
      state.beyond = 0;
      return;
    }
    if (state.count != std::numeric_limits<std::uint32_t>::max()) ++state.count;
    const double weight =
        state.count < memory ? std::max(weight_least, 1 / static_cast<double>(state.count)) : weight_least;
    const double before = state.deviation == deviation ? 1 : state.deviation / deviation;
    state.mean += weight * clipped * deviation;
    const double after = deviation * std::sqrt((1 - weight) * (before * before + weight * clipped * clipped));
    state.deviation = std::clamp(after, deviation_least_, deviation_max);
  }

  double suspicious_;
  double weight_;
  double deviation_least_;
  std::uint32_t warmup_;
  std::uint32_t memory_;
  std::uint32_t first_;
};

}  // namespace core
