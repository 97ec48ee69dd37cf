// Heads: what every series has, a line for each slot of a shard. They lie side by side and never move, so
// that a sample finds its series by its number alone. Owned by one shard, used by its thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/arena.h"
#include "core/time.h"

namespace core {

struct Layout;

// All that a sample of the usual kind needs beside its pane. Zero bytes are the head of no series.
//
// The usual kind: newest < time < horizon (or newest again, at the same arrival), time - now <= lead_max, and
// now - newest_arrival <= idle. Nothing happens then but that the sample enters its panes, and windows
// over the last samples, which say what they have come to, and is judged: no window of time closes, none
// begins, and no deadline comes nearer than the wheel knows.
struct SeriesHead {
  const Layout* layout = nullptr;  // null: no series
  std::byte* block = nullptr;      // the rest of its state
  std::byte* pane = nullptr;       // newest one of the first window, in the block
  Time newest{};                   // event time of the newest sample
  Time newest_arrival{};  // "now" when that sample came; device time = newest + (now - newest_arrival)
  Time horizon{};         // the smallest time: no sample is of the usual kind
  Duration lead_max{};
  Time due{};  // earliest watermark at which a window has something to say; Time::max(): none
};
static_assert(sizeof(SeriesHead) == 64);

class Heads {
 public:
  static constexpr std::uint32_t early = 1U << 15U;  // slots that find_early() knows

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  // Slots below `size` have a head, that of no series at first.
  void grow(std::uint32_t size) {
    size_ = size;
    early_ = std::min(size, early);
    const std::size_t needed = (std::size_t{size} + chunk_heads - 1) / chunk_heads;
    while (chunks_.size() < needed) {
      chunks_.push_back(reinterpret_cast<SeriesHead*>(arena_.allocate(chunk_heads * sizeof(SeriesHead))));
    }
  }
  [[nodiscard]] SeriesHead& operator[](std::uint32_t slot) const noexcept {
    return chunks_.data()[slot / chunk_heads][slot % chunk_heads];
  }
  // Of any slot: beyond size(), the head of no series, which is not to be changed.
  [[nodiscard]] SeriesHead& find(std::uint32_t slot) const noexcept {
    return slot < size_ ? (*this)[slot] : nobody_;
  }
  // The same in fewer steps, for which no slot but the first ones has a head.
  [[nodiscard]] SeriesHead& find_early(std::uint32_t slot) const noexcept {
    return slot < early_ ? chunks_.data()[0][slot] : nobody_;
  }

 private:
  static constexpr std::uint32_t chunk_heads = early;  // 2 MiB

  Arena arena_;
  std::vector<SeriesHead*> chunks_;
  std::uint32_t size_ = 0;
  std::uint32_t early_ = 0;  // of them
  mutable SeriesHead nobody_;
};

}  // namespace core
