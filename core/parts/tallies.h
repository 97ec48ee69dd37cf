// Tallies: how many values lay above, below and between limits, and how many samples were null. A part of a
// pane (accumulator.h): zero bytes are empty, owned by one worker. Limits come with each call: a limit that
// is NaN counts nothing.
#pragma once

#include <cstdint>

namespace core {

struct Limits {
  double above, below;  // strict
  double low, high;     // inclusive
};

struct Tallies {
  std::uint64_t above = 0, below = 0, between = 0, nulls = 0;

  void add(double value, const Limits& limits) noexcept {
    above += value > limits.above ? 1 : 0;
    below += value < limits.below ? 1 : 0;
    between += value >= limits.low && value <= limits.high ? 1 : 0;
  }
  // It was added before. Whole numbers: nothing is lost by it.
  void remove(double value, const Limits& limits) noexcept {
    above -= value > limits.above ? 1 : 0;
    below -= value < limits.below ? 1 : 0;
    between -= value >= limits.low && value <= limits.high ? 1 : 0;
  }
  void merge(const Tallies& later) noexcept {
    above += later.above;
    below += later.below;
    between += later.between;
    nulls += later.nulls;
  }
};
static_assert(sizeof(Tallies) == 32);

}  // namespace core
