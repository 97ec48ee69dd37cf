#include "core/window.h"

#include <limits>

#include "core/check.h"
#include "core/emitter.h"
#include "core/words.h"

namespace core {
namespace {

constexpr std::int64_t ceil_divide(Duration value, Duration by) noexcept {
  return (value.count() + by.count() - 1) / by.count();
}

// Slots of a ring. At watermark w the oldest window that can still change ends with the pane of w -
// retention, and covers `panes` of them; the newest pane in use is that of w + lateness.
std::int64_t ring_slots(const WindowSpec& spec, Duration lateness) noexcept {
  return spec.length / spec.every + ceil_divide(lateness + spec.retention, spec.every);
}

// The nearest divisors of `length` on both sides of `every`.
std::string divisors_near(Duration length, Duration every) {
  const auto divides = [&](std::int64_t parts) { return length.count() % parts == 0; };
  std::int64_t more = length / every + 1;
  while (more < WindowSpec::panes_max && !divides(more)) ++more;
  std::int64_t fewer = length / every;
  while (!divides(fewer)) --fewer;
  std::string text = words(length / fewer);
  if (divides(more)) text = words(length / more) + " or " + text;
  return text;
}

void check_every(const WindowSpec& spec, Duration lateness, std::vector<std::string>& problems) {
  const std::string every = "every: " + words(spec.every);
  if (spec.every <= Duration{0}) {
    problems.push_back(every + " is not a length of time; choose one above 0s");
  } else if (spec.every > spec.length) {
    problems.push_back(every + " is longer than length " + words(spec.length) +
                       "; choose at most the length");
  } else if (const auto slots = ring_slots(spec, lateness); slots > WindowSpec::panes_max) {
    problems.push_back(every + " needs " + std::to_string(slots) + " panes for length " + words(spec.length) +
                       ", lateness " + words(lateness) + " and retention " + words(spec.retention) +
                       "; at most " + std::to_string(WindowSpec::panes_max) +
                       " are allowed: choose a longer every");
  } else if (spec.length % spec.every != Duration{0}) {
    problems.push_back(every + " does not divide length " + words(spec.length) + "; choose " +
                       divisors_near(spec.length, spec.every));
  }
}

}  // namespace

std::vector<std::string> WindowSpec::problems(Duration lateness) const {
  std::vector<std::string> result;
  if (length <= Duration{0} || length > duration_max) {
    result.push_back("length: " + words(length) + " is not allowed; choose above 0s and at most " +
                     words(duration_max));
  }
  if (retention < Duration{0} || retention > duration_max) {
    result.push_back("retention: " + words(retention) + " is not allowed; choose 0s to " +
                     words(duration_max));
  }
  // The rest compares with these, so it waits until they are right.
  if (result.empty()) check_every(*this, lateness, result);
  if (every > Duration{0} && (offset < Duration{0} || offset >= every)) {
    result.push_back("offset: " + words(offset) + " is not allowed; choose 0s or more and less than every " +
                     words(every));
  }
  return result;
}

PanedWindow::PanedWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness) noexcept
    : every_(spec.every),
      offset_(spec.offset),
      length_(spec.length),
      retention_(spec.retention),
      panes_(spec.length / spec.every),
      slots_(ring_slots(spec, lateness)),
      window_(window) {}

void PanedWindow::place(std::size_t state_offset, std::size_t ring_offset) noexcept {
  state_offset_ = state_offset;
  ring_offset_ = ring_offset;
}

void PanedWindow::start(std::byte* block) const noexcept {
  state(block) = {.due = Time::max(),
                  .pane_start = Time::max(),  // holds no sample
                  .newest_pane = std::numeric_limits<std::int64_t>::min(),
                  .pane_slot = 0};
}

void PanedWindow::close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  WindowState& own = state(block);
  while (own.due <= watermark) {
    const std::int64_t window = index(own.due) - 1;
    emit(block, window, final, emitter);
    own.due = due_after(block, window);
  }
}

bool PanedWindow::add_behind(std::byte* block, Time time, double value, Time watermark,
                             Emitter& emitter) const noexcept {
  const std::int64_t first = index(time);
  const std::int64_t last = first + panes_ - 1;
  if (end(last) <= watermark - retention_) return false;
  pane(block, time).summary.add(time, value);
  const std::int64_t first_open = index(watermark);
  WindowState& own = state(block);
  if (last >= first_open) own.due = std::min(own.due, end(std::max(first, first_open)));
  const std::int64_t first_kept = index(watermark - retention_);
  for (auto window = std::max(first, first_kept); window <= std::min(last, first_open - 1); ++window) {
    emit(block, window, true, emitter);
  }
  return true;
}

// Emits `window` with the next revision. It has samples.
void PanedWindow::emit(std::byte* block, std::int64_t window, bool final, Emitter& emitter) const noexcept {
  const auto result = [&](const Summary& summary) {
    CHECK(summary.count > 0, "window %u, pane %lld", window_, static_cast<long long>(window));
    emitter.window({.window = window_,
                    .start = end(window - panes_),
                    .end = end(window),
                    .rev = ++claim(block, window).rev,
                    .final = final,
                    .summary = summary});
  };
  if (panes_ == 1) return result(slot(block, window).summary);
  Summary merged;
  for (std::int64_t index = window - panes_ + 1; index <= window; ++index) {
    const Pane& pane = slot(block, index);
    if (pane.index == index) merged.merge(pane.summary);
  }
  result(merged);
}

// The end of the earliest window after `window`, which has just closed, that has samples.
Time PanedWindow::due_after(std::byte* block, std::int64_t window) const noexcept {
  const std::int64_t newest = state(block).newest_pane;
  for (std::int64_t index = window + 2 - panes_; index <= newest; ++index) {
    const Pane& pane = slot(block, index);
    if (pane.index == index && pane.summary.count > 0) return end(std::max(index, window + 1));
  }
  return Time::max();
}

Pane& PanedWindow::turn_to_pane(std::byte* block, Time time) const noexcept {
  const std::int64_t now = index(time);
  Pane& result = claim(block, now);
  WindowState& own = state(block);
  own.pane_start = core::pane_start(now, every_, offset_);
  own.pane_slot = static_cast<std::uint32_t>(&result - ring(block));
  own.newest_pane = std::max(own.newest_pane, now);
  return result;
}

Pane& PanedWindow::slot(std::byte* block, std::int64_t index) const noexcept {
  const std::int64_t rest = index % slots_;
  return ring(block)[rest < 0 ? rest + slots_ : rest];
}

// The slot of pane `index`, emptied of the pane it may have held before.
Pane& PanedWindow::claim(std::byte* block, std::int64_t index) const noexcept {
  Pane& result = slot(block, index);
  if (result.index != index) result = {.summary = {}, .index = index, .rev = 0};
  return result;
}

}  // namespace core
