// The named choices of the configuration, and which keys a window has, for reading and for printing.
// Constants.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bridge/config.h"
#include "core/detector.h"
#include "core/window.h"

namespace bridge {

template <typename Enum, std::size_t n>
using ChoiceNames = std::array<std::pair<std::string_view, Enum>, n>;

inline constexpr ChoiceNames<Client, 2> client_names{{{"paho", Client::paho}, {"native", Client::native}}};
inline constexpr ChoiceNames<WhenFull, 2> when_full_names{
    {{"block", WhenFull::block}, {"shed", WhenFull::shed}}};
inline constexpr ChoiceNames<Format, 3> format_names{
    {{"json", Format::json}, {"jsonl", Format::jsonl}, {"number", Format::number}}};
inline constexpr ChoiceNames<EachAs, 3> each_as_names{
    {{"array", EachAs::array}, {"map", EachAs::map}, {"columns", EachAs::columns}}};
inline constexpr ChoiceNames<TimeUnit, 5> time_unit_names{{{"auto", TimeUnit::automatic},
                                                           {"s", TimeUnit::s},
                                                           {"ms", TimeUnit::ms},
                                                           {"us", TimeUnit::us},
                                                           {"ns", TimeUnit::ns}}};
inline constexpr ChoiceNames<Retained, 3> retained_names{
    {{"ignore", Retained::ignore}, {"seed", Retained::seed}, {"accept", Retained::accept}}};
inline constexpr ChoiceNames<core::Severity, 3> severity_names{{{"info", core::Severity::info},
                                                                {"warning", core::Severity::warning},
                                                                {"critical", core::Severity::critical}}};

inline constexpr ChoiceNames<core::SeasonalSpec::Period, 2> period_names{
    {{"day", core::SeasonalSpec::Period::day}, {"week", core::SeasonalSpec::Period::week}}};

inline constexpr ChoiceNames<core::WindowKind, core::window_kinds> window_kind_names{
    {{"tumbling", core::WindowKind::tumbling},
     {"hopping", core::WindowKind::hopping},
     {"sliding", core::WindowKind::sliding},
     {"count", core::WindowKind::count},
     {"session", core::WindowKind::session},
     {"cumulative", core::WindowKind::cumulative},
     {"calendar", core::WindowKind::calendar}}};
inline constexpr ChoiceNames<core::CalendarUnit, 5> calendar_unit_names{
    {{"hour", core::CalendarUnit::hour},
     {"day", core::CalendarUnit::day},
     {"week", core::CalendarUnit::week},
     {"month", core::CalendarUnit::month},
     {"shifts", core::CalendarUnit::shifts}}};
inline constexpr ChoiceNames<unsigned, 7> weekday_names{{{"monday", 1U},
                                                         {"tuesday", 2U},
                                                         {"wednesday", 3U},
                                                         {"thursday", 4U},
                                                         {"friday", 5U},
                                                         {"saturday", 6U},
                                                         {"sunday", 7U}}};
inline constexpr ChoiceNames<core::Empty, 4> empty_names{{{"skip", core::Empty::skip},
                                                          {"zero", core::Empty::zero},
                                                          {"null", core::Empty::null},
                                                          {"last", core::Empty::last}}};
inline constexpr ChoiceNames<core::Outliers, 3> outliers_names{
    {{"iqr", core::Outliers::iqr}, {"zscore", core::Outliers::zscore}, {"mad", core::Outliers::mad}}};
inline constexpr ChoiceNames<bool, 2> interpolate_names{{{"step", false}, {"linear", true}}};

// A set of window kinds.
constexpr unsigned set_of(core::WindowKind kind) { return 1U << static_cast<unsigned>(kind); }

// The keys that not every kind of window has, and the kinds that have them.
struct KindKey {
  std::string_view key;
  unsigned kinds;
};
inline constexpr std::array kind_keys = [] {
  using enum core::WindowKind;
  constexpr unsigned by_length = set_of(tumbling) | set_of(hopping);
  constexpr unsigned on_grid = by_length | set_of(cumulative);
  constexpr unsigned by_time = on_grid | set_of(calendar);
  return std::array{KindKey{"length", by_length | set_of(sliding)},
                    KindKey{"every", on_grid},
                    KindKey{"offset", on_grid},
                    KindKey{"spread", on_grid},
                    KindKey{"retention", by_time | set_of(session)},
                    KindKey{"samples", set_of(count)},
                    KindKey{"step", set_of(count)},
                    KindKey{"samples_max", set_of(sliding)},
                    KindKey{"gap", set_of(session)},
                    KindKey{"calendar", set_of(calendar)},
                    KindKey{"emit", by_time},
                    KindKey{"empty", by_time}};
}();

// The keys that say more about some aggregates, and have no effect without one of them.
struct AggregateKey {
  std::string_view key;
  std::uint64_t aggregates;  // bits, by AggregateKind
  std::string_view words;
};
inline constexpr std::array aggregate_keys = [] {
  using enum core::AggregateKind;
  constexpr auto all = [](auto... kinds) {
    return ((std::uint64_t{1} << static_cast<unsigned>(kinds)) | ...);
  };
  return std::array{
      AggregateKey{"above", all(above_count), "\"above_count\""},
      AggregateKey{"below", all(below_count), "\"below_count\""},
      AggregateKey{"range", all(in_range_count), "\"in_range_count\""},
      AggregateKey{"outliers", all(outlier_count), "\"outlier_count\""},
      AggregateKey{"error", all(percentile, outlier_count), "a percentile or \"outlier_count\""},
      AggregateKey{"kept", all(percentile, outlier_count, distinct, mode),
                   "a percentile, \"outlier_count\", \"distinct\" or \"mode\""},
      AggregateKey{"half_life", all(ewma), "\"ewma\""},
      AggregateKey{"hold", all(integral, time_weighted_mean, increase, rate),
                   "\"integral\", \"time_weighted_mean\", \"increase\" or \"rate\""},
      AggregateKey{"interpolate", all(integral, time_weighted_mean),
                   "\"integral\" or \"time_weighted_mean\""}};
}();

// Whether a window's percentiles, outliers, different values and mode are exact whatever it holds; then
// `error` and `kept` say nothing.
[[nodiscard]] constexpr bool is_exact(const core::WindowSpec& spec) {
  return spec.kind == core::WindowKind::sliding ||
         (spec.kind == core::WindowKind::count && spec.step == 1 && spec.samples > 1);
}
[[nodiscard]] inline bool asks_for(const core::WindowSpec& spec, const AggregateKey& key) {
  return std::any_of(spec.aggregates.begin(), spec.aggregates.end(), [&](const core::Aggregate& one) {
    return (key.aggregates >> static_cast<unsigned>(one.kind) & 1) != 0;
  });
}
// Whether a key of a window, that of its kind or of its aggregates, says something about it.
[[nodiscard]] inline bool has_key(const core::WindowSpec& spec, std::string_view key) {
  for (const KindKey& one : kind_keys) {
    if (one.key == key) return (one.kinds & set_of(spec.kind)) != 0;
  }
  for (const AggregateKey& one : aggregate_keys) {
    if (one.key == key) return asks_for(spec, one) && !((key == "error" || key == "kept") && is_exact(spec));
  }
  return true;
}

// The name of `value`, which is one of them.
template <typename Enum, std::size_t n>
constexpr std::string_view name_in(const ChoiceNames<Enum, n>& names, Enum value) {
  for (const auto& [name, one] : names) {
    if (one == value) return name;
  }
  return {};
}

}  // namespace bridge
