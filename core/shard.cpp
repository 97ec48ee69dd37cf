#include "core/shard.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/check.h"
#include "core/emitter.h"
#include "core/layout.h"
#include "core/wheel.h"

namespace core {
namespace {

std::optional<double> finite(std::optional<double> value) noexcept {
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// What a silent series' watermark has come to: its device's clock is taken to run on since its newest sample.
Time idle_watermark(const SeriesHead& head, const Layout& layout, Time now) noexcept {
  return head.newest + (now - head.newest_arrival) - layout.lateness - layout.idle;
}

// The "now" at which idle_watermark() reaches `end`.
Time idle_deadline(const SeriesHead& head, const Layout& layout, Time end) noexcept {
  return head.newest_arrival + (end - head.newest) + layout.lateness + layout.idle;
}

// How much earlier than its deadline a series is looked at.
constexpr Duration slack = std::chrono::seconds{1};

template <class T>
T& state_at(std::byte* block, std::size_t offset) noexcept {
  return *reinterpret_cast<T*>(block + offset);
}

}  // namespace

struct Shard::State {
  State(std::uint32_t own_index, std::uint32_t shard_count, const SeriesTable& series_table, Output& results)
      : index(own_index), shards(shard_count), table(series_table), output(results) {}

  void process(std::span<const Item> items) noexcept;
  [[gnu::always_inline]] inline void prefetch(std::span<const Item> items, std::size_t i) const noexcept;
  void take_tick(Time now) noexcept;
  void take_sample(const Item& item) noexcept;
  void take_end() noexcept;

  std::byte* block_of(const Item& item) noexcept;
  std::byte* start_series(SeriesId series, std::uint32_t slot, Time time) noexcept;
  const Layout& layout_of(const Plan& plan);

  static void close_windows(std::byte* block, Time watermark, bool final, Emitter& emitter) noexcept;
  static bool add_to_windows(std::byte* block, const Item& item, Emitter& emitter) noexcept;
  static void judge(std::byte* block, const Item& item, Emitter& emitter) noexcept;
  static void clear_silences(std::byte* block, const Item& item, Emitter& emitter) noexcept;

  void watch(SeriesHead& head, std::uint32_t slot) noexcept;
  void expire(std::uint32_t slot) noexcept;
  static const Layout::Quiet* next_silence(std::byte* block) noexcept;

  const std::uint32_t index;
  const std::uint32_t shards;
  const SeriesTable& table;
  Output& output;
  ShardCounters counters;
  Time now = no_time;              // of the last tick
  Position position = 0;           // of the last item
  std::vector<std::byte*> blocks;  // by slot; null: not seen yet
  Arena arena;
  Wheel wheel;
  std::vector<std::pair<const Plan*, std::unique_ptr<const Layout>>> layouts;
};

Shard::Shard(std::uint32_t index, std::uint32_t shards, const SeriesTable& table, Output& output)
    : state_(std::make_unique<State>(index, shards, table, output)) {
  CHECK(index < shards, "index %u, shards %u", index, shards);
}

Shard::~Shard() = default;

void Shard::process(std::span<const Item> items) noexcept { state_->process(items); }

const ShardCounters& Shard::counters() const noexcept { return state_->counters; }

// Asks for the memory of the next items' series early: many series do not fit into the cache.
// Inlined by force: the compiler takes a function that only prefetches for one without effect, and drops the
// call.
inline void Shard::State::prefetch(std::span<const Item> items, std::size_t i) const noexcept {
  constexpr std::size_t farthest = 24, far = 12, near = 6;
  const auto entry_ahead = [&](std::size_t ahead) -> std::byte* const* {
    if (i + ahead >= items.size()) return nullptr;
    const std::size_t slot = items[i + ahead].series / shards;
    return slot < blocks.size() ? &blocks[slot] : nullptr;
  };
  if (const auto* entry = entry_ahead(farthest)) __builtin_prefetch(entry);
  if (const auto* entry = entry_ahead(far); entry != nullptr && *entry != nullptr) {
    for (std::size_t line = 0; line < 3; ++line) __builtin_prefetch(*entry + line * 64, 1);
  }
  if (const auto* entry = entry_ahead(near); entry != nullptr && *entry != nullptr) {
    for (const PanedWindow& window : reinterpret_cast<const SeriesHead*>(*entry)->layout->windows) {
      const std::byte* pane = window.recent_pane(*entry);
      __builtin_prefetch(pane, 1);
      __builtin_prefetch(pane + 64, 1);
    }
  }
}

void Shard::State::process(std::span<const Item> items) noexcept {
  for (std::size_t i = 0; i < items.size(); ++i) {
    prefetch(items, i);
    const Item& item = items[i];
    position = item.position(position);
    switch (item.kind()) {
      case ItemKind::sample:
        take_sample(item);
        break;
      case ItemKind::tick:
        take_tick(item.time);
        break;
      case ItemKind::end:
        take_end();
        break;
    }
  }
}

void Shard::State::take_tick(Time time) noexcept {
  CHECK(time >= now, "a tick goes back from %lld to %lld",
        static_cast<long long>(now.time_since_epoch().count()),
        static_cast<long long>(time.time_since_epoch().count()));
  now = time;
  wheel.advance(now, [this](std::uint32_t slot) { expire(slot); });
}

void Shard::State::take_sample(const Item& item) noexcept {
  std::byte* block = block_of(item);
  SeriesHead& head = state_at<SeriesHead>(block, 0);
  const Layout& layout = *head.layout;
  const bool fresh = item.time >= head.newest;
  head.watermark = std::max(head.watermark, idle_watermark(head, layout, now));
  if (item.time > head.newest) {
    head.newest = item.time;
    head.newest_arrival = now;
    head.watermark = std::max(head.watermark, item.time - layout.lateness);
  }
  head.last_arrival = now;

  Emitter emitter{output, counters, position, item.series};
  if (head.silences_raised != 0) clear_silences(block, item, emitter);
  if (head.due <= head.watermark) close_windows(block, head.watermark, true, emitter);
  (add_to_windows(block, item, emitter) ? counters.aggregated : counters.late).add();
  if (fresh) judge(block, item, emitter);
  watch(head, item.series / shards);
}

// No sample can follow: what the open windows hold is all they will ever hold.
void Shard::State::take_end() noexcept {
  for (std::uint32_t slot = 0; slot < blocks.size(); ++slot) {
    if (blocks[slot] == nullptr) continue;
    Emitter emitter{output, counters, position, slot * shards + index};
    close_windows(blocks[slot], Time::max() - Duration{1}, false, emitter);
  }
}

std::byte* Shard::State::block_of(const Item& item) noexcept {
  const std::uint32_t slot = item.series / shards;
  CHECK(item.series - slot * shards == index, "series %u came to shard %u of %u", item.series, index, shards);
  CHECK(item.time >= time_min && item.time < time_max, "event time %lld",
        static_cast<long long>(item.time.time_since_epoch().count()));
  if (slot < blocks.size() && blocks[slot] != nullptr) [[likely]]
    return blocks[slot];
  return start_series(item.series, slot, item.time);
}

std::byte* Shard::State::start_series(SeriesId series, std::uint32_t slot, Time time) noexcept {
  CHECK(now != no_time, "series %u has a sample before the first tick", series);
  if (slot >= blocks.size()) {
    blocks.resize(slot + 1);
    wheel.grow(slot + 1);
  }
  const Layout& layout = layout_of(table.plan(series));
  std::byte* block = arena.allocate(layout.bytes, Layout::block_alignment);
  blocks[slot] = block;
  state_at<SeriesHead>(block, 0) = {.layout = &layout,
                                    .newest = time,
                                    .newest_arrival = now,
                                    .last_arrival = now,
                                    .watermark = time - layout.lateness,
                                    .due = Time::max(),
                                    .scheduled = Time::max(),
                                    .silences_raised = 0};
  for (const PanedWindow& window : layout.windows) window.start(block);
  counters.series.add();
  counters.state_bytes.add(layout.bytes);
  return block;
}

const Layout& Shard::State::layout_of(const Plan& plan) {
  for (const auto& [known, layout] : layouts) {
    if (known == &plan) return *layout;
  }
  layouts.emplace_back(&plan, std::make_unique<const Layout>(plan));
  return *layouts.back().second;
}

void Shard::State::close_windows(std::byte* block, Time watermark, bool final, Emitter& emitter) noexcept {
  SeriesHead& head = state_at<SeriesHead>(block, 0);
  head.due = Time::max();
  for (const PanedWindow& window : head.layout->windows) {
    window.close(block, watermark, final, emitter);
    head.due = std::min(head.due, window.due(block));
  }
}

// Whether a window took the sample, or there are only detectors.
bool Shard::State::add_to_windows(std::byte* block, const Item& item, Emitter& emitter) noexcept {
  SeriesHead& head = state_at<SeriesHead>(block, 0);
  const auto& windows = head.layout->windows;
  bool taken = windows.empty();
  for (const PanedWindow& window : windows) {
    if (!window.add(block, item.time, item.value(), head.watermark, emitter)) continue;
    taken = true;
    head.due = std::min(head.due, window.due(block));
  }
  return taken;
}

void Shard::State::judge(std::byte* block, const Item& item, Emitter& emitter) noexcept {
  const double value = item.value();
  for (const Layout::Judge& one : state_at<SeriesHead>(block, 0).layout->judges) {
    Verdict verdict;
    FlagLife* life = nullptr;
    if (const auto* zscore = std::get_if<Zscore>(&one.kind)) {
      auto& state = state_at<ZscoreState>(block, one.offset);
      verdict = zscore->add(state, value);
      life = &state.life;
    } else {
      verdict = std::get_if<Threshold>(&one.kind)->add(value);
      life = &state_at<ThresholdState>(block, one.offset).life;
    }
    const auto change = life->advance(verdict.condition, item.time, one.least);
    if (change == FlagLife::Change::none) [[likely]]
      continue;
    emitter.flag({.detector = one.detector,
                  .raised = change == FlagLife::Change::raise,
                  .time = item.time,
                  .since = life->since(),
                  .value = value,
                  .expected = finite(verdict.expected),
                  .low = finite(verdict.low),
                  .high = finite(verdict.high),
                  .score = verdict.score});
  }
}

void Shard::State::clear_silences(std::byte* block, const Item& item, Emitter& emitter) noexcept {
  SeriesHead& head = state_at<SeriesHead>(block, 0);
  for (const Layout::Quiet& quiet : head.layout->silences) {
    auto& state = state_at<SilenceState>(block, quiet.offset);
    if (state.raised) emitter.flag(quiet.silence.clear(state, quiet.detector, item.time, item.value()));
  }
  head.silences_raised = 0;
}

// After a sample: makes sure that the wheel looks at the series no later than its next deadline. Where the
// deadline has come nearer, the series is scheduled half-way to the earliest time that any later sample could
// bring it to, so that a run of samples that each bring it nearer moves it a few times and not each time.
void Shard::State::watch(SeriesHead& head, std::uint32_t slot) noexcept {
  const Layout& layout = *head.layout;
  Time deadline = Time::max();
  Time earliest = Time::max();
  if (head.due != Time::max()) {
    deadline = idle_deadline(head, layout, head.due);
    earliest = head.newest_arrival + layout.idle;
  }
  if (layout.silence_least != Duration::max()) {
    const Time silent = head.last_arrival + layout.silence_least;
    deadline = std::min(deadline, silent);
    earliest = std::min(earliest, silent);
  }
  if (deadline < head.scheduled) [[unlikely]]
    head.scheduled = wheel.schedule(slot, earliest);
}

// Does what is due in a series, in order of deadline, windows before silences where they are equal; then
// schedules it for its next deadline, or a little earlier, so that samples that come with the usual jitter
// seldom bring the deadline before the time scheduled.
void Shard::State::expire(std::uint32_t slot) noexcept {
  std::byte* block = blocks[slot];
  SeriesHead& head = state_at<SeriesHead>(block, 0);
  const Layout& layout = *head.layout;
  Emitter emitter{output, counters, position, slot * shards + index};
  for (;;) {
    const Layout::Quiet* quiet = next_silence(block);
    const Time silent = quiet != nullptr ? head.last_arrival + quiet->silence.after() : Time::max();
    const Time idle = head.due != Time::max() ? idle_deadline(head, layout, head.due) : Time::max();
    const Time deadline = std::min(silent, idle);
    if (deadline > now) {
      head.scheduled = deadline;
      if (deadline == Time::max()) return;
      const bool near = deadline - now <= 2 * slack;
      head.scheduled = wheel.schedule(slot, near ? deadline : deadline - slack);
      return;
    }
    if (idle <= silent) {
      head.watermark = std::max(head.watermark, head.due);
      close_windows(block, head.watermark, true, emitter);
    } else {
      auto& state = state_at<SilenceState>(block, quiet->offset);
      emitter.flag(quiet->silence.raise(state, quiet->detector, head.last_arrival));
      ++head.silences_raised;
    }
  }
}

// The silence that is raised next while no sample comes; null: none. Of equal ones the first.
const Layout::Quiet* Shard::State::next_silence(std::byte* block) noexcept {
  const Layout::Quiet* next = nullptr;
  for (const Layout::Quiet& quiet : state_at<SeriesHead>(block, 0).layout->silences) {
    if (state_at<SilenceState>(block, quiet.offset).raised) continue;
    if (next == nullptr || quiet.silence.after() < next->silence.after()) next = &quiet;
  }
  return next;
}

}  // namespace core
