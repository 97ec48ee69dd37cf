// Random plans and timelines. Each seed turns some things off and gives the others wild weights.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "core/item.h"
#include "core/plan.h"

namespace fixture {

using core::Duration;
using core::SeriesId;
using core::Time;
using namespace std::chrono_literals;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool chance(std::int64_t percent) { return below(100) < percent; }
  Duration up_to(Duration most) { return Duration{below(most.count() + 1)}; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(static_cast<std::int64_t>(choices.size()))];
  }

 private:
  std::mt19937_64 random_;
};

struct Step {
  core::ItemKind kind = core::ItemKind::tick;
  SeriesId series = 0;
  Time time{};
  std::vector<double> values{};  // one of a sample, all of a run
  Duration between{};            // of a run

  static Step tick(Time time) { return {.time = time}; }
  static Step sample(SeriesId series, Time time, double value) {
    return {core::ItemKind::sample, series, time, {value}, {}};
  }
  [[nodiscard]] bool is_tick() const { return kind == core::ItemKind::tick; }
};

inline core::DetectorSpec detector(Duration least, decltype(core::DetectorSpec::kind) kind) {
  core::DetectorSpec spec;
  spec.life = {.least = least, .flaps = 0};  // the model knows no flapping
  spec.kind = std::move(kind);
  return spec;
}

// Tumbling and hopping windows.
inline core::WindowSpec random_window(Dice& dice) {
  core::WindowSpec spec;
  spec.every = dice.one_of<Duration>({1s, 2s, 5s, 7s, 60s, 1500ms, 333333333ns});
  spec.length = spec.every * (dice.chance(40) ? 1 : 1 + dice.below(6));
  spec.kind = spec.length == spec.every ? core::WindowKind::tumbling : core::WindowKind::hopping;
  spec.offset = dice.chance(50) ? Duration{0} : dice.up_to(spec.every - 1ns);
  spec.retention = dice.one_of<Duration>({Duration{0}, spec.every, spec.every, spec.length, Duration{30s}});
  return spec;
}

inline core::Plan random_plan(Dice& dice) {
  core::Plan plan;
  plan.lateness = dice.one_of<Duration>({0s, 0s, 300ms, 2s, 5s, 17s});
  plan.idle = dice.one_of<Duration>({0s, 1s, 10s, 60s});
  const auto windows = dice.chance(5) ? 0 : 1 + dice.below(3);
  for (std::int64_t i = 0; i < windows; ++i) plan.windows.push_back(random_window(dice));
  const Duration least = dice.one_of<Duration>({0s, 0s, 3s});
  if (dice.chance(30)) plan.detectors.push_back(detector(least, core::ThresholdSpec{10, {}, 5}));
  if (dice.chance(30)) plan.detectors.push_back(detector(least, core::ThresholdSpec{{}, -10, {}}));
  if (dice.chance(40)) {
    plan.detectors.push_back(detector(0s, core::SilenceSpec{dice.one_of<Duration>({1s, 7s, 300s})}));
  }
  if (dice.chance(20)) plan.detectors.push_back(detector(0s, core::SilenceSpec{7s}));
  return plan;
}

inline double random_value(Dice& dice, double offset) {
  if (dice.chance(1)) return dice.one_of({1e15, -1e12, 0.0});
  return offset + static_cast<double>(dice.below(4096) - 2048) / 128;
}

// What a timeline may hold beside ticks and samples.
struct Wild {
  Duration jump = 24h * 400;                        // of a device's clock
  Duration pause = 24h * 30;                        // of all
  std::int64_t nulls = 0, runs = 0, evictions = 0;  // percent
};

inline std::vector<Step> random_steps(Dice& dice, const core::Plan& plan, std::uint32_t series,
                                      const Wild& wild = {}) {
  const Duration pace = dice.one_of<Duration>({10ms, 200ms, 1s, 3s, 20s});
  const Duration disorder = dice.chance(30)   ? Duration{0}
                            : dice.chance(70) ? plan.lateness
                                              : plan.lateness * 3 + 10s;
  const auto ticks = dice.one_of<std::int64_t>({5, 30, 60});
  const auto jumps = dice.one_of<std::int64_t>({0, 0, 3});
  const auto duplicates = dice.one_of<std::int64_t>({0, 10});
  const auto gaps = dice.one_of<std::int64_t>({0, 3, 10});
  const double offset = dice.one_of({0.0, 20.0, 1e9});
  Time now = Time{1'700'000'000s} + dice.up_to(100s);
  std::vector<Time> clocks;
  for (std::uint32_t i = 0; i < series; ++i) clocks.push_back(now + dice.up_to(200s) - 100s);
  std::vector<Step> steps{Step::tick(now)};
  const auto length = 10 + dice.below(70);
  while (static_cast<std::int64_t>(steps.size()) < length) {
    if (dice.chance(ticks)) {
      now += dice.chance(gaps) ? dice.up_to(10min)
             : dice.chance(1)  ? dice.up_to(wild.pause)
                               : dice.up_to(pace * 2);
      steps.push_back(Step::tick(now));
    } else if (const auto last = steps.back(); !last.is_tick() && dice.chance(duplicates)) {
      steps.push_back(last);
    } else {
      const auto id = static_cast<SeriesId>(dice.below(series));
      Time& clock = clocks[id];
      clock += dice.chance(jumps)  ? dice.up_to(wild.jump)
               : dice.chance(gaps) ? dice.up_to(3min)
                                   : dice.up_to(pace);
      Step step = Step::sample(id, clock - dice.up_to(disorder), random_value(dice, offset));
      if (dice.chance(wild.nulls)) step.kind = core::ItemKind::null;
      if (dice.chance(wild.evictions)) step.kind = core::ItemKind::evict;
      if (dice.chance(wild.runs)) {
        step.kind = core::ItemKind::run;
        step.between = dice.one_of<Duration>({0s, 1ms, 100ms, pace});
        for (auto more = dice.below(dice.one_of<std::int64_t>({3, 40})); more > 0; --more) {
          step.values.push_back(random_value(dice, offset));
        }
        clock = std::max(clock, step.time + step.between * std::ssize(step.values));
      }
      steps.push_back(step);
    }
  }
  return steps;
}

}  // namespace fixture
