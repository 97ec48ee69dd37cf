// Arena: zeroed memory of state blocks, in chunks that never move, large pages where the system gives them.
// Blocks are named by their place in lines of 64 bytes, which is half a pointer. A block that is given back
// is given out again to the next that needs as many bytes. Owned by one shard, used by its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace core {

class Arena {
 public:
  using Place = std::uint32_t;  // 0: none
  static constexpr std::size_t line = 64;

  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `bytes` is a multiple of `line`, and not 0.
  [[nodiscard]] Place allocate(std::size_t bytes) noexcept;
  void release(Place place, std::size_t bytes) noexcept;
  [[nodiscard]] std::byte* at(Place place) const noexcept {
    return chunks_[place >> chunk_bits] + (place & chunk_mask) * line;
  }

 private:
  static constexpr unsigned chunk_bits = 15;  // lines of a chunk: 2 MiB
  static constexpr std::size_t chunk_lines = std::size_t{1} << chunk_bits;
  static constexpr Place chunk_mask = chunk_lines - 1;

  void grow(std::size_t lines) noexcept;

  std::vector<std::byte*> chunks_;  // a block that is larger than a chunk lies over several in a row
  std::vector<std::pair<std::byte*, std::size_t>> mapped_;
  std::unordered_map<std::size_t, std::vector<Place>> free_;  // by bytes
  Place next_ = 0;
  std::size_t left_ = 0;  // lines
};

}  // namespace core
