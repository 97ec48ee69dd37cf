// Divisor: x / divisor by one multiplication, for all 32-bit numbers. A value.
#pragma once

#include <cstdint>

namespace core {

// The reciprocal is rounded down, which takes less than 1 / divisor from (x + 1) / divisor: what is left lies
// between x / divisor rounded down and the next number (Robison 2005, "N-bit unsigned division via N-bit
// multiply-add").
class Divisor {
 public:
  explicit Divisor(std::uint32_t divisor) noexcept : inverse_(~std::uint64_t{0} / divisor) {}
  [[nodiscard]] std::uint32_t divide(std::uint32_t x) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint32_t>(Wide{inverse_} * (std::uint64_t{x} + 1) >> 64U);
  }

 private:
  std::uint64_t inverse_;
};

}  // namespace core
