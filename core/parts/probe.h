// Hash tables inside a part's state: open addressing with linear probing over a fixed number of slots, which
// may all be used. Nothing is ever removed from one; it is emptied and filled again. Pure functions, any
// thread; the same on every machine.
#pragma once

#include <cstdint>

namespace core {

// Every bit of the result depends on every bit of `bits`. The finalizer of SplitMix64 (Steele, Lea, Flood
// 2014, "Fast splittable pseudorandom number generators"; constants: Stafford's "Mix13").
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t bits) noexcept {
  bits += 0x9e3779b97f4a7c15U;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31U);
}

// The first slot that satisfies `wanted(slot)`, from the one that the upper half of `hash` names, around the
// table; `slots` when there is none.
template <class Wanted>
[[nodiscard]] std::uint32_t probe(std::uint64_t hash, std::uint32_t slots, Wanted wanted) noexcept {
  auto slot = static_cast<std::uint32_t>(((hash >> 32U) * slots) >> 32U);
  for (std::uint32_t left = slots; left > 0; --left) {
    if (wanted(slot)) return slot;
    if (++slot == slots) slot = 0;
  }
  return slots;
}

}  // namespace core
