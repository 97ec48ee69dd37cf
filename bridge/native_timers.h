// When the native link must do something although nothing has come. Pure: times are told. One owner, one
// thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace bridge {

// KeepAlive: pings when for keep-alive nothing was sent, as the broker expects, or nothing came, as we want
// to know. A link over which nothing has come for half of keep-alive after a ping is dead.
class KeepAlive {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Due { nothing, ping, dead };

  // `interval` 0: never.
  KeepAlive(Clock::duration interval, Clock::time_point now) : interval_(interval), sent_(now), came_(now) {}

  void sent(Clock::time_point now) noexcept { sent_ = now; }
  void came(Clock::time_point now) noexcept {
    came_ = now;
    pinged_ = false;
  }
  // ping: it is taken as sent.
  [[nodiscard]] Due due(Clock::time_point now) noexcept {
    if (now < next()) return Due::nothing;
    if (pinged_) return Due::dead;
    pinged_ = true;
    ping_ = sent_ = now;
    return Due::ping;
  }
  [[nodiscard]] Clock::time_point next() const noexcept {
    if (interval_ == Clock::duration::zero()) return Clock::time_point::max();
    return pinged_ ? ping_ + interval_ / 2 : std::min(sent_, came_) + interval_;
  }

 private:
  const Clock::duration interval_;
  Clock::time_point sent_;
  Clock::time_point came_;
  Clock::time_point ping_{};
  bool pinged_ = false;  // and nothing has come since
};

// ReadPace: while messages keep coming, one read for each interval: a broker that writes each message by
// itself then costs us a fraction. An idle link is read at once, as is one that has more than a read's worth
// to say; and messages that must be acknowledged are not held up, for the broker waits for us.
class ReadPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t plenty = 64U << 10;  // bytes: then reading later makes no read larger

  explicit ReadPace(Clock::duration interval) : interval_(interval) {}  // 0: off

  // A read has brought `messages` in `bytes`; `owed`: we owe the broker answers for them.
  void after_read(Clock::time_point now, std::size_t bytes, bool messages, bool owed) noexcept {
    next_ = messages && !owed && bytes < plenty ? now + interval_ : now;
  }
  [[nodiscard]] Clock::time_point next() const noexcept { return next_; }

 private:
  const Clock::duration interval_;
  Clock::time_point next_{};
};

}  // namespace bridge
