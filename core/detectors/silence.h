// silence: no sample for `after`, by arrival time.
//   fires   last arrival + after <= now; since = last arrival
//   clears  with the next sample, however old its own time
//   score   1
//   learns  where `after` is learned: factor times the upper quartile of the last 15 times between arrivals,
//           once 5 of them are known. What arrives together counts once. One outage changes little; a device
//           that sends less often from now on is known after four of its new pauses.
// A deadline, not a judgement on samples: the shard's timing wheel calls raise(), a sample calls clear().
// State: 152 bytes; 16 where `after` is fixed.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/flag.h"

namespace core {

// Zero bytes: not raised, nothing learned.
struct SilenceState {
  Time since{};  // of the flag that is raised
  bool raised = false;
};

// Behind the SilenceState where `after` is learned.
struct SilenceCadence {
  static constexpr std::uint32_t kept = 15;

  Time last{};              // arrival
  std::uint32_t count = 0;  // of all pauses, up to its largest value
  std::uint32_t next = 0;   // place of the next one
  std::array<Duration, kept> pauses{};
};

// Constant after construction.
class Silence {
 public:
  explicit Silence(const SilenceSpec& spec) noexcept
      : after_(spec.after), factor_(spec.factor), least_(spec.least) {}

  [[nodiscard]] bool learns() const noexcept { return after_ == Duration{0}; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(SilenceState) + (learns() ? sizeof(SilenceCadence) : 0);
  }

  // How long the series may say nothing; Duration::max(): not known yet.
  [[nodiscard]] Duration after(const SilenceState& state) const noexcept {
    if (!learns()) return after_;
    const SilenceCadence& cadence = cadence_of(state);
    if (cadence.count < 5) return Duration::max();
    auto sorted = cadence.pauses;
    const std::size_t known = std::min(cadence.count, SilenceCadence::kept);
    const auto quartile = sorted.begin() + static_cast<std::ptrdiff_t>((3 * known - 1) / 4);
    std::nth_element(sorted.begin(), quartile, sorted.begin() + static_cast<std::ptrdiff_t>(known));
    const double wanted = factor_ * static_cast<double>(quartile->count());
    if (!(wanted < static_cast<double>(duration_max.count()))) return duration_max;
    return std::max(least_, Duration{static_cast<Duration::rep>(wanted)});
  }

  // A sample has come. What came before `heard_since` tells nothing: we could not hear what followed it.
  // Precondition: learns().
  void arrive(SilenceState& state, Time now, Time heard_since) const noexcept {
    SilenceCadence& cadence = cadence_of(state);
    if (now == cadence.last) return;
    if (cadence.last != Time{} && cadence.last >= heard_since) {
      cadence.pauses[cadence.next] = now - cadence.last;
      cadence.next = cadence.next + 1 == SilenceCadence::kept ? 0 : cadence.next + 1;
      cadence.count = std::min(cadence.count + 1, SilenceCadence::kept);
    }
    cadence.last = now;
  }

  [[nodiscard]] FlagChange raise(SilenceState& state, std::uint32_t detector,
                                 Time last_arrival) const noexcept {
    state.since = last_arrival;
    state.raised = true;
    return change(state, detector, last_arrival + after(state));
  }
  // Precondition: state.raised. NaN: a null ended the silence.
  [[nodiscard]] FlagChange clear(SilenceState& state, std::uint32_t detector, Time time,
                                 double value) const noexcept {
    state.raised = false;
    FlagChange result = change(state, detector, time);
    if (!std::isnan(value)) result.value = value;
    result.score = 0;
    return result;
  }

 private:
  static FlagChange change(const SilenceState& state, std::uint32_t detector, Time time) noexcept {
    return {.detector = detector,
            .state = state.raised ? FlagState::raised : FlagState::cleared,
            .time = time,
            .since = state.since,
            .value = {},
            .expected = {},
            .low = {},
            .high = {},
            .score = 1};
  }
  static const SilenceCadence& cadence_of(const SilenceState& state) noexcept {
    return *reinterpret_cast<const SilenceCadence*>(&state + 1);
  }
  static SilenceCadence& cadence_of(SilenceState& state) noexcept {
    return *reinterpret_cast<SilenceCadence*>(&state + 1);
  }

  Duration after_;  // 0: learned
  double factor_;
  Duration least_;
};

}  // namespace core
