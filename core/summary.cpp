#include "core/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/moments.h"
#include "core/twofold.h"

namespace core {
namespace {

Twofold shifted_sum(const Summary& summary) noexcept {
  return Twofold::sum(summary.sum_shifted, summary.sum_compensation);
}

// The sum and that of the squares, at once.
using Pair = double __attribute__((vector_size(16)));
using Pairs = TwofoldBy<ByHalves, Pair>;

Pairs sums(const Summary& summary) noexcept {
  return Pairs::sum(Pair{summary.sum_shifted, summary.squares_shifted},
                    Pair{summary.sum_compensation, summary.squares_compensation});
}

// The root of the rounded number, and a step of Newton's from there to that of the whole.
double root_of(const Twofold& number) noexcept {
  const double root = std::sqrt(number.high);
  if (!(root > 0) || !std::isfinite(root)) return std::isnan(number.high) ? number.high : std::max(root, 0.0);
  const double result = number.root_from(root);
  return std::isfinite(result) ? result : root;
}

void store(const Twofold& value, double& rounded, double& rest) noexcept {
  rounded = value.high;
  rest = value.low;
}

}  // namespace

// A reference that is far away would cost what is made of single values some digits.
void Summary::begin(double value) noexcept {
  const double wanted = reference;
  const bool near = wanted != 0 && std::abs(value - wanted) <= 0.5 * std::abs(value);
  *this = {.count = 1, .reference = near ? wanted : value, .min = value, .max = value};
  if (near && wanted != value) add_to_sums(value, detail::error_of_square);
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
    const Pairs both = sums(*this) + sums(other);
    sum_shifted = both.high[0], squares_shifted = both.high[1];
    sum_compensation = both.low[0], squares_compensation = both.low[1];
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

Moments moments_with_care(const Summary& all) noexcept {
  const auto count = static_cast<double>(all.count);
  const Twofold shift = Twofold::sum(all.sum_shifted, all.sum_compensation);
  const Twofold whole = Twofold::product(all.reference, count) + shift;  // of the values themselves
  Moments result{.sum = whole.rounded(),
                 .mean = (whole / count).rounded(),
                 .variance = std::numeric_limits<double>::quiet_NaN(),
                 .stddev = std::numeric_limits<double>::quiet_NaN()};
  if (std::isnan(result.sum)) result.sum = all.reference * count + all.sum_shifted;
  // The sum may be too large where the mean is not.
  if (!std::isfinite(result.mean)) result.mean = all.reference + all.sum_shifted / count;
  if (all.count < 2) return result;
  const Twofold squares = Twofold::sum(all.squares_shifted, all.squares_compensation);
  const Twofold variance = (squares - shift * shift / count) / (count - 1);
  result.variance = variance.rounded() < 0 ? 0 : variance.rounded();
  result.stddev = root_of(variance);
  return result;
}

// Each is made as all of them are: whoever wants several asks kernel::moments().
double Summary::sum() const noexcept { return moments_of<ByHalves>(*this).sum; }

double Summary::mean() const noexcept { return moments_of<ByHalves>(*this).mean; }

double Summary::variance() const noexcept { return moments_of<ByHalves>(*this).variance; }

double Summary::stddev() const noexcept { return moments_of<ByHalves>(*this).stddev; }

}  // namespace core
