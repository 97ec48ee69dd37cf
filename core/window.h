// Window: tumbling and hopping windows of one series, made of panes that are merged and never subtracted
// from. Owned by one worker; lives in the state block of its series (see plan.h), so it holds no pointer.
//
// `every` divides `length`; a pane is `every` long; window k ends where pane k ends and covers the last
// length / every panes. Start inclusive, end exclusive, aligned to the epoch plus `offset`.
// A window closes when the watermark reaches its end: it is emitted with rev 1 if it has samples. A later
// sample inside `retention` after the end re-emits it with rev + 1.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/aggregate.h"
#include "core/summary.h"
#include "core/time.h"

namespace core {

class Emitter;

// What a window is. Constant after construction.
struct WindowSpec {
  std::string name;
  Duration length{};
  Duration every{};      // = length: tumbling
  Duration offset{0};    // in [0, every)
  Duration retention{};  // how long after its end (by watermark) a closed window still takes late samples

  // All that is wrong with it, in words, without the place ("every: 3s does not divide length 10s; ...");
  // empty when valid. Also refuses more than panes_max panes, those that `lateness` and retention need
  // included.
  [[nodiscard]] std::vector<std::string> problems(Duration lateness = Duration{0}) const;

  static constexpr std::int64_t panes_max = 100'000;
};

// A window's result as it leaves a shard. `summary` is valid only during the call.
struct WindowResult {
  std::uint32_t window;  // index in the plan
  Time start;
  Time end;
  std::uint32_t rev;  // 1, 2, ... per (series, window, start)
  bool final;         // the window has closed; false for early results
  const Summary& summary;
};

// One slot of a window's ring: pane `index`, and how often the window that ends with this pane was emitted.
struct Pane {
  Summary summary;
  std::int64_t index;
  std::uint32_t rev;
};

// A window's own part of a state block. pane_start and pane_slot remember the pane of the sample before.
struct WindowState {
  Time due;  // end of the earliest open window that has samples; Time::max(): none
  Time pane_start;
  std::int64_t newest_pane;  // newest pane that ever had a sample
  std::uint32_t pane_slot;
};

// How a WindowSpec is computed: constant, shared by all series of a plan. Every method works on one series'
// state block. The ring keeps every pane that some window inside retention, or a sample within lateness, can
// still need; a pane's slot is index % slots, and one that is no longer needed is overwritten when its slot
// is.
class PanedWindow {
 public:
  // `window`: index in the plan. The block holds a WindowState at state_offset and slots() panes at
  // ring_offset.
  PanedWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness) noexcept;
  void place(std::size_t state_offset, std::size_t ring_offset) noexcept;
  [[nodiscard]] std::size_t slots() const noexcept { return static_cast<std::size_t>(slots_); }

  // Once per block, before anything else; the block is zero.
  void start(std::byte* block) const noexcept;

  [[nodiscard]] Time due(const std::byte* block) const noexcept { return state(block).due; }
  // Emits the open windows with end <= watermark that have samples, in order of end: at most slots() of them,
  // however far the watermark went. `final`: false where they end because the input does.
  void close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;
  // Takes a sample, after close() for the same watermark; closed windows it falls into are emitted again.
  // False when all its windows are past retention.
  [[nodiscard]] bool add(std::byte* block, Time time, double value, Time watermark,
                         Emitter& emitter) const noexcept {
    if (time < watermark) return add_behind(block, time, value, watermark, emitter);
    // All its windows are open, and the first to close is the one that ends with its pane.
    pane(block, time).summary.add(time, value);
    WindowState& own = state(block);
    own.due = std::min(own.due, own.pane_start + every_);
    return true;
  }
  // Where the pane of the sample before is, to fetch it early.
  [[nodiscard]] const std::byte* recent_pane(const std::byte* block) const noexcept {
    return block + ring_offset_ + state(block).pane_slot * sizeof(Pane);
  }

 private:
  bool add_behind(std::byte* block, Time time, double value, Time watermark, Emitter& emitter) const noexcept;
  void emit(std::byte* block, std::int64_t window, bool final, Emitter& emitter) const noexcept;
  [[nodiscard]] Time due_after(std::byte* block, std::int64_t window) const noexcept;

  [[nodiscard]] Pane& pane(std::byte* block, Time time) const noexcept {
    const WindowState& own = state(block);
    const auto since = static_cast<std::uint64_t>((time - own.pane_start).count());
    if (since < static_cast<std::uint64_t>(every_.count())) [[likely]]
      return ring(block)[own.pane_slot];
    return turn_to_pane(block, time);
  }
  Pane& turn_to_pane(std::byte* block, Time time) const noexcept;
  [[nodiscard]] Pane& slot(std::byte* block, std::int64_t index) const noexcept;
  [[nodiscard]] Pane& claim(std::byte* block, std::int64_t index) const noexcept;

  [[nodiscard]] std::int64_t index(Time time) const noexcept { return pane_index(time, every_, offset_); }
  [[nodiscard]] Time end(std::int64_t index) const noexcept { return pane_start(index + 1, every_, offset_); }
  [[nodiscard]] WindowState& state(std::byte* block) const noexcept {
    return *reinterpret_cast<WindowState*>(block + state_offset_);
  }
  [[nodiscard]] const WindowState& state(const std::byte* block) const noexcept {
    return *reinterpret_cast<const WindowState*>(block + state_offset_);
  }
  [[nodiscard]] Pane* ring(std::byte* block) const noexcept {
    return reinterpret_cast<Pane*>(block + ring_offset_);
  }

  Duration every_;
  Duration offset_;
  Duration length_;
  Duration retention_;
  std::int64_t panes_;  // of one window: length / every
  std::int64_t slots_;
  std::size_t state_offset_ = 0;
  std::size_t ring_offset_ = 0;
  std::uint32_t window_;
};

}  // namespace core
