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

  // Where a quantile lies among n sorted values, n > 0: between two of them. Type 7: at p * (n - 1).
  struct Rank {
    std::uint32_t lower, upper;
    double weight;  // of the upper one
  };
  [[nodiscard]] static Rank rank(std::size_t n, double p) noexcept {
    const double place = p * static_cast<double>(static_cast<std::int64_t>(n - 1));
    const auto lower = static_cast<std::uint32_t>(place);
    if (lower + 1 >= n) return {static_cast<std::uint32_t>(n - 1), static_cast<std::uint32_t>(n - 1), 0};
    return {lower, lower + 1, place - static_cast<double>(lower)};
  }
  [[nodiscard]] static double at(std::span<const double> sorted, const Rank& rank) noexcept {
    return between(sorted[rank.lower], sorted[rank.upper], rank.weight);
  }
  // Of sorted values, not empty.
  [[nodiscard]] static double quantile(std::span<const double> sorted, double p) noexcept {
    return at(sorted, rank(sorted.size(), p));
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
