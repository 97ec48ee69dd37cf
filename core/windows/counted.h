// CountedWindow: the last `samples` samples of a series as they came, a result every `step` of them; `step`
// divides `samples`, and panes of `step` samples are merged. Owned by one worker; works on the state block of
// a series.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/accumulator.h"
#include "core/room.h"
#include "core/window.h"

namespace core {

class Emitter;

class CountedWindow {
 public:
  CountedWindow(const WindowSpec& spec, std::uint32_t window, Room& room);

  void start(std::byte* block) const noexcept;
  // The end of all input: what came since the last result.
  void finish(std::byte* block, Emitter& emitter) const noexcept;
  void add(std::byte* block, const Point& point, Emitter& emitter) const noexcept;
  [[nodiscard]] const Accumulator& accumulator() const noexcept { return accumulator_; }

 private:
  struct State {
    std::uint32_t pane;    // the one that is filled
    std::uint32_t panes;   // full ones before it
    std::uint32_t filled;  // samples in it
    std::uint32_t rev;     // of the newest result
    Time start;            // of the newest result
    Point newest;          // the sample before; no_time: none
  };
  struct Range {
    Time first, last;
  };

  void emit(std::byte* block, bool final, Emitter& emitter) const noexcept;
  [[nodiscard]] State& state(std::byte* block) const noexcept {
    return *reinterpret_cast<State*>(block + state_);
  }
  [[nodiscard]] Range& range(std::byte* block, std::uint32_t pane) const noexcept {
    return reinterpret_cast<Range*>(block + ranges_)[pane];
  }
  [[nodiscard]] std::byte* at(std::byte* block, std::uint32_t pane) const noexcept {
    return block + ring_ + pane * accumulator_.bytes();
  }

  Accumulator accumulator_;
  std::uint32_t step_;
  std::uint32_t panes_;
  Duration cadence_;
  std::size_t state_, ranges_, ring_;
  std::uint32_t window_;
};

}  // namespace core
