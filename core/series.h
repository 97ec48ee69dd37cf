// SeriesTable: names of series, append-only. The edge thread interns; a worker may read the entry of any id
// that reached it through a queue (the queue orders the two). Entries never move and are never changed.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/item.h"
#include "core/plan.h"

namespace core {

class SeriesTable {
 public:
  // `series_max` in [1, 2^31]. Memory grows with the series seen, not with series_max.
  explicit SeriesTable(std::uint32_t series_max);
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  // Edge thread only. The id of (plan, key values, field), a new one at first sight; nothing when series_max
  // are in use and it is not among them. Different tuples never share an id, whatever characters they hold.
  // `plan` must outlive the table. Each key value and the field: at most 65535 bytes.
  [[nodiscard]] std::optional<SeriesId> intern(const Plan& plan, std::span<const std::string_view> key,
                                               std::string_view field);

  // Threads as above. Precondition: id < size() as seen by the edge when it pushed the id.
  [[nodiscard]] const Plan& plan(SeriesId id) const noexcept;
  [[nodiscard]] std::string_view field(SeriesId id) const noexcept;
  // Value of the i-th key of the series' grouping. Precondition: i < number of keys it was interned with.
  [[nodiscard]] std::string_view key(SeriesId id, std::size_t i) const noexcept;

  // Field and key values as bytes, each with its length: equal for equal names, in every run.
  [[nodiscard]] std::string_view name(SeriesId id) const noexcept;

  // Any thread.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }

 private:
  struct Entry {
    const Plan* plan;
    const char* name;  // in the arena: see series.cpp
  };
  struct Cell {
    std::uint32_t hash;
    SeriesId id;
  };
  static constexpr std::uint32_t first_chunk =
      4096;                                      // entries; each chunk is twice as large as the one before
  static constexpr std::size_t chunks_max = 20;  // enough for 2^31

  [[nodiscard]] const Entry& entry(SeriesId id) const noexcept;
  void encode(std::span<const std::string_view> key, std::string_view field);
  [[nodiscard]] std::uint32_t hash(const Plan& plan) const noexcept;
  [[nodiscard]] Cell& find(const Plan& plan, std::uint32_t hash) noexcept;
  void append(const Plan& plan);
  void grow_index();

  const std::uint32_t series_max_;
  std::atomic<std::uint32_t> size_{0};
  std::array<std::unique_ptr<Entry[]>, chunks_max> chunks_;  // entries, in chunks that never move
  std::vector<std::unique_ptr<char[]>> arena_;               // bytes of names
  std::size_t arena_left_ = 0;                               // bytes free at the end of the last block
  char* arena_next_ = nullptr;
  std::vector<Cell> index_;   // open addressing, edge thread only
  std::vector<char> name_;    // the name being looked up, edge thread only
  const std::uint64_t seed_;  // of the hash: whoever names devices cannot aim at one cell
};

}  // namespace core
