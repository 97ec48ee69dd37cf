#include "bridge/publisher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "bridge/outgoing.h"
#include "core/doorbell.h"

namespace bridge {
namespace {

using Clock = Outgoing::Clock;
using core::Duration;

constexpr std::size_t taken_at_once = 64;  // from one outbox before the next has its turn
// Outboxes are looked at, never waited for: workers pay nothing to tell us.
constexpr Duration nap_active = std::chrono::milliseconds{1};
constexpr Duration nap_quiet = std::chrono::milliseconds{2};
constexpr Duration quiet_after = std::chrono::milliseconds{10};  // of naps without work

}  // namespace

struct Publisher::Inner {
  Inner(const PublishConfig& config, std::vector<Outbox*> from, Sink& sink)
      : outboxes(std::move(from)), outgoing(config, sink, counters) {}

  void run() noexcept {
    Duration quiet{0};
    while (true) {
      const bool ending =
          finishing.load(std::memory_order_acquire);  // before looking: nothing comes afterwards
      bool moved = take_statuses();
      moved |= drain();
      const Clock::time_point now = Clock::now();
      moved |= outgoing.pump(now);
      if (ending && (now >= deadline || (!moved && drained() && outgoing.empty()))) break;
      if (moved) {
        quiet = Duration{0};
        continue;
      }
      const Duration length = quiet < quiet_after || ending ? nap_active : nap_quiet;
      core::nap(length);
      quiet += length;
    }
    give_up();
  }

  bool take_statuses() {
    if (!has_statuses.load(std::memory_order_acquire)) return false;
    std::vector<Publication> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(statuses);
      has_statuses.store(false, std::memory_order_relaxed);
    }
    for (Publication& status : taken) outgoing.add_status(std::move(status));
    return true;
  }

  // A turn for every outbox.
  bool drain() {
    bool moved = false;
    for (Outbox* outbox : outboxes) {
      for (std::size_t taken = 0; taken < taken_at_once && outgoing.room(); ++taken) {
        const Result* result = outbox->front();
        if (result == nullptr) break;
        outgoing.add(*result);
        outbox->pop();
        moved = true;
      }
    }
    return moved;
  }

  [[nodiscard]] bool drained() const {
    for (Outbox* outbox : outboxes) {
      if (outbox->front() != nullptr) return false;
    }
    return true;
  }

  void give_up() {
    outgoing.give_up();
    for (Outbox* outbox : outboxes) {
      for (; outbox->front() != nullptr; outbox->pop()) counters.dropped.add();
    }
  }

  const std::vector<Outbox*> outboxes;
  PublishCounters counters;
  Outgoing outgoing;  // the thread's

  std::mutex mutex;  // of statuses
  std::vector<Publication> statuses;
  std::atomic<bool> has_statuses{false};

  Clock::time_point deadline{};  // written before finishing
  std::atomic<bool> finishing{false};
  std::jthread thread;
};

Publisher::Publisher(const PublishConfig& config, std::vector<Outbox*> outboxes, Sink& sink)
    : inner_(std::make_unique<Inner>(config, std::move(outboxes), sink)) {}

Publisher::~Publisher() { finish(Duration{0}); }

void Publisher::start() {
  inner_->thread = std::jthread([inner = inner_.get()] { inner->run(); });
}

void Publisher::publish_status(Publication publication) {
  const std::lock_guard lock(inner_->mutex);
  inner_->statuses.push_back(std::move(publication));
  inner_->has_statuses.store(true, std::memory_order_release);
}

void Publisher::finish(core::Duration most) {
  if (!inner_->thread.joinable()) return;
  inner_->deadline = Clock::now() + std::min<Duration>(most, std::chrono::hours{24});  // no overflow
  inner_->finishing.store(true, std::memory_order_release);
  inner_->thread.join();
}

const PublishCounters& Publisher::counters() const { return inner_->counters; }

}  // namespace bridge
