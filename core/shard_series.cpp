#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/shard_state.h"

namespace core {
namespace {

// FNV-1a of a series' key values and field: the same in every run, so that `spread` is.
std::uint64_t name_hash(const SeriesTable& table, SeriesId series) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : table.name(series)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace

// Memory for a series that has none. It has no sample yet.
SeriesHead& Shard::State::allot(SeriesId series) noexcept {
  const std::uint32_t slot = by_shards.divide(series);
  CHECK(series - slot * shards == index, "series %u came to shard %u of %u", series, index, shards);
  CHECK(now != no_time, "series %u begins before the first tick", series);
  if (slot >= heads.size()) {
    heads.grow(slot + 1);
    wheel.grow(slot + 1);
  }
  const Layout& layout = layout_of(table.plan(series));
  std::byte* const block = arena.allocate(layout.bytes);
  SeriesHead& head = heads[slot];
  head = {.layout = &layout,
          .block = block,
          .pane = block,
          .newest = no_time,
          .newest_arrival = now,
          .horizon = Time::min(),
          .lead_max = Duration{0},
          .due = Time::max()};
  rest_of(head) = {.watermark = no_time, .scheduled = Time::max(), .last_arrival = now, .silences_raised = 0};
  counters.series.add();
  counters.state_bytes.add(sizeof(SeriesHead) + layout.bytes);
  return head;
}

// At its first sample.
void Shard::State::start(SeriesHead& head, SeriesId series, Time first) const noexcept {
  std::byte* const block = head.block;
  head.newest = first;
  head.newest_arrival = now;
  rest_of(head).watermark = first - head.layout->lateness;
  const std::uint64_t hash = name_hash(table, series);
  for (const Window& window : head.layout->windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      paned->start(block, first, hash);
      head.due = std::min(head.due, paned->due(block));
    } else if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      sampled->start(block);
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      counted->start(block);
    } else {
      std::get_if<SessionWindow>(&window)->start(block);
    }
  }
}

// A series that has still to come is silent from now on.
void Shard::State::take_expect(const Item& item) noexcept {
  if (head_of(item).layout == nullptr) watch(allot(item.series), by_shards.divide(item.series));
}

const Layout& Shard::State::layout_of(const Plan& plan) {
  for (const auto& [known, layout] : layouts) {
    if (known == &plan) return *layout;
  }
  layouts.emplace_back(&plan, std::make_unique<const Layout>(plan));
  const Layout& layout = *layouts.back().second;
  all_plain = all_plain && layout.plain;
  idle_least = layouts.size() == 1 ? layout.idle : std::min(idle_least, layout.idle);
  scratch.resize(std::max(scratch.size(), layout.scratch));
  return layout;
}

// What the series' windows hold is all they will ever hold, and nothing will clear its flags. Silences stay
// as they are: the device has not come back. Its memory is free for another.
void Shard::State::take_evict(const Item& item) noexcept {
  SeriesHead& head = head_of(item);
  if (head.layout == nullptr) return;
  if (has_samples(head)) {
    Emitter emitter = emitter_for(head, item.series);
    close_windows(head, Time::max() - Duration{1}, false, emitter);
    for (const Judge& one : head.layout->judges) one.give_up(head.block, now, emitter);
    for (const Judge& one : head.layout->result_judges) one.give_up(head.block, now, emitter);
  }
  output.given_up(position, item.series, now);
  wheel.remove(by_shards.divide(item.series));
  const std::size_t bytes = head.layout->bytes;
  arena.release(head.block, bytes);
  head = {};
  counters.evicted.add();
  counters.series.set(counters.series.get() - 1);
  counters.state_bytes.set(counters.state_bytes.get() - sizeof(SeriesHead) - bytes);
}

// No sample can follow.
void Shard::State::take_end() noexcept {
  for (std::uint32_t slot = 0; slot < heads.size(); ++slot) {
    SeriesHead& head = heads[slot];
    if (head.layout == nullptr || !has_samples(head)) continue;
    Emitter emitter = emitter_for(head, slot * shards + index);
    close_windows(head, Time::max() - Duration{1}, false, emitter);
  }
  output.end(position, now);
}

Emitter Shard::State::emitter_for(const SeriesHead& head, SeriesId series) noexcept {
  return {output, counters, position, series, head, now, scratch.data()};
}

void Shard::State::close_windows(SeriesHead& head, Time watermark, bool final, Emitter& emitter) noexcept {
  std::byte* const block = head.block;
  head.due = Time::max();
  for (const Window& window : head.layout->windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      paned->close(block, watermark, final, emitter);
      head.due = std::min(head.due, paned->due(block));
    } else if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      sampled->close(block, watermark, final, emitter);
      head.due = std::min(head.due, sampled->due(block));
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      if (!final) counted->finish(block, emitter);
    } else {
      const SessionWindow& session = *std::get_if<SessionWindow>(&window);
      session.close(block, watermark, final, emitter);
      head.due = std::min(head.due, session.due(block));
    }
  }
}

// Whether a window took the sample, or there are only detectors.
bool Shard::State::add_to_windows(SeriesHead& head, const Point& point, Emitter& emitter) noexcept {
  std::byte* const block = head.block;
  const auto& windows = head.layout->windows;
  bool taken = windows.empty();
  const auto add = [&](const auto& window) {
    if (!window.add(block, point, rest_of(head).watermark, emitter)) return;
    taken = true;
    head.due = std::min(head.due, window.due(block));
  };
  for (const Window& window : windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      add(*paned);
    } else if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      add(*sampled);
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      counted->add(block, point, emitter);
      taken = true;
    } else {
      add(*std::get_if<SessionWindow>(&window));
    }
  }
  return taken;
}

// By its distance from `base`.
void Shard::State::judge(const SeriesHead& head, const Point& point, Emitter& emitter, double base) noexcept {
  const Layout& layout = *head.layout;
  for (const Judge& one : layout.judges) one.look(head.block, point, layout.reports_scores, emitter, base);
}

void Shard::State::clear_silences(const SeriesHead& head, const Point& point, Emitter& emitter) noexcept {
  for (const Layout::Quiet& quiet : head.layout->silences) {
    auto& state = state_at<SilenceState>(head, quiet.offset);
    if (state.raised) emitter.flag(quiet.silence.clear(state, quiet.detector, point.time, point.value));
  }
  rest_of(head).silences_raised = 0;
}

// For silences that learn how often something comes.
void Shard::State::note_arrival(const SeriesHead& head) const noexcept {
  for (const Layout::Quiet& quiet : head.layout->silences) {
    if (!quiet.silence.learns()) continue;
    quiet.silence.arrive(state_at<SilenceState>(head, quiet.offset), now, linked_since);
  }
}

}  // namespace core
