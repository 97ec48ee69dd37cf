#include "core/parts/mode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>

#include "core/check.h"
#include "core/parts/probe.h"

namespace core {

struct Mode::Head {
  std::uint64_t undercount;

  static Head& of(std::byte* state) noexcept { return *reinterpret_cast<Head*>(state); }
  static const Head& of(const std::byte* state) noexcept { return *reinterpret_cast<const Head*>(state); }
};

struct Mode::Counted {
  std::uint64_t key;  // the value's bits, all inverted: no finite value has the key 0, which is an empty slot
  std::uint64_t times;

  static Counted* table(std::byte* state) noexcept {
    return reinterpret_cast<Counted*>(state + sizeof(Head));
  }
  static const Counted* table(const std::byte* state) noexcept {
    return reinterpret_cast<const Counted*>(state + sizeof(Head));
  }
  [[nodiscard]] double value() const noexcept { return std::bit_cast<double>(~key); }
};

Mode::Mode(std::uint32_t kept) noexcept : kept_(kept) {
  CHECK(kept > 0 && kept <= kept_max, "kept %u", kept);
}

std::size_t Mode::bytes() const noexcept { return sizeof(Head) + sizeof(Counted) * kept_; }

void Mode::add(std::byte* state, double value) const noexcept {
  value += 0.0;  // -0.0 becomes 0.0
  // No room: the new value would be among those counted once, from which one is taken.
  if (!put(state, {~std::bit_cast<std::uint64_t>(value), 1})) take(state, 1);
}

void Mode::merge(std::byte* into, const std::byte* from) const noexcept {
  std::array<Counted, kept_max> excess;  // what found no room
  std::uint32_t excess_count = 0;
  const Counted* other = Counted::table(from);
  for (std::uint32_t slot = 0; slot < kept_; ++slot) {
    if (other[slot].key != 0 && !put(into, other[slot])) excess[excess_count++] = other[slot];
  }
  Head::of(into).undercount += Head::of(from).undercount;
  if (excess_count == 0) return;
  // Of all counts, take the largest that finds no room from each; then the others do.
  std::array<std::uint64_t, std::size_t{2} * kept_max> counts;
  const auto times = [](const Counted& counted) { return counted.times; };
  auto end = std::transform(Counted::table(into), Counted::table(into) + kept_, counts.begin(), times);
  end = std::transform(excess.begin(), excess.begin() + excess_count, end, times);
  std::nth_element(counts.begin(), counts.begin() + kept_, end, std::greater<>());
  const std::uint64_t taken = counts[kept_];
  take(into, taken);
  for (std::uint32_t i = 0; i < excess_count; ++i) {
    if (excess[i].times <= taken) continue;
    const bool fits = put(into, {excess[i].key, excess[i].times - taken});
    CHECK(fits, "kept %u", kept_);
  }
}

bool Mode::approximate(const std::byte* state) const noexcept { return undercount(state) > 0; }

std::optional<double> Mode::mode(const std::byte* state) const noexcept {
  const Counted found = most(state);
  if (found.times == 0) return std::nullopt;
  return found.value();
}

std::uint64_t Mode::times(const std::byte* state) const noexcept { return most(state).times; }

std::uint64_t Mode::undercount(const std::byte* state) const noexcept { return Head::of(state).undercount; }

// False when the value is not among those counted, and there is no room for it.
bool Mode::put(std::byte* state, const Counted& counted) const noexcept {
  Counted* table = Counted::table(state);
  const std::uint32_t slot = probe(mix(counted.key), kept_, [&](std::uint32_t at) {
    return table[at].key == counted.key || table[at].key == 0;
  });
  if (slot == kept_) return false;
  table[slot].key = counted.key;
  table[slot].times += counted.times;
  return true;
}

// Takes this much from every count; values with nothing left are no longer counted.
void Mode::take(std::byte* state, std::uint64_t times) const noexcept {
  std::array<Counted, kept_max> counted;
  Counted* table = Counted::table(state);
  std::copy_n(table, kept_, counted.begin());
  std::fill_n(table, kept_, Counted{});
  for (std::uint32_t slot = 0; slot < kept_; ++slot) {
    if (counted[slot].times <= times) continue;
    const bool fits = put(state, {counted[slot].key, counted[slot].times - times});
    CHECK(fits, "kept %u", kept_);
  }
  Head::of(state).undercount += times;
}

// Without times when there is none.
Mode::Counted Mode::most(const std::byte* state) const noexcept {
  const Counted* table = Counted::table(state);
  return *std::max_element(table, table + kept_, [](const Counted& a, const Counted& b) {
    return a.times != b.times ? a.times < b.times : a.times > 0 && a.value() > b.value();
  });
}

}  // namespace core
