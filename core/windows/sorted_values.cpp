#include "core/windows/sorted_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/kernel.h"
#include "core/kernel_sorted.h"
#include "core/parts/between.h"

namespace core {
namespace {

// The k-th smallest distance from `middle`, k from 0. Distances fall up to it and rise behind it: both halves
// are sorted, and the search looks for how many of the k + 1 nearest lie below.
double nearest(std::span<const double> sorted, double middle, std::size_t k) noexcept {
  const auto split =
      static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), middle) - sorted.begin());
  const std::size_t below = split, above = sorted.size() - split;
  const auto lower = [&](std::size_t i) { return middle - sorted[split - 1 - i]; };  // i-th nearest below
  const auto upper = [&](std::size_t i) { return sorted[split + i] - middle; };
  std::size_t low = k + 1 > above ? k + 1 - above : 0, high = std::min(below, k + 1);
  while (low < high) {
    const std::size_t taken = (low + high) / 2;  // from below; the others from above
    if (lower(taken) < upper(k - taken)) {
      low = taken + 1;
    } else {
      high = taken;
    }
  }
  double result = 0;
  if (low > 0) result = lower(low - 1);
  if (k + 1 > low) result = std::max(result, upper(k - low));
  return result;
}

}  // namespace

SortedValues::SortedValues(std::size_t most, Room& block)
    : count_(block.reserve(sizeof(std::uint64_t), 8)), values_(block.reserve(most * sizeof(double), 64)) {}

std::span<const double> SortedValues::values(const std::byte* block) const noexcept {
  return {reinterpret_cast<const double*>(block + values_),
          *reinterpret_cast<const std::uint64_t*>(block + count_)};
}

void SortedValues::insert(std::byte* block, double value) const noexcept {
  auto& count = *reinterpret_cast<std::uint64_t*>(block + count_);
  double* const begin = reinterpret_cast<double*>(block + values_);
  value += 0.0;  // -0.0 becomes 0.0
  double* const place = begin + kernel::count_below({begin, count}, value);
  std::memmove(place + 1, place, static_cast<std::size_t>(begin + count - place) * sizeof(double));
  *place = value;
  ++count;
}

void SortedValues::erase(std::byte* block, double value) const noexcept {
  auto& count = *reinterpret_cast<std::uint64_t*>(block + count_);
  double* const place = find(block, value);
  double* const end = reinterpret_cast<double*>(block + values_) + count;
  std::memmove(place, place + 1, static_cast<std::size_t>(end - place - 1) * sizeof(double));
  --count;
}

void SortedValues::replace(std::byte* block, double out, double in) const noexcept {
  const std::size_t count = *reinterpret_cast<const std::uint64_t*>(block + count_);
  const bool found =
      kernel::replace({reinterpret_cast<double*>(block + values_), count}, out + 0.0, in + 0.0);
  CHECK(found, "value %g of %zu", out, count);
}

double* SortedValues::find(std::byte* block, double value) const noexcept {
  const std::span<const double> all = values(block);
  const std::size_t place = kernel::count_below(all, value);
  CHECK(place < all.size() && all[place] == value, "value %g of %zu", value, all.size());
  return reinterpret_cast<double*>(block + values_) + place;
}

double SortedValues::distinct(std::span<const double> sorted) noexcept {
  std::size_t count = 1;
  for (std::size_t i = 1; i < sorted.size(); ++i) count += std::size_t{sorted[i] != sorted[i - 1]};
  return static_cast<double>(count);
}

double SortedValues::mode(std::span<const double> sorted) noexcept {
  double result = sorted.front();
  std::size_t most = 0;
  for (std::size_t i = 0; i < sorted.size();) {
    // A longer run than the longest so far ends `most` further on with the same value.
    if (i + most < sorted.size() && sorted[i + most] == sorted[i]) {
      result = sorted[i];
      do {
        ++most;
      } while (i + most < sorted.size() && sorted[i + most] == sorted[i]);
      i += most;
    } else {
      ++i;
    }
  }
  return result;
}

double SortedValues::outside(std::span<const double> sorted, double low, double high) noexcept {
  if (sorted.front() >= low && sorted.back() <= high) return 0;
  const auto first = std::lower_bound(sorted.begin(), sorted.end(), low);
  const auto last = std::upper_bound(sorted.begin(), sorted.end(), high);
  return static_cast<double>(first - sorted.begin()) + static_cast<double>(sorted.end() - last);
}

double SortedValues::deviation(std::span<const double> sorted, double middle) noexcept {
  const std::size_t last = sorted.size() - 1;
  const double lower = nearest(sorted, middle, last / 2);
  return last % 2 == 0 ? lower : between(lower, nearest(sorted, middle, last / 2 + 1), 0.5);
}

}  // namespace core
