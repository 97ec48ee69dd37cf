// Ring: a bounded queue from one producer thread to one consumer thread, in places that are used again.
// Neither side waits or locks; it allocates when it is made and never again.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bridge {

template <class T>
class Ring {
 public:
  // Room for at least `items`.
  explicit Ring(std::size_t items) : cells_(std::bit_ceil(items)) {}

  // Producer. The place of the next item, with what its last one left; null: full. Then commit() makes it an
  // item.
  [[nodiscard]] T* back() noexcept {
    const std::uint64_t pushed = pushed_.load(std::memory_order_relaxed);
    if (pushed - popped_.load(std::memory_order_acquire) == cells_.size()) return nullptr;
    return &cells_[pushed & (cells_.size() - 1)];
  }
  void commit() noexcept {
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Consumer. The oldest item; null: there is none. It stays until pop().
  [[nodiscard]] T* front() noexcept {
    const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
    if (popped == pushed_.load(std::memory_order_acquire)) return nullptr;
    return &cells_[popped & (cells_.size() - 1)];
  }
  void pop() noexcept {
    popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Any thread.
  [[nodiscard]] bool empty() const noexcept {
    return popped_.load(std::memory_order_acquire) == pushed_.load(std::memory_order_acquire);
  }

 private:
  std::vector<T> cells_;
  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  alignas(64) std::atomic<std::uint64_t> popped_{0};
};

}  // namespace bridge
