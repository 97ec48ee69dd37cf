#include "core/summary.h"

#include <algorithm>
#include <cmath>

#include "core/twofold.h"

namespace core {
namespace {

Twofold shifted_sum(const Summary& summary) noexcept {
  return Twofold::sum(summary.sum_shifted, summary.sum_compensation);
}

void store(const Twofold& value, double& rounded, double& rest) noexcept {
  rounded = value.high;
  rest = value.low;
}

// Of the values themselves.
Twofold whole_sum(const Summary& summary) noexcept {
  return Twofold::product(summary.reference, static_cast<double>(summary.count)) + shifted_sum(summary);
}

Twofold long_variance(const Summary& summary) noexcept {
  const Twofold shift = shifted_sum(summary);
  const Twofold squares = Twofold::sum(summary.squares_shifted, summary.squares_compensation);
  const Twofold spread = squares - shift * shift / static_cast<double>(summary.count);
  return spread / static_cast<double>(summary.count - 1);
}

}  // namespace

// A reference that is far away would cost what is made of single values some digits.
void Summary::begin(double value) noexcept {
  const double wanted = reference;
  const bool near = wanted != 0 && std::abs(value - wanted) <= 0.5 * std::abs(value);
  *this = {.count = 1, .reference = near ? wanted : value, .min = value, .max = value};
  if (near && wanted != value) add_to_sums(value);
}

void Summary::merge(const Summary& other) noexcept {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  if (other.count == 1) {  // so that adding and merging one sample are the same, to the bit
    add(other.min);
    return;
  }
  if (other.reference == reference) {
    store(shifted_sum(*this) + shifted_sum(other), sum_shifted, sum_compensation);
    store(Twofold::sum(squares_shifted, squares_compensation) +
              Twofold::sum(other.squares_shifted, other.squares_compensation),
          squares_shifted, squares_compensation);
  } else {
    merge_moved(other);
  }
  count += other.count;
  if (other.min < min) min = other.min;
  if (other.max > max) max = other.max;
}

void Summary::merge_moved(const Summary& other) noexcept {
  // Their sums on our reference: their value - our reference = (their value - their reference) + step.
  const Twofold step = Twofold::sum(other.reference, -reference);
  const Twofold steps = step * static_cast<double>(other.count);  // no count loses a digit here
  const Twofold theirs = shifted_sum(other);
  const Twofold squares =
      Twofold::sum(other.squares_shifted, other.squares_compensation) + step * (theirs + theirs + steps);
  store(shifted_sum(*this) + (theirs + steps), sum_shifted, sum_compensation);
  store(Twofold::sum(squares_shifted, squares_compensation) + squares, squares_shifted, squares_compensation);
}

double Summary::sum() const noexcept {
  const double result = whole_sum(*this).rounded();
  return std::isnan(result) ? reference * static_cast<double>(count) + sum_shifted : result;
}

double Summary::mean() const noexcept {
  const double result = (whole_sum(*this) / static_cast<double>(count)).rounded();
  // The sum may be too large where the mean is not.
  return std::isfinite(result) ? result : reference + sum_shifted / static_cast<double>(count);
}

double Summary::variance() const noexcept {
  const double result = long_variance(*this).rounded();
  return result < 0 ? 0 : result;
}

// The root of the rounded variance, and a step of Newton's from there to that of the whole.
double Summary::stddev() const noexcept {
  const Twofold variance = long_variance(*this);
  const double root = std::sqrt(variance.high);
  if (!(root > 0) || !std::isfinite(root))
    return std::isnan(variance.high) ? variance.high : std::max(root, 0.0);
  const double result = root + (variance - Twofold::product(root, root)).rounded() / (2 * root);
  return std::isfinite(result) ? result : root;
}

}  // namespace core
