// Recent: the last values of a series, up to 255, in order of size; each knows when it came. For detectors
// that judge by order statistics, exactly. A state of bytes(), zero bytes are empty; owned by one worker. A
// value costs a search, and a move of what lies between it and the one it replaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace core {

// Behind it lie the values, sorted, and the turn (modulo 256) in which each came.
struct RecentState {
  std::uint32_t count = 0;
  std::uint32_t turn = 0;  // of the next value
};

// Constant after construction.
class Recent {
 public:
  using State = RecentState;

  // Remembers `most` values; 1 to 255.
  explicit Recent(std::uint32_t most) noexcept : most_(most) {}

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(State) + most_ * sizeof(double) + (most_ + 7) / 8 * 8;
  }
  // The oldest gives way when there is no more room.
  void add(State& state, double value) const noexcept;
  [[nodiscard]] std::span<const double> sorted(State& state) const noexcept {
    return {values_of(state), state.count};
  }
  // Precondition: not empty.
  [[nodiscard]] double newest(State& state) const noexcept;
  // At least half of them are known.
  [[nodiscard]] bool enough(const State& state) const noexcept { return state.count * 2 >= most_; }

 private:
  static double* values_of(State& state) noexcept { return reinterpret_cast<double*>(&state + 1); }
  std::uint8_t* turns_of(State& state) const noexcept {
    return reinterpret_cast<std::uint8_t*>(values_of(state) + most_);
  }
  // Of the value that came at `turn`.
  std::size_t find(State& state, std::uint32_t turn) const noexcept;

  std::uint32_t most_;
};

}  // namespace core
