#include "core/windows/paned.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/check.h"
#include "core/emitter.h"

namespace core {
namespace {

// Windows without samples that one step of time may emit; behind them it jumps.
constexpr int empties_max = 1000;

}  // namespace

PanedWindow::PanedWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room)
    : accumulator_(spec),
      grid_(spec),
      waiting_(accumulator_.ordered() && lateness > Duration{0}, room),
      panes_(spec.panes()),
      slots_(spec.slots(lateness)),
      retention_(spec.retention),
      emit_every_(spec.emit_every),
      spread_(spec.spread),
      cadence_(spec.cadence),
      emit_(spec.emit),
      empty_(spec.empty),
      cumulative_(spec.kind == WindowKind::cumulative),
      quiet_(spec.emit == Emit::on_close && !accumulator_.ordered()),
      pane_bytes_(accumulator_.bytes()),
      window_(window) {
  state_ = room.reserve(sizeof(State), 8);
  if (empty_ == Empty::last) last_values_ = room.reserve(accumulator_.size() * sizeof(double), 8);
  tags_ = room.reserve(static_cast<std::size_t>(slots_) * sizeof(Tag), 8);
  if (cumulative_) base_ = room.reserve(pane_bytes_, 8);
  // A pane that is a summary alone is one line.
  ring_ = room.reserve(static_cast<std::size_t>(slots_) * pane_bytes_, pane_bytes_ == 64 ? 64 : 8);
  room.need_scratch(pane_bytes_);
}

void PanedWindow::start(std::byte* block, Time first, std::uint64_t hash) const noexcept {
  State& own = state(block);
  own.due = Time::max();
  own.pane_start = own.pane_end = Time::min();  // holds no sample
  own.last_window = std::numeric_limits<std::int64_t>::min();
  if (spread_ > Duration{0}) {
    own.phase = Duration{static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(spread_.count()))};
  }
  own.next_early = Time::min();
  own.newest.time = no_time;
  const std::int64_t pane = index(block, first);
  own.newest_pane = own.absorbed = pane - slots_;  // before all that can come
  own.began = grid_.start(pane, own.phase);
  if (empty_ != Empty::skip) own.due = end(block, pane);
}

void PanedWindow::close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  release(block, watermark, final, emitter);
  close_due(block, watermark, final, emitter);
}

void PanedWindow::close_due(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  State& own = state(block);
  for (int empties = 0; own.due <= watermark;) {
    const std::int64_t window = index(block, own.due) - 1;
    const bool filled = says_something(block, window);
    if (filled) {
      emit(block, window, final, emitter);
    } else if (final && empty_ != Empty::skip) {
      emit_empty(block, window, emitter);
    }
    empties = filled ? 0 : empties + 1;
    own.due = due_after(block, window);
    if (empty_ == Empty::skip || !final) continue;
    const Time next = empties < empties_max ? end(block, window + 1) : end(block, index(block, watermark));
    own.due = std::min(own.due, next);
  }
}

bool PanedWindow::add(std::byte* block, const Point& point, Time watermark, Emitter& emitter) const noexcept {
  if (std::isnan(point.value) && !accumulator_.wants_nulls()) return true;
  if (point.time < watermark) return add_behind(block, point, watermark, emitter);
  if (waiting_.needed()) {
    wait(block, point, watermark, emitter);
  } else {
    enter(block, point, emitter);
  }
  return true;
}

// A sample all of whose windows are open; the first to close is the one that ends with its pane.
void PanedWindow::enter(std::byte* block, const Point& point, Emitter& emitter) const noexcept {
  if (emit_ == Emit::every) emit_early(block, point, emitter);
  add_to_pane(block, point);
  State& own = state(block);
  own.due = std::min(own.due, own.pane_end);
  if (emit_ == Emit::on_change) emit_early(block, point, emitter);
}

void PanedWindow::add_to_pane(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  const bool known = own.newest.time != no_time;
  accumulator_.add(pane(block, point.time), point, known ? &own.newest : nullptr);
  if (accumulator_.ordered() && !std::isnan(point.value) && (!known || point.time >= own.newest.time)) {
    own.newest = point;
  }
}

bool PanedWindow::add_behind(std::byte* block, const Point& point, Time watermark,
                             Emitter& emitter) const noexcept {
  release(block, watermark, true, emitter);
  const std::int64_t first = index(block, point.time);
  const std::int64_t last = first + panes_ - 1;
  const std::int64_t first_kept = index(block, watermark - retention_);
  if (!cumulative_ && last < first_kept) return false;
  if (cumulative_ && first < first_kept) return false;
  add_to_pane(block, point);
  const std::int64_t first_open = index(block, watermark);
  State& own = state(block);
  const std::int64_t next = std::max(first, first_open);  // of the open ones it belongs to
  if (last >= first_open) own.due = std::min(own.due, end(block, next));
  const bool all = cumulative_ && empty_ != Empty::skip;  // they were emitted without samples of their own
  const std::int64_t last_changed = all ? first_open - 1 : cumulative_ ? own.newest_pane : last;
  for (auto window = std::max(first, first_kept); window <= std::min(last_changed, first_open - 1);
       ++window) {
    if (all || says_something(block, window)) emit(block, window, true, emitter);
  }
  if (emit_ == Emit::on_change && last >= first_open) emit(block, next, false, emitter);
  return true;
}

// on_change: of the windows that the sample has changed, the one that closes next. every: where a new
// interval of event time begins, the window that closes next, without the sample.
void PanedWindow::emit_early(std::byte* block, const Point& point, Emitter& emitter) const noexcept {
  if (emit_ == Emit::on_change) return emit(block, index(block, point.time), false, emitter);
  State& own = state(block);
  if (point.time < own.next_early) return;
  const bool first = own.next_early == Time::min();
  own.next_early = pane_start(pane_index(point.time, emit_every_, Duration{0}) + 1, emit_every_, Duration{0});
  if (first || own.due == Time::max()) return;
  const std::int64_t window = index(block, own.due) - 1;
  if (says_something(block, window)) emit(block, window, false, emitter);
}

void PanedWindow::wait(std::byte* block, const Point& point, Time watermark,
                       Emitter& emitter) const noexcept {
  if (waiting_.full(block)) release(block, watermark, true, emitter);
  if (waiting_.full(block)) {
    waiting_.release_first(block, [&](const Point& first) { enter(block, first, emitter); });
  }
  waiting_.add(block, point);
  State& own = state(block);
  own.due = std::min(own.due, end(block, index(block, point.time)));
}

// Those that the watermark has passed enter their panes. Windows that end before one of them close before it
// may cause an early result.
void PanedWindow::release(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  waiting_.release(block, watermark, [&](const Point& point) {
    if (emit_ != Emit::on_close) close_due(block, point.time, final, emitter);
    enter(block, point, emitter);
  });
}

void PanedWindow::emit(std::byte* block, std::int64_t window, bool final, Emitter& emitter) const noexcept {
  const std::byte* const all = merged(block, window, emitter.scratch());
  const Time start = window_start(block, window);
  std::array<double, Accumulator::aggregates_limit> values;
  const auto out = std::span(values).first(accumulator_.size());
  const Duration cadence = cadence_ > Duration{0} ? cadence_ : emitter.cadence();
  const Time until = final ? end(block, window) : known_until(block, window, emitter);
  const bool approximate = accumulator_.values(all, {start, until, cadence}, out);
  if (empty_ == Empty::last && window >= state(block).last_window) {
    std::copy(out.begin(), out.end(), last_values(block));
    state(block).last_window = window;
  }
  emitter.window({.window = window_,
                  .start = start,
                  .end = end(block, window),
                  .rev = ++tag(block, claim(block, window)).rev,
                  .final = final,
                  .count = Accumulator::summary(all).count,
                  .values = out,
                  .approximate = approximate});
}

void PanedWindow::emit_empty(std::byte* block, std::int64_t window, Emitter& emitter) const noexcept {
  if (cumulative_) return emit(block, window, true, emitter);  // what it came to has not changed
  std::array<double, Accumulator::aggregates_limit> values;
  const auto out = std::span(values).first(accumulator_.size());
  const double rest = empty_ == Empty::zero ? 0 : std::numeric_limits<double>::quiet_NaN();
  std::fill(out.begin(), out.end(), rest);
  if (empty_ == Empty::last && state(block).last_window != std::numeric_limits<std::int64_t>::min()) {
    std::copy_n(last_values(block), out.size(), out.begin());
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (accumulator_.aggregates()[i].kind == AggregateKind::count) out[i] = 0;
  }
  emitter.window({.window = window_,
                  .start = window_start(block, window),
                  .end = end(block, window),
                  .rev = ++tag(block, claim(block, window)).rev,
                  .final = true,
                  .count = 0,
                  .values = out,
                  .nulls = empty_ == Empty::null});
}

// All of a window: a pane, or panes merged into `scratch`.
const std::byte* PanedWindow::merged(std::byte* block, std::int64_t window,
                                     std::byte* scratch) const noexcept {
  if (panes_ == 1 && !cumulative_) return at(block, slot(window));
  const State& own = state(block);
  std::int64_t first = window - panes_ + 1, last = window;
  if (cumulative_) {
    std::memcpy(scratch, block + base_, pane_bytes_);
    first = std::max(own.absorbed + 1, own.newest_pane - slots_ + 1);
    last = std::min(window, own.newest_pane);
  } else {
    std::memset(scratch, 0, pane_bytes_);
  }
  for (std::int64_t index = first; index <= last; ++index) {
    if (holds(block, index)) accumulator_.merge(scratch, at(block, slot(index)));
  }
  return scratch;
}

Time PanedWindow::window_start(const std::byte* block, std::int64_t window) const noexcept {
  return cumulative_ ? state(block).began : end(block, window - panes_);
}

// How far the samples of a window that is not over reach.
Time PanedWindow::known_until(const std::byte* block, std::int64_t window,
                              const Emitter& emitter) const noexcept {
  const Time newest = accumulator_.ordered() ? state(block).newest.time : emitter.newest();
  return std::clamp(newest, window_start(block, window), end(block, window));
}

// The end of the earliest window after `window`, which has just closed, that has something to say.
Time PanedWindow::due_after(std::byte* block, std::int64_t window) const noexcept {
  const State& own = state(block);
  Time due = Time::max();
  if (waiting_.size(block) != 0) due = end(block, std::max(index(block, waiting_.first(block)), window + 1));
  const std::int64_t newest = own.newest_pane;
  for (std::int64_t index = std::max(window + 2 - panes_, newest - slots_ + 1); index <= newest; ++index) {
    if (holds(block, index) && !accumulator_.empty(at(block, slot(index)))) {
      return std::min(due, end(block, std::max(index, window + 1)));
    }
  }
  return due;
}

// Whether a pane of the window has samples; of a cumulative one, its last.
bool PanedWindow::says_something(std::byte* block, std::int64_t window) const noexcept {
  for (std::int64_t index = cumulative_ ? window : window - panes_ + 1; index <= window; ++index) {
    if (holds(block, index) && !accumulator_.empty(at(block, slot(index)))) return true;
  }
  return false;
}

std::byte* PanedWindow::pane(std::byte* block, Time time) const noexcept {
  const State& own = state(block);
  if (time >= own.pane_start && time < own.pane_end) [[likely]]
    return at(block, own.pane_slot);
  return turn_to_pane(block, time);
}

std::byte* PanedWindow::turn_to_pane(std::byte* block, Time time) const noexcept {
  const std::int64_t now = index(block, time);
  State& own = state(block);
  own.pane_slot = claim(block, now);
  own.pane_start = grid_.start(now, own.phase);
  own.pane_end = end(block, now);
  own.newest_pane = std::max(own.newest_pane, now);
  if (cumulative_) own.began = std::min(own.began, own.pane_start);
  return at(block, own.pane_slot);
}

std::uint32_t PanedWindow::slot(std::int64_t index) const noexcept {
  const std::int64_t rest = index % slots_;
  return static_cast<std::uint32_t>(rest < 0 ? rest + slots_ : rest);
}

bool PanedWindow::holds(const std::byte* block, std::int64_t index) const noexcept {
  const Tag& one = tag(block, slot(index));
  return one.used != 0 && one.index == index;
}

// The slot of pane `index`, emptied of the pane it may have held before.
std::uint32_t PanedWindow::claim(std::byte* block, std::int64_t index) const noexcept {
  const std::uint32_t result = slot(index);
  Tag& own = tag(block, result);
  if (own.used != 0 && own.index == index) return result;
  if (cumulative_) absorb(block, index - slots_);
  if (own.used != 0) {
    CHECK(own.index < index, "window %u: pane %lld instead of %lld", window_, static_cast<long long>(index),
          static_cast<long long>(own.index));
    std::memset(at(block, result), 0, pane_bytes_);
  }
  State& all = state(block);
  if (result == all.pane_slot) all.pane_start = all.pane_end = Time::min();  // it is another one now
  own = {.index = index, .rev = 0, .used = 1};
  if (result != all.pane_slot) {
    Accumulator::summary(at(block, result))
        .relate_to(Accumulator::summary(at(block, all.pane_slot)).reference);
  }
  return result;
}

// Panes up to `last`, which nothing can change any more, become part of the base.
void PanedWindow::absorb(std::byte* block, std::int64_t last) const noexcept {
  State& own = state(block);
  const std::int64_t first = std::max(own.absorbed + 1, own.newest_pane - slots_ + 1);
  for (std::int64_t index = first; index <= std::min(last, own.newest_pane); ++index) {
    if (holds(block, index)) accumulator_.merge(block + base_, at(block, slot(index)));
  }
  own.absorbed = std::max(own.absorbed, last);
}

}  // namespace core
