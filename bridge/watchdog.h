// Watchdog: whether a connection that owes us an answer is dead. Pure; the supervisor's thread.
//
// Behind TCP that still stands a broker may have gone: then nothing comes. But an answer may also wait, at
// the broker, behind the messages that it has for us: up to its whole queue of them. While these arrive the
// connection lives, and to begin anew would put the answer, and the messages, behind all that has come since.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace bridge {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  // So long an answer may take when nothing comes, and when messages do; and how long after the last of them
  // they do no more.
  static constexpr Clock::duration limit = std::chrono::seconds{10};
  static constexpr Clock::duration limit_behind_messages = std::chrono::minutes{1};
  static constexpr Clock::duration silence = std::chrono::seconds{2};

  // For a connection that begins now.
  Watchdog(Clock::time_point now, std::uint64_t received) : received_(received), moved_(now) {}

  // `waited`: for how long the oldest answer is owed; `received`: messages so far. To be asked several times
  // a second.
  [[nodiscard]] bool is_dead(Clock::time_point now, Clock::duration waited, std::uint64_t received) noexcept {
    if (received != received_) moved_ = now;
    received_ = received;
    return waited > (now - moved_ < silence ? limit_behind_messages : limit);
  }

 private:
  std::uint64_t received_;
  Clock::time_point moved_;
};

}  // namespace bridge
