#include "bridge/routes.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace bridge {
namespace {

constexpr std::size_t cache_line = 64;

constexpr std::size_t aligned(std::size_t bytes) noexcept {
  return (bytes + alignof(std::string_view) - 1) / alignof(std::string_view) * alignof(std::string_view);
}
// Where the captures of a route lie: behind all that every message needs.
std::size_t captures_at(std::size_t series, std::size_t topic_bytes) noexcept {
  return aligned(sizeof(Route) + series * sizeof(core::SeriesId) + topic_bytes);
}
// Of a row of series that lies by itself, or of a route with all that lies behind it.
std::size_t row_bytes(const Route& route) noexcept { return route.series.size_bytes(); }
std::size_t route_bytes(const Route& route) noexcept {
  return static_cast<std::size_t>(
      reinterpret_cast<const char*>(route.captures.data() + route.captures.size()) -
      reinterpret_cast<const char*>(&route));
}
bool has_own_row(const Route& route) noexcept {
  return static_cast<const void*>(route.series.data()) != static_cast<const void*>(&route + 1);
}
static_assert(sizeof(Route) % alignof(std::string_view) == 0 && alignof(Route) == alignof(std::string_view));

}  // namespace

// In memory: the route, its series, its topic, its captures.
Route* Routes::add(const Route& route, std::uint64_t hash, std::size_t series) {
  const std::size_t captures = route.captures.size();
  const std::size_t behind = captures_at(series, route.topic.size());
  Route* const made = new (take(behind + captures * sizeof(std::string_view))) Route(route);
  auto* const ids = reinterpret_cast<core::SeriesId*>(made + 1);
  auto* const text = reinterpret_cast<char*>(ids + series);
  auto* const captured = reinterpret_cast<std::string_view*>(reinterpret_cast<char*>(made) + behind);
  std::uninitialized_fill_n(ids, series, unknown_series);
  made->series = {ids, series};
  route.topic.copy(text, route.topic.size());
  made->topic = {text, route.topic.size()};
  const auto moved = [&](std::string_view part) {
    return std::string_view{text + (part.data() - route.topic.data()), part.size()};
  };
  std::uninitialized_value_construct_n(captured, captures);
  std::transform(route.captures.begin(), route.captures.end(), captured, moved);
  made->captures = {captured, captures};
  if (route.bare_field.data() != nameless_field.data()) made->bare_field = moved(route.bare_field);

  if ((size_ + 1) * 2 > cells_.size()) grow();
  ++size_;
  place({hash, made});
  return made;
}

void Routes::widen(Route& route, std::size_t series) {
  auto* const ids = static_cast<core::SeriesId*>(take(series * sizeof(core::SeriesId)));
  std::uninitialized_copy(route.series.begin(), route.series.end(), ids);
  std::uninitialized_fill(ids + route.series.size(), ids + series, unknown_series);
  if (has_own_row(route)) give_back(route.series.data(), row_bytes(route));
  route.series = {ids, series};
}

void Routes::forget(std::uint32_t step, std::uint32_t age_max, double part) {
  const auto cells = static_cast<double>(cells_.size());
  const double end = looked_ + part * cells;
  for (; looked_ < end; ++looked_) {
    const std::size_t at = static_cast<std::size_t>(looked_) & mask();
    // What moves up into an emptied cell is looked at, too.
    while (cells_[at].route != nullptr && step - cells_[at].route->step > age_max) drop(at);
  }
  if (looked_ >= cells) looked_ -= cells;
}

// Empties a cell, and moves those behind it up that could not be found otherwise.
void Routes::drop(std::size_t at) noexcept {
  Route* const gone = cells_[at].route;
  if (has_own_row(*gone)) give_back(gone->series.data(), row_bytes(*gone));
  give_back(gone, route_bytes(*gone));
  --size_;
  for (std::size_t next = (at + 1) & mask(); cells_[next].route != nullptr; next = (next + 1) & mask()) {
    const std::size_t home = cells_[next].hash & mask();
    if (((next - home) & mask()) < ((next - at) & mask())) continue;  // it would stand before its home
    cells_[at] = cells_[next];
    at = next;
  }
  cells_[at].route = nullptr;
}

// Whole lines.
void* Routes::take(std::size_t bytes) {
  const std::size_t lines = (bytes + cache_line - 1) / cache_line;
  if (const auto found = free_.find(lines); found != free_.end() && found->second != nullptr) {
    void* const memory = found->second;
    std::memcpy(&found->second, memory, sizeof(void*));
    return memory;
  }
  return memory_.allocate(lines * cache_line, cache_line);
}

void Routes::give_back(void* memory, std::size_t bytes) noexcept {
  void*& head = free_[(bytes + cache_line - 1) / cache_line];
  std::memcpy(memory, &head, sizeof(void*));
  head = memory;
}

void Routes::clear() noexcept {
  cells_.assign(cells_.size(), Cell{});
  size_ = 0;
  looked_ = 0;
  free_.clear();
  memory_.release();
}

void Routes::place(const Cell& cell) noexcept {
  std::size_t i = cell.hash & mask();
  while (cells_[i].route != nullptr) i = (i + 1) & mask();
  cells_[i] = cell;
}

void Routes::grow() {
  std::vector<Cell> old(cells_.size() * 2);
  old.swap(cells_);
  for (const Cell& cell : old) {
    if (cell.route != nullptr) place(cell);
  }
}

}  // namespace bridge
