// Summary: what a pane always knows of its samples: their number, moments and extremes. One cache line.
// Mergeable; nothing is ever subtracted from it. Owned by one worker. A value type without pointers: zero
// bytes are the empty summary.
//
// Moments are sums of (value - reference), the reference being the first value added. The difference, both
// sums and the squares are kept with what rounding took from them, so that neither an offset of 1e9, nor a
// spike of 1e15 as the first value, nor millions of samples cost digits: variance and mean keep a relative
// error near 1e-15 where Welford's is 1e-7 at mean 1e9 and deviation 0.1. Sources: Chan, Golub, LeVeque 1983,
// "Algorithms for computing the sample variance"; Knuth, TAOCP 2, 4.2.2, theorem B (error of a sum); Neumaier
// 1974 (keeping it); Dekker 1971 (error of a square). kernel.h adds to many summaries at once, with the same
// bits.
//
// A difference or a square too large for a double (values near 1e308, or further than 1e154 from the
// reference) makes the moments infinite or NaN, which accumulator.h reports as "does not exist"; it never
// makes them wrong.
#pragma once

#include <cstdint>

namespace core {

// kernel_add.cpp knows the order of the members, two of which it handles at once.
struct Summary {
  std::uint64_t count = 0;
  double reference = 0;  // the first value added, or one near it; all sums below are of (value - reference)
  double min = 0;
  double max = 0;
  double sum_shifted = 0;
  double squares_shifted = 0;
  double sum_compensation = 0;  // what rounding took from sum_shifted
  double squares_compensation = 0;

  // Of an empty summary: sums are to relate to this, as those of a neighbour do, if the first value is not
  // far from it. Then both merge with a few additions.
  void relate_to(double value) noexcept { reference = value; }
  // Adds one finite value.
  void add(double value) noexcept;
  // The same to a summary that is not empty. `rest(x, x * x)`: what rounding took from a square.
  template <class Rest>
  void add_more(double value, Rest rest) noexcept;
  // Adds all values of `other`, as if they had been added after ours.
  void merge(const Summary& other) noexcept;

  // Precondition for all of these: count > 0; variance and stddev: count > 1. Computed with twice the
  // digits of a double and rounded once.
  [[nodiscard]] double sum() const noexcept;
  [[nodiscard]] double mean() const noexcept;
  [[nodiscard]] double variance() const noexcept;  // sample variance (n - 1), never negative
  [[nodiscard]] double stddev() const noexcept;

 private:
  void begin(double value) noexcept;
  template <class Rest>
  void add_to_sums(double value, Rest rest) noexcept;
  void merge_moved(const Summary& other) noexcept;
};
static_assert(sizeof(Summary) == 64);

namespace detail {

// sum += value; what rounding takes from it goes to `compensation` (Knuth's exact error of a sum).
inline void add_exactly(double value, double& sum, double& compensation) noexcept {
  const double result = sum + value;
  const double taken = result - sum;
  compensation += (sum - (result - taken)) + (value - taken);
  sum = result;
}

// value * value - square, exactly (Dekker; Veltkamp's halves).
inline double error_of_square(double value, double square) noexcept {
  constexpr double splitter = 0x1p27 + 1;
  const double scaled = splitter * value;
  const double upper = scaled - (scaled - value);
  const double lower = value - upper;
  return lower * lower - ((square - upper * upper) - 2 * upper * lower);
}

}  // namespace detail

inline void Summary::add(double value) noexcept {
  if (count == 0) return begin(value);
  add_more(value, detail::error_of_square);
}

template <class Rest>
[[gnu::always_inline]] inline void Summary::add_more(double value, Rest rest) noexcept {
  ++count;
  add_to_sums(value, rest);
  if (value < min) min = value;
  if (value > max) max = value;
}

template <class Rest>
[[gnu::always_inline]] inline void Summary::add_to_sums(double value, Rest rest) noexcept {
  // difference + error == value - reference, exactly.
  const double difference = value - reference;
  const double taken = difference - value;
  const double error = (value - (difference - taken)) - (reference + taken);
  detail::add_exactly(difference, sum_shifted, sum_compensation);
  sum_compensation += error;
  const double square = difference * difference;
  detail::add_exactly(square, squares_shifted, squares_compensation);
  squares_compensation += rest(difference, square) + 2 * difference * error;
}

}  // namespace core
