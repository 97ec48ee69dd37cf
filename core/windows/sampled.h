// SampledWindow: windows that move with every sample: sliding ones, over (time - length, time], and the last
// N samples. Owned by one worker; works on the state block of a series.
//
// The samples are kept, in order. Aggregates come from two stacks (Tangwongsan, Hirzel, Schneider 2015, after
// Okasaki): the newer samples have one state, the older ones each the state of what lies between them and the
// newer ones; so nothing is subtracted, and a sample costs about two merges, whatever the length. What needs
// the order of the values takes it from a sorted copy, and is exact; what is counted, is counted up and down;
// which sample is first and last is seen by looking at them.
//
// Sliding: results come in order of time, each when the watermark has passed its sample, so that lateness
// changes nothing about them; a sample behind the watermark is late. When more than `samples_max` samples lie
// in the length, the oldest leave. The last N: as they came, at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/accumulator.h"
#include "core/window.h"
#include "core/windows/sorted_values.h"
#include "core/windows/waiting.h"

namespace core {

class Emitter;

class SampledWindow {
 public:
  SampledWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room);

  void start(std::byte* block) const noexcept;
  [[nodiscard]] Time due(const std::byte* block) const noexcept;
  // `final`: false where the samples that wait are taken because the input ends.
  void close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;
  // False where the sample is late.
  [[nodiscard]] bool add(std::byte* block, const Point& point, Time watermark,
                         Emitter& emitter) const noexcept;
  [[nodiscard]] const Accumulator& accumulator() const noexcept { return accumulator_; }
  [[nodiscard]] bool sliding() const noexcept { return sliding_; }

 private:
  struct State {
    std::uint32_t first;  // slot of the oldest sample
    std::uint32_t count;  // samples in the window
    std::uint32_t older;  // of these, from the oldest on: those with a state of their own
    std::uint32_t rev;    // of the newest result
    Time start;           // of the newest result
    Point newest;         // the value that came last; no_time: none
    Point gone;           // the value that left last; no_time: none
    Tallies tallies;
    std::uint32_t steps_back;  // samples in the window that are older than the one before them
  };

  // Of the sorted copy; NaN: nothing.
  struct Change {
    double out, in;
  };

  void take(std::byte* block, const Point& point, bool final, Emitter& emitter) const noexcept;
  void append(std::byte* block, const Point& point) const noexcept;
  double drop(std::byte* block) const noexcept;
  void sort(std::byte* block, const Change& change) const noexcept;
  void turn_over(std::byte* block) const noexcept;
  void emit(std::byte* block, const Change& change, bool final, Emitter& emitter) const noexcept;
  void count(std::byte* block, const Point& point) const noexcept;
  void count_out(std::byte* block, const Point& oldest) const noexcept;
  [[nodiscard]] Ends ends(std::byte* block) const noexcept;
  void find_order(std::span<const double> sorted, Accumulator::Known& known) const noexcept;
  [[nodiscard]] double outliers(std::span<const double> sorted) const noexcept;

  [[nodiscard]] State& state(std::byte* block) const noexcept {
    return *reinterpret_cast<State*>(block + state_);
  }
  [[nodiscard]] std::uint32_t slot(const State& own, std::uint32_t i) const noexcept {
    const std::uint32_t place = own.first + i;
    return place >= most_ ? place - most_ : place;
  }
  [[nodiscard]] Point& sample(std::byte* block, std::uint32_t slot) const noexcept {
    return reinterpret_cast<Point*>(block + samples_)[slot];
  }
  // The i-th of those in the window.
  [[nodiscard]] const Point& in_window(std::byte* block, std::uint32_t i) const noexcept {
    return sample(block, slot(state(block), i));
  }
  [[nodiscard]] std::byte* older(std::byte* block, std::uint32_t slot) const noexcept {
    return block + older_ + slot * accumulator_.bytes();
  }
  [[nodiscard]] std::byte* newer(std::byte* block) const noexcept { return block + newer_; }

  bool sliding_;
  std::uint32_t most_;  // samples
  Duration length_;
  Duration cadence_;
  Outliers outliers_;
  Accumulator accumulator_;  // of what is not told by the samples themselves
  Waiting waiting_;
  std::optional<SortedValues> sorted_;
  std::vector<SortedValues::Rank> ranks_;         // of the percentiles in a full window
  std::array<SortedValues::Rank, 3> quarters_{};  // of the quartiles
  std::size_t state_, samples_, older_, newer_;
  std::uint32_t window_;
};

}  // namespace core
