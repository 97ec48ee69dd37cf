// What happens between two samples that follow each other in time: how far a counter rose, which area lies
// under the values, how long nothing came. Parts of a pane (accumulator.h): zero bytes are empty, owned by
// one worker. Each takes the steps in order of time; the step that joins two panes is taken when they are
// merged.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/parts/ends.h"
#include "core/summary.h"

namespace core {

// Of a counter that only rises and is set to zero now and then: a fall means that it began anew at zero.
struct Rise {
  double sum = 0;
  double compensation = 0;
  std::int64_t covered = 0;  // nanoseconds
  std::uint64_t steps = 0;

  // None where the time between is longer than `longest`: what happened is unknown.
  void step(const Point& from, const Point& to, Duration longest) noexcept {
    const Duration length = to.time - from.time;
    if (length > longest) return;
    detail::add_exactly(to.value, sum, compensation);
    if (to.value >= from.value) detail::add_exactly(-from.value, sum, compensation);
    covered += length.count();
    ++steps;
  }
  void merge(const Rise& later) noexcept {
    detail::add_exactly(later.sum, sum, compensation);
    compensation += later.compensation;
    covered += later.covered;
    steps += later.steps;
  }
  [[nodiscard]] double total() const noexcept { return sum + compensation; }
};

// Value times seconds, and how long that was.
struct Area {
  double sum = 0;
  double compensation = 0;
  std::int64_t covered = 0;  // nanoseconds

  // A value holds until the next one comes, or `linear` becomes the next one; for `longest` at most, behind
  // which it is unknown (a linear step longer than that is unknown as a whole).
  void step(const Point& from, const Point& to, Duration longest, bool linear) noexcept {
    const Duration length = to.time - from.time;
    if (linear) {
      if (length <= longest) add((static_cast<long double>(from.value) + to.value) / 2, length);
    } else {
      add(from.value, std::min(length, longest));
    }
  }
  // The piece of a step that lies behind `start`.
  void begin(const Point& from, const Point& to, Time start, Duration longest, bool linear) noexcept {
    const Duration length = to.time - from.time;
    if (!linear) {
      const Duration held = std::min(length, longest) - (start - from.time);
      if (held > Duration{0}) add(from.value, held);
    } else if (length <= longest) {
      const auto passed = static_cast<long double>((start - from.time).count());
      const auto left = static_cast<long double>((to.time - start).count());
      const long double value = (from.value * left + to.value * passed) / (left + passed);
      add((value + to.value) / 2, to.time - start);
    }
  }
  void hold(double value, Duration length, Duration longest) noexcept {
    add(value, std::min(length, longest));
  }
  void merge(const Area& later) noexcept {
    detail::add_exactly(later.sum, sum, compensation);
    compensation += later.compensation;
    covered += later.covered;
  }
  [[nodiscard]] long double total() const noexcept { return static_cast<long double>(sum) + compensation; }

 private:
  void add(long double value, Duration length) noexcept {
    const long double area = value * static_cast<long double>(length.count()) * 1e-9L;
    const auto rounded = static_cast<double>(area);
    detail::add_exactly(rounded, sum, compensation);
    compensation += static_cast<double>(area - rounded);
    covered += length.count();
  }
};

// The longest time between two samples.
struct Longest {
  std::int64_t between = 0;  // nanoseconds

  void step(Time from, Time to) noexcept { between = std::max(between, (to - from).count()); }
  void merge(const Longest& later) noexcept { between = std::max(between, later.between); }
};

}  // namespace core
