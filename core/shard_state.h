// Shard::State: how a shard is made. Only shard*.cpp include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/divisor.h"
#include "core/emitter.h"
#include "core/heads.h"
#include "core/layout.h"
#include "core/shard.h"
#include "core/wheel.h"

namespace core {

class Additions;

struct Shard::State {
  State(std::uint32_t own_index, std::uint32_t shard_count, const SeriesTable& series_table, Output& results)
      : index(own_index), shards(shard_count), by_shards(shard_count), table(series_table), output(results) {}

  // Items (shard.cpp).
  void process(std::span<const Item> items) noexcept;
  template <bool asks>
  std::uint64_t process(std::span<const Item> items) noexcept;
  static void take_plain(SeriesHead& head, const Item& item, Time now, Additions& additions) noexcept;
  void take_usual(SeriesHead& head, const Item& item, Additions& additions) noexcept;
  void enter(const SeriesHead& head, const Item& item) noexcept;
  void ask_for_state(const SeriesHead& head, Time time) const noexcept;
  void ask_for_panes(const SeriesHead& head) const noexcept;
  std::uint64_t process_runs(std::span<const Item> items) noexcept;
  void begin_run(const Item& item) noexcept;
  std::size_t take_run_values(std::span<const Item> items, std::size_t at) noexcept;
  void take_run(const Item& item, std::span<const double> values) noexcept;
  void take_other(const Item& item) noexcept;
  void take_sample(const Item& item, double value, double base = 0) noexcept;
  void advance(SeriesHead& head, Time time, bool& fresh) noexcept;

  // A series' life, its windows and detectors (shard_series.cpp).
  SeriesHead& allot(SeriesId series) noexcept;
  void start(SeriesHead& head, SeriesId series, Time first) const noexcept;
  void take_expect(const Item& item) noexcept;
  const Layout& layout_of(const Plan& plan);
  void take_evict(const Item& item) noexcept;
  void take_end() noexcept;
  [[nodiscard]] Emitter emitter_for(const SeriesHead& head, SeriesId series) noexcept;
  static void close_windows(SeriesHead& head, Time watermark, bool final, Emitter& emitter) noexcept;
  static bool add_to_windows(SeriesHead& head, const Point& point, Emitter& emitter) noexcept;
  static void judge(const SeriesHead& head, const Point& point, Emitter& emitter, double base = 0) noexcept;
  static void clear_silences(const SeriesHead& head, const Point& point, Emitter& emitter) noexcept;
  void note_arrival(const SeriesHead& head) const noexcept;

  // What happens because time goes on (shard_time.cpp).
  void take_tick(Time time) noexcept;
  void take_link(const Item& item) noexcept;
  struct Due;
  [[nodiscard]] Due next_silence(const SeriesHead& head) const noexcept;
  void watch(const SeriesHead& head, std::uint32_t slot) noexcept;
  static void look_ahead(SeriesHead& head) noexcept;
  void expire(std::uint32_t slot) noexcept;

  // Of a sample's, null's or run's series. The values of a run may stand for an item; they name some series,
  // or none.
  [[nodiscard]] SeriesHead& head_of(const Item& item) const noexcept {
    return heads.find(by_shards.divide(item.series));
  }

  const std::uint32_t index;
  const std::uint32_t shards;
  const Divisor by_shards;  // slot = series / shards
  const SeriesTable& table;
  Output& output;
  ShardCounters counters;
  Time now = no_time;  // of the last tick
  bool linked = true;  // the source hears what is sent
  Time linked_since = no_time;
  Position position = 0;  // of the last item that could emit something
  Heads heads;
  Arena arena;  // of blocks
  Wheel wheel;
  std::vector<std::pair<const Plan*, std::unique_ptr<const Layout>>> layouts;
  bool all_plain = true;   // they are, so far
  Duration idle_least{0};  // of all layouts' idle
  std::vector<std::byte> scratch;

  Item run{};                  // the run whose values come
  std::uint32_t run_left = 0;  // items of them that have still to come
  std::vector<double> run_values;
};

template <class T>
T& state_at(const SeriesHead& head, std::size_t offset) noexcept {
  return *reinterpret_cast<T*>(head.block + offset);
}

inline SeriesRest& rest_of(const SeriesHead& head) noexcept { return state_at<SeriesRest>(head, 0); }

// Whether there was a sample; before it, an expected series has no windows.
inline bool has_samples(const SeriesHead& head) noexcept { return rest_of(head).watermark != no_time; }

// What a silent series' watermark has come to: its device's clock is taken to run on since its newest sample.
inline Time idle_watermark(const SeriesHead& head, Time now) noexcept {
  return head.newest + (now - head.newest_arrival) - head.layout->lateness - head.layout->idle;
}

// The "now" at which idle_watermark() reaches `end`.
inline Time idle_deadline(const SeriesHead& head, Time end) noexcept {
  return head.newest_arrival + (end - head.newest) + head.layout->lateness + head.layout->idle;
}

}  // namespace core
