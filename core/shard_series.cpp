#include <algorithm>
#include <cmath>
#include <optional>

#include "core/check.h"
#include "core/shard_state.h"

namespace core {
namespace {

std::optional<double> finite(std::optional<double> value) noexcept {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// FNV-1a of a series' key values and field: the same in every run, so that `spread` is.
std::uint64_t name_hash(const SeriesTable& table, SeriesId series) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : table.name(series)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace

// At its first sample.
SeriesHead& Shard::State::begin_series(const Item& item) noexcept {
  const SeriesId series = item.series;
  const std::uint32_t slot = by_shards.divide(series);
  CHECK(series - slot * shards == index, "series %u came to shard %u of %u", series, index, shards);
  CHECK(now != no_time, "series %u has a sample before the first tick", series);
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
          .newest = item.time,
          .newest_arrival = now,
          .horizon = Time::min(),
          .lead_max = Duration{0},
          .due = Time::max()};
  rest_of(head) = {.watermark = item.time - layout.lateness,
                   .scheduled = Time::max(),
                   .last_arrival = now,
                   .silences_raised = 0};
  const std::uint64_t hash = name_hash(table, series);
  for (const Window& window : layout.windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      paned->start(block, item.time, hash);
      head.due = std::min(head.due, paned->due(block));
    } else if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      sampled->start(block);
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      counted->start(block);
    } else {
      std::get_if<SessionWindow>(&window)->start(block);
    }
  }
  counters.series.add();
  counters.state_bytes.add(sizeof(SeriesHead) + layout.bytes);
  return head;
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

// What the series' windows hold is all they will ever hold. Its memory is free for another.
void Shard::State::take_evict(const Item& item) noexcept {
  SeriesHead& head = head_of(item);
  if (head.layout == nullptr) return;
  Emitter emitter = emitter_for(head, item.series);
  close_windows(head, Time::max() - Duration{1}, false, emitter);
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
    if (head.layout == nullptr) continue;
    Emitter emitter = emitter_for(head, slot * shards + index);
    close_windows(head, Time::max() - Duration{1}, false, emitter);
  }
}

Emitter Shard::State::emitter_for(const SeriesHead& head, SeriesId series) noexcept {
  const std::size_t gaps = head.layout->gaps;
  return {output,        counters,    position,
          series,        head.newest, gaps != 0 ? &state_at<Gaps>(head, gaps) : nullptr,
          scratch.data()};
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

void Shard::State::judge(const SeriesHead& head, const Point& point, Emitter& emitter) noexcept {
  for (const Layout::Judge& one : head.layout->judges) {
    Verdict verdict;
    FlagLife* life = nullptr;
    if (const auto* zscore = std::get_if<Zscore>(&one.kind)) {
      auto& state = state_at<ZscoreState>(head, one.offset);
      verdict = zscore->add(state, point.value);
      life = &state.life;
    } else {
      verdict = std::get_if<Threshold>(&one.kind)->add(point.value);
      life = &state_at<ThresholdState>(head, one.offset).life;
    }
    const auto change = life->advance(verdict.condition, point.time, one.least);
    if (change == FlagLife::Change::none) [[likely]]
      continue;
    emitter.flag({.detector = one.detector,
                  .raised = change == FlagLife::Change::raise,
                  .time = point.time,
                  .since = life->since(),
                  .value = point.value,
                  .expected = finite(verdict.expected),
                  .low = finite(verdict.low),
                  .high = finite(verdict.high),
                  .score = verdict.score});
  }
}

void Shard::State::clear_silences(const SeriesHead& head, const Point& point, Emitter& emitter) noexcept {
  for (const Layout::Quiet& quiet : head.layout->silences) {
    auto& state = state_at<SilenceState>(head, quiet.offset);
    if (state.raised) emitter.flag(quiet.silence.clear(state, quiet.detector, point.time, point.value));
  }
  rest_of(head).silences_raised = 0;
}

}  // namespace core
