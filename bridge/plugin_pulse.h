// Pulse: whether the broker that we are part of turns its loop and tells us. Written by the broker's thread,
// read by any. Without a beat for pulse_lost_after nothing can be published and nothing is heard, as in a
// client whose connection is lost.
#pragma once

#include <atomic>
#include <chrono>

#include "bridge/source.h"
#include "core/counter.h"

namespace bridge {

inline constexpr std::chrono::seconds pulse_lost_after{5};  // Mosquitto's loop turns ten times a second

class Pulse {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Broker's thread, at every turn. `now` never goes back.
  void beat(Time now) noexcept {
    const bool first = beats_.get() == 0;
    const bool again = !first && now - last() >= pulse_lost_after;
    if (again) losses_.add();
    if (first || again) returns_.add();
    last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    beats_.add();
  }

  [[nodiscard]] SourceState state(Time now) const {
    SourceState state;
    state.connected = beats_.get() != 0 && now - last() < pulse_lost_after;
    state.subscribed = state.connected;
    state.connects = returns_.get();
    state.disconnects = losses_.get();
    if (!state.connected) {
      state.last_error = beats_.get() == 0
                             ? "the broker has not turned its loop yet, or does not tell plugins: with "
                               "per_listener_settings true it never does"
                             : "the broker does not turn its loop";
    }
    return state;
  }

 private:
  [[nodiscard]] Time last() const noexcept {
    return Time{Time::duration{last_.load(std::memory_order_relaxed)}};
  }

  core::Counter beats_, returns_, losses_;
  std::atomic<Time::rep> last_{0};
};

}  // namespace bridge
