// ArrivalClock: the system's time, made so that it never goes back. When the system clock is set back, it
// runs at half speed until the two meet again; when it is set forward, it follows at once. One owner, one
// thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

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

  // The same, or what now() gave before: a tenth of a millisecond ago, or a little more (some 50 us with a
  // fast processor, 150 us with a slow one). For whoever asks for each of a hundred thousand messages a
  // second: the processor's own count is there at once, the system's clock waits for all that was begun
  // before.
  [[nodiscard]] core::Time recently() noexcept {
#ifdef __x86_64__
    const std::uint64_t ticks = __builtin_ia32_rdtsc();
    if (ticks - read_at_ < recent && started_) return last_;
    read_at_ = ticks;
#endif
    return now();
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
  static constexpr std::uint64_t recent =
      150'000;  // of the processor's ticks, 1 to 4 thousand million a second

  std::uint64_t read_at_ = 0;
  bool started_ = false;
  core::Time last_{};
  std::chrono::steady_clock::time_point steady_{};
  bool steady_known_ = false;
};

}  // namespace bridge
