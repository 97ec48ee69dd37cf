// FlagLife: from what a detector says about each sample to a flag that is raised and cleared. Common to all
// detectors. Owned by one worker; lives in the state block of its series. Zero bytes: nothing is raised.
#pragma once

#include <cstdint>
#include <limits>

#include "core/detector.h"
#include "core/time.h"

namespace core {

// What a detector says about one sample.
enum class Condition : std::uint8_t {
  quiet,    // ends a raised flag
  between,  // keeps a raised flag up, raises none: between the clear and the raise level
  fire,     // raises a flag
  warming,  // knows too little yet; as quiet
};

struct Verdict {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  Condition condition = Condition::quiet;
  double score = 0;  // [0, 1]
  double expected = none;
  double low = none;
  double high = none;
  Time since = no_time;  // when what fires now began; no_time: with this sample
};

// What was judged, and how; for those who want to see every step (Plan::reports_scores).
struct Judgement {
  std::uint32_t detector;  // index in the plan
  Time time;
  double value;
  const Verdict& verdict;
  bool up;  // the flag is up afterwards
};

// One series' flag of one detector. 32 bytes.
class FlagLife {
 public:
  enum class Change : std::uint8_t { none, raise, flap, clear };

  // The verdict at `time`, which does not go back. A flag is raised when every sample for at least spec.least
  // has fired, and cleared when every sample for at least spec.hold was quiet. Flapping, it says nothing more
  // until it was quiet for spec.flap_within.
  [[nodiscard]] Change advance(const Verdict& verdict, Time time, const LifeSpec& spec) noexcept {
    const bool fires = verdict.condition == Condition::fire;
    if (up()) {
      if (fires || verdict.condition == Condition::between) {
        quiet_ = false;
        return Change::none;
      }
      return rest(time, phase_ == Phase::flapping ? spec.flap_within : spec.hold);
    }
    if (!fires) {
      phase_ = Phase::down;
      return Change::none;
    }
    if (phase_ == Phase::down) {
      phase_ = Phase::pending;
      since_ = verdict.since != no_time ? verdict.since : time;
    }
    if (time - since_ < spec.least) return Change::none;
    return raise(time, spec);
  }

  // Raised or flapping.
  [[nodiscard]] bool up() const noexcept { return phase_ >= Phase::raised; }
  // When the condition of the flag that is, or was last, up began.
  [[nodiscard]] Time since() const noexcept { return since_; }

 private:
  enum class Phase : std::uint8_t { down, pending, raised, flapping };

  Change rest(Time time, Duration needed) noexcept {
    if (!quiet_) quiet_since_ = time;
    quiet_ = true;
    if (time - quiet_since_ < needed) return Change::none;
    phase_ = Phase::down;
    quiet_ = false;
    return Change::clear;
  }
  Change raise(Time time, const LifeSpec& spec) noexcept {
    if (raises_ == 0 || time - first_raise_ >= spec.flap_within) {
      first_raise_ = time;
      raises_ = 0;
    }
    ++raises_;
    const bool flaps = spec.flaps != 0 && raises_ > spec.flaps;
    phase_ = flaps ? Phase::flapping : Phase::raised;
    return flaps ? Change::flap : Change::raise;
  }

  Time since_{};
  Time quiet_since_{};
  Time first_raise_{};        // of those that are counted
  std::uint32_t raises_ = 0;  // within flap_within
  Phase phase_ = Phase::down;
  bool quiet_ = false;
};
static_assert(sizeof(FlagLife) == 32);

}  // namespace core
