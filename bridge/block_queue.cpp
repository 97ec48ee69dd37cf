#include "bridge/block_queue.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/check.h"

namespace bridge {
namespace {

// In front of every record: the bytes of both, a multiple of 8. 0: the rest of the block is unused, go on
// with the next one.
using Prefix = std::uint64_t;
constexpr Prefix end_of_block = 0;

constexpr std::size_t page = 4096;
constexpr std::size_t cache_line = 64;
// Of what the next records will fill, so much is fetched while the producer is busy elsewhere: the consumer's
// core had it last.
constexpr std::size_t ahead = 256;

// Two blocks go round under steady load; the others smooth a small backlog. Beyond that memory goes back to
// the system.
constexpr std::size_t spares_max = 4;

// Fetches a line to write to it. The compiler's own for any x86-64 only fetches it to read, and the store
// then waits for the other core to give it up. Where the processor knows no such instruction, it does
// nothing.
inline void fetch_to_write(const void* line) noexcept {
#ifdef __x86_64__
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1);
#endif
}

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

Prefix prefix_at(const char* from) noexcept {
  Prefix prefix;
  std::memcpy(&prefix, from, sizeof prefix);
  return prefix;
}

}  // namespace

// Lies at the start of its own memory; the records follow it.
struct alignas(64) BlockQueue::Block {
  std::size_t bytes;       // of the whole block
  Block* next = nullptr;   // the block with the records that follow
  Block* below = nullptr;  // among the spares

  [[nodiscard]] std::size_t room() const noexcept { return bytes - sizeof(Block); }
  [[nodiscard]] char* records() noexcept { return reinterpret_cast<char*>(this + 1); }
};

BlockQueue::BlockQueue(std::size_t block_bytes, std::size_t bytes_max)
    : block_bytes_(block_bytes), bytes_max_(std::max(bytes_max, 2 * block_bytes)) {
  CHECK(block_bytes > 0 && block_bytes % page == 0, "blocks of %zu bytes", block_bytes);
}

std::size_t BlockQueue::record_bytes_max(std::size_t bytes_max) noexcept {
  return bytes_max / 2 / page * page - sizeof(Block) - sizeof(Prefix);
}

BlockQueue::~BlockQueue() {
  for (Block* block = read_block_ != nullptr ? read_block_ : first_; block != nullptr;) {
    Block* next = block->next;
    release(block);
    block = next;
  }
  while (Block* block = take_spare()) release(block);
}

char* BlockQueue::reserve(std::size_t bytes) noexcept {
  const std::size_t record = sizeof(Prefix) + round_up(bytes, sizeof(Prefix));
  if (write_block_ == nullptr || write_block_->room() - write_at_ < record) {
    Block* block = take_block(record);
    if (block == nullptr) return nullptr;
    if (write_block_ == nullptr) {
      first_ = block;
    } else {
      write_block_->next = block;
      if (write_at_ < write_block_->room())
        std::memcpy(write_block_->records() + write_at_, &end_of_block, sizeof(Prefix));
    }
    write_block_ = block;
    write_at_ = 0;
  }
  char* at = write_block_->records() + write_at_;
  const Prefix prefix = record;
  std::memcpy(at, &prefix, sizeof prefix);
  write_next_ = write_at_ + record;
  return at + sizeof prefix;
}

void BlockQueue::commit() noexcept {
  write_at_ = write_next_;
  pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  for (std::size_t at = 0; at < ahead; at += cache_line)
    fetch_to_write(write_block_->records() + write_at_ + at);
}

const char* BlockQueue::front() noexcept {
  const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
  if (seen_ == popped) {
    seen_ = pushed_.load(std::memory_order_acquire);
    if (seen_ == popped) return nullptr;
  }
  if (read_block_ == nullptr) read_block_ = first_;
  if (read_at_ == read_block_->room() || prefix_at(read_block_->records() + read_at_) == end_of_block) {
    Block* next = read_block_->next;
    retire(read_block_);
    read_block_ = next;
    read_at_ = 0;
  }
  return read_block_->records() + read_at_ + sizeof(Prefix);
}

std::size_t BlockQueue::front(std::span<const char*> out) noexcept {
  if (out.empty() || (out[0] = front()) == nullptr) return 0;
  const std::uint64_t popped = popped_.load(std::memory_order_relaxed);
  if (seen_ - popped < out.size()) seen_ = pushed_.load(std::memory_order_acquire);
  const std::size_t most = std::min<std::size_t>(out.size(), seen_ - popped);
  const char* const records = read_block_->records();
  std::size_t at = read_at_, count = 1;
  for (; count < most; ++count) {
    at += prefix_at(records + at);
    if (at == read_block_->room() || prefix_at(records + at) == end_of_block) break;
    out[count] = records + at + sizeof(Prefix);
  }
  return count;
}

void BlockQueue::pop(std::size_t records) noexcept {
  for (std::size_t i = 0; i < records; ++i) read_at_ += prefix_at(read_block_->records() + read_at_);
  popped_.store(popped_.load(std::memory_order_relaxed) + records, std::memory_order_release);
}

// Producer.
BlockQueue::Block* BlockQueue::take_block(std::size_t record) noexcept {
  const bool own = record > block_bytes_ - sizeof(Block);
  if (!own) {
    if (Block* spare = take_spare()) return spare;
  }
  const std::size_t bytes = own ? round_up(sizeof(Block) + record, page) : block_bytes_;
  // Only the producer adds, so the bound holds whatever the consumer does meanwhile.
  while (bytes_.load(std::memory_order_relaxed) + bytes > bytes_max_) {
    Block* spare = take_spare();
    if (spare == nullptr) return nullptr;
    release(spare);
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return new (memory) Block{bytes};
}

// Producer.
BlockQueue::Block* BlockQueue::take_spare() noexcept {
  Block* block = spare_.load(std::memory_order_acquire);
  while (block != nullptr && !spare_.compare_exchange_weak(block, block->below, std::memory_order_acquire)) {
  }
  if (block == nullptr) return nullptr;
  spares_.fetch_sub(1, std::memory_order_relaxed);
  block->next = nullptr;
  return block;
}

// Consumer.
void BlockQueue::retire(Block* block) noexcept {
  if (block->bytes != block_bytes_ || spares_.load(std::memory_order_relaxed) >= spares_max)
    return release(block);
  spares_.fetch_add(1, std::memory_order_relaxed);
  block->below = spare_.load(std::memory_order_relaxed);
  while (!spare_.compare_exchange_weak(block->below, block, std::memory_order_release,
                                       std::memory_order_relaxed)) {
  }
}

void BlockQueue::release(Block* block) noexcept {
  const std::size_t bytes = block->bytes;
  ::munmap(block, bytes);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace bridge
