// silence: no sample for `after`, by arrival time.
//   fires   last arrival + after <= now; since = last arrival
//   clears  with the next sample, however old its own time
//   score   1
// A deadline, not a judgement on samples: the shard's timing wheel calls raise(), a sample calls clear().
// State: 16 bytes.
#pragma once

#include <cmath>

#include "core/flag.h"

namespace core {

struct SilenceState {
  Time since{};  // of the flag that is raised
  bool raised = false;
};

// Constant after construction.
class Silence {
 public:
  explicit Silence(const SilenceSpec& spec) noexcept : after_(spec.after) {}

  [[nodiscard]] Duration after() const noexcept { return after_; }

  [[nodiscard]] FlagChange raise(SilenceState& state, std::uint32_t detector,
                                 Time last_arrival) const noexcept {
    state = {.since = last_arrival, .raised = true};
    return change(state, detector, last_arrival + after_);
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
            .raised = state.raised,
            .time = time,
            .since = state.since,
            .value = {},
            .expected = {},
            .low = {},
            .high = {},
            .score = 1};
  }

  Duration after_;
};

}  // namespace core
