// Ends: first and last sample of a pane, by time; of equal times the first and the last that came. Chain:
// where the samples that follow each other begin and end, and the one before them. Parts of a pane
// (accumulator.h): zero bytes are empty, owned by one worker.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace core {

struct Point {
  Time time;
  double value;
};

struct Ends {
  Point first{};
  Point last{};

  // `empty`: nothing was added yet.
  void add(const Point& point, bool empty) noexcept {
    if (empty) {
      first = last = point;
    } else if (point.time >= last.time) {
      last = point;
    } else if (point.time < first.time) {
      first = point;
    }
  }
  // As if it had come before all others. Precondition: not empty.
  void add_first(const Point& point) noexcept {
    if (point.time <= first.time) {
      first = point;
    } else if (point.time > last.time) {
      last = point;
    }
  }
  // Precondition: neither is empty.
  void merge(const Ends& later) noexcept {
    if (later.first.time < first.time) first = later.first;
    if (later.last.time >= last.time) last = later.last;
  }
};
static_assert(sizeof(Ends) == 32);

// A sample that came too late to follow the others is none of these.
struct Chain {
  Point before{};
  Point first{};
  Point last{};
  std::uint64_t known = 0;  // 0: no sample came before
};
static_assert(sizeof(Chain) == 56);

}  // namespace core
