// PanedWindow: tumbling, hopping, calendar and cumulative windows of one series, made of panes that are
// merged and never subtracted from. Owned by one worker; works on the state block of a series, which holds no
// pointers.
//
// Window k ends where pane k ends and covers the last `panes` of them (a cumulative one: all there ever
// were). It closes when the watermark reaches its end: it is emitted with rev 1. A later sample inside
// `retention` after the end re-emits it with rev + 1. The ring keeps every pane that some window inside
// retention, or a sample within lateness, can still need; a pane's slot is index % slots, and one that is no
// longer needed is overwritten when its slot is.
//
// Where aggregates depend on the order of samples, those that came wait until the watermark has passed them
// (waiting.h); early results come when they enter their panes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/accumulator.h"
#include "core/grid.h"
#include "core/time.h"
#include "core/window.h"
#include "core/windows/waiting.h"

namespace core {

class Emitter;

class PanedWindow {
 public:
  // `window`: index in the plan. Takes its place in the block.
  PanedWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room);

  // Once per block, before anything else; the block is zero. `hash` of the series' name decides its phase.
  void start(std::byte* block, Time first, std::uint64_t hash) const noexcept;
  // The watermark at which something happens next; Time::max(): never.
  [[nodiscard]] Time due(const std::byte* block) const noexcept {
    if (emit_ == Emit::on_close || waiting_.size(block) == 0) return state(block).due;
    return std::min(state(block).due, waiting_.first(block) + Duration{1});
  }
  // Emits the open windows with end <= watermark that have something to say, in order of end: at most slots
  // of them, and of empty ones 1000 in a row, however far the watermark went. `final`: false where they end
  // because the input does.
  void close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;
  // Takes a sample (NaN: a null), after close() for the same watermark; closed windows it falls into are
  // emitted again. False when all its windows are past retention.
  [[nodiscard]] bool add(std::byte* block, const Point& point, Time watermark,
                         Emitter& emitter) const noexcept;

  // The short way. Until which event time samples that are no older than the newest one, and before due(),
  // do nothing but change one pane; the smallest time: not at all. Valid until the next add() or close().
  [[nodiscard]] Time horizon(const std::byte* block) const noexcept {
    return quiet_ ? state(block).pane_end : Time::min();
  }
  // Where in a block it is that pane_offset() looks.
  [[nodiscard]] std::size_t state_offset() const noexcept { return state_ + offsetof(State, pane_slot); }
  // That pane, as an offset in the block.
  [[nodiscard]] std::size_t pane_offset(const std::byte* block) const noexcept {
    return ring_ + state(block).pane_slot * pane_bytes_;
  }
  [[nodiscard]] const Accumulator& accumulator() const noexcept { return accumulator_; }

 private:
  // This window's own part of a block. pane_* remember the pane of the sample before.
  struct State {
    Time due;  // end of the earliest open window that has something to say; Time::max(): none
    Time pane_start;
    Time pane_end;
    std::int64_t newest_pane;  // newest pane that ever had a sample
    std::uint32_t pane_slot;
    Duration phase;
    std::int64_t last_window;  // with Empty::last: the window whose values are kept
    Time next_early;           // with Emit::every: event time of the next early result
    Point newest;              // ordered: newest sample that is in a pane; no_time: none
    std::int64_t absorbed;     // cumulative: panes up to this one are in the base
    Time began;                // cumulative: start of the series' first pane
  };
  // Beside each pane: which it is, and how often the window that ends with it was emitted.
  struct Tag {
    std::int64_t index;
    std::uint32_t rev;
    std::uint32_t used;  // 0: the slot never held a pane
  };

  void close_due(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;
  void enter(std::byte* block, const Point& point, Emitter& emitter) const noexcept;
  void add_to_pane(std::byte* block, const Point& point) const noexcept;
  bool add_behind(std::byte* block, const Point& point, Time watermark, Emitter& emitter) const noexcept;
  void emit_early(std::byte* block, const Point& point, Emitter& emitter) const noexcept;
  void wait(std::byte* block, const Point& point, Time watermark, Emitter& emitter) const noexcept;
  void release(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;

  void emit(std::byte* block, std::int64_t window, bool final, Emitter& emitter) const noexcept;
  void emit_empty(std::byte* block, std::int64_t window, Emitter& emitter) const noexcept;
  void absorb(std::byte* block, std::int64_t last) const noexcept;
  [[nodiscard]] const std::byte* merged(std::byte* block, std::int64_t window,
                                        std::byte* scratch) const noexcept;
  [[nodiscard]] Time window_start(const std::byte* block, std::int64_t window) const noexcept;
  [[nodiscard]] Time known_until(const std::byte* block, std::int64_t window,
                                 const Emitter& emitter) const noexcept;
  [[nodiscard]] Time due_after(std::byte* block, std::int64_t window) const noexcept;
  [[nodiscard]] bool says_something(std::byte* block, std::int64_t window) const noexcept;

  std::byte* pane(std::byte* block, Time time) const noexcept;
  std::byte* turn_to_pane(std::byte* block, Time time) const noexcept;
  [[nodiscard]] std::uint32_t slot(std::int64_t index) const noexcept;
  [[nodiscard]] bool holds(const std::byte* block, std::int64_t index) const noexcept;
  std::uint32_t claim(std::byte* block, std::int64_t index) const noexcept;

  [[nodiscard]] std::int64_t index(const std::byte* block, Time time) const noexcept {
    return grid_.index(time, state(block).phase);
  }
  [[nodiscard]] Time end(const std::byte* block, std::int64_t index) const noexcept {
    return grid_.end(index, state(block).phase);
  }
  [[nodiscard]] State& state(std::byte* block) const noexcept {
    return *reinterpret_cast<State*>(block + state_);
  }
  [[nodiscard]] const State& state(const std::byte* block) const noexcept {
    return *reinterpret_cast<const State*>(block + state_);
  }
  [[nodiscard]] Tag& tag(std::byte* block, std::uint32_t slot) const noexcept {
    return reinterpret_cast<Tag*>(block + tags_)[slot];
  }
  [[nodiscard]] const Tag& tag(const std::byte* block, std::uint32_t slot) const noexcept {
    return reinterpret_cast<const Tag*>(block + tags_)[slot];
  }
  [[nodiscard]] std::byte* at(std::byte* block, std::uint32_t slot) const noexcept {
    return block + ring_ + slot * pane_bytes_;
  }
  [[nodiscard]] double* last_values(std::byte* block) const noexcept {
    return reinterpret_cast<double*>(block + last_values_);
  }

  Accumulator accumulator_;
  Grid grid_;
  Waiting waiting_;
  std::int64_t panes_;  // of one window
  std::int64_t slots_;
  Duration retention_;
  Duration emit_every_;
  Duration spread_;
  Duration cadence_;
  Emit emit_;
  Empty empty_;
  bool cumulative_;
  bool quiet_;  // the short way exists
  std::size_t pane_bytes_;
  std::size_t state_ = 0, tags_ = 0, ring_ = 0, base_ = 0, last_values_ = 0;
  std::uint32_t window_;
};

}  // namespace core
