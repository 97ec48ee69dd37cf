#include "core/windows/counted.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/emitter.h"

namespace core {

CountedWindow::CountedWindow(const WindowSpec& spec, std::uint32_t window, Room& room)
    : accumulator_(spec),
      step_(spec.step),
      panes_(spec.samples / spec.step),
      cadence_(spec.cadence),
      state_(room.reserve(sizeof(State), 8)),
      ranges_(room.reserve(panes_ * sizeof(Range), 8)),
      ring_(room.reserve(panes_ * accumulator_.bytes(), 8)),
      window_(window) {
  room.need_scratch(accumulator_.bytes());
}

void CountedWindow::start(std::byte* block) const noexcept { state(block).newest.time = no_time; }

void CountedWindow::add(std::byte* block, const Point& point, Emitter& emitter) const noexcept {
  const bool null = std::isnan(point.value);
  if (null && !accumulator_.wants_nulls()) return;
  State& own = state(block);
  Range& times = range(block, own.pane);
  times = own.filled == 0 ? Range{point.time, point.time}
                          : Range{std::min(times.first, point.time), std::max(times.last, point.time)};
  accumulator_.add(at(block, own.pane), point, own.newest.time != no_time ? &own.newest : nullptr);
  if (!null) own.newest = point;
  if (++own.filled < step_) return;
  emit(block, true, emitter);
  own.panes = std::min(own.panes + 1, panes_ - 1);
  own.pane = own.pane + 1 == panes_ ? 0 : own.pane + 1;
  own.filled = 0;
  std::memset(at(block, own.pane), 0, accumulator_.bytes());
}

void CountedWindow::finish(std::byte* block, Emitter& emitter) const noexcept {
  if (state(block).filled > 0) emit(block, false, emitter);
}

void CountedWindow::emit(std::byte* block, bool final, Emitter& emitter) const noexcept {
  State& own = state(block);
  std::byte* const all = emitter.scratch();
  std::memset(all, 0, accumulator_.bytes());
  Range times = range(block, own.pane);
  for (std::uint32_t back = own.panes + 1; back-- > 0;) {  // the oldest first
    const std::uint32_t pane = own.pane >= back ? own.pane - back : own.pane + panes_ - back;
    accumulator_.merge(all, at(block, pane));
    times = {std::min(times.first, range(block, pane).first), std::max(times.last, range(block, pane).last)};
  }
  own.rev = own.rev != 0 && times.first == own.start ? own.rev + 1 : 1;
  own.start = times.first;
  std::array<double, Accumulator::aggregates_limit> values;
  const auto out = std::span(values).first(accumulator_.size());
  const Duration cadence = cadence_ > Duration{0} ? cadence_ : emitter.cadence();
  const bool approximate = accumulator_.values(all, {times.first, times.last, cadence}, out);
  emitter.window({.window = window_,
                  .start = times.first,
                  .end = times.last,
                  .rev = own.rev,
                  .final = final,
                  .count = Accumulator::summary(all).count,
                  .values = out,
                  .approximate = approximate});
}

}  // namespace core
