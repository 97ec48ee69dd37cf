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
  [[nodiscard]] core::Time now() noexcept { return next(system_now(), std::chrono::steady_clock::now()); }

  // The same for given readings of both clocks. `steady` never goes back.
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
};

}  // namespace bridge
