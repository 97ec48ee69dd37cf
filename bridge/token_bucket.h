// TokenBucket: holds a rate. One thread; reads no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace bridge {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  // `rate` per second; 0: no limit. Up to a tenth of a second's worth (at least one) may go at once.
  explicit TokenBucket(std::uint32_t rate) : cost_(rate == 0 ? 0 : (1'000'000'000 + rate - 1) / rate) {}

  // May one go at `now`? `now` never goes back.
  [[nodiscard]] bool ready(Clock::time_point now) noexcept {
    if (cost_.count() == 0) return true;
    credit_ = std::min(credit_ + std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_),
                       std::max(cost_, credit_max));
    last_ = now;
    return credit_ >= cost_;
  }
  // One goes. Precondition: ready().
  void take() noexcept { credit_ -= cost_; }

 private:
  static constexpr std::chrono::nanoseconds credit_max = std::chrono::milliseconds{100};

  const std::chrono::nanoseconds cost_;
  std::chrono::nanoseconds credit_{0};
  Clock::time_point last_{};
};

}  // namespace bridge
