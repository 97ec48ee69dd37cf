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

Arena::Place Arena::allocate(std::size_t bytes) noexcept {
  if (const auto found = free_.find(bytes); found != free_.end() && !found->second.empty()) {
    const Place place = found->second.back();
    found->second.pop_back();
    std::memset(at(place), 0, bytes);
    return place;
  }
  const std::size_t lines = bytes / line;
  if (lines > left_) grow(lines);
  const Place place = next_;
  next_ += static_cast<Place>(lines);
  left_ -= lines;
  return place;
}

void Arena::release(Place place, std::size_t bytes) noexcept { free_[bytes].push_back(place); }

// Room for at least `lines`. What is left of the chunk before stays unused. The first line of all is never
// given out: its place means "none".
void Arena::grow(std::size_t lines) noexcept {
  const bool first = chunks_.empty();
  const std::size_t count = (lines + (first ? 1 : 0) + chunk_lines - 1) / chunk_lines;
  CHECK(chunks_.size() + count <= std::size_t{1} << (32 - chunk_bits), "%zu chunks of series state",
        chunks_.size());
  constexpr std::size_t chunk_bytes = chunk_lines * line;
  std::byte* const memory = map(count * chunk_bytes, chunk_bytes);
  // Not for the first chunk: who has few series should not pay for a whole large page. A system without them
  // says no, and nothing is lost.
  if (!first) (void)::madvise(memory, count * chunk_bytes, MADV_HUGEPAGE);
  mapped_.emplace_back(memory, count * chunk_bytes);
  next_ = static_cast<Place>(chunks_.size() << chunk_bits) + (first ? 1 : 0);
  left_ = count * chunk_lines - (first ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) chunks_.push_back(memory + i * chunk_bytes);
}

}  // namespace core
