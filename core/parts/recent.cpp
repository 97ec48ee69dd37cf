#include "core/parts/recent.h"

#include <cstring>

#include "core/check.h"
#include "core/kernel_sorted.h"

namespace core {

void Recent::add(State& state, double value) const noexcept {
  value += 0.0;  // -0.0 becomes 0.0
  double* const values = values_of(state);
  std::uint8_t* const turns = turns_of(state);
  std::size_t place = kernel::count_below({values, state.count}, value);
  std::size_t hole = state.count;
  if (hole == most_) {
    hole = find(state, state.turn - most_);
  } else {
    ++state.count;
  }
  if (place > hole) {
    --place;
    std::memmove(values + hole, values + hole + 1, (place - hole) * sizeof(double));
    std::memmove(turns + hole, turns + hole + 1, place - hole);
  } else {
    std::memmove(values + place + 1, values + place, (hole - place) * sizeof(double));
    std::memmove(turns + place + 1, turns + place, hole - place);
  }
  values[place] = value;
  turns[place] = static_cast<std::uint8_t>(state.turn++);
}

double Recent::newest(State& state) const noexcept { return values_of(state)[find(state, state.turn - 1)]; }

std::size_t Recent::find(State& state, std::uint32_t turn) const noexcept {
  const std::uint8_t* const turns = turns_of(state);
  const void* const found = std::memchr(turns, static_cast<std::uint8_t>(turn), state.count);
  CHECK(found != nullptr, "turn %u of %u", turn, state.count);
  return static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - turns);
}

}  // namespace core
