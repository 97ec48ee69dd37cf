// Grid: where the panes of a window begin and end: every `every` from the epoch plus `offset`, or the periods
// of a calendar; shifted by a series' phase. Constant after construction; any thread.
#pragma once

#include <optional>

#include "core/calendar.h"
#include "core/time.h"
#include "core/window.h"

namespace core {

class Grid {
 public:
  explicit Grid(const WindowSpec& spec) : every_(spec.every), offset_(spec.offset) {
    if (spec.calendar) calendar_.emplace(*spec.calendar);
  }
  // The pane that holds `time`; panes are numbered in order of time.
  [[nodiscard]] std::int64_t index(Time time, Duration phase) const noexcept {
    return calendar_ ? calendar_->index(time - phase) : pane_index(time - phase, every_, offset_);
  }
  [[nodiscard]] Time start(std::int64_t index, Duration phase) const noexcept {
    return (calendar_ ? calendar_->start(index) : pane_start(index, every_, offset_)) + phase;
  }
  [[nodiscard]] Time end(std::int64_t index, Duration phase) const noexcept {
    return start(index + 1, phase);
  }

 private:
  Duration every_;
  Duration offset_;
  std::optional<Calendar> calendar_;
};

}  // namespace core
