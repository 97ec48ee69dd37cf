// The named choices of the configuration, once for reading and once for printing. Constants.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "bridge/config.h"
#include "core/detector.h"

namespace bridge {

template <typename Enum, std::size_t n>
using ChoiceNames = std::array<std::pair<std::string_view, Enum>, n>;

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

// The name of `value`, which is one of them.
template <typename Enum, std::size_t n>
constexpr std::string_view name_in(const ChoiceNames<Enum, n>& names, Enum value) {
  for (const auto& [name, one] : names) {
    if (one == value) return name;
  }
  return {};
}

}  // namespace bridge
