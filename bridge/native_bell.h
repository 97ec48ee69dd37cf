// Bell: wakes a thread that waits for a socket. ring(): any thread; the rest: the one that waits.
#pragma once

#include <atomic>
#include <chrono>

namespace bridge {

class Bell {
 public:
  using Clock = std::chrono::steady_clock;
  Bell();  // throws std::system_error where the system has no descriptor for it
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  // What was written before it is seen by whoever wakes.
  void ring() noexcept;

  struct Ready {
    bool socket = false;  // what was waited for, or an error
    bool rung = false;
  };
  // Waits for the socket (to_read, to_write; none: only for the bell) until this time at the latest, and
  // stills the bell.
  Ready wait(int socket, bool to_read, bool to_write, Clock::time_point until) noexcept;

 private:
  const int descriptor_;
  std::atomic<bool> rung_{false};
};

}  // namespace bridge
