// Doorbell: how one thread waits for another at little cost to either. One sleeper, any number of ringers.
// Under load nobody pays: the sleeper looks a few times and then naps for a millisecond at most, so
// that work gathers and one wake-up serves many items; a ring is then one load. Only after a quiet while does
// the sleeper sleep until it is rung: the first item after a pause wakes it at once, and an idle thread costs
// nothing.
//
// The ringer stores its work and then looks whether anybody sleeps; the sleeper says that it sleeps and then
// looks for work: one of them must see what the other stored. That takes a fence on either side, and the
// ringer's would make it wait, for each item, until all it has written has reached the other processor. So
// the sleeper asks the system to make it for both (membarrier(2), private expedited): it has the time.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/time.h"

namespace core {

// Waits about `length` (the system adds some 50 us) without a lock. Any thread.
void nap(Duration length) noexcept;
// Tells the processor that this is a loop that waits. Any thread.
void relax() noexcept;
// How often the threads of this process have waited so far: naps, which touch no lock, and sleeps until rung,
// a futex each. Any thread.
struct Waits {
  std::uint64_t naps = 0, sleeps = 0;
};
[[nodiscard]] Waits waits() noexcept;
// How often a waiting thread looks before it naps: about a microsecond.
inline constexpr int polls = 32;

class Doorbell {
 public:
  static constexpr Duration nap_min = std::chrono::microseconds{5};
  static constexpr Duration nap_max = std::chrono::milliseconds{1};
  static constexpr Duration quiet_max =
      std::chrono::milliseconds{8};  // naps without work before a real sleep
  static constexpr Duration for_ever = Duration::max();

  // Ringers: after the store, a release, that `ready` looks at. Does not wait.
  void ring() noexcept {
    if (sleeper_fences) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (asleep_.load(std::memory_order_relaxed)) wake();
      return;
    }
    bool asleep = false;
    if (!asleep_.compare_exchange_strong(asleep, false, std::memory_order_seq_cst)) wake();
  }
  // One ringer thread: it now waits for the sleeper. Naps become shorter while this happens, and recover when
  // it stops.
  void hurry() noexcept {
    hurries_.store(hurries_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // Sleeper. Waits until ready() or, roughly, until `most` has passed; returns ready(). `ready` loads
  // and acquires.
  template <class Ready>
  bool wait(const Ready& ready, Duration most = for_ever) noexcept {
    for (int i = 0; i < polls; ++i) {
      if (ready()) return found();
      relax();
    }
    while (quiet_ < quiet_max && most > Duration{0}) {
      const std::uint64_t hurries = hurries_.load(std::memory_order_relaxed);
      const Duration length = std::min(nap_, most);
      nap(length);
      quiet_ += std::max(length, nap_cost);
      most -= most == for_ever ? Duration{0} : length;
      adapt(hurries);
      if (ready()) return found();
    }
    return most > Duration{0} && sleep(ready, most) && found();
  }

 private:
  static constexpr Duration nap_cost = std::chrono::microseconds{50};

  bool found() noexcept {
    quiet_ = Duration{0};
    return true;
  }
  void adapt(std::uint64_t hurries) noexcept {
    const bool hurried = hurries != hurries_.load(std::memory_order_relaxed);
    nap_ = hurried ? std::max(nap_ / 2, nap_min) : std::min(nap_ + nap_ / 8, nap_max);
  }
  template <class Ready>
  bool sleep(const Ready& ready, Duration most) noexcept {
    std::unique_lock lock(mutex_);
    (void)asleep_.exchange(true, std::memory_order_seq_cst);
    const bool fenced = fence_ringers();  // before the last look: a ringer sees it, or we see its work
    if (fenced && !ready()) until_rung(lock, most);
    asleep_.store(false, std::memory_order_seq_cst);
    lock.unlock();
    if (!fenced) nap(std::min(most, nap_max));
    return ready();
  }
  // The system makes the ringers' fence. Never under ThreadSanitizer.
  static const bool sleeper_fences;
  [[nodiscard]] static bool fence_ringers() noexcept;
  void until_rung(std::unique_lock<std::mutex>& lock, Duration most) noexcept;
  void wake() noexcept;

  std::atomic<bool> asleep_{false};
  std::atomic<std::uint64_t> hurries_{0};
  Duration nap_ = nap_max;  // sleeper only, as is quiet_
  Duration quiet_{0};
  std::mutex mutex_;
  std::condition_variable rung_;
};

}  // namespace core
