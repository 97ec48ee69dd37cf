// The model's arithmetic: every aggregate by its definition, in long double, over samples that are all there.
#include <algorithm>
#include <map>
#include <numeric>

#include "core/accumulator.h"
#include "tests/core_model.h"

namespace model {
namespace {

using Kind = core::AggregateKind;

constexpr Expected no_value{none, none};

long double seconds(Duration length) { return static_cast<long double>(length.count()) * 1e-9L; }

// Everything about the samples that more than one aggregate needs.
struct Facts {
  Facts(const core::WindowSpec& window, const View& samples) : spec(window), view(samples) {
    for (const Sample& sample : view.samples) {
      if (std::isnan(sample.value)) {
        ++nulls;
      } else {
        all.push_back(sample);
      }
    }
    for (const Sample& sample : all) sorted.push_back(sample.value);
    std::sort(sorted.begin(), sorted.end());
    for (const double value : sorted) {
      sum += value;
      magnitude += std::abs(static_cast<long double>(value));
      ++times[value];
    }
    if (all.empty()) return;
    mean = sum / n();
    for (const double value : sorted) squares += (value - mean) * (value - mean);
    follow();
  }

  // The samples that follow each other, and the steps between them.
  void follow() {
    as_they_come = spec.kind == core::WindowKind::count || spec.kind == core::WindowKind::sliding;
    for (const Sample& sample : all) {
      if (as_they_come || sample.follows) chain.push_back(sample);
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (chain[i].time >= chain[i - 1].time) steps.emplace_back(chain[i - 1], chain[i]);
    }
    if (view.before && view.before->time <= chain.front().time) before = view.before;
    hold = spec.hold > Duration{0} ? spec.hold : Duration::max();
  }

  [[nodiscard]] long double n() const { return static_cast<long double>(all.size()); }

  const core::WindowSpec& spec;
  const View& view;
  Samples all, chain;
  std::vector<double> sorted;
  std::map<double, std::size_t> times;
  std::vector<std::pair<Sample, Sample>> steps;
  std::optional<Sample> before;
  Duration hold{};
  bool as_they_come = false;
  std::size_t nulls = 0;
  long double sum = 0, magnitude = 0, mean = 0, squares = 0;
};

Expected moment(const Facts& facts, Kind kind) {
  const long double n = facts.n();
  const long double slack = facts.magnitude * 1e-15L;
  if (kind == Kind::sum) return Expected::near(facts.sum, slack + std::abs(facts.sum) * 1e-12L);
  if (kind == Kind::mean) return Expected::near(facts.mean, slack / n + std::abs(facts.mean) * 1e-12L);
  if (facts.all.size() < 2) return no_value;
  const long double variance = facts.squares / (n - 1);
  if (kind == Kind::variance) return Expected::near(variance, variance * 1e-12L);
  const long double deviation = std::sqrt(variance);
  if (kind == Kind::stddev) return Expected::near(deviation, deviation * 1e-12L);
  const long double mean = std::abs(facts.mean);
  if (mean == 0 && slack == 0) return no_value;
  if (mean <= slack / n) return {0, std::numeric_limits<double>::infinity(), true};
  const long double cv = deviation / mean;
  return Expected::near(cv, cv * (2e-12L + 2 * slack / n / mean));
}

Expected end(const Facts& facts, Kind kind) {
  const auto before = [](const Sample& a, const Sample& b) { return a.time < b.time; };
  const double first = std::min_element(facts.all.begin(), facts.all.end(), before)->value;
  const double last = std::max_element(facts.all.rbegin(), facts.all.rend(), before)->value;
  if (kind == Kind::first) return Expected::exactly(first);
  if (kind == Kind::last) return Expected::exactly(last);
  if (kind == Kind::delta) return Expected::exactly(last - first);
  return first == 0 ? no_value : Expected::exactly((last - first) / std::abs(first));
}

// A counter that falls began anew at zero.
Expected rise(const Facts& facts, Kind kind) {
  auto steps = facts.steps;
  if (facts.before) steps.insert(steps.begin(), {*facts.before, facts.chain.front()});
  long double sum = 0, magnitude = 0;
  Duration covered{0};
  bool any = false;
  for (const auto& [from, to] : steps) {
    if (to.time - from.time > facts.hold) continue;
    any = true;
    sum += to.value >= from.value ? static_cast<long double>(to.value) - from.value : to.value;
    magnitude +=
        std::abs(static_cast<long double>(from.value)) + std::abs(static_cast<long double>(to.value));
    covered += to.time - from.time;
  }
  if (!any) return no_value;
  const long double slack = magnitude * 1e-15L + std::abs(sum) * 1e-12L;
  if (kind == Kind::increase) return Expected::near(sum, slack);
  if (covered == Duration{0}) return no_value;
  return Expected::near(sum / seconds(covered), slack / seconds(covered));
}

Expected area(const Facts& facts, Kind kind) {
  long double total = 0, magnitude = 0;
  Duration covered{0};
  const auto add = [&](long double value, Duration length) {
    total += value * seconds(length);
    magnitude += std::abs(value) * seconds(length);
    covered += length;
  };
  for (const auto& [from, to] : facts.steps) {
    const Duration length = to.time - from.time;
    if (!facts.spec.linear) add(from.value, std::min(length, facts.hold));
    if (facts.spec.linear && length <= facts.hold) {
      add((static_cast<long double>(from.value) + to.value) / 2, length);
    }
  }
  const Sample &first = facts.chain.front(), &last = facts.chain.back();
  if (facts.before && facts.before->time <= facts.view.start && first.time > facts.view.start) {
    const Sample& from = *facts.before;
    const Duration length = first.time - from.time, skipped = facts.view.start - from.time;
    if (facts.spec.linear && length <= facts.hold) {
      const long double value =
          (from.value * seconds(length - skipped) + first.value * seconds(skipped)) / seconds(length);
      add((value + first.value) / 2, length - skipped);
    } else if (!facts.spec.linear && std::min(length, facts.hold) > skipped) {
      add(from.value, std::min(length, facts.hold) - skipped);
    }
  }
  if (facts.view.end > last.time) add(last.value, std::min(facts.view.end - last.time, facts.hold));
  const long double slack = magnitude * 1e-15L + std::abs(total) * 1e-12L;
  if (kind == Kind::integral) return Expected::near(total, slack);
  if (covered == Duration{0}) return no_value;
  return Expected::near(total / seconds(covered), slack / seconds(covered));
}

Expected gap(const Facts& facts) {
  Duration longest{0};
  if (facts.all.empty()) {
    longest = facts.view.end - facts.view.start;
  } else {
    for (const auto& [from, to] : facts.steps) longest = std::max(longest, to.time - from.time);
    longest = std::max(
        {longest, facts.chain.front().time - facts.view.start, facts.view.end - facts.chain.back().time});
  }
  return Expected::exactly(static_cast<double>(longest.count()) * 1e-9);
}

Expected slope(const Facts& facts) {
  const Time origin = facts.all.front().time;
  long double middle = 0, spread = 0, product = 0, furthest = 0;
  for (const Sample& sample : facts.all) middle += seconds(sample.time - origin);
  middle /= facts.n();
  bool apart = false;
  for (const Sample& sample : facts.all) {
    const long double time = seconds(sample.time - origin) - middle;
    spread += time * time;
    product += time * (sample.value - facts.mean);
    furthest = std::max(furthest, std::abs(sample.value - facts.mean));
    apart = apart || sample.time != origin;
  }
  if (!apart) return no_value;
  const long double result = product / spread;
  return Expected::near(result, 1e-12L * (std::abs(result) + furthest / std::sqrt(spread / facts.n())));
}

Expected ewma(const Facts& facts) {
  const Duration quarter = std::max(facts.spec.length / 4, Duration{1});
  const Duration half = facts.spec.half_life > Duration{0} ? facts.spec.half_life : quarter;
  Time newest = facts.all.front().time;
  for (const Sample& sample : facts.all) newest = std::max(newest, sample.time);
  long double sum = 0, weights = 0, magnitude = 0;
  for (const Sample& sample : facts.all) {
    const long double weight = std::exp2(-seconds(newest - sample.time) / seconds(half));
    sum += weight * sample.value;
    magnitude += weight * std::abs(static_cast<long double>(sample.value));
    weights += weight;
  }
  return Expected::near(sum / weights, magnitude / weights * 1e-12L);
}

// Type 7, of p in millionths: between which two order statistics, and how far.
struct Rank {
  std::size_t low, high;
  long double weight;
};
Rank rank(std::size_t count, std::uint64_t millionths) {
  const std::uint64_t place = millionths * (count - 1);
  const auto low = static_cast<std::size_t>(place / 1'000'000);
  const auto rest = static_cast<long double>(place % 1'000'000);
  return {low, std::min(low + 1, count - 1), rest / 1e6L};
}

long double quantile(const std::vector<double>& sorted, std::uint64_t millionths) {
  const auto [low, high, weight] = rank(sorted.size(), millionths);
  return sorted[low] + (static_cast<long double>(sorted[high]) - sorted[low]) * weight;
}

Expected percentile(const Facts& facts, std::uint64_t millionths, double error) {
  const auto [low, high, weight] = rank(facts.sorted.size(), millionths);
  const double below = facts.sorted[low], above = facts.sorted[high];
  const bool extreme = low == high || millionths == 0;
  if (extreme) return Expected::exactly((low == 0 || millionths == 0) ? facts.sorted[0] : above);
  if (error == 0) {
    const long double size = std::max(std::abs(below), std::abs(above));
    return Expected::near(quantile(facts.sorted, millionths), size * 1e-14L);
  }
  const double reach = error * (1 + 1e-12);
  return {below - reach * std::abs(below), above + reach * std::abs(above)};
}

Expected mode(const Facts& facts, std::size_t kept, bool sketched) {
  std::size_t most = 0;
  for (const auto& [value, times] : facts.times) most = std::max(most, times);
  if (!sketched || facts.times.size() <= kept) {
    for (const auto& [value, times] : facts.times) {
      if (times == most) return Expected::exactly(value);
    }
  }
  // What is counted may fall short by this much.
  const std::size_t short_by = facts.all.size() / (kept + 1);
  Expected result{none, none, most <= short_by};
  for (const auto& [value, times] : facts.times) {
    if (times + short_by >= most) result.any_of.push_back(value);
  }
  return result;
}

std::size_t outside(const std::vector<double>& values, long double low, long double high) {
  return static_cast<std::size_t>(
      std::count_if(values.begin(), values.end(), [&](double value) { return value < low || value > high; }));
}

// `error`: of the quantiles that say what is an outlier.
Expected outliers(const Facts& facts, double error) {
  const auto& sorted = facts.sorted;
  if (sorted.size() < 4) return Expected::exactly(0);
  const long double size = std::max(std::abs(sorted.front()), std::abs(sorted.back()));
  long double low = 0, high = 0, unsure = size * 1e-13L;
  if (facts.spec.outliers == core::Outliers::iqr) {
    const long double lower = quantile(sorted, 250'000), upper = quantile(sorted, 750'000);
    low = lower - 1.5L * (upper - lower);
    high = upper + 1.5L * (upper - lower);
    const auto [l1, l2, lw] = rank(sorted.size(), 250'000);
    const auto [u1, u2, uw] = rank(sorted.size(), 750'000);
    const double at[] = {sorted[l1], sorted[l2], sorted[u1], sorted[u2]};
    for (const double value : at) unsure += 2.5L * error * std::abs(value);
  } else if (facts.spec.outliers == core::Outliers::zscore) {
    const long double reach = 3 * std::sqrt(facts.squares / (facts.n() - 1));
    low = facts.mean - reach;
    high = facts.mean + reach;
  } else {
    const long double middle = quantile(sorted, 500'000);
    std::vector<double> distances;
    for (const double value : sorted) distances.push_back(std::abs(static_cast<double>(value - middle)));
    std::sort(distances.begin(), distances.end());
    const long double reach = 3 * 1.4826L * quantile(distances, 500'000);
    low = middle - reach;
    high = middle + reach;
    unsure += 12 * error * size;
  }
  // A sketch counts as inside what shares a bucket with a bound.
  const long double bucket = 3 * error;
  const auto least =
      outside(sorted, low - unsure - std::abs(low) * bucket, high + unsure + std::abs(high) * bucket);
  const auto most = outside(sorted, low + unsure, high - unsure);
  return {static_cast<double>(least), static_cast<double>(most)};
}

Expected tally(const Facts& facts, Kind kind) {
  const core::WindowSpec& spec = facts.spec;
  std::size_t count = 0;
  for (const double value : facts.sorted) {
    if (kind == Kind::above_count) count += value > *spec.above ? 1U : 0U;
    if (kind == Kind::below_count) count += value < *spec.below ? 1U : 0U;
    if (kind == Kind::in_range_count) {
      count += value >= spec.range->first && value <= spec.range->second ? 1U : 0U;
    }
  }
  return Expected::exactly(static_cast<double>(count));
}

Expected completeness(const Facts& facts) {
  const Duration length = facts.view.end - facts.view.start;
  if (facts.view.cadence <= Duration{0} || length <= Duration{0}) return no_value;
  const long double ratio = facts.n() * seconds(facts.view.cadence) / seconds(length);
  return ratio >= 1 ? Expected{1 - 1e-15, 1} : Expected::near(ratio, ratio * 1e-15L);
}

Expected value(const Facts& facts, const core::Aggregate& aggregate, bool sketched) {
  const Kind kind = aggregate.kind;
  const auto n = static_cast<double>(facts.all.size()), nulls = static_cast<double>(facts.nulls);
  switch (kind) {
    case Kind::count:
      return Expected::exactly(n);
    case Kind::null_count:
      return Expected::exactly(nulls);
    case Kind::null_ratio:
      return n + nulls == 0 ? no_value : Expected::exactly(nulls / (n + nulls));
    case Kind::above_count:
    case Kind::below_count:
    case Kind::in_range_count:
      return tally(facts, kind);
    case Kind::completeness:
      return completeness(facts);
    case Kind::gap:
      return gap(facts);
    default:
      break;
  }
  if (facts.all.empty()) return no_value;
  const bool many = sketched && facts.all.size() > facts.spec.kept;
  const double error = many ? facts.spec.error : 0;
  switch (kind) {
    case Kind::min:
      return Expected::exactly(facts.sorted.front());
    case Kind::max:
      return Expected::exactly(facts.sorted.back());
    case Kind::range:
      return Expected::exactly(facts.sorted.back() - facts.sorted.front());
    case Kind::first:
    case Kind::last:
    case Kind::delta:
    case Kind::change_ratio:
      return end(facts, kind);
    case Kind::rate:
    case Kind::increase:
      return rise(facts, kind);
    case Kind::time_weighted_mean:
    case Kind::integral:
      return area(facts, kind);
    case Kind::slope:
      return slope(facts);
    case Kind::ewma:
      return ewma(facts);
    case Kind::percentile:
      return percentile(facts, aggregate.fraction, error);
    case Kind::distinct: {
      const auto different = static_cast<double>(facts.times.size());
      if (!sketched || facts.times.size() <= facts.spec.kept) return Expected::exactly(different);
      const double reach = 4 * core::Distinct::error_default * different + 1;
      return {different - reach, different + reach};
    }
    case Kind::mode:
      return mode(facts, facts.spec.kept > 0 ? facts.spec.kept : core::Mode::kept_default, sketched);
    case Kind::outlier_count:
      return outliers(facts, error);
    default:
      return moment(facts, kind);
  }
}

}  // namespace

bool Expected::allows(double value) const {
  if (std::isnan(value)) return or_none || (any_of.empty() && std::isnan(low));
  if (!any_of.empty()) return std::find(any_of.begin(), any_of.end(), value) != any_of.end();
  return value >= low && value <= high;
}

std::vector<Expected> values(const core::WindowSpec& spec, const View& view, bool sketched,
                             bool& approximate) {
  const Facts facts(spec, view);
  std::vector<Expected> result;
  approximate = false;
  const std::size_t kept = spec.kept;
  for (const core::Aggregate& aggregate : spec.aggregates) {
    result.push_back(value(facts, aggregate, sketched));
    const Kind kind = aggregate.kind;
    if (!sketched) continue;
    if (kind == Kind::percentile || kind == Kind::outlier_count) approximate |= facts.all.size() > kept;
    if (kind == Kind::distinct) approximate |= facts.times.size() > kept;
    if (kind == Kind::mode) approximate |= facts.times.size() > (kept > 0 ? kept : core::Mode::kept_default);
  }
  return result;
}

}  // namespace model
