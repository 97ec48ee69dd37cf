// SeriesTable: names of series, append-only. The edge thread interns; a worker may read the entry of any id that
// reached it through a queue (the queue orders the two). Entries never move and are never changed.
#pragma once

#include <atomic>
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

  // Edge thread only. The id of (plan, key values, field), a new one at first sight; nothing when series_max are in use
  // and it is not among them. Different tuples never share an id, whatever characters they hold. `plan` must outlive
  // the table. Each key value and the field: at most 65535 bytes.
  [[nodiscard]] std::optional<SeriesId> intern(const Plan& plan, std::span<const std::string_view> key,
                                               std::string_view field);

  // Threads as above. Precondition: id < size() as seen by the edge when it pushed the id.
  [[nodiscard]] const Plan& plan(SeriesId id) const noexcept;
  [[nodiscard]] std::string_view field(SeriesId id) const noexcept;
  // Value of the i-th key of the series' grouping. Precondition: i < number of keys it was interned with.
  [[nodiscard]] std::string_view key(SeriesId id, std::size_t i) const noexcept;

  // Any thread.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }

 private:
  struct Entry;
  static constexpr std::uint32_t chunk_entries = 4096;

  const Entry& entry(SeriesId id) const noexcept;

  const std::uint32_t series_max_;
  std::atomic<std::uint32_t> size_{0};
  std::unique_ptr<std::unique_ptr<Entry[]>[]> chunks_;  // entries, in chunks that never move
  std::vector<std::unique_ptr<char[]>> arena_;          // bytes of names
  std::size_t arena_used_ = 0;
  std::size_t arena_size_ = 0;
  struct Cell { std::uint64_t hash; SeriesId id; bool used; };
  std::vector<Cell> index_;                             // open addressing, edge thread only
};

}  // namespace core
