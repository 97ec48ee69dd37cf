// Waiting: samples of one series that wait for the watermark, sorted by time; equal times as they came. What
// comes out is in order of time, as long as no more than `room` wait at once; the oldest then goes on its way
// early. Works on a state block; zero bytes are empty. Owned by one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/parts/ends.h"
#include "core/room.h"

namespace core {

class Waiting {
 public:
  static constexpr std::uint32_t room = 64;

  // Without `needed` nothing can wait, and nothing is reserved.
  Waiting(bool needed, Room& block) : needed_(needed) {
    if (!needed) return;
    count_ = block.reserve(sizeof(std::uint64_t), 8);
    points_ = block.reserve(room * sizeof(Point), 8);
  }
  [[nodiscard]] bool needed() const noexcept { return needed_; }
  [[nodiscard]] std::uint64_t size(const std::byte* block) const noexcept {
    return needed_ ? *reinterpret_cast<const std::uint64_t*>(block + count_) : 0;
  }
  [[nodiscard]] bool full(const std::byte* block) const noexcept { return size(block) == room; }
  // Precondition: not empty.
  [[nodiscard]] Time first(const std::byte* block) const noexcept {
    return reinterpret_cast<const Point*>(block + points_)->time;
  }
  // Precondition: needed and not full.
  void add(std::byte* block, const Point& point) const noexcept {
    Point* const begin = points(block);
    Point* place = begin + count(block)++;
    for (; place != begin && place[-1].time > point.time; --place) *place = place[-1];
    *place = point;
  }
  // Calls take(point) for those before `watermark`, in order; a point no longer waits when it is taken.
  template <class Take>
  void release(std::byte* block, Time watermark, const Take& take) const noexcept {
    while (size(block) != 0 && first(block) < watermark) release_first(block, take);
  }
  // Precondition: not empty.
  template <class Take>
  void release_first(std::byte* block, const Take& take) const noexcept {
    const Point point = *points(block);
    --count(block);
    std::memmove(points(block), points(block) + 1, count(block) * sizeof(Point));
    take(point);
  }

 private:
  [[nodiscard]] std::uint64_t& count(std::byte* block) const noexcept {
    return *reinterpret_cast<std::uint64_t*>(block + count_);
  }
  [[nodiscard]] Point* points(std::byte* block) const noexcept {
    return reinterpret_cast<Point*>(block + points_);
  }

  bool needed_;
  std::size_t count_ = 0, points_ = 0;
};

}  // namespace core
