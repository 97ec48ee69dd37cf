// Tickets: the publications under way and how they ended. Each ticket that was added ends exactly once,
// whatever the library forgets. Any thread; the lock is held for a few instructions.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "bridge/sink.h"

namespace bridge {

class Tickets {
 public:
  using Id = std::uint64_t;  // never used twice, as tickets may be
  using Clock = std::chrono::steady_clock;

  // Nothing when `most` are under way.
  [[nodiscard]] std::optional<Id> add(Sink::Ticket ticket, std::size_t most) {
    const std::lock_guard lock(mutex_);
    if (under_way_.size() >= most) return std::nullopt;
    under_way_.emplace_hint(under_way_.end(), ++last_id_, UnderWay{ticket, Clock::now()});
    return last_id_;
  }
  // It was not sent after all. False when it has ended meanwhile: its completion stands.
  [[nodiscard]] bool take_back(Id id) {
    const std::lock_guard lock(mutex_);
    return under_way_.erase(id) == 1;
  }
  // No effect for an id that has ended.
  void end(Id id, Sink::Ended ended) {
    const std::lock_guard lock(mutex_);
    const auto at = under_way_.find(id);
    if (at == under_way_.end()) return;
    completions_.push_back({at->second.ticket, ended});
    under_way_.erase(at);
  }
  void lose_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, one] : under_way_) completions_.push_back({one.ticket, Sink::Ended::lost});
    under_way_.clear();
  }
  [[nodiscard]] bool pop(Sink::Completion& out) {
    const std::lock_guard lock(mutex_);
    if (completions_.empty()) return false;
    out = completions_.front();
    completions_.pop_front();
    return true;
  }
  // How long the oldest has waited, counted from `since` at the earliest.
  [[nodiscard]] Clock::duration oldest(Clock::time_point since) const {
    const std::lock_guard lock(mutex_);
    if (under_way_.empty()) return Clock::duration::zero();
    return Clock::now() - std::max(since, under_way_.begin()->second.since);
  }

 private:
  struct UnderWay {
    Sink::Ticket ticket;
    Clock::time_point since;
  };
  mutable std::mutex mutex_;
  std::map<Id, UnderWay> under_way_;
  std::deque<Sink::Completion> completions_;
  Id last_id_ = 0;
};

}  // namespace bridge
