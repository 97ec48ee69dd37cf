// FlagLife: from what a detector says about each sample to a flag that is raised and cleared. Common to all
// detectors. Owned by one worker; lives in the state block of its series. Zero bytes: nothing is raised.
#pragma once

#include <cstdint>
#include <optional>

#include "core/detector.h"
#include "core/time.h"

namespace core {

// What a detector says about one sample.
enum class Condition : std::uint8_t {
  quiet,  // clears a raised flag
  hold,   // keeps a raised flag up, raises none
  fire,   // raises a flag once it has lasted for `for`
};

struct Verdict {
  Condition condition = Condition::quiet;
  double score = 0;  // [0, 1]
  std::optional<double> expected;
  std::optional<double> low;
  std::optional<double> high;
};

class FlagLife {
 public:
  enum class Change : std::uint8_t { none, raise, clear };

  // The condition at `time`, which does not go back. A flag is raised when every sample for at least `least`
  // has fired.
  [[nodiscard]] Change advance(Condition condition, Time time, Duration least) noexcept {
    if (phase_ == Phase::raised) {
      if (condition != Condition::quiet) return Change::none;
      phase_ = Phase::quiet;
      return Change::clear;
    }
    if (condition != Condition::fire) {
      phase_ = Phase::quiet;
      return Change::none;
    }
    if (phase_ == Phase::quiet) {
      phase_ = Phase::pending;
      since_ = time;
    }
    if (time - since_ < least) return Change::none;
    phase_ = Phase::raised;
    return Change::raise;
  }

  [[nodiscard]] bool raised() const noexcept { return phase_ == Phase::raised; }
  // When the condition of the flag that is, or was last, raised began.
  [[nodiscard]] Time since() const noexcept { return since_; }

 private:
  enum class Phase : std::uint8_t { quiet, pending, raised };

  Time since_{};
  Phase phase_ = Phase::quiet;
};

}  // namespace core
