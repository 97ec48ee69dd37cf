#include "core/parts/distinct.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/check.h"
#include "core/parts/probe.h"

namespace core {
namespace {

constexpr double error_of_one = 1.04;  // standard error times the root of the number of registers

std::uint32_t index_bits_for(double error) noexcept {
  std::uint32_t bits = 4;
  while (error * error * static_cast<double>(std::uint32_t{1} << bits) < error_of_one * error_of_one) ++bits;
  return bits;
}

// Ertl's sigma and tau: what registers that are empty, or full, stand for.
double sigma(double x) noexcept {
  double weight = 1;
  double sum = x;
  for (double before = -1; sum != before;) {
    before = sum;
    x *= x;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

double tau(double x) noexcept {
  double weight = 1;
  double sum = 1 - x;
  for (double before = -1; sum != before;) {
    before = sum;
    x = std::sqrt(x);
    weight /= 2;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

}  // namespace

struct Distinct::Head {
  std::uint64_t registers;  // 1: the body holds registers; 0: a table of keys

  static Head& of(std::byte* state) noexcept { return *reinterpret_cast<Head*>(state); }
  static const Head& of(const std::byte* state) noexcept { return *reinterpret_cast<const Head*>(state); }
  // A key is a value's bits, all inverted: no finite value has the key 0, which is an empty slot.
  static std::uint64_t* keys(std::byte* state) noexcept {
    return reinterpret_cast<std::uint64_t*>(state + sizeof(Head));
  }
  static const std::uint64_t* keys(const std::byte* state) noexcept {
    return reinterpret_cast<const std::uint64_t*>(state + sizeof(Head));
  }
  // The most zeros, and one, that hashes of this register began with.
  static std::byte* register_bytes(std::byte* state) noexcept { return state + sizeof(Head); }
  static const std::byte* register_bytes(const std::byte* state) noexcept { return state + sizeof(Head); }
};

Distinct::Distinct(double error, std::uint32_t kept) noexcept
    : kept_(kept), index_bits_(index_bits_for(error)) {
  CHECK(error >= error_min && error <= error_max, "error %g", error);
  CHECK(kept <= kept_max, "kept %u", kept);
}

std::size_t Distinct::bytes() const noexcept {
  return sizeof(Head) + std::max(sizeof(std::uint64_t) * kept_, std::size_t{1} << index_bits_);
}

void Distinct::add(std::byte* state, double value) const noexcept {
  value += 0.0;  // -0.0 becomes 0.0
  add_key(state, ~std::bit_cast<std::uint64_t>(value));
}

void Distinct::merge(std::byte* into, const std::byte* from) const noexcept {
  if (Head::of(from).registers == 0) {
    const std::uint64_t* keys = Head::keys(from);
    for (std::uint32_t slot = 0; slot < kept_; ++slot) {
      if (keys[slot] != 0) add_key(into, keys[slot]);
    }
    return;
  }
  if (Head::of(into).registers == 0) to_registers(into);
  std::byte* to = Head::register_bytes(into);
  const std::byte* other = Head::register_bytes(from);
  std::transform(to, to + (std::size_t{1} << index_bits_), other, to,
                 [](std::byte a, std::byte b) { return std::max(a, b); });
}

bool Distinct::approximate(const std::byte* state) const noexcept { return Head::of(state).registers != 0; }

double Distinct::error(const std::byte* state) const noexcept {
  if (!approximate(state)) return 0;
  return error_of_one / std::sqrt(static_cast<double>(std::uint32_t{1} << index_bits_));
}

std::uint64_t Distinct::estimate(const std::byte* state) const noexcept {
  if (!approximate(state)) {
    const std::uint64_t* keys = Head::keys(state);
    return kept_ - static_cast<std::uint64_t>(std::count(keys, keys + kept_, 0U));
  }
  const std::uint32_t registers = std::uint32_t{1} << index_bits_;
  const std::byte* bytes = Head::register_bytes(state);
  std::array<std::uint32_t, 66> with{};  // how many registers hold this much
  for (std::uint32_t i = 0; i < registers; ++i) ++with[std::to_integer<std::size_t>(bytes[i])];
  const auto all = static_cast<double>(registers);
  const std::uint32_t most = 64 - index_bits_ + 1;
  double sum = all * tau(1 - with[most] / all);
  for (std::uint32_t zeros = most - 1; zeros > 0; --zeros) sum = (sum + with[zeros]) / 2;
  sum += all * sigma(with[0] / all);
  constexpr double half_by_ln2 = 0.72134752044448170368;
  return static_cast<std::uint64_t>(std::llround(half_by_ln2 * all * all / sum));
}

void Distinct::add_key(std::byte* state, std::uint64_t key) const noexcept {
  if (Head::of(state).registers == 0) {
    std::uint64_t* keys = Head::keys(state);
    const std::uint32_t slot =
        probe(mix(key), kept_, [&](std::uint32_t at) { return keys[at] == key || keys[at] == 0; });
    if (slot < kept_) {
      keys[slot] = key;
      return;
    }
    to_registers(state);
  }
  count_in(state, key);
}

void Distinct::count_in(std::byte* state, std::uint64_t key) const noexcept {
  const std::uint64_t hash = mix(key);
  std::byte& most = Head::register_bytes(state)[hash >> (64U - index_bits_)];
  const std::uint64_t rest = (hash << index_bits_) | (std::uint64_t{1} << (index_bits_ - 1));
  most = std::max(most, static_cast<std::byte>(std::countl_zero(rest) + 1));
}

void Distinct::to_registers(std::byte* state) const noexcept {
  std::array<std::uint64_t, kept_max> keys;
  std::copy_n(Head::keys(state), kept_, keys.begin());
  std::fill_n(Head::register_bytes(state), bytes() - sizeof(Head), std::byte{0});
  Head::of(state).registers = 1;
  for (std::uint32_t slot = 0; slot < kept_; ++slot) {
    if (keys[slot] != 0) count_in(state, keys[slot]);
  }
}

}  // namespace core
