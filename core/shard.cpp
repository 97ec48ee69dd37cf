#include "core/shard.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/check.h"
#include "core/emitter.h"
#include "core/kernel.h"
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

SeriesHead& head_of(std::byte* block) noexcept { return state_at<SeriesHead>(block, 0); }

SeriesRest& rest_of(std::byte* block) noexcept {
  return state_at<SeriesRest>(block, head_of(block).layout->rest);
}

// FNV-1a of a series' key values and field: the same in every run, so that `spread` is.
std::uint64_t name_hash(const SeriesTable& table, SeriesId series) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : table.name(series)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}

// x / divisor by one multiplication, for all 32-bit x (Lemire, Kaser, Kurz 2019).
class Divisor {
 public:
  explicit Divisor(std::uint32_t divisor) noexcept
      : inverse_(divisor == 1 ? 0 : ~std::uint64_t{0} / divisor + 1) {}
  [[nodiscard]] std::uint32_t divide(std::uint32_t x) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return inverse_ == 0 ? x : static_cast<std::uint32_t>(Wide{inverse_} * x >> 64);
  }

 private:
  std::uint64_t inverse_;
};

// Samples of plain series that are added to their panes together. No series is in it twice: each head notes
// the number of the group that it was in last (numbers come again after 65,536 groups; a series that was away
// for exactly that long begins a group too many, which costs nothing else).
class Group {
 public:
  void add(SeriesHead& head, Summary* pane, double value) noexcept {
    if (head.group == number_) [[unlikely]]
      flush();
    head.group = number_;
    panes_[size_] = pane;
    values_[size_] = value;
    if (++size_ < kernel::width) return;
    kernel::add_each(panes_.data(), values_.data());
    begin();
  }
  void flush() noexcept {
    if (size_ == 0) return;
    for (std::size_t i = 0; i < size_; ++i) panes_[i]->add(values_[i]);
    begin();
  }

 private:
  void begin() noexcept {
    size_ = 0;
    if (++number_ == 0) number_ = 1;  // that of series that were in none
  }

  std::array<Summary*, kernel::width> panes_{};
  std::array<double, kernel::width> values_{};
  std::size_t size_ = 0;
  std::uint16_t number_ = 1;
};

// Where a series' block is, and the pane that its newest sample is in, in lines.
struct Home {
  Arena::Place block = 0;  // 0: not seen yet
  Arena::Place pane = 0;
};

}  // namespace

struct Shard::State {
  State(std::uint32_t own_index, std::uint32_t shard_count, const SeriesTable& series_table, Output& results)
      : index(own_index), shards(shard_count), by_shards(shard_count), table(series_table), output(results) {}

  void process(std::span<const Item> items) noexcept;
  // Of a sample's, null's or run's series; {0, 0}: it has no state.
  [[nodiscard]] Home home_of(const Item& item) const noexcept {
    const std::uint32_t slot = by_shards.divide(item.series);
    return slot < homes.size() ? homes[slot] : Home{};
  }
  [[gnu::always_inline]] void fetch(const Item& item) const noexcept;
  void fetch_rest(const Item& item) const noexcept;
  void take_other(const Item& item) noexcept;

  void take_tick(Time now) noexcept;
  void take_usual(std::byte* block, const Item& item) noexcept;
  void take_sample(const Item& item, double value) noexcept;
  std::uint64_t process_runs(std::span<const Item> items) noexcept;
  bool take_usual_sample(const Item& item) noexcept;
  void take_run(const Item& item, std::span<const double> values) noexcept;
  void begin_run(const Item& item) noexcept;
  std::size_t take_run_values(std::span<const Item> items, std::size_t at) noexcept;
  void take_evict(const Item& item) noexcept;
  void take_end() noexcept;

  std::byte* block_of(const Item& item) noexcept;
  std::byte* start_series(SeriesId series, std::uint32_t slot, Time time) noexcept;
  const Layout& layout_of(const Plan& plan);
  [[nodiscard]] Emitter emitter_for(std::byte* block, SeriesId series) noexcept;
  [[nodiscard]] bool is_usual(const SeriesHead& head, Time first, Time last) const noexcept {
    return (first > head.newest || (first == head.newest && now == head.newest_arrival)) &&
           last < head.horizon && last - now <= head.lead_max &&
           now - head.newest_arrival <= head.layout->idle;
  }

  void advance(SeriesHead& head, Time time, bool& fresh) noexcept;
  static void close_windows(std::byte* block, Time watermark, bool final, Emitter& emitter) noexcept;
  static bool add_to_windows(std::byte* block, const Point& point, Emitter& emitter) noexcept;
  static void judge(std::byte* block, const Point& point, Emitter& emitter) noexcept;
  static void clear_silences(std::byte* block, const Point& point, Emitter& emitter) noexcept;

  void watch(std::byte* block, std::uint32_t slot) noexcept;
  void look_ahead(std::byte* block, std::uint32_t slot) noexcept;
  void expire(std::uint32_t slot) noexcept;
  static Time last_arrival(std::byte* block) noexcept;
  static const Layout::Quiet* next_silence(std::byte* block) noexcept;

  const std::uint32_t index;
  const std::uint32_t shards;
  const Divisor by_shards;
  const SeriesTable& table;
  Output& output;
  ShardCounters counters;
  Time now = no_time;       // of the last tick
  Position position = 0;    // of the last item that is not of the usual kind
  std::vector<Home> homes;  // by slot
  bool all_plain = true;    // so far
  Arena arena;
  Wheel wheel;
  std::vector<std::pair<const Plan*, std::unique_ptr<const Layout>>> layouts;
  std::vector<std::byte> scratch;

  Group group;

  Item run{};                  // the run whose values come
  std::uint32_t run_left = 0;  // items of them that have still to come
  std::vector<double> run_values;
};

Shard::Shard(std::uint32_t index, std::uint32_t shards, const SeriesTable& table, Output& output)
    : state_(std::make_unique<State>(index, shards, table, output)) {
  CHECK(index < shards, "index %u, shards %u", index, shards);
}

Shard::~Shard() = default;

void Shard::process(std::span<const Item> items) noexcept { state_->process(items); }

const ShardCounters& Shard::counters() const noexcept { return state_->counters; }

// Each item's memory is asked for some items before its turn: many series do not fit into the cache.
void Shard::State::process(std::span<const Item> items) noexcept {
  constexpr std::size_t farthest = 64, far = 32, near = 16;
  std::uint64_t added = 0;
  std::size_t i = 0;
  if (run_left != 0) i = take_run_values(items, 0);
  for (; i < items.size(); ++i) {
    if (i + farthest < items.size())
      __builtin_prefetch(&homes.data()[by_shards.divide(items[i + farthest].series)]);
    if (i + far < items.size()) fetch(items[i + far]);
    if (!all_plain && i + near < items.size()) fetch_rest(items[i + near]);
    if (take_usual_sample(items[i])) {
      ++added;
      continue;
    }
    group.flush();
    if (items[i].kind() == ItemKind::run) {
      added += process_runs(items.subspan(i));
      break;
    }
    take_other(items[i]);
  }
  group.flush();
  counters.aggregated.add(added);
}

// The same where items may be values of runs, which name no series: to find those that do, each place goes
// from item to item by itself. How many samples of the usual kind there were, but for those in runs.
std::uint64_t Shard::State::process_runs(std::span<const Item> items) noexcept {
  constexpr std::size_t farthest = 256, far = 128;
  const auto width = [](const Item& item) -> std::size_t {
    return item.kind() == ItemKind::run ? 1 + Item::run_items(item.run_count()) : 1;
  };
  std::uint64_t added = 0;
  std::size_t farthest_at = 0, far_at = 0;
  for (std::size_t i = 0; i < items.size();) {
    for (; farthest_at < std::min(i + farthest, items.size()); farthest_at += width(items[farthest_at]))
      __builtin_prefetch(&homes.data()[by_shards.divide(items[farthest_at].series)]);
    for (; far_at < std::min(i + far, items.size()); far_at += width(items[far_at])) {
      fetch(items[far_at]);
      if (!all_plain) fetch_rest(items[far_at]);
    }
    const Item& item = items[i++];
    if (take_usual_sample(item)) {
      ++added;
      continue;
    }
    group.flush();
    if (item.kind() == ItemKind::run) {
      begin_run(item);
      i = take_run_values(items, i);
    } else {
      take_other(item);
    }
  }
  return added;
}

// A sample that does nothing but enter its pane; false, and no effect, for anything else.
inline bool Shard::State::take_usual_sample(const Item& item) noexcept {
  const Home home = home_of(item);
  if (item.kind() != ItemKind::sample || home.block == 0) [[unlikely]]
    return false;
  std::byte* const block = arena.at(home.block);
  SeriesHead& head = head_of(block);
  if (!is_usual(head, item.time, item.time)) [[unlikely]]
    return false;
  head.newest = item.time;
  head.newest_arrival = now;
  if (head.layout->plain) {
    group.add(head, &state_at<Summary>(block, head.pane), item.value());
  } else {
    take_usual(block, item);
  }
  return true;
}

// What lies where a series' samples usually go. The values of a run may stand for an item: asking for some
// series' memory does no harm.
inline void Shard::State::fetch(const Item& item) const noexcept {
  const Home home = home_of(item);
  if (home.block == 0) return;
  __builtin_prefetch(arena.at(home.block), 1);
  __builtin_prefetch(arena.at(home.pane), 1);
}

inline void Shard::State::fetch_rest(const Item& item) const noexcept {
  const Home home = home_of(item);
  if (home.block == 0) return;
  std::byte* const block = arena.at(home.block);
  const Layout& layout = *head_of(block).layout;
  for (const Layout::Judge& judge : layout.judges) __builtin_prefetch(block + judge.offset, 1);
  if (layout.plain) return;
  for (const Window& window : layout.windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      __builtin_prefetch(block + paned->pane_offset(block), 1);
    }
  }
}

// Anything but a sample of the usual kind, and runs.
void Shard::State::take_other(const Item& item) noexcept {
  position = item.position(position);
  switch (item.kind()) {
    case ItemKind::sample:
      return take_sample(item, item.value());
    case ItemKind::null:
      return take_sample(item, std::numeric_limits<double>::quiet_NaN());
    case ItemKind::tick:
      return take_tick(item.time);
    case ItemKind::evict:
      return take_evict(item);
    case ItemKind::end:
      return take_end();
    case ItemKind::run:
      break;
  }
  CHECK(false, "an item of kind %u", static_cast<unsigned>(item.kind()));
}

void Shard::State::take_tick(Time time) noexcept {
  CHECK(time >= now, "a tick goes back from %lld to %lld",
        static_cast<long long>(now.time_since_epoch().count()),
        static_cast<long long>(time.time_since_epoch().count()));
  now = time;
  wheel.advance(now, [this](std::uint32_t slot) { expire(slot); });
}

// A sample of the usual kind of a series that is not plain.
void Shard::State::take_usual(std::byte* block, const Item& item) noexcept {
  const Point point{item.time, item.value()};
  const Layout& layout = *head_of(block).layout;
  for (const Window& window : layout.windows) {
    const PanedWindow& paned = *std::get_if<PanedWindow>(&window);
    paned.accumulator().add(block + paned.pane_offset(block), point, nullptr);
  }
  if (layout.judges.empty()) return;
  position = item.position(position);
  Emitter emitter = emitter_for(block, item.series);
  judge(block, point, emitter);
}

void Shard::State::take_sample(const Item& item, double value) noexcept {
  std::byte* block = block_of(item);
  const Point point{item.time, value};
  bool fresh = false;
  advance(head_of(block), item.time, fresh);
  rest_of(block).last_arrival = now;
  Emitter emitter = emitter_for(block, item.series);
  const SeriesHead& head = head_of(block);
  if (head.silences_raised != 0) clear_silences(block, point, emitter);
  if (head.due <= head.watermark) close_windows(block, head.watermark, true, emitter);
  const bool taken = add_to_windows(block, point, emitter);
  (taken ? counters.aggregated : counters.late).add();
  if (!taken && head.layout->reports_late) emitter.late(point, head.watermark);
  if (fresh && !std::isnan(value)) judge(block, point, emitter);
  const std::uint32_t slot = by_shards.divide(item.series);
  watch(block, slot);
  look_ahead(block, slot);
}

// The values of a run: at once where the whole run is of the usual kind, else one after the other. So what
// comes of it depends on the series alone, and not on how its items were spread.
void Shard::State::take_run(const Item& item, std::span<const double> values) noexcept {
  const Duration step = item.run_step();
  const Time last = item.time + step * static_cast<std::int64_t>(values.size() - 1);
  const std::uint32_t slot = by_shards.divide(item.series);
  std::byte* const block =
      slot < homes.size() && homes[slot].block != 0 ? arena.at(homes[slot].block) : nullptr;
  if (block != nullptr && head_of(block).layout->plain && is_usual(head_of(block), item.time, last)) {
    head_of(block).newest = last;
    head_of(block).newest_arrival = now;
    kernel::add_run(state_at<Summary>(block, head_of(block).pane), values);
    counters.aggregated.add(values.size());
    return;
  }
  Item one = item;
  for (const double value : values) {
    take_sample(one, value);
    one.time += step;
  }
}

void Shard::State::begin_run(const Item& item) noexcept {
  position = item.position(position);
  run = item;
  run_left = Item::run_items(item.run_count());
  run_values.clear();
}

// The values that are here, from item `at` on; where they end.
std::size_t Shard::State::take_run_values(std::span<const Item> items, std::size_t at) noexcept {
  const std::size_t here = std::min<std::size_t>(run_left, items.size() - at);
  const auto* const first = reinterpret_cast<const double*>(items.data() + at);
  const bool whole = run_values.empty() && here == run_left;
  run_left -= static_cast<std::uint32_t>(here);
  if (whole) {
    take_run(run, {first, run.run_count()});
  } else {
    run_values.insert(run_values.end(), first, first + here * Item::run_values);
    if (run_left == 0) take_run(run, std::span(run_values).first(run.run_count()));
  }
  return at + here;
}

// What the series' windows hold is all they will ever hold. Its memory is free for another.
void Shard::State::take_evict(const Item& item) noexcept {
  const std::uint32_t slot = by_shards.divide(item.series);
  if (slot >= homes.size() || homes[slot].block == 0) return;
  std::byte* const block = arena.at(homes[slot].block);
  Emitter emitter = emitter_for(block, item.series);
  close_windows(block, Time::max() - Duration{1}, false, emitter);
  const std::size_t bytes = head_of(block).layout->bytes;
  wheel.remove(slot);
  arena.release(std::exchange(homes[slot], Home{}).block, bytes);
  counters.evicted.add();
  counters.series.set(counters.series.get() - 1);
  counters.state_bytes.set(counters.state_bytes.get() - bytes);
}

// No sample can follow.
void Shard::State::take_end() noexcept {
  for (std::uint32_t slot = 0; slot < homes.size(); ++slot) {
    if (homes[slot].block == 0) continue;
    std::byte* const block = arena.at(homes[slot].block);
    Emitter emitter = emitter_for(block, slot * shards + index);
    close_windows(block, Time::max() - Duration{1}, false, emitter);
  }
}

std::byte* Shard::State::block_of(const Item& item) noexcept {
  const std::uint32_t slot = by_shards.divide(item.series);
  CHECK(item.series - slot * shards == index, "series %u came to shard %u of %u", item.series, index, shards);
  CHECK(item.time >= time_min && item.time < time_max, "event time %lld",
        static_cast<long long>(item.time.time_since_epoch().count()));
  if (slot < homes.size() && homes[slot].block != 0) [[likely]]
    return arena.at(homes[slot].block);
  return start_series(item.series, slot, item.time);
}

std::byte* Shard::State::start_series(SeriesId series, std::uint32_t slot, Time time) noexcept {
  CHECK(now != no_time, "series %u has a sample before the first tick", series);
  if (slot >= homes.size()) {
    homes.resize(slot + 1);
    wheel.grow(slot + 1);
  }
  const Layout& layout = layout_of(table.plan(series));
  homes[slot].block = homes[slot].pane = arena.allocate(layout.bytes);
  std::byte* const block = arena.at(homes[slot].block);
  head_of(block) = {.layout = &layout,
                    .newest = time,
                    .newest_arrival = now,
                    .horizon = Time::min(),
                    .lead_max = Duration{0},
                    .pane = 0,
                    .silences_raised = 0,
                    .group = 0,
                    .watermark = time - layout.lateness,
                    .due = Time::max()};
  rest_of(block) = {.scheduled = Time::max(), .last_arrival = now};
  const std::uint64_t hash = name_hash(table, series);
  for (const Window& window : layout.windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      paned->start(block, time, hash);
      head_of(block).due = std::min(head_of(block).due, paned->due(block));
    } else if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      sampled->start(block);
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      counted->start(block);
    } else {
      std::get_if<SessionWindow>(&window)->start(block);
    }
  }
  counters.series.add();
  counters.state_bytes.add(layout.bytes);
  return block;
}

const Layout& Shard::State::layout_of(const Plan& plan) {
  for (const auto& [known, layout] : layouts) {
    if (known == &plan) return *layout;
  }
  layouts.emplace_back(&plan, std::make_unique<const Layout>(plan));
  all_plain = all_plain && layouts.back().second->plain;
  scratch.resize(std::max(scratch.size(), layouts.back().second->scratch));
  return *layouts.back().second;
}

Emitter Shard::State::emitter_for(std::byte* block, SeriesId series) noexcept {
  const SeriesHead& head = head_of(block);
  const std::size_t gaps = head.layout->gaps;
  return {output,        counters,    position,
          series,        head.newest, gaps != 0 ? &state_at<Gaps>(block, gaps) : nullptr,
          scratch.data()};
}

// A sample of `time` has come. `fresh`: no newer one came before.
void Shard::State::advance(SeriesHead& head, Time time, bool& fresh) noexcept {
  const Layout& layout = *head.layout;
  fresh = time >= head.newest;
  head.watermark =
      std::max({head.watermark, head.newest - layout.lateness, idle_watermark(head, layout, now)});
  if (time <= head.newest) return;
  if (layout.gaps != 0) {
    state_at<Gaps>(reinterpret_cast<std::byte*>(&head), layout.gaps).add(time - head.newest);
  }
  head.newest = time;
  head.newest_arrival = now;
  head.watermark = std::max(head.watermark, time - layout.lateness);
}

void Shard::State::close_windows(std::byte* block, Time watermark, bool final, Emitter& emitter) noexcept {
  SeriesHead& head = head_of(block);
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
bool Shard::State::add_to_windows(std::byte* block, const Point& point, Emitter& emitter) noexcept {
  SeriesHead& head = head_of(block);
  const auto& windows = head.layout->windows;
  bool taken = windows.empty();
  const auto add = [&](const auto& window) {
    if (!window.add(block, point, head.watermark, emitter)) return;
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

void Shard::State::judge(std::byte* block, const Point& point, Emitter& emitter) noexcept {
  for (const Layout::Judge& one : head_of(block).layout->judges) {
    Verdict verdict;
    FlagLife* life = nullptr;
    if (const auto* zscore = std::get_if<Zscore>(&one.kind)) {
      auto& state = state_at<ZscoreState>(block, one.offset);
      verdict = zscore->add(state, point.value);
      life = &state.life;
    } else {
      verdict = std::get_if<Threshold>(&one.kind)->add(point.value);
      life = &state_at<ThresholdState>(block, one.offset).life;
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

void Shard::State::clear_silences(std::byte* block, const Point& point, Emitter& emitter) noexcept {
  SeriesHead& head = head_of(block);
  for (const Layout::Quiet& quiet : head.layout->silences) {
    auto& state = state_at<SilenceState>(block, quiet.offset);
    if (state.raised) emitter.flag(quiet.silence.clear(state, quiet.detector, point.time, point.value));
  }
  head.silences_raised = 0;
}

// After a sample: makes sure that the wheel looks at the series no later than its next deadline. Where the
// deadline has come nearer, the series is scheduled half-way to the earliest time that any later sample could
// bring it to, so that a run of samples that each bring it nearer moves it a few times and not each time.
void Shard::State::watch(std::byte* block, std::uint32_t slot) noexcept {
  const SeriesHead& head = head_of(block);
  const Layout& layout = *head.layout;
  Time deadline = Time::max();
  Time earliest = Time::max();
  if (head.due != Time::max()) {
    deadline = idle_deadline(head, layout, head.due);
    earliest = head.newest_arrival + layout.idle;
  }
  if (layout.silence_least != Duration::max()) {
    const Time silent = last_arrival(block) + layout.silence_least;
    deadline = std::min(deadline, silent);
    earliest = std::min(earliest, silent);
  }
  SeriesRest& rest = rest_of(block);
  if (deadline < rest.scheduled) [[unlikely]]
    rest.scheduled = wheel.schedule(slot, earliest);
}

// Which samples are of the usual kind from now on. A sample ahead of the clock by more than before brings the
// idle deadline of `due` nearer; it may come as near as the wheel looks.
void Shard::State::look_ahead(std::byte* block, std::uint32_t slot) noexcept {
  SeriesHead& head = head_of(block);
  const Layout& layout = *head.layout;
  head.horizon = Time::min();
  // A clock that stands behind the watermark: its samples may be late.
  if (!layout.usual || head.silences_raised != 0 || head.watermark > head.newest) return;
  Time horizon = time_max;
  for (const Window& window : layout.windows) {
    horizon = std::min(horizon, std::get_if<PanedWindow>(&window)->horizon(block));
  }
  head.lead_max = Duration::max();
  if (head.due != Time::max()) {
    horizon = std::min(horizon, head.due + layout.lateness);
    head.lead_max = head.due + layout.lateness + layout.idle - rest_of(block).scheduled;
  }
  head.horizon = horizon;
  if (!layout.windows.empty()) {
    head.pane = static_cast<std::uint32_t>(std::get_if<PanedWindow>(&layout.windows[0])->pane_offset(block));
    homes[slot].pane = homes[slot].block + head.pane / static_cast<std::uint32_t>(Arena::line);
  }
}

// Does what is due in a series, in order of deadline, windows before silences where they are equal; then
// schedules it for its next deadline, or a little earlier, so that samples that come with the usual jitter
// seldom bring the deadline before the time scheduled.
void Shard::State::expire(std::uint32_t slot) noexcept {
  std::byte* block = arena.at(homes[slot].block);
  SeriesHead& head = head_of(block);
  const Layout& layout = *head.layout;
  Emitter emitter = emitter_for(block, slot * shards + index);
  for (;;) {
    const Layout::Quiet* quiet = next_silence(block);
    const Time silent = quiet != nullptr ? last_arrival(block) + quiet->silence.after() : Time::max();
    const Time idle = head.due != Time::max() ? idle_deadline(head, layout, head.due) : Time::max();
    const Time deadline = std::min(silent, idle);
    if (deadline > now) {
      const bool near = deadline == Time::max() || deadline - now <= 2 * slack;
      const Time look = near ? deadline : deadline - slack;
      rest_of(block).scheduled = look == Time::max() ? look : wheel.schedule(slot, look);
      return look_ahead(block, slot);
    }
    if (idle <= silent) {
      head.watermark = std::max({head.watermark, head.newest - layout.lateness, head.due});
      close_windows(block, head.watermark, true, emitter);
    } else {
      auto& state = state_at<SilenceState>(block, quiet->offset);
      emitter.flag(quiet->silence.raise(state, quiet->detector, last_arrival(block)));
      ++head.silences_raised;
    }
  }
}

// "now" when any sample last came: samples of the usual kind note it in the head only.
Time Shard::State::last_arrival(std::byte* block) noexcept {
  return std::max(rest_of(block).last_arrival, head_of(block).newest_arrival);
}

// The silence that is raised next while no sample comes; null: none. Of equal ones the first.
const Layout::Quiet* Shard::State::next_silence(std::byte* block) noexcept {
  const Layout::Quiet* next = nullptr;
  for (const Layout::Quiet& quiet : head_of(block).layout->silences) {
    if (state_at<SilenceState>(block, quiet.offset).raised) continue;
    if (next == nullptr || quiet.silence.after() < next->silence.after()) next = &quiet;
  }
  return next;
}

}  // namespace core
