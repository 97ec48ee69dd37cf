#include "core/aggregate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/check.h"

namespace core {
namespace {

struct Name {
  std::string_view text;
  Aggregate aggregate;
};

// Every name, in the order of the enumerators, then every alias.
constexpr std::array names{
    Name{"count", Aggregate::count},   Name{"sum", Aggregate::sum},
    Name{"mean", Aggregate::mean},     Name{"variance", Aggregate::variance},
    Name{"stddev", Aggregate::stddev}, Name{"min", Aggregate::min},
    Name{"max", Aggregate::max},       Name{"range", Aggregate::range},
    Name{"first", Aggregate::first},   Name{"last", Aggregate::last},
    Name{"delta", Aggregate::delta},   Name{"avg", Aggregate::mean},
    Name{"average", Aggregate::mean},  Name{"std", Aggregate::stddev},
    Name{"change", Aggregate::delta},
};

constexpr auto texts = [] {
  std::array<std::string_view, names.size()> result{};
  std::transform(names.begin(), names.end(), result.begin(), [](const Name& entry) { return entry.text; });
  return result;
}();

double compute(Aggregate aggregate, const Summary& summary) noexcept {
  switch (aggregate) {
    case Aggregate::count:
      return static_cast<double>(summary.count);
    case Aggregate::sum:
      return summary.sum();
    case Aggregate::mean:
      return summary.mean();
    case Aggregate::variance:
      return summary.variance();
    case Aggregate::stddev:
      return summary.stddev();
    case Aggregate::min:
      return summary.min;
    case Aggregate::max:
      return summary.max;
    case Aggregate::range:
      return summary.max - summary.min;
    case Aggregate::first:
      return summary.first;
    case Aggregate::last:
      return summary.last;
    case Aggregate::delta:
      return summary.last - summary.first;
  }
  CHECK(false, "aggregate %d", static_cast<int>(aggregate));
  return 0;
}

}  // namespace

std::string_view name(Aggregate aggregate) noexcept {
  const auto index = static_cast<std::size_t>(aggregate);
  CHECK(index < names.size() && names[index].aggregate == aggregate, "aggregate %zu", index);
  return names[index].text;
}

std::optional<Aggregate> find_aggregate(std::string_view name) noexcept {
  const auto found =
      std::find_if(names.begin(), names.end(), [=](const Name& entry) { return entry.text == name; });
  return found == names.end() ? std::nullopt : std::optional{found->aggregate};
}

std::span<const std::string_view> aggregate_names() noexcept { return texts; }

std::optional<double> value(Aggregate aggregate, const Summary& summary) noexcept {
  const bool spread = aggregate == Aggregate::variance || aggregate == Aggregate::stddev;
  const std::uint64_t needed = aggregate == Aggregate::count ? 0 : spread ? 2 : 1;
  if (summary.count < needed) return std::nullopt;
  const double result = compute(aggregate, summary);
  return std::isfinite(result) ? std::optional{result} : std::nullopt;
}

}  // namespace core
