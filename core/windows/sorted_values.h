// SortedValues: the values of a window that moves with every sample, in order, so that percentiles, outliers,
// different values and the most frequent one are exact. At most as many as were reserved. Works on a state
// block; zero bytes are empty. Owned by one worker. A value in or out costs a search and a move of the part
// behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/parts/between.h"
#include "core/room.h"

namespace core {

class SortedValues {
 public:
  SortedValues(std::size_t most, Room& block);

  // Precondition: fewer than `most` are in.
  void insert(std::byte* block, double value) const noexcept;
  // Precondition: it is in.
  void erase(std::byte* block, double value) const noexcept;
  // Precondition: `out` is in. Less than an erase and an insert.
  void replace(std::byte* block, double out, double in) const noexcept;
  [[nodiscard]] std::span<const double> values(const std::byte* block) const noexcept;

  // Of sorted values, not empty. Type 7: linear interpolation at p * (n - 1).
  [[nodiscard]] static double quantile(std::span<const double> sorted, double p) noexcept {
    const double rank = p * static_cast<double>(static_cast<std::int64_t>(sorted.size() - 1));
    const auto lower = static_cast<std::int64_t>(rank);
    const double* const place = sorted.data() + lower;
    if (place + 1 >= sorted.data() + sorted.size()) return sorted.back();
    return between(place[0], place[1], rank - static_cast<double>(lower));
  }
  [[nodiscard]] static double distinct(std::span<const double> sorted) noexcept;
  [[nodiscard]] static double mode(
      std::span<const double> sorted) noexcept;  // of equally frequent: the smallest
  [[nodiscard]] static double outside(std::span<const double> sorted, double low, double high) noexcept;
  // The median of the distances from `middle`.
  [[nodiscard]] static double deviation(std::span<const double> sorted, double middle) noexcept;

 private:
  [[nodiscard]] double* find(std::byte* block, double value) const noexcept;

  std::size_t count_, values_;
};

}  // namespace core
