// Aggregates: the names a configuration may ask for, and their value over a summary. Pure functions, any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/summary.h"

namespace core {

enum class Aggregate : std::uint8_t {
  count,
  sum,
  mean,
  variance,
  stddev,
  min,
  max,
  range,
  first,
  last,
  delta
};

// Name as published. For every enumerator.
[[nodiscard]] std::string_view name(Aggregate aggregate) noexcept;
// By name or alias (avg, average: mean; std: stddev; change: delta); nothing when unknown.
[[nodiscard]] std::optional<Aggregate> find_aggregate(std::string_view name) noexcept;
// Every name and alias, for messages that say what is allowed.
[[nodiscard]] std::span<const std::string_view> aggregate_names() noexcept;

// Nothing where the result does not exist: any but count of an empty summary, variance or stddev of one
// sample, or a result too large for a double.
[[nodiscard]] std::optional<double> value(Aggregate aggregate, const Summary& summary) noexcept;

}  // namespace core
