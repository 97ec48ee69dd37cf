#include "core/summary.h"

#include <cmath>

namespace core {
namespace {

// A sum of long doubles that keeps what rounding takes from it.
struct LongSum {
  long double sum = 0;
  long double compensation = 0;

  void add(long double value) noexcept {
    const long double result = sum + value;
    const long double taken = result - sum;
    compensation += (sum - (result - taken)) + (value - taken);
    sum = result;
  }
  [[nodiscard]] long double total() const noexcept { return sum + compensation; }
};

// value * count without rounding: the halves of a double have at most 32 bits, and so has a realistic count.
void add_product(double value, std::uint64_t count, LongSum& sum) noexcept {
  const auto upper = static_cast<double>(static_cast<float>(value));
  if (!std::isfinite(upper)) {  // beyond the range of float
    sum.add(static_cast<long double>(value) * static_cast<long double>(count));
    return;
  }
  sum.add(static_cast<long double>(upper) * static_cast<long double>(count));
  sum.add(static_cast<long double>(value - upper) * static_cast<long double>(count));
}

long double long_sum(const Summary& summary) noexcept {
  LongSum sum;
  add_product(summary.reference, summary.count, sum);
  sum.add(summary.sum_shifted);
  sum.add(summary.sum_compensation);
  return sum.total();
}

// Not below zero; NaN stays NaN.
long double long_variance(const Summary& summary) noexcept {
  const auto count = static_cast<long double>(summary.count);
  const long double shift = static_cast<long double>(summary.sum_shifted) + summary.sum_compensation;
  const long double squares =
      static_cast<long double>(summary.squares_shifted) + summary.squares_compensation;
  const long double result = (squares - shift * shift / count) / (count - 1);
  return result < 0 ? 0 : result;
}

void store(long double value, double& rounded, double& rest) noexcept {
  rounded = static_cast<double>(value);
  rest = static_cast<double>(value - rounded);
}

}  // namespace

void Summary::merge(const Summary& other) noexcept {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  if (other.count == 1) {  // so that adding and merging one sample are the same, to the bit
    add(other.reference);
    return;
  }
  // Their sums on our reference: their value - our reference = (their value - their reference) + step.
  const double step_rounded = other.reference - reference;
  const double taken = step_rounded - other.reference;
  const double step_rest = (other.reference - (step_rounded - taken)) - (reference + taken);
  const long double step = static_cast<long double>(step_rounded) + step_rest;
  const auto their_count = static_cast<long double>(other.count);
  const long double their_sum = static_cast<long double>(other.sum_shifted) + other.sum_compensation;
  const long double their_squares =
      static_cast<long double>(other.squares_shifted) + other.squares_compensation;
  // Ours and theirs are added apart from what moves them, large to large.
  LongSum sum{sum_shifted, sum_compensation};
  sum.add(step_rounded * their_count);
  sum.add(step_rest * their_count);
  sum.add(their_sum);
  LongSum squares{squares_shifted, squares_compensation};
  squares.add(step * step * their_count);
  squares.add(2 * step * their_sum);
  squares.add(their_squares);
  store(sum.total(), sum_shifted, sum_compensation);
  store(squares.total(), squares_shifted, squares_compensation);

  count += other.count;
  if (other.min < min) min = other.min;
  if (other.max > max) max = other.max;
}

double Summary::sum() const noexcept { return static_cast<double>(long_sum(*this)); }

double Summary::mean() const noexcept {
  return static_cast<double>(long_sum(*this) / static_cast<long double>(count));
}

double Summary::variance() const noexcept { return static_cast<double>(long_variance(*this)); }

double Summary::stddev() const noexcept { return static_cast<double>(std::sqrt(long_variance(*this))); }

}  // namespace core
