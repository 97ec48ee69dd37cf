#include <algorithm>

#include "core/check.h"
#include "core/shard_state.h"

namespace core {
namespace {

// How much earlier than its deadline a series is looked at.
constexpr Duration slack = std::chrono::seconds{1};

// "now" when any sample last came: samples of the usual kind note it in the head only.
Time last_arrival(const SeriesHead& head) noexcept {
  return std::max(rest_of(head).last_arrival, head.newest_arrival);
}

}  // namespace

// The silence that is raised next while no sample comes; null: none. Of equal ones the first.
struct Shard::State::Due {
  const Layout::Quiet* quiet = nullptr;
  Time since{};
  Time deadline = Time::max();
};

// While nothing can be heard nothing is silent, and silences begin anew when it can again.
Shard::State::Due Shard::State::next_silence(const SeriesHead& head) const noexcept {
  Due next;
  next.since = linked ? std::max(last_arrival(head), linked_since) : now;
  for (const Layout::Quiet& quiet : head.layout->silences) {
    const auto& state = state_at<SilenceState>(head, quiet.offset);
    const Duration after = state.raised ? Duration::max() : quiet.silence.after(state);
    if (after == Duration::max() || next.since + after >= next.deadline) continue;
    next.quiet = &quiet;
    next.deadline = next.since + after;
  }
  return next;
}

void Shard::State::take_link(const Item& item) noexcept {
  take_tick(item.time);
  linked = item.series != 0;
  if (linked) linked_since = now;
}

void Shard::State::take_tick(Time time) noexcept {
  CHECK(time >= now, "a tick goes back from %lld to %lld",
        static_cast<long long>(now.time_since_epoch().count()),
        static_cast<long long>(time.time_since_epoch().count()));
  now = time;
  wheel.advance(now, [this](std::uint32_t slot) { expire(slot); });
  output.time(position, now);
}

// After a sample: makes sure that the wheel looks at the series no later than its next deadline. Where the
// deadline has come nearer, the series is scheduled half-way to the earliest time that any later sample could
// bring it to, so that a run of samples that each bring it nearer moves it a few times and not each time.
void Shard::State::watch(const SeriesHead& head, std::uint32_t slot) noexcept {
  const Layout& layout = *head.layout;
  Time deadline = Time::max();
  Time earliest = Time::max();
  if (head.due != Time::max()) {
    deadline = idle_deadline(head, head.due);
    earliest = head.newest_arrival + layout.idle;
  }
  if (!layout.silences.empty()) {
    const Time silent = next_silence(head).deadline;
    deadline = std::min(deadline, silent);
    earliest = std::min(earliest, silent);
  }
  SeriesRest& rest = rest_of(head);
  if (deadline < rest.scheduled) [[unlikely]]
    rest.scheduled = wheel.schedule(slot, earliest);
}

// Which samples are of the usual kind from now on. A sample ahead of the clock by more than before brings the
// idle deadline of `due` nearer; it may come as near as the wheel looks.
void Shard::State::look_ahead(SeriesHead& head) noexcept {
  const Layout& layout = *head.layout;
  const SeriesRest& rest = rest_of(head);
  head.horizon = Time::min();
  if (!has_samples(head)) return;  // its first sample begins it
  // A clock that stands behind the watermark: its samples may be late.
  if (!layout.usual || rest.silences_raised != 0 || rest.watermark > head.newest) return;
  Time horizon = time_max;
  for (const Window& window : layout.windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window))
      horizon = std::min(horizon, paned->horizon(head.block));
  }
  head.lead_max = Duration::max();
  if (head.due != Time::max()) {
    horizon = std::min(horizon, head.due + layout.lateness);
    head.lead_max = head.due + layout.lateness + layout.idle - rest.scheduled;
  }
  head.horizon = horizon;
  if (layout.windows.empty()) return;
  if (const auto* paned = std::get_if<PanedWindow>(&layout.windows[0]))
    head.pane = head.block + paned->pane_offset(head.block);
}

// Does what is due in a series, in order of deadline, windows before silences where they are equal; then
// schedules it for its next deadline, or a little earlier, so that samples that come with the usual jitter
// seldom bring the deadline before the time scheduled.
void Shard::State::expire(std::uint32_t slot) noexcept {
  SeriesHead& head = heads[slot];
  SeriesRest& rest = rest_of(head);
  Emitter emitter = emitter_for(head, slot * shards + index);
  for (;;) {
    const auto [quiet, since, silent] = next_silence(head);
    const Time idle = head.due != Time::max() ? idle_deadline(head, head.due) : Time::max();
    const Time deadline = std::min(silent, idle);
    if (deadline > now) {
      const bool near = deadline == Time::max() || deadline - now <= 2 * slack;
      const Time look = near ? deadline : deadline - slack;
      rest.scheduled = look == Time::max() ? look : wheel.schedule(slot, look);
      return look_ahead(head);
    }
    emitter.tell_at(deadline);
    if (idle <= silent) {
      rest.watermark = std::max({rest.watermark, head.newest - head.layout->lateness, head.due});
      close_windows(head, rest.watermark, true, emitter);
    } else {
      auto& state = state_at<SilenceState>(head, quiet->offset);
      emitter.flag(quiet->silence.raise(state, quiet->detector, since));
      ++rest.silences_raised;
    }
  }
}

}  // namespace core
