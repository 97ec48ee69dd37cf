// Wheel: which series have to be looked at as time goes on. A hashed timing wheel (Varghese and Lauck 1987,
// scheme 6) of doubly linked lists in one array: scheduling is O(1), and a tick costs the slots it passes
// plus the series in them. A series is in it at most once, no later than its deadline; it may be looked at
// too early, up to once per turn of the wheel where its deadline lies beyond that. Owned by one shard, used
// by its thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/time.h"

namespace core {

class Wheel {
 public:
  Wheel() : links_(series_base) {
    for (std::uint32_t list = 0; list < series_base; ++list) links_[list] = {list, list};
  }

  // Makes room for series below `count`; they are in no list. Allocates.
  void grow(std::uint32_t count) {
    for (auto node = static_cast<std::uint32_t>(links_.size()); node < series_base + count; ++node) {
      links_.push_back({node, node});
    }
  }

  // Moves `series` to where it is met by the first advance() to `time` or later, or earlier. Returns the time
  // it is met at the latest.
  Time schedule(std::uint32_t series, Time time) noexcept {
    const std::int64_t last = now_ + slots - 1;
    const std::int64_t slot = std::clamp(slot_of(time), now_, last);
    const std::uint32_t node = series_base + series;
    unlink(node);
    insert_before(list_of(slot), node);
    return slot_of(time) <= last ? time : Time{Duration{last << slot_bits}};
  }

  // Takes `series` out; it is looked at no more.
  void remove(std::uint32_t series) noexcept { unlink(series_base + series); }

  // Time has come to `now`, which never goes back. Takes out the series that may be due and calls
  // expire(series) for each; it may schedule that series again.
  template <class Expire>
  void advance(Time now, Expire expire) noexcept {
    const std::int64_t target = slot_of(now);
    const std::int64_t first = std::max(now_, target - slots + 1);
    // After a jump of more than a turn every list is passed once, whatever its number was.
    for (std::int64_t slot = first; slot <= target; ++slot) splice(list_of(slot));
    now_ = target;
    while (links_[due].next != due) {
      const std::uint32_t node = links_[due].next;
      unlink(node);
      expire(node - series_base);
    }
  }

 private:
  struct Link {
    std::uint32_t previous;
    std::uint32_t next;
  };
  static constexpr int slot_bits = 27;         // 134 ms, a little more than a tick
  static constexpr std::int64_t slots = 1024;  // a turn is 137 s
  static constexpr std::uint32_t due = 1024;   // the list of what advance() has taken out
  static constexpr std::uint32_t series_base = due + 1;

  static std::int64_t slot_of(Time time) noexcept { return time.time_since_epoch().count() >> slot_bits; }
  static std::uint32_t list_of(std::int64_t slot) noexcept {
    return static_cast<std::uint32_t>(slot & (slots - 1));
  }

  void unlink(std::uint32_t node) noexcept {
    const Link link = links_[node];
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
    links_[node] = {node, node};
  }
  void insert_before(std::uint32_t list, std::uint32_t node) noexcept {
    const std::uint32_t previous = links_[list].previous;
    links_[node] = {previous, list};
    links_[previous].next = node;
    links_[list].previous = node;
  }
  // Moves all of `list` to the end of the due list.
  void splice(std::uint32_t list) noexcept {
    const Link link = links_[list];
    if (link.next == list) return;
    const std::uint32_t tail = links_[due].previous;
    links_[tail].next = link.next;
    links_[link.next].previous = tail;
    links_[link.previous].next = due;
    links_[due].previous = link.previous;
    links_[list] = {list, list};
  }

  std::vector<Link> links_;  // lists, then series
  std::int64_t now_ = 0;
};

}  // namespace core
