// BlockQueue: records of bytes from one producer thread to one consumer thread, in order, in blocks of memory
// that are allocated as they are needed. What the journal and the outboxes are made of. Never waits, never
// splits a record; one larger than a block gets a block of its own. The block used last is used again first
// and few are kept, so resident memory follows the backlog. Memory comes from the system page by page: every
// byte of a record reads as something, written or not.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bridge {

class BlockQueue {
 public:
  // Blocks never exceed `bytes_max` in all (at least two blocks). `block_bytes`: a multiple of the page size.
  BlockQueue(std::size_t block_bytes, std::size_t bytes_max);
  ~BlockQueue();
  BlockQueue(const BlockQueue&) = delete;
  BlockQueue& operator=(const BlockQueue&) = delete;

  // Records of at most this size find room as soon as all before them are read, whatever their sizes: the
  // block read last is held until there is a next one.
  [[nodiscard]] static std::size_t record_bytes_max(std::size_t bytes_max) noexcept;

  // Producer. Room for a record of `bytes`, aligned to 8; null, and no effect, when there is none.
  [[nodiscard]] char* reserve(std::size_t bytes) noexcept;
  // Producer. The record reserved last is complete; once per successful reserve(). A release.
  void commit() noexcept;

  // Consumer. The oldest record or null; valid until pop().
  [[nodiscard]] const char* front() noexcept;
  // Consumer. The oldest records, as many as fit into `out` and lie in one block; how many. Valid until they
  // are popped.
  [[nodiscard]] std::size_t front(std::span<const char*> out) noexcept;
  // Consumer. Precondition: front() gave so many.
  void pop(std::size_t records = 1) noexcept;
  // Consumer. Acquires.
  [[nodiscard]] bool empty() const noexcept {
    return pushed_.load(std::memory_order_acquire) == popped_.load(std::memory_order_relaxed);
  }

  // Any thread.
  [[nodiscard]] std::uint64_t pushed() const noexcept { return pushed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t popped() const noexcept { return popped_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }  // blocks allocated

 private:
  struct Block;

  [[nodiscard]] Block* take_block(std::size_t record) noexcept;
  [[nodiscard]] Block* take_spare() noexcept;
  void retire(Block* block) noexcept;
  void release(Block* block) noexcept;

  const std::size_t block_bytes_;
  const std::size_t bytes_max_;
  Block* first_ = nullptr;  // written by the producer before its first record

  // Written by the producer.
  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  Block* write_block_ = nullptr;
  std::size_t write_at_ = 0;
  std::size_t write_next_ = 0;  // where the reserved record ends

  // Written by the consumer.
  alignas(64) std::atomic<std::uint64_t> popped_{0};
  std::uint64_t seen_ = 0;  // records known to be there
  Block* read_block_ = nullptr;
  std::size_t read_at_ = 0;

  // Blocks without records: the consumer puts them on, only the producer takes them off, so a head that is
  // still the same has the same successor.
  alignas(64) std::atomic<Block*> spare_{nullptr};
  std::atomic<std::size_t> spares_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace bridge
