// ShardQueue: a bounded moodycamel::ConcurrentQueue of items from the edge to one worker. Batches in, batches
// out. One producer thread (edge), one consumer thread (worker).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/item.h"

namespace core {

class ShardQueue {
 public:
  // Holds up to `items_max` >= 1 items; all memory is allocated here.
  explicit ShardQueue(std::size_t items_max);
  ~ShardQueue();
  ShardQueue(const ShardQueue&) = delete;
  ShardQueue& operator=(const ShardQueue&) = delete;

  // Producer. Puts all of `items` (at most items_max) in, in order; waits while there is no room for all of
  // them. Wakes a waiting consumer. Does not allocate.
  void push(std::span<const Item> items) noexcept;
  // Producer: it now waits for what the consumer makes of the items. The consumer naps less while this
  // happens.
  void hurry() noexcept;
  // Producer, after its last push: pop() will return 0 once the queue is empty.
  void close() noexcept;
  // Consumer. Takes up to out.size() >= 1 items; waits while the queue is empty and open. 0 means closed and
  // empty.
  [[nodiscard]] std::size_t pop(std::span<Item> out) noexcept;

  // Any thread, approximate: items now in the queue; times the producer waited for room.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::uint64_t waits() const noexcept;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace core
