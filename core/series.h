// SeriesTable: names of series in use. The edge thread interns and evicts; a worker may read the entry of any
// id that reached it through a queue (the queue orders the two), until it has been told that the id is given
// up. Entries never move, and none is changed between intern() and release().
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
#include "core/text_pool.h"

namespace core {

class SeriesTable {
 public:
  // `series_max` in [1, 2^31]. Memory grows with the series seen, not with series_max.
  explicit SeriesTable(std::uint32_t series_max);
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  // Edge thread only. The id of (plan, key values, field), another one at first sight; nothing when it is not
  // in use and there is no room: series_max are in use, or the caller says so. Different tuples in use never
  // share an id, whatever characters they hold. `plan` must outlive the table. Each key value and the field:
  // at most 65535 bytes.
  [[nodiscard]] std::optional<SeriesId> intern(const Plan& plan, std::span<const std::string_view> key,
                                               std::string_view field, bool room = true);
  // Edge thread only. The series is in use no more: its place is free, and the same names begin another. Its
  // entry stays as it is until release(), when no worker reads it any more; then the id is given out again.
  void evict(SeriesId id) noexcept;
  void release(SeriesId id);
  // Edge thread only: what it notes of a series in use; nothing at first, and again after evict().
  struct Note {
    static constexpr std::uint32_t nowhere = ~std::uint32_t{0};
    std::uint32_t step = 0;
    std::uint32_t place = nowhere;
  };
  [[nodiscard]] Note& note(SeriesId id) noexcept { return entry(id).note; }
  // Edge thread only. Ids are less than this.
  [[nodiscard]] std::uint32_t ids() const noexcept { return ids_; }
  // Edge thread only. Memory of all of this.
  [[nodiscard]] std::size_t bytes() const noexcept;

  // Threads as above, from intern() of the id to its release().
  [[nodiscard]] const Plan& plan(SeriesId id) const noexcept;
  [[nodiscard]] std::string_view field(SeriesId id) const noexcept;
  // Value of the i-th key of the series' grouping. Precondition: i < number of keys it was interned with.
  [[nodiscard]] std::string_view key(SeriesId id, std::size_t i) const noexcept;

  // Field and key values as bytes, each with its length: equal for equal names, in every run.
  [[nodiscard]] std::string_view name(SeriesId id) const noexcept;
  // How many series were interned before: unlike an id it is never given out again, and it follows from the
  // calls of intern() and evict() alone.
  [[nodiscard]] std::uint64_t ordinal(SeriesId id) const noexcept;

  // Any thread. Series in use.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_.load(std::memory_order_acquire); }

 private:
  struct Entry {
    const Plan* plan;
    char* name;  // see series.cpp
    std::uint64_t ordinal;
    Note note;
  };
  struct Cell {
    std::uint32_t hash;
    SeriesId id;
  };
  static constexpr std::uint32_t first_chunk =
      4096;                                      // entries; each chunk is twice as large as the one before
  static constexpr std::size_t chunks_max = 20;  // enough for 2^31, and as many that wait for release()

  [[nodiscard]] Entry& entry(SeriesId id) const noexcept;
  void encode(std::span<const std::string_view> key, std::string_view field);
  [[nodiscard]] std::uint32_t hash(const Plan& plan) const noexcept;
  [[nodiscard]] Cell& find(const Plan& plan, std::uint32_t hash) noexcept;
  [[nodiscard]] SeriesId add(const Plan& plan);
  [[nodiscard]] SeriesId unused_id();
  void erase(std::size_t at) noexcept;
  void grow_index();

  const std::uint32_t series_max_;
  std::atomic<std::uint32_t> size_{0};
  std::array<std::unique_ptr<Entry[]>, chunks_max> chunks_;  // entries, in chunks that never move
  std::uint32_t ids_ = 0;
  std::uint64_t interned_ = 0;
  std::vector<SeriesId> free_;
  TextPool names_;
  std::vector<Cell> index_;   // open addressing, edge thread only
  std::vector<char> name_;    // the name being looked up, edge thread only
  const std::uint64_t seed_;  // of the hash: whoever names devices cannot aim at one cell
};

}  // namespace core
