#include "bridge/routes.h"

#include <algorithm>
#include <memory>
#include <new>

namespace bridge {
namespace {

constexpr std::size_t cache_line = 64;
static_assert(sizeof(Route) % alignof(std::string_view) == 0 && alignof(Route) == alignof(std::string_view));

}  // namespace

// In memory: the route, its captures, its series, its topic.
Route* Routes::add(const Route& route, std::uint64_t hash, std::size_t series) {
  const std::size_t captures = route.captures.size();
  const std::size_t bytes = sizeof(Route) + captures * sizeof(std::string_view) +
                            series * sizeof(core::SeriesId) + route.topic.size();
  Route* const made = new (memory_.allocate(bytes, cache_line)) Route(route);
  auto* const captured = reinterpret_cast<std::string_view*>(made + 1);
  auto* const ids = reinterpret_cast<core::SeriesId*>(captured + captures);
  auto* const text = reinterpret_cast<char*>(ids + series);
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
  auto* const ids = static_cast<core::SeriesId*>(
      memory_.allocate(series * sizeof(core::SeriesId), alignof(core::SeriesId)));
  std::uninitialized_copy(route.series.begin(), route.series.end(), ids);
  std::uninitialized_fill(ids + route.series.size(), ids + series, unknown_series);
  route.series = {ids, series};
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
