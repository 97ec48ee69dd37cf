// Aggregates: the names a configuration may ask for. What they mean is in accumulator.h. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace core {

enum class AggregateKind : std::uint8_t {
  count,
  sum,
  mean,
  variance,
  stddev,
  cv,
  min,
  max,
  range,
  first,
  last,
  delta,
  change_ratio,
  rate,
  increase,
  slope,
  percentile,  // with its fraction
  distinct,
  mode,
  time_weighted_mean,
  integral,
  ewma,
  null_count,
  null_ratio,
  completeness,
  gap,
  above_count,
  below_count,
  in_range_count,
  outlier_count,
};
inline constexpr std::size_t aggregate_kinds = 30;
static_assert(static_cast<std::size_t>(AggregateKind::outlier_count) + 1 == aggregate_kinds);

struct Aggregate {
  AggregateKind kind = AggregateKind::count;
  std::uint32_t fraction = 0;  // of a percentile, in millionths: p99.9 is 999,000

  bool operator==(const Aggregate&) const = default;
};

// Name as published: "mean", "median", "p99.9".
[[nodiscard]] std::string name(const Aggregate& aggregate);
// By name or alias (avg, average: mean; std: stddev; change: delta; change_rate: change_ratio; p50: median;
// volatility: cv), or a percentile p0 to p100 with at most four decimals; nothing when unknown.
[[nodiscard]] std::optional<Aggregate> find_aggregate(std::string_view name);
// Every name and alias, and "pNN.N" for the percentiles, for messages that say what is allowed.
[[nodiscard]] const std::vector<std::string_view>& aggregate_names();

}  // namespace core
