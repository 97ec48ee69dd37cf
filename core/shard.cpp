#include "core/shard.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/additions.h"
#include "core/check.h"
#include "core/kernel.h"
#include "core/shard_state.h"
#include "core/usual.h"

namespace core {
namespace {

// The state of fewer series than these is in a cache near by, and need not be asked for long before.
constexpr std::uint32_t few_series = 2048;
static_assert(few_series <= Heads::early);

// Asks for a line of memory that will be changed. The empty statement is there because GCC takes a branch in
// which nothing is done but this for one that nobody needs.
[[gnu::always_inline]] inline void prefetch(const void* line) noexcept {
  __builtin_prefetch(line, 1);
  asm volatile("");
}

// The windows of a series whose panes its head does not know.
std::span<const Window> further_windows(const SeriesHead& head) noexcept {
  const std::span<const Window> all = head.layout->windows;
  return all.empty() ? all : all.subspan(1);
}

}  // namespace

Shard::Shard(std::uint32_t index, std::uint32_t shards, const SeriesTable& table, Output& output)
    : state_(std::make_unique<State>(index, shards, table, output)) {
  CHECK(index < shards, "index %u, shards %u", index, shards);
}

Shard::~Shard() = default;

void Shard::process(std::span<const Item> items) noexcept { state_->process(items); }

const ShardCounters& Shard::counters() const noexcept { return state_->counters; }

void Shard::State::process(std::span<const Item> items) noexcept {
  if (run_left != 0) items = items.subspan(take_run_values(items, 0));
  const std::uint64_t added = heads.size() < few_series ? process<false>(items) : process<true>(items);
  counters.aggregated.add(added);
}

// Many series do not fit into the cache: with `asks` each item's head is found and asked for `far` items
// before its turn, and its pane when the head is there. How many samples of the usual kind there were, but
// for those in runs.
template <bool asks>
std::uint64_t Shard::State::process(std::span<const Item> items) noexcept {
  constexpr std::size_t far = 64, near = 32, nearest = 16;
  std::array<SeriesHead*, far> found;  // of item i: found[i % far]
  const auto find = [&](std::size_t i) { prefetch(found[i % far] = &head_of(items[i])); };
  if constexpr (asks) {
    for (std::size_t i = 0; i < std::min(far, items.size()); ++i) find(i);
  }
  AdditionRoom room;
  Additions additions(room);
  std::size_t others = 0;
  for (std::size_t i = 0;;) {
    const Glance glance{.now = now, .awake = now - idle_least, .plain = all_plain};
    const std::size_t end = std::min(items.size(), i + additions.room());
    SeriesHead* head = nullptr;
    for (; i < end; ++i) {
      if constexpr (asks) {
        head = found[i % far];
        if (i + near < items.size()) ask_for_state(*found[(i + near) % far], items[i + near].time);
        if (!all_plain && i + nearest < items.size()) ask_for_panes(*found[(i + nearest) % far]);
        if (i + far < items.size()) find(i + far);
      } else {
        head = &heads.find_early(by_shards.divide(items[i].series));
      }
      if (!glance.sees_usual(*head, items[i])) break;
      if constexpr (!asks) prefetch(head->pane);
      take_plain(*head, items[i], glance.now, additions);
    }
    if (i == end) {
      additions.flush();
      if (i == items.size()) return i - others;
      continue;
    }
    const Item& item = items[i];
    if (item.is_sample() && is_usual(*head, item.time, item.time, now)) {
      take_usual(*head, item, additions);
    } else {
      additions.flush();
      if (item.kind() == ItemKind::run) return i - others + process_runs(items.subspan(i));
      take_other(item);
      ++others;
    }
    ++i;
  }
}

// A sample of the usual kind, of a plain series: it only enters its pane.
[[gnu::always_inline]] inline void Shard::State::take_plain(SeriesHead& head, const Item& item, Time now,
                                                            Additions& additions) noexcept {
  head.newest = item.time;
  head.newest_arrival = now;
  additions.add(reinterpret_cast<Summary*>(head.pane), item.value());
}

// A sample of the usual kind only enters its panes, and is judged.
inline void Shard::State::take_usual(SeriesHead& head, const Item& item, Additions& additions) noexcept {
  if (head.layout->plain) return take_plain(head, item, now, additions);
  head.newest = item.time;
  head.newest_arrival = now;
  enter(head, item);
}

// The windows and detectors of a series that is not plain.
void Shard::State::enter(const SeriesHead& head, const Item& item) noexcept {
  const Point point{item.time, item.value()};
  const std::vector<Window>& windows = head.layout->windows;
  for (const Window& window : windows) {
    if (const auto* paned = std::get_if<PanedWindow>(&window)) {
      // The head knows the first one's pane: its state is one line less to wait for.
      std::byte* const pane =
          &window == windows.data() ? head.pane : head.block + paned->pane_offset(head.block);
      paned->accumulator().add(pane, point, nullptr);
    }
  }
  if (head.layout->only_panes) return;
  position = item.position(position);
  if (head.layout->learns_silence) {
    note_arrival(head);
    watch(head, by_shards.divide(item.series));
  }
  Emitter emitter = emitter_for(head, item.series);
  for (const Window& window : head.layout->windows) {
    if (const auto* sampled = std::get_if<SampledWindow>(&window)) {
      (void)sampled->add(head.block, point, Time::min(), emitter);
    } else if (const auto* counted = std::get_if<CountedWindow>(&window)) {
      counted->add(head.block, point, emitter);
    }
  }
  judge(head, point, emitter);
}

// What a sample of that time will look at beside its head: all there is, where it may close windows.
inline void Shard::State::ask_for_state(const SeriesHead& head, Time time) const noexcept {
  prefetch(head.pane);
  if (head.layout == nullptr || !head.layout->usual || (head.layout->plain && time < head.horizon)) return;
  if (time < head.horizon) {
    for (const Judge& judge : head.layout->judges) {
      const std::size_t end = judge.offset() + judge.touched();
      for (std::size_t at = judge.offset(); at < end; at += Arena::line) prefetch(head.block + at);
    }
    for (const Window& window : further_windows(head)) {
      if (const auto* paned = std::get_if<PanedWindow>(&window)) prefetch(head.block + paned->state_offset());
    }
  } else {
    constexpr std::size_t most = 16 * Arena::line;
    for (std::size_t at = 0; at < std::min(head.layout->bytes, most); at += Arena::line)
      prefetch(head.block + at);
  }
}

// The further panes of a series that is not plain, when the windows' state is there.
inline void Shard::State::ask_for_panes(const SeriesHead& head) const noexcept {
  if (head.layout == nullptr || head.layout->plain) return;
  for (const Window& window : further_windows(head)) {
    if (const auto* paned = std::get_if<PanedWindow>(&window))
      prefetch(head.block + paned->pane_offset(head.block));
  }
}

// Where items may be values of runs, which name no series: to find those that do, each place goes from item
// to item by itself. How many samples of the usual kind there were, but for those in runs.
std::uint64_t Shard::State::process_runs(std::span<const Item> items) noexcept {
  constexpr std::size_t far = 256, near = 128, nearest = 64;
  const auto width = [](const Item& item) -> std::size_t {
    return item.kind() == ItemKind::run ? 1 + Item::run_items(item.run_count()) : 1;
  };
  AdditionRoom room;
  Additions additions(room);
  std::uint64_t usual = 0;
  std::size_t far_at = 0, near_at = 0;
  for (std::size_t i = 0; i < items.size();) {
    for (; far_at < std::min(i + far, items.size()); far_at += width(items[far_at]))
      prefetch(&head_of(items[far_at]));
    for (; near_at < std::min(i + near, items.size()); near_at += width(items[near_at]))
      ask_for_state(head_of(items[near_at]), items[near_at].time);
    if (!all_plain) ask_for_panes(head_of(items[std::min(i + nearest, items.size() - 1)]));
    const Item& item = items[i++];
    if (item.kind() == ItemKind::run) {
      begin_run(item);
      i = take_run_values(items, i);
    } else if (SeriesHead& head = head_of(item);
               item.is_sample() && is_usual(head, item.time, item.time, now)) {
      take_usual(head, item, additions);
      additions.flush();
      ++usual;
    } else {
      take_other(item);
    }
  }
  return usual;
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

// The values of a run: at once where the whole run is of the usual kind, else one after the other. So what
// comes of it depends on the series alone, and not on how its items were spread.
void Shard::State::take_run(const Item& item, std::span<const double> values) noexcept {
  const Duration step = item.run_step();
  const Time last = item.time + step * static_cast<std::int64_t>(values.size() - 1);
  SeriesHead& head = head_of(item);
  if (is_usual(head, item.time, last, now) && head.layout->plain) {
    head.newest = last;
    head.newest_arrival = now;
    kernel::add_run(*reinterpret_cast<Summary*>(head.pane), values);
    counters.aggregated.add(values.size());
    return;
  }
  if (table.plan(item.series).paired) return take_sample(item, values[0], values[1]);
  Item one = item;
  for (const double value : values) {
    take_sample(one, value);
    one.time += step;
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
    case ItemKind::expect:
      return take_expect(item);
    case ItemKind::link:
      return take_link(item);
    case ItemKind::run:
      break;
  }
  CHECK(false, "an item of kind %u", static_cast<unsigned>(item.kind()));
}

void Shard::State::take_sample(const Item& item, double value, double base) noexcept {
  CHECK(item.time >= time_min && item.time < time_max, "event time %lld",
        static_cast<long long>(item.time.time_since_epoch().count()));
  SeriesHead& known = head_of(item);
  SeriesHead& head = known.layout != nullptr ? known : allot(item.series);
  if (!has_samples(head)) start(head, item.series, item.time);
  SeriesRest& rest = rest_of(head);
  const Point point{item.time, value};
  bool fresh = false;
  advance(head, item.time, fresh);
  rest.last_arrival = now;
  Emitter emitter = emitter_for(head, item.series);
  if (rest.silences_raised != 0) clear_silences(head, point, emitter);
  if (head.layout->learns_silence) note_arrival(head);
  if (head.due <= rest.watermark) close_windows(head, rest.watermark, true, emitter);
  const bool taken = add_to_windows(head, point, emitter);
  (taken ? counters.aggregated : counters.late).add();
  if (!taken && head.layout->reports_late) emitter.late(point, rest.watermark);
  if (fresh && !std::isnan(value)) judge(head, point, emitter, base);
  watch(head, by_shards.divide(item.series));
  look_ahead(head);
}

// A sample of `time` has come. `fresh`: no newer one came before.
void Shard::State::advance(SeriesHead& head, Time time, bool& fresh) noexcept {
  const Layout& layout = *head.layout;
  Time& watermark = rest_of(head).watermark;
  fresh = time >= head.newest;
  watermark = std::max({watermark, head.newest - layout.lateness, idle_watermark(head, now)});
  if (time <= head.newest) return;
  if (layout.gaps != 0) state_at<Gaps>(head, layout.gaps).add(time - head.newest);
  head.newest = time;
  head.newest_arrival = now;
  watermark = std::max(watermark, time - layout.lateness);
}

}  // namespace core
