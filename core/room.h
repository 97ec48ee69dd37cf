// Room: gives out places in a series' state block while a layout is built.
#pragma once

#include <algorithm>
#include <cstddef>

namespace core {

struct Room {
  std::size_t bytes = 0;    // given out so far
  std::size_t scratch = 0;  // most bytes that some result needs while it is made

  std::size_t reserve(std::size_t size, std::size_t alignment) noexcept {
    const std::size_t offset = (bytes + alignment - 1) / alignment * alignment;
    bytes = offset + size;
    return offset;
  }
  void need_scratch(std::size_t size) noexcept { scratch = std::max(scratch, size); }
};

}  // namespace core
