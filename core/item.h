// Item: what travels from the edge to a shard, 24 bytes: a sample, or a tick that says how late it is.
// Made by the edge thread, read by one worker, never changed in between.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/time.h"

namespace core {

using SeriesId = std::uint32_t;  // shard = id % shards, slot = id / shards
using Position = std::uint64_t;  // how many messages the journal held before the one that caused something

enum class ItemKind : std::uint32_t {
  sample = 0,
  null = 1,    // the device said that it has no value
  run = 2,     // several samples of one series, whose values follow, three in each of the next items
  tick = 3,    // time has come to "now"
  evict = 4,   // the series is given up: open windows are emitted as they are, flags but silences cleared
  end = 5,     // no input follows: open windows are emitted as they are
  expect = 6,  // the series is expected to send, from "now" on; it has no sample yet
  link = 7,    // from "now" on nothing can be heard, or it can again
};

// All but ticks, ends and links carry the low 29 bits of their message's position; those three carry all 64
// bits in place of a value. Positions never go back, so a shard recovers the whole position as long as it is
// less than 2^29 behind one it knows; the edge sends a tick to every shard at least that often
// (Engine::tick).
struct Item {
  static constexpr int kind_shift = 29;
  static constexpr std::uint32_t position_mask = (1U << kind_shift) - 1;
  // A run: at most so many values, so many nanoseconds apart.
  static constexpr std::uint32_t run_max = 4096;
  static constexpr Duration run_step_max{(std::int64_t{1} << 47) - 1};
  static constexpr std::size_t run_values = 3;  // in one item

  Time time;           // event time of a sample, of a run's first; a tick's arrival time ("now")
  std::uint64_t bits;  // a sample's value, as the bits of a double; a tick's position; a run's shape
  SeriesId series;     // a tick's is 0, a link's 1 when it is up
  std::uint32_t tag;   // kind << 29 | low bits of the position

  static constexpr Item sample(SeriesId series, Time time, double value, Position position) noexcept {
    return {time, std::bit_cast<std::uint64_t>(value), series, tag_of(ItemKind::sample, position)};
  }
  static constexpr Item null(SeriesId series, Time time, Position position) noexcept {
    return {time, 0, series, tag_of(ItemKind::null, position)};
  }
  // 1 to run_max values from `time` on, each `step` after the one before, 0 to run_step_max.
  static constexpr Item run(SeriesId series, Time time, Duration step, std::uint32_t count,
                            Position position) noexcept {
    return {time, static_cast<std::uint64_t>(step.count()) << 16U | count, series,
            tag_of(ItemKind::run, position)};
  }
  static constexpr Item tick(Time now, Position position) noexcept {
    return {now, position, 0, tag_of(ItemKind::tick, 0)};
  }
  static constexpr Item evict(SeriesId series, Position position) noexcept {
    return {Time{}, 0, series, tag_of(ItemKind::evict, position)};
  }
  static constexpr Item end(Position position) noexcept {
    return {Time{}, position, 0, tag_of(ItemKind::end, 0)};
  }
  static constexpr Item expect(SeriesId series, Position position) noexcept {
    return {Time{}, 0, series, tag_of(ItemKind::expect, position)};
  }
  static constexpr Item link(bool up, Time now, Position position) noexcept {
    return {now, position, up ? SeriesId{1} : SeriesId{0}, tag_of(ItemKind::link, 0)};
  }
  [[nodiscard]] constexpr ItemKind kind() const noexcept { return static_cast<ItemKind>(tag >> kind_shift); }
  [[nodiscard]] constexpr bool is_sample() const noexcept { return tag <= position_mask; }
  [[nodiscard]] constexpr double value() const noexcept { return std::bit_cast<double>(bits); }
  [[nodiscard]] constexpr std::uint32_t run_count() const noexcept {
    return static_cast<std::uint32_t>(bits & 0xFFFF);
  }
  [[nodiscard]] constexpr Duration run_step() const noexcept {
    return Duration{static_cast<std::int64_t>(bits >> 16U)};
  }
  // Items that the values of a run of `count` take.
  static constexpr std::uint32_t run_items(std::uint32_t count) noexcept { return (count + 2) / 3; }
  // The whole position, given any earlier one of the same shard.
  [[nodiscard]] constexpr Position position(Position earlier) const noexcept {
    const bool whole = kind() == ItemKind::tick || kind() == ItemKind::end || kind() == ItemKind::link;
    return whole ? bits : earlier + ((tag - static_cast<std::uint32_t>(earlier)) & position_mask);
  }

 private:
  static constexpr std::uint32_t tag_of(ItemKind kind, Position position) noexcept {
    return static_cast<std::uint32_t>(kind) << kind_shift |
           (static_cast<std::uint32_t>(position) & position_mask);
  }
};
static_assert(sizeof(Item) == 24 && std::is_trivially_copyable_v<Item>);

}  // namespace core
