// Routes: what the edge remembers of topics, so that each is parsed once. Edge thread only; bounded, and
// those that are not used any more give up their place.
//
// With more devices than the caches hold, a message waits for memory longer than for anything else. So a
// route and all that it looks into lie side by side, and the edge says early which topics will come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/item.h"

namespace bridge {

struct EdgeStream;

// In a route's series: not looked up yet; no rule wants the field; the series limit is reached.
inline constexpr core::SeriesId unknown_series = ~core::SeriesId{0};
inline constexpr core::SeriesId unwanted_series = unknown_series - 1;
inline constexpr core::SeriesId limited_series = unknown_series - 2;

// Name of a payload that is one bare number, where its topic gives none: known by where it lies.
inline constexpr char nameless_text[] = "value";
inline constexpr std::string_view nameless_field{nameless_text};

struct Route {
  EdgeStream* stream = nullptr;      // null: no stream takes it
  std::span<core::SeriesId> series;  // [field * groupings + grouping], for groupings without tags
  std::string_view topic;            // the views below look into it
  std::string_view bare_field;       // name of a payload that is one bare number; or nameless_field
  std::span<std::string_view> captures;
  std::uint32_t step = 0;     // of the roster, in which its series were looked up
  std::uint32_t evicted = 0;  // series given up by then: as long as no more are, limited_series stays true

  [[nodiscard]] core::SeriesId known(std::size_t at) const noexcept {
    return at < series.size() ? series[at] : unknown_series;
  }
};

// By topic; open addressing.
class Routes {
 public:
  explicit Routes(std::size_t routes_max) : routes_max_(routes_max), cells_(1024) {}

  [[nodiscard]] Route* find(std::string_view topic, std::uint64_t hash) const noexcept {
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Cell& cell = cells_[i];
      if (cell.route == nullptr) return nullptr;
      if (cell.hash == hash && cell.route->topic == topic) return cell.route;
    }
  }
  [[nodiscard]] bool full() const noexcept { return size_ >= routes_max_; }

  // Remembers a copy of `route` and of all that it looks into; its series have room for `series`.
  // Precondition: not full, and not found.
  Route* add(const Route& route, std::uint64_t hash, std::size_t series);
  // Room for `series` in a route of this table.
  void widen(Route& route, std::size_t series);

  // Forgets all of them.
  void clear() noexcept;

  // Looks at the next `part` of all routes, and forgets those last used more than `age_max` steps ago.
  void forget(std::uint32_t step, std::uint32_t age_max, double part);

  // A topic with this hash comes soon, and then again when it comes very soon: memory is fetched meanwhile.
  void expect(std::uint64_t hash) const noexcept { __builtin_prefetch(&cells_[hash & mask()]); }
  void expect_soon(std::uint64_t hash) const noexcept {
    const auto* const route = reinterpret_cast<const char*>(cells_[hash & mask()].route);
    __builtin_prefetch(route);
    __builtin_prefetch(route + 64);
  }

 private:
  struct Cell {
    std::uint64_t hash = 0;
    Route* route = nullptr;
  };

  [[nodiscard]] std::size_t mask() const noexcept { return cells_.size() - 1; }
  void place(const Cell& cell) noexcept;
  void grow();
  void drop(std::size_t at) noexcept;
  [[nodiscard]] void* take(std::size_t bytes);
  void give_back(void* memory, std::size_t bytes) noexcept;

  std::size_t routes_max_;
  std::size_t size_ = 0;
  std::vector<Cell> cells_;
  double looked_ = 0;                           // which of the cells forget() comes to
  std::pmr::monotonic_buffer_resource memory_;  // of the routes
  std::unordered_map<std::size_t, void*>
      free_;  // by lines: memory given back; it begins with where the next lies
};

}  // namespace bridge
