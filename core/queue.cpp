#ifdef __SANITIZE_THREAD__
// The library's fences are lost on ThreadSanitizer; what orders the threads here are our own counts. Above
// all includes, because the warning is about a line of theirs.
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#include "core/queue.h"

// GCC 12 at -O3 takes a pointer of the library, which its own flag says is not null, for null.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#include <concurrentqueue/concurrentqueue.h>
#pragma GCC diagnostic pop

#include <algorithm>
#include <array>

#include "core/check.h"
#include "core/doorbell.h"

namespace core {
namespace {

struct Traits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 256;  // a batch of 500 touches three blocks, not sixteen
};
using Queue = moodycamel::ConcurrentQueue<Item, Traits>;

// A producer that finds no room naps this long: far less than a worker needs for half a queue of the usual
// size.
constexpr Duration room_nap = std::chrono::microseconds{20};

}  // namespace

// The two counts give the bound, and they order the items between the threads: the consumer takes only what
// `pushed` says is there, the producer reuses only what `popped` says is gone.
struct ShardQueue::Inner {
  explicit Inner(std::size_t most) : items_max(most), queue(most), producer(queue), consumer(queue) {
    allocate();
  }

  // Fills and empties the queue once. The producer then owns enough blocks for items_max items at any offset,
  // and it uses its own empty blocks again before it asks for new ones.
  void allocate() {
    const std::array<Item, 64> some{};
    const std::size_t rounds = (items_max + 2 * Traits::BLOCK_SIZE) / some.size() + 1;
    for (std::size_t i = 0; i < rounds; ++i)
      CHECK(queue.enqueue_bulk(producer, some.data(), some.size()), "out of memory");
    std::array<Item, 64> taken;
    for (std::size_t i = 0; i < rounds; ++i) {
      CHECK(queue.try_dequeue_bulk(consumer, taken.data(), taken.size()) == taken.size(), "round %zu", i);
    }
  }
  [[nodiscard]] std::size_t room() const noexcept {
    return items_max - static_cast<std::size_t>(pushed.load(std::memory_order_relaxed) -
                                                popped.load(std::memory_order_acquire));
  }

  const std::size_t items_max;
  Queue queue;
  moodycamel::ProducerToken producer;
  moodycamel::ConsumerToken consumer;
  alignas(64) std::atomic<std::uint64_t> pushed{0};  // written by the producer
  std::atomic<std::uint64_t> waits{0};
  std::atomic<bool> closed{false};
  alignas(64) std::atomic<std::uint64_t> popped{0};  // written by the consumer
  alignas(64) Doorbell bell;
};

ShardQueue::ShardQueue(std::size_t items_max) {
  CHECK(items_max >= 1, "items_max %zu", items_max);
  inner_ = std::make_unique<Inner>(items_max);
}

ShardQueue::~ShardQueue() = default;

void ShardQueue::push(std::span<const Item> items) noexcept {
  if (items.empty()) return;
  Inner& q = *inner_;
  CHECK(items.size() <= q.items_max, "%zu items, a queue of %zu", items.size(), q.items_max);
  if (q.room() < items.size()) {
    q.waits.store(q.waits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    for (int looks = 0; q.room() < items.size(); ++looks) {
      if (looks % polls != polls - 1) {
        relax();
        continue;
      }
      q.bell.hurry();
      nap(room_nap);
    }
  }
  CHECK(q.queue.try_enqueue_bulk(q.producer, items.data(), items.size()), "%zu items, room %zu", items.size(),
        q.room());
  q.pushed.store(q.pushed.load(std::memory_order_relaxed) + items.size(), std::memory_order_release);
  q.bell.ring();
}

void ShardQueue::close() noexcept {
  inner_->closed.store(true, std::memory_order_release);
  inner_->bell.ring();
}

void ShardQueue::hurry() noexcept { inner_->bell.hurry(); }

std::size_t ShardQueue::pop(std::span<Item> out) noexcept {
  Inner& q = *inner_;
  const std::uint64_t popped = q.popped.load(std::memory_order_relaxed);
  const auto ready = [&] {
    return q.pushed.load(std::memory_order_acquire) != popped || q.closed.load(std::memory_order_acquire);
  };
  while (!ready()) static_cast<void>(q.bell.wait(ready));
  // In this order: what was pushed before the queue was closed is still taken. After closing, `pushed` stays
  // as it is.
  const std::uint64_t available = q.pushed.load(std::memory_order_acquire) - popped;
  if (available == 0 || out.empty()) return 0;
  const std::size_t wanted = std::min(out.size(), static_cast<std::size_t>(available));
  const std::size_t taken = q.queue.try_dequeue_bulk(q.consumer, out.data(), wanted);
  CHECK(taken == wanted, "%zu of %zu items", taken, wanted);
  q.popped.store(popped + taken, std::memory_order_release);
  return taken;
}

std::size_t ShardQueue::size() const noexcept {
  const std::uint64_t popped =
      inner_->popped.load(std::memory_order_acquire);  // first, so that it is never ahead
  return static_cast<std::size_t>(inner_->pushed.load(std::memory_order_acquire) - popped);
}

std::uint64_t ShardQueue::waits() const noexcept { return inner_->waits.load(std::memory_order_relaxed); }

}  // namespace core
