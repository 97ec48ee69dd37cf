// Arena: zeroed memory that is given out and never taken back, in chunks that never move. Pages nobody wrote
// to cost no memory. Owned by one shard, used by its thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/check.h"

namespace core {

class Arena {
 public:
  // `bytes` is a multiple of `alignment`.
  [[nodiscard]] std::byte* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes > left_) grow(bytes, alignment);
    std::byte* result = next_;
    next_ += bytes;
    left_ -= bytes;
    return result;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }
  };
  static constexpr std::size_t chunk_least = std::size_t{64} << 10U;
  static constexpr std::size_t chunk_most = std::size_t{4} << 20U;

  void grow(std::size_t bytes, std::size_t alignment) noexcept {
    const std::size_t size = std::max(bytes, chunk_) + alignment;
    void* memory = std::calloc(1, size);
    CHECK(memory != nullptr, "no memory for %zu bytes of series state", size);
    chunks_.emplace_back(static_cast<std::byte*>(memory));
    std::size_t space = size;
    next_ = static_cast<std::byte*>(std::align(alignment, bytes, memory, space));
    left_ = space;
    chunk_ = std::min(chunk_ * 2, chunk_most);
  }

  std::vector<std::unique_ptr<std::byte[], Free>> chunks_;
  std::size_t chunk_ = chunk_least;  // size of the next one
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace core
