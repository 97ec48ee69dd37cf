// TextPool: memory of texts that come and go, in blocks that never move. What is given back goes to the next
// text of about the same size, so that memory follows the most that was in use at once, however long texts
// come and go. Edge thread only; a text may be read elsewhere as long as it is not given back.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace core {

class TextPool {
 public:
  // At most 2^27 bytes.
  [[nodiscard]] char* allocate(std::size_t bytes);
  // `text` came from allocate(bytes).
  void release(char* text, std::size_t bytes) noexcept;
  // Of all blocks.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t block = std::size_t{64} << 10;
  static constexpr std::size_t classes = 96;

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;  // of the last block
  std::size_t left_ = 0;  // bytes of it
  std::size_t bytes_ = 0;
  char* free_[classes] = {};  // by class of size; the first bytes of each text say where the next lies
};

}  // namespace core
