// Sums in which a sample's time counts: the slope of a line through the samples, and a mean that forgets.
// Parts of a pane (accumulator.h): zero bytes are empty, owned by one worker. Samples may come in any order.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "core/parts/ends.h"
#include "core/summary.h"

namespace core {

// Least squares of the value over the time. Times count from the first sample's and values from the
// summary's reference, so that neither the age of the epoch nor an offset costs digits (raw epoch
// milliseconds lose 10 %). All sums are compensated.
struct Slope {
  struct Sum {
    double sum = 0, rest = 0;
    void add(long double value) noexcept {
      const auto rounded = static_cast<double>(value);
      detail::add_exactly(rounded, sum, rest);
      rest += static_cast<double>(value - rounded);
    }
    [[nodiscard]] long double total() const noexcept { return static_cast<long double>(sum) + rest; }
  };
  Time origin{};
  Sum times, squares, products;

  // After `summary` took the value.
  void add(const Point& point, const Summary& summary) noexcept {
    if (summary.count == 1) origin = point.time;
    const long double time = seconds(point.time - origin);
    times.add(time);
    squares.add(time * time);
    products.add(time * (static_cast<long double>(point.value) - summary.reference));
  }
  // Before `ours` took theirs. Precondition: neither is empty.
  void merge(const Slope& later, const Summary& ours, const Summary& theirs) noexcept {
    // Their sums on our origin and reference: t' = t + shift, x' = x + step.
    const long double shift = seconds(later.origin - origin);
    const long double step = static_cast<long double>(theirs.reference) - ours.reference;
    const auto count = static_cast<long double>(theirs.count);
    const long double time = later.times.total(), value = value_sum(theirs);
    products.add(later.products.total());
    products.add(step * time);
    products.add(shift * value);
    products.add(shift * step * count);
    squares.add(later.squares.total());
    squares.add(2 * shift * time);
    squares.add(shift * shift * count);
    times.add(time);
    times.add(shift * count);
  }
  // Per second; nothing where all samples have one time.
  [[nodiscard]] std::optional<double> value(const Summary& summary) const noexcept {
    const auto count = static_cast<long double>(summary.count);
    const long double spread = squares.total() - times.total() * times.total() / count;
    if (!(spread > 0)) return std::nullopt;
    return static_cast<double>((products.total() - times.total() * value_sum(summary) / count) / spread);
  }

 private:
  static long double seconds(Duration duration) noexcept {
    return static_cast<long double>(duration.count()) * 1e-9L;
  }
  static long double value_sum(const Summary& summary) noexcept {
    return static_cast<long double>(summary.sum_shifted) + summary.sum_compensation;
  }
};
static_assert(sizeof(Slope) == 56);

// Exponentially weighted mean: a sample counts half as much as one that is a half-life younger.
struct Decay {
  double values = 0;   // sum of weight * value, as of `time`
  double weights = 0;  // sum of weights
  Time time{};         // of the newest sample

  void add(const Point& point, double half_life, bool empty) noexcept {
    if (empty) {
      *this = {point.value, 1, point.time};
    } else {
      merge({point.value, 1, point.time}, half_life);
    }
  }
  // Precondition: neither is empty.
  void merge(const Decay& other, double half_life) noexcept {
    const Time newest = time < other.time ? other.time : time;
    const double ours = weight(newest - time, half_life), theirs = weight(newest - other.time, half_life);
    values = values * ours + other.values * theirs;
    weights = weights * ours + other.weights * theirs;
    time = newest;
  }
  [[nodiscard]] double mean() const noexcept { return values / weights; }

 private:
  // `half_life` in nanoseconds.
  static double weight(Duration age, double half_life) noexcept {
    return age == Duration{0} ? 1 : std::exp2(-static_cast<double>(age.count()) / half_life);
  }
};
static_assert(sizeof(Decay) == 24);

}  // namespace core
