// Counter: a number that one thread writes and any thread reads. Relaxed: it orders nothing else.
#pragma once

#include <atomic>
#include <cstdint>

namespace core {

class Counter {
 public:
  // The owning thread only: a plain load and store, no locked instruction.
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  // Any thread.
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace core
