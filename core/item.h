// Item: what travels from the edge to a shard, 24 bytes: a sample, or a tick that says how late it is.
// Made by the edge thread, read by one worker, never changed in between.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/time.h"

namespace core {

using SeriesId = std::uint32_t;  // dense, in order of first sight; shard = id % shards, slot = id / shards
using Position = std::uint64_t;  // how many messages the journal held before the one that caused something

enum class ItemKind : std::uint32_t {
  sample = 0,
  tick = 1,  // time has come to "now"
  end = 2,   // no input follows: open windows are emitted as they are
};

// A sample carries the low 30 bits of its message's position; a tick or an end carries all 64 bits in place
// of a value. Positions never go back, so a shard recovers the whole position as long as two neighbours are
// less than 2^30 apart; the edge sends a tick to every shard at least that often (Engine::tick).
struct Item {
  static constexpr std::uint32_t position_mask = (1U << 30) - 1;

  Time time;           // a sample's event time; a tick's arrival time ("now")
  std::uint64_t bits;  // a sample's value, as the bits of a double; a tick's position
  SeriesId series;     // a tick's is 0
  std::uint32_t tag;   // kind << 30 | low bits of the position

  static constexpr Item sample(SeriesId series, Time time, double value, Position position) noexcept {
    return {time, std::bit_cast<std::uint64_t>(value), series,
            static_cast<std::uint32_t>(position) & position_mask};
  }
  static constexpr Item tick(Time now, Position position) noexcept {
    return {now, position, 0, static_cast<std::uint32_t>(ItemKind::tick) << 30};
  }
  static constexpr Item end(Position position) noexcept {
    return {Time{}, position, 0, static_cast<std::uint32_t>(ItemKind::end) << 30};
  }
  [[nodiscard]] constexpr ItemKind kind() const noexcept { return static_cast<ItemKind>(tag >> 30); }
  [[nodiscard]] constexpr double value() const noexcept { return std::bit_cast<double>(bits); }
  // The whole position, given any earlier one of the same shard.
  [[nodiscard]] constexpr Position position(Position earlier) const noexcept {
    return kind() != ItemKind::sample
               ? bits
               : earlier + ((tag - static_cast<std::uint32_t>(earlier)) & position_mask);
  }
};
static_assert(sizeof(Item) == 24 && std::is_trivially_copyable_v<Item>);

}  // namespace core
