// Handoff: publications that the library's receiving thread shall send. While messages come, that thread
// holds the library's lock nearly always, and whoever else wants to publish waits for it, twice and more for
// each result; between two messages it sends them itself and waits for nobody. Any thread; the lock is held
// for a few instructions.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "bridge/sink.h"
#include "bridge/tickets.h"

namespace bridge {

class Handoff {
 public:
  using Clock = std::chrono::steady_clock;
  struct One {
    Publication publication;
    Tickets::Id id;
  };

  void push(One one) {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) since_ = Clock::now();
    waiting_.push_back(std::move(one));
    size_.store(waiting_.size(), std::memory_order_relaxed);
  }
  [[nodiscard]] bool empty() const noexcept { return size_.load(std::memory_order_relaxed) == 0; }
  [[nodiscard]] std::optional<One> pop() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return std::nullopt;
    std::optional<One> one = std::move(waiting_.front());
    waiting_.pop_front();
    size_.store(waiting_.size(), std::memory_order_relaxed);
    return one;
  }
  // Nobody has come for them for so long.
  [[nodiscard]] bool waits(Clock::time_point now, Clock::duration most) const {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty() && now - since_ > most;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    size_.store(0, std::memory_order_relaxed);
  }

 private:
  mutable std::mutex mutex_;
  std::deque<One> waiting_;
  Clock::time_point since_{};  // not empty any more
  std::atomic<std::size_t> size_{0};
};

}  // namespace bridge
