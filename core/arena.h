// Arena: zeroed memory of state blocks, which never move, in large pages where the system gives them. A block
// that is given back is given out again to the next that needs as many bytes. Owned by one shard, used by its
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace core {

class Arena {
 public:
  static constexpr std::size_t line = 64;

  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `bytes` is a multiple of `line`, and not 0. Aligned to a line.
  [[nodiscard]] std::byte* allocate(std::size_t bytes) noexcept;
  void release(std::byte* block, std::size_t bytes) noexcept;

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{2} << 20U;

  void grow(std::size_t bytes) noexcept;

  std::vector<std::pair<std::byte*, std::size_t>> mapped_;         // chunks, or several in a row
  std::unordered_map<std::size_t, std::vector<std::byte*>> free_;  // by bytes
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;  // bytes
};

}  // namespace core
