#include "core/parts/quantiles.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/check.h"
#include "core/parts/between.h"
#include "core/parts/probe.h"

namespace core {
namespace {

// A bucket's key orders the buckets: negative values below `zero_key`, the largest magnitude first.
constexpr std::uint32_t zero_key = 1U << 23U;

// A stored bucket: key in the upper 24 bits, how many samples in the lower 40. No samples: an empty slot.
constexpr unsigned times_bits = 40;
constexpr std::uint64_t bucket(std::uint32_t key, std::uint64_t times) {
  return (std::uint64_t{key} << times_bits) | times;
}
constexpr std::uint32_t key_in(std::uint64_t bucket) {
  return static_cast<std::uint32_t>(bucket >> times_bits);
}
constexpr std::uint64_t times_in(std::uint64_t bucket) {
  return bucket & ((std::uint64_t{1} << times_bits) - 1);
}

// The key that a bucket has after `levels` more collapses.
constexpr std::uint32_t coarser(std::uint32_t key, std::uint32_t levels) {
  if (key > zero_key) return zero_key + 1 + ((key - zero_key - 1) >> levels);
  if (key < zero_key) return zero_key - 1 - ((zero_key - 1 - key) >> levels);
  return key;
}

}  // namespace

struct Quantiles::Head {
  std::uint64_t count;
  double min;
  double max;
  std::uint32_t level;  // how often each two buckets became one

  static Head& of(std::byte* state) noexcept { return *reinterpret_cast<Head*>(state); }
  static const Head& of(const std::byte* state) noexcept { return *reinterpret_cast<const Head*>(state); }
  // Behind the head: the bits of kept values, or the table of buckets.
  static std::uint64_t* body(std::byte* state) noexcept {
    return reinterpret_cast<std::uint64_t*>(state + sizeof(Head));
  }
  static const std::uint64_t* body(const std::byte* state) noexcept {
    return reinterpret_cast<const std::uint64_t*>(state + sizeof(Head));
  }
  void extend(double low, double high) noexcept {
    if (count == 0 || low < min) min = low;
    if (count == 0 || high > max) max = high;
  }
};

// A state's samples in order: a copy on the stack.
struct Quantiles::Ordered {
  Ordered(const Quantiles& owner, const std::byte* state) noexcept;
  [[nodiscard]] double at(std::uint64_t rank) const noexcept;  // from 0

  const Quantiles& owner;
  const Head& head;
  const bool approximate;
  std::size_t size = 0;
  std::array<double, kept_max> values;
  std::array<std::uint64_t, buckets_max> buckets;
};

Quantiles::Quantiles(double error, std::uint32_t kept, std::uint32_t buckets) noexcept
    : error_(error), kept_(kept), buckets_(buckets), scale_(error) {
  CHECK(kept <= kept_max, "kept %u", kept);
  CHECK(buckets >= buckets_min && buckets <= buckets_max, "buckets %u", buckets);
}

std::size_t Quantiles::bytes() const noexcept {
  return sizeof(Head) + sizeof(std::uint64_t) * std::max(kept_, buckets_);
}

void Quantiles::add(std::byte* state, double value) const noexcept {
  Head& head = Head::of(state);
  value += 0.0;  // -0.0 becomes 0.0
  head.extend(value, value);
  if (head.count < kept_) {
    Head::body(state)[head.count] = std::bit_cast<std::uint64_t>(value);
  } else {
    if (head.count == kept_) to_buckets(state);
    add_bucket(state, key_of(value), 0, 1);
  }
  ++head.count;
}

void Quantiles::merge(std::byte* into, const std::byte* from) const noexcept {
  Head& head = Head::of(into);
  const Head& other = Head::of(from);
  if (other.count == 0) return;
  const std::uint64_t* source = Head::body(from);
  head.extend(other.min, other.max);
  if (head.count + other.count <= kept_) {
    std::copy_n(source, other.count, Head::body(into) + head.count);
  } else {
    if (head.count <= kept_) to_buckets(into);
    if (other.count <= kept_) {
      for (std::uint64_t i = 0; i < other.count; ++i) {
        add_bucket(into, key_of(std::bit_cast<double>(source[i])), 0, 1);
      }
    } else {
      while (head.level < other.level) collapse(into);
      for (std::uint32_t slot = 0; slot < buckets_; ++slot) {
        if (source[slot] != 0) add_bucket(into, key_in(source[slot]), other.level, times_in(source[slot]));
      }
    }
  }
  head.count += other.count;
}

std::uint64_t Quantiles::count(const std::byte* state) const noexcept { return Head::of(state).count; }

bool Quantiles::approximate(const std::byte* state) const noexcept { return Head::of(state).count > kept_; }

double Quantiles::error(const std::byte* state) const noexcept {
  if (!approximate(state)) return 0;
  double error = error_;
  for (std::uint32_t level = Head::of(state).level; level > 0; --level)
    error = 2 * error / (1 + error * error);
  return error;
}

double Quantiles::quantile(const std::byte* state, double p) const noexcept {
  double result = 0;
  quantiles(state, {&p, 1}, {&result, 1});
  return result;
}

void Quantiles::quantiles(const std::byte* state, std::span<const double> ps,
                          std::span<double> out) const noexcept {
  const Ordered ordered(*this, state);
  const std::uint64_t last = ordered.head.count - 1;
  for (std::size_t i = 0; i < ps.size(); ++i) {
    const double rank = ps[i] * static_cast<double>(last);
    const auto below = static_cast<std::uint64_t>(rank);
    const double low = ordered.at(below);
    out[i] = below == last ? low : between(low, ordered.at(below + 1), rank - static_cast<double>(below));
  }
}

std::uint64_t Quantiles::outside(const std::byte* state, double low, double high) const noexcept {
  const Head& head = Head::of(state);
  const std::uint64_t* body = Head::body(state);
  std::uint64_t result = 0;
  if (head.count <= kept_) {
    for (std::uint64_t i = 0; i < head.count; ++i) {
      const auto value = std::bit_cast<double>(body[i]);
      result += (value < low || value > high) ? 1U : 0U;
    }
    return result;
  }
  if (low > head.max || high < head.min) return head.count;  // infinity may share the bucket of large values
  const std::uint32_t least = coarser(key_of(low), head.level);
  const std::uint32_t most = coarser(key_of(high), head.level);
  for (std::uint32_t slot = 0; slot < buckets_; ++slot) {
    const std::uint32_t key = key_in(body[slot]);
    if (key < least || key > most) result += times_in(body[slot]);  // an empty slot adds 0
  }
  return result;
}

double Quantiles::deviation(const std::byte* state, double middle) const noexcept {
  const Ordered ordered(*this, state);
  struct Distance {
    double from;
    std::uint64_t times;
  };
  std::array<Distance, std::max(kept_max, buckets_max)> distances;
  for (std::size_t i = 0; i < ordered.size; ++i) {
    const bool approximate = ordered.approximate;
    const double value =
        approximate ? middle_of(key_in(ordered.buckets[i]), ordered.head.level) : ordered.values[i];
    distances[i] = {std::abs(value - middle), approximate ? times_in(ordered.buckets[i]) : 1};
  }
  const auto end = distances.begin() + static_cast<std::ptrdiff_t>(ordered.size);
  std::sort(distances.begin(), end, [](const Distance& a, const Distance& b) { return a.from < b.from; });
  const auto at = [&](std::uint64_t rank) {
    auto one = distances.begin();
    for (std::uint64_t above = one->times; above <= rank; above += one->times) ++one;
    return one->from;
  };
  const std::uint64_t last = ordered.head.count - 1;
  return last % 2 == 0 ? at(last / 2) : between(at(last / 2), at(last / 2 + 1), 0.5);
}

Quantiles::Ordered::Ordered(const Quantiles& quantiles, const std::byte* state) noexcept
    : owner(quantiles), head(Head::of(state)), approximate(quantiles.approximate(state)) {
  const std::uint64_t* body = Head::body(state);
  if (approximate) {
    const auto end =
        std::copy_if(body, body + owner.buckets_, buckets.begin(), [](auto slot) { return slot != 0; });
    size = static_cast<std::size_t>(end - buckets.begin());
    std::sort(buckets.begin(), end);
  } else {
    size = head.count;
    const auto value = [](std::uint64_t bits) { return std::bit_cast<double>(bits); };
    std::sort(values.begin(), std::transform(body, body + head.count, values.begin(), value));
  }
}

double Quantiles::Ordered::at(std::uint64_t rank) const noexcept {
  if (!approximate) return values[rank];
  if (rank == 0) return head.min;
  if (rank == head.count - 1) return head.max;
  std::size_t at = 0;
  for (std::uint64_t above = times_in(buckets[0]); above <= rank; above += times_in(buckets[at])) ++at;
  // The middle of the bucket that holds the smallest or largest sample may lie beyond it.
  return std::clamp(owner.middle_of(key_in(buckets[at]), head.level), head.min, head.max);
}

// Puts samples into the bucket that has this key at this level, which is at most the state's.
void Quantiles::add_bucket(std::byte* state, std::uint32_t key, std::uint32_t level,
                           std::uint64_t times) const noexcept {
  while (!put(state, coarser(key, Head::of(state).level - level), times)) collapse(state);
}

// The same for a key of the state's level. False when a new bucket is needed and all are used.
bool Quantiles::put(std::byte* state, std::uint32_t key, std::uint64_t times) const noexcept {
  std::uint64_t* table = Head::body(state);
  // By the golden ratio: keys that follow each other, the common case, go far apart.
  const std::uint32_t slot = probe(key * 0x9e3779b97f4a7c15U, buckets_, [&](std::uint32_t at) {
    return table[at] == 0 || key_in(table[at]) == key;
  });
  if (slot == buckets_) return false;
  if (table[slot] == 0) table[slot] = bucket(key, 0);
  table[slot] += times;
  return true;
}

// From kept values to buckets.
void Quantiles::to_buckets(std::byte* state) const noexcept {
  std::array<std::uint64_t, kept_max> values;
  std::uint64_t* body = Head::body(state);
  const std::uint64_t count = Head::of(state).count;
  std::copy_n(body, count, values.begin());
  std::fill_n(body, std::max(kept_, buckets_), 0);
  for (std::uint64_t i = 0; i < count; ++i) add_bucket(state, key_of(std::bit_cast<double>(values[i])), 0, 1);
}

// Each two neighbouring buckets become one.
void Quantiles::collapse(std::byte* state) const noexcept {
  std::array<std::uint64_t, buckets_max> buckets;
  std::uint64_t* table = Head::body(state);
  Head& head = Head::of(state);
  std::copy_n(table, buckets_, buckets.begin());
  std::fill_n(table, buckets_, 0);
  ++head.level;
  for (std::uint32_t i = 0; i < buckets_; ++i) {
    if (buckets[i] == 0) continue;
    const bool fits = put(state, coarser(key_in(buckets[i]), 1), times_in(buckets[i]));
    CHECK(fits, "level %u", head.level);
  }
}

// Of level 0. value may be infinite.
std::uint32_t Quantiles::key_of(double value) const noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t magnitude = bits & (~std::uint64_t{0} >> 1U);
  if (magnitude == 0) [[unlikely]]
    return zero_key;
  const std::uint32_t index = scale_.index(magnitude);
  return magnitude == bits ? zero_key + 1 + index : zero_key - 1 - index;
}

double Quantiles::middle_of(std::uint32_t key, std::uint32_t level) const noexcept {
  if (key == zero_key) return 0;
  if (key > zero_key) return scale_.middle(key - zero_key - 1, level);
  return -scale_.middle(zero_key - 1 - key, level);
}

}  // namespace core
