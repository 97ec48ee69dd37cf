#include "core/aggregate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/check.h"

namespace core {
namespace {

constexpr std::uint32_t whole = 1'000'000;
constexpr std::uint32_t half = whole / 2;

struct Name {
  std::string_view text;
  Aggregate aggregate;
};

using enum AggregateKind;

// Every name, then every alias.
constexpr std::array names{
    Name{"count", {count}},
    Name{"sum", {sum}},
    Name{"mean", {mean}},
    Name{"variance", {variance}},
    Name{"stddev", {stddev}},
    Name{"cv", {cv}},
    Name{"min", {min}},
    Name{"max", {max}},
    Name{"range", {range}},
    Name{"first", {first}},
    Name{"last", {last}},
    Name{"delta", {delta}},
    Name{"change_ratio", {change_ratio}},
    Name{"rate", {rate}},
    Name{"increase", {increase}},
    Name{"slope", {slope}},
    Name{"median", {percentile, half}},
    Name{"distinct", {distinct}},
    Name{"mode", {mode}},
    Name{"time_weighted_mean", {time_weighted_mean}},
    Name{"integral", {integral}},
    Name{"ewma", {ewma}},
    Name{"null_count", {null_count}},
    Name{"null_ratio", {null_ratio}},
    Name{"completeness", {completeness}},
    Name{"gap", {gap}},
    Name{"above_count", {above_count}},
    Name{"below_count", {below_count}},
    Name{"in_range_count", {in_range_count}},
    Name{"outlier_count", {outlier_count}},
    Name{"avg", {mean}},
    Name{"average", {mean}},
    Name{"std", {stddev}},
    Name{"change", {delta}},
    Name{"change_rate", {change_ratio}},
    Name{"null_rate", {null_ratio}},
    Name{"volatility", {cv}},
};

// "p95", "p99.9": at most three digits before the point and four behind it.
std::optional<Aggregate> find_percentile(std::string_view text) {
  if (text.size() < 2 || text[0] != 'p') return std::nullopt;
  text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view before = text.substr(0, point);
  const std::string_view behind = text.substr(std::min(point + 1, text.size()));
  if (before.empty() || before.size() > 3 || behind.size() > 4 || (point < text.size() && behind.empty())) {
    return std::nullopt;
  }
  if (before.size() > 1 && before[0] == '0') return std::nullopt;
  const std::string digits = std::string(before) + std::string(behind) + std::string(4 - behind.size(), '0');
  std::uint32_t fraction = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fraction);
  if (error != std::errc{} || end != digits.data() + digits.size() || fraction > whole) return std::nullopt;
  return Aggregate{percentile, fraction};
}

}  // namespace

std::string name(const Aggregate& aggregate) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const Name& entry) { return entry.aggregate == aggregate; });
  if (found != names.end()) return std::string(found->text);
  CHECK(aggregate.kind == percentile, "aggregate %d", static_cast<int>(aggregate.kind));
  std::string text = "p" + std::to_string(aggregate.fraction / 10'000);
  std::string behind = std::to_string(aggregate.fraction % 10'000 + 10'000).substr(1);
  while (!behind.empty() && behind.back() == '0') behind.pop_back();
  return behind.empty() ? text : text + '.' + behind;
}

std::optional<Aggregate> find_aggregate(std::string_view name) {
  const auto found =
      std::find_if(names.begin(), names.end(), [=](const Name& entry) { return entry.text == name; });
  return found == names.end() ? find_percentile(name) : std::optional{found->aggregate};
}

const std::vector<std::string_view>& aggregate_names() {
  static const std::vector<std::string_view> texts = [] {
    std::vector<std::string_view> result;
    for (const Name& entry : names) result.push_back(entry.text);
    result.emplace_back("pNN.N");
    return result;
  }();
  return texts;
}

}  // namespace core
