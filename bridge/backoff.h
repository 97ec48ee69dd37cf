// Backoff: how long to wait before the next attempt to connect. Doubles from 50 ms to 600 ms, so that weir,
// which needs some 200 ms to connect, is back within a second of the broker's port opening however long it
// was shut. Each wait is shortened by up to a quarter at random, so that many clients of one broker do not
// come back in step. One owner, one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "core/time.h"

namespace bridge {

class Backoff {
 public:
  static constexpr core::Duration first = std::chrono::milliseconds{50};
  static constexpr core::Duration last = std::chrono::milliseconds{600};

  explicit Backoff(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] core::Duration next() noexcept {
    const core::Duration wait = jittered(wait_);
    wait_ = std::min(wait_ * 2, last);
    return wait;
  }
  [[nodiscard]] core::Duration jittered(core::Duration most) noexcept {
    return most - core::Duration{static_cast<std::int64_t>(
                      random_() % (static_cast<std::uint64_t>(most.count()) / 4 + 1))};
  }
  void reset() noexcept { wait_ = first; }

 private:
  std::minstd_rand random_;
  core::Duration wait_ = first;
};

}  // namespace bridge
