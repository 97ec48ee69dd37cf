#include "bridge/bench_naive.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bridge::naive {
namespace {

void quadratic_sort(std::vector<double>& values) {
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    for (std::size_t k = i + 1; k < values.size(); ++k) {
      if (values[i] > values[k]) std::swap(values[i], values[k]);
    }
  }
}

double percentile(const std::vector<double>& sorted, double p) {
  const double rank = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  if (below + 1 == sorted.size()) return sorted.back();
  return sorted[below] + (sorted[below + 1] - sorted[below]) * (rank - static_cast<double>(below));
}

template <std::size_t lanes>
double sum_portable(std::span<const double> values) noexcept {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane];
  }
  for (; i < values.size(); ++i) sums[0] += values[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

#if defined(__x86_64__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
template <std::size_t chains>
__attribute__((target("avx512f,avx512dq"))) double sum_avx512(std::span<const double> values) noexcept {
  __m512d sums[chains];
  for (__m512d& sum : sums) sum = _mm512_setzero_pd();
  std::size_t i = 0;
  for (; i + 8 * chains <= values.size(); i += 8 * chains) {
    for (std::size_t k = 0; k < chains; ++k)
      sums[k] = _mm512_add_pd(sums[k], _mm512_loadu_pd(values.data() + i + 8 * k));
  }
  double result = 0;
  for (const __m512d& sum : sums) result += _mm512_reduce_add_pd(sum);
  for (; i < values.size(); ++i) result += values[i];
  return result;
}
#pragma GCC diagnostic pop
#endif

template <std::size_t chains>
double sum_in(std::span<const double> values) noexcept {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  if (wide) return sum_avx512<chains>(values);
#endif
  return sum_portable<4 * chains>(values);
}

}  // namespace

double sum(std::span<const double> values) noexcept { return sum_in<1>(values); }
double sum_in_four_chains(std::span<const double> values) noexcept { return sum_in<4>(values); }

PointByPoint::PointByPoint(Form form, std::size_t window, std::pair<double, double> range)
    : form_(form), window_(window), range_(range) {}

void PointByPoint::add(double value) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (form_ == Form::sorts_for_each_locked) lock.lock();
  values_.push_back(value);
  if (values_.size() > window_) values_.erase(values_.begin());
  compute();
}

const std::vector<double>& PointByPoint::ordered() {
  const bool once = form_ == Form::quadratic_sort_once || form_ == Form::std_sort_once;
  if (once && in_order_) return ordered_;
  ordered_ = values_;
  if (form_ == Form::std_sort_once) {
    std::sort(ordered_.begin(), ordered_.end());
  } else {
    quadratic_sort(ordered_);
  }
  in_order_ = true;
  return ordered_;
}

void PointByPoint::compute() {
  const auto count = static_cast<double>(values_.size());
  double total = 0, squares = 0, above = 0, below = 0, inside = 0;
  double smallest = values_.front(), largest = smallest;
  for (const double value : values_) {
    total += value;
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
    above += value > range_.second ? 1 : 0;
    below += value < range_.first ? 1 : 0;
    inside += value >= range_.first && value <= range_.second ? 1 : 0;
  }
  const double mean = total / count;
  for (const double value : values_) squares += (value - mean) * (value - mean);
  const double variance = count > 1 ? squares / (count - 1) : 0;
  in_order_ = false;
  const auto at = [this](double p) { return percentile(ordered(), p); };
  const std::vector<double>& quartiles = ordered();  // two of one copy
  const double lower = percentile(quartiles, 0.25), upper = percentile(quartiles, 0.75);
  const double reach = 1.5 * (upper - lower);
  const auto outliers = static_cast<double>(std::count_if(values_.begin(), values_.end(), [=](double value) {
    return value < lower - reach || value > upper + reach;
  }));
  results_ = {count,
              total,
              mean,
              smallest,
              largest,
              variance,
              std::sqrt(variance),
              at(0.5),
              at(0.25),
              at(0.75),
              at(0.9),
              at(0.95),
              at(0.99),
              values_.front(),
              values_.back(),
              values_.back() - values_.front(),
              (values_.back() - values_.front()) / values_.front(),
              outliers,
              std::sqrt(variance) / mean,
              above,
              below,
              inside};
}

}  // namespace bridge::naive
