// ArrivalClock: the system's time, made so that it never goes back. When the system clock is set back, it
// runs at half speed until the two meet again; when it is set forward, it follows at once. One owner, one
// thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "core/time.h"

namespace bridge {

// Now, by the system's clock: the live program's only source of time besides arrivals. Any thread.
[[nodiscard]] inline core::Time system_now() {
  return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
}

class ArrivalClock {
 public:
  // Reads the steady clock only while the system's is behind.
  [[nodiscard]] core::Time now() noexcept {
    const core::Time system = system_now();
    if (system >= last_) {
      started_ = true;
      steady_known_ = false;
      return last_ = system;
    }
    const auto steady = std::chrono::steady_clock::now();
    if (!steady_known_) steady_ = steady;  // it has just gone back
    steady_known_ = true;
    return next(system, steady);
  }

  // The same for given readings of both clocks, at every call. `steady` never goes back.
  [[nodiscard]] core::Time next(core::Time system, std::chrono::steady_clock::time_point steady) noexcept {
    const core::Duration passed = steady - steady_;
    last_ = started_ ? std::max(system, last_ + passed / 2) : system;
    started_ = true;
    steady_ = steady;
    return last_;
  }

 private:
  bool started_ = false;
  core::Time last_{};
  std::chrono::steady_clock::time_point steady_{};
  bool steady_known_ = false;
};

}  // namespace bridge
