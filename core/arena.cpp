#include "core/arena.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "core/check.h"

namespace core {
namespace {

// Zero pages, aligned to `alignment`, which is larger than a page.
std::byte* map(std::size_t bytes, std::size_t alignment) noexcept {
  void* const memory = ::mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED, "no memory for %zu bytes of series state", bytes);
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t skip = (alignment - reinterpret_cast<std::uintptr_t>(begin) % alignment) % alignment;
  if (skip > 0) (void)::munmap(begin, skip);
  if (skip < alignment) (void)::munmap(begin + skip + bytes, alignment - skip);
  return begin + skip;
}

}  // namespace

Arena::~Arena() {
  for (const auto& [memory, bytes] : mapped_) (void)::munmap(memory, bytes);
}

std::byte* Arena::allocate(std::size_t bytes) noexcept {
  if (const auto found = free_.find(bytes); found != free_.end() && !found->second.empty()) {
    std::byte* const block = found->second.back();
    found->second.pop_back();
    std::memset(block, 0, bytes);
    return block;
  }
  if (bytes > left_) grow(bytes);
  std::byte* const block = next_;
  next_ += bytes;
  left_ -= bytes;
  return block;
}

void Arena::release(std::byte* block, std::size_t bytes) noexcept { free_[bytes].push_back(block); }

// Room for at least `bytes`. What is left of the chunk before stays unused.
void Arena::grow(std::size_t bytes) noexcept {
  const bool first = mapped_.empty();
  left_ = (bytes + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
  next_ = map(left_, chunk_bytes);
  // Not for the first chunk: who has few series should not pay for a whole large page. A system without them
  // says no, and nothing is lost.
  if (!first) (void)::madvise(next_, left_, MADV_HUGEPAGE);
  mapped_.emplace_back(next_, left_);
}

}  // namespace core
