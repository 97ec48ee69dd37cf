#include "core/text_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace core {
namespace {

struct SizeClass {
  std::size_t index;
  std::size_t bytes;
};

// In steps of 8 bytes up to 64, from there in four steps to each doubling.
SizeClass class_of(std::size_t bytes) noexcept {
  const std::size_t last = std::max<std::size_t>(bytes, 1) - 1;
  if (last < 64) return {last / 8, (last / 8 + 1) * 8};
  const auto doubling = static_cast<std::size_t>(std::bit_width(last)) - 1;  // 6 and more
  const std::size_t quarter = last >> (doubling - 2) & 3U;
  return {8 + (doubling - 6) * 4 + quarter, (4 + quarter + 1) << (doubling - 2)};
}

}  // namespace

char* TextPool::allocate(std::size_t bytes) {
  const SizeClass size = class_of(bytes);
  CHECK(size.index < classes, "a text of %zu bytes", bytes);
  if (char* const text = free_[size.index]; text != nullptr) {
    std::memcpy(&free_[size.index], text, sizeof(char*));
    return text;
  }
  if (size.bytes > left_) {
    left_ = std::max(size.bytes, block);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    next_ = blocks_.back().get();
    bytes_ += left_;
  }
  left_ -= size.bytes;
  return std::exchange(next_, next_ + size.bytes);
}

void TextPool::release(char* text, std::size_t bytes) noexcept {
  char*& head = free_[class_of(bytes).index];
  std::memcpy(text, &head, sizeof(char*));
  head = text;
}

}  // namespace core
