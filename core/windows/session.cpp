#include "core/windows/session.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/emitter.h"

namespace core {

SessionWindow::SessionWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room)
    : accumulator_(spec),
      waiting_(accumulator_.ordered() && lateness > Duration{0}, room),
      gap_(spec.gap),
      retention_(spec.retention),
      cadence_(spec.cadence),
      most_(static_cast<std::uint64_t>(spec.slots(lateness))),
      state_(room.reserve(sizeof(State), 8)),
      sessions_(room.reserve(most_ * sizeof(Session), 8)),
      ring_(room.reserve(most_ * accumulator_.bytes(), 8)),
      window_(window) {
  CHECK(most_ <= 64, "%llu sessions", static_cast<unsigned long long>(most_));
}

void SessionWindow::start(std::byte* block) const noexcept {
  state(block).due = Time::max();
  state(block).newest.time = no_time;
}

void SessionWindow::close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  release(block, watermark);
  Session* const all = sessions(block);
  for (std::uint64_t i = 0; i < state(block).count; ++i) {
    if (all[i].open != 0 && all[i].last + gap_ <= watermark) emit(block, all[i], final, emitter);
  }
  find_due(block);
}

bool SessionWindow::add(std::byte* block, const Point& point, Time watermark,
                        Emitter& emitter) const noexcept {
  if (std::isnan(point.value) && !accumulator_.wants_nulls()) return true;
  if (point.time >= watermark && waiting_.needed()) {
    if (waiting_.full(block)) release(block, watermark);
    if (waiting_.full(block)) waiting_.release_first(block, [&](const Point& first) { take(block, first); });
    waiting_.add(block, point);
  } else {
    if (point.time < watermark) {
      release(block, watermark);
      if (point.time + gap_ <= watermark - retention_) return false;
    }
    Session& own = sessions(block)[take(block, point)];
    if (own.last + gap_ <= watermark) emit(block, own, true, emitter);
  }
  find_due(block);
  return true;
}

void SessionWindow::release(std::byte* block, Time watermark) const noexcept {
  waiting_.release(block, watermark, [&](const Point& point) { take(block, point); });
}

std::uint64_t SessionWindow::take(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  const std::uint64_t place = find(block, point);
  Session& session = sessions(block)[place];
  const bool known = own.newest.time != no_time;
  accumulator_.add(at(block, session.slot), point, known ? &own.newest : nullptr);
  if (!std::isnan(point.value) && (!known || point.time >= own.newest.time)) own.newest = point;
  session.first = std::min(session.first, point.time);
  session.last = std::max(session.last, point.time);
  session.open = 1;
  join_next(block, place);
  return place;
}

// The session that the sample belongs to, a new one where there is none.
std::uint64_t SessionWindow::find(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  Session* const all = sessions(block);
  std::uint64_t place = 0;
  while (place < own.count && point.time >= all[place].last + gap_) ++place;
  if (place < own.count && point.time > all[place].first - gap_) return place;
  if (own.count == most_) {  // the oldest is past retention
    CHECK(all[0].open == 0 && place > 0, "window %u: %llu sessions are open", window_,
          static_cast<unsigned long long>(own.count));
    remove(block, 0);
    --place;
  }
  std::move_backward(all + place, all + own.count, all + own.count + 1);
  ++own.count;
  const auto slot = static_cast<std::uint16_t>(std::countr_one(own.used));
  own.used |= std::uint64_t{1} << slot;
  all[place] = {.first = point.time, .last = point.time, .rev = 0, .slot = slot, .open = 1};
  std::memset(at(block, slot), 0, accumulator_.bytes());
  return place;
}

void SessionWindow::join_next(std::byte* block, std::uint64_t place) const noexcept {
  Session* const all = sessions(block);
  if (place + 1 >= state(block).count || all[place + 1].first - all[place].last >= gap_) return;
  accumulator_.merge(at(block, all[place].slot), at(block, all[place + 1].slot));
  all[place].last = std::max(all[place].last, all[place + 1].last);
  all[place].rev = std::max(all[place].rev, all[place + 1].rev);
  remove(block, place + 1);
}

void SessionWindow::remove(std::byte* block, std::uint64_t place) const noexcept {
  State& own = state(block);
  Session* const all = sessions(block);
  own.used &= ~(std::uint64_t{1} << all[place].slot);
  std::move(all + place + 1, all + own.count, all + place);
  --own.count;
}

void SessionWindow::emit(std::byte* block, Session& session, bool final, Emitter& emitter) const noexcept {
  session.open = 0;
  const std::byte* const all = at(block, session.slot);
  std::array<double, Accumulator::aggregates_limit> values;
  const auto out = std::span(values).first(accumulator_.size());
  const Duration cadence = cadence_ > Duration{0} ? cadence_ : emitter.cadence();
  const bool approximate = accumulator_.values(all, {session.first, session.last, cadence}, out);
  emitter.window({.window = window_,
                  .start = session.first,
                  .end = session.last,
                  .rev = ++session.rev,
                  .final = final,
                  .count = Accumulator::summary(all).count,
                  .values = out,
                  .approximate = approximate});
}

// When the next open session closes; one whose samples all wait still, at the earliest.
void SessionWindow::find_due(std::byte* block) const noexcept {
  State& own = state(block);
  own.due = waiting_.size(block) == 0 ? Time::max() : waiting_.first(block) + gap_;
  for (std::uint64_t i = 0; i < own.count; ++i) {
    const Session& one = sessions(block)[i];
    if (one.open != 0) own.due = std::min(own.due, one.last + gap_);
  }
}

}  // namespace core
