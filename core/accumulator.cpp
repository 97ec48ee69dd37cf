#include "core/accumulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "core/parts/outliers.h"
#include "core/parts/steps.h"
#include "core/parts/weighted.h"

namespace core {
namespace {

using Kind = AggregateKind;

constexpr double none = std::numeric_limits<double>::quiet_NaN();

bool is_any(Kind kind, std::initializer_list<Kind> kinds) noexcept {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

// What the aggregates of a window need beside the summary.
struct Needs {
  explicit Needs(const WindowSpec& spec) {
    for (const Aggregate& aggregate : spec.aggregates) {
      const Kind kind = aggregate.kind;
      rise |= is_any(kind, {Kind::rate, Kind::increase});
      area |= is_any(kind, {Kind::integral, Kind::time_weighted_mean});
      longest |= kind == Kind::gap;
      ends |= is_any(kind, {Kind::first, Kind::last, Kind::delta, Kind::change_ratio});
      slope |= kind == Kind::slope;
      decay |= kind == Kind::ewma;
      nulls |= is_any(kind, {Kind::null_count, Kind::null_ratio});
      limits |= is_any(kind, {Kind::above_count, Kind::below_count, Kind::in_range_count});
      quantiles |= is_any(kind, {Kind::percentile, Kind::outlier_count});
      distinct |= kind == Kind::distinct;
      mode |= kind == Kind::mode;
    }
    chain = rise || area || longest;
  }
  bool rise = false, area = false, longest = false, ends = false, chain = false, slope = false, decay = false;
  bool nulls = false, limits = false, quantiles = false, distinct = false, mode = false;
};

double ratio(double part, double whole) noexcept { return whole == 0 ? none : part / whole; }

double seconds(Duration duration) noexcept { return static_cast<double>(duration.count()) * 1e-9; }

Duration or_for_ever(Duration duration) noexcept {
  return duration == Duration{0} ? Duration::max() : duration;
}

// Half-life of an ewma: what is configured, else a quarter of the window.
double half_life_of(const WindowSpec& spec) noexcept {
  const Duration quarter = spec.length / 4;
  const Duration chosen = spec.half_life > Duration{0} ? spec.half_life : quarter;
  return static_cast<double>(std::max(chosen, Duration{1}).count());
}

}  // namespace

Accumulator::Accumulator(const WindowSpec& spec)
    : aggregates_(spec.aggregates),
      limits_{spec.above.value_or(none), spec.below.value_or(none), spec.range ? spec.range->first : none,
              spec.range ? spec.range->second : none},
      outliers_(spec.outliers),
      hold_(or_for_ever(spec.hold)),
      linear_(spec.linear),
      as_they_come_(spec.kind == WindowKind::count || spec.kind == WindowKind::sliding),
      half_life_(half_life_of(spec)) {
  place(spec);
  for (const Aggregate& aggregate : aggregates_) {
    wants_mean_ |= is_any(aggregate.kind, {Kind::mean, Kind::cv});
    wants_variance_ |= aggregate.kind == Kind::variance;
    wants_stddev_ |= is_any(aggregate.kind, {Kind::stddev, Kind::cv});
    if (aggregate.kind == Kind::percentile) fractions_.push_back(aggregate.fraction * 1e-6);
  }
}

void Accumulator::place(const WindowSpec& spec) {
  const Needs needs(spec);
  const auto reserve = [&](bool needed, std::size_t bytes) {
    const auto offset = static_cast<Offset>(bytes_);
    if (needed) bytes_ += bytes;
    return needed ? offset : 0;
  };
  ends_ = reserve(needs.ends, sizeof(Ends));
  chain_ = reserve(needs.chain, sizeof(Chain));
  rise_ = reserve(needs.rise, sizeof(Rise));
  area_ = reserve(needs.area, sizeof(Area));
  longest_ = reserve(needs.longest, sizeof(Longest));
  slope_ = reserve(needs.slope, sizeof(Slope));
  decay_ = reserve(needs.decay, sizeof(Decay));
  tallies_ = reserve(needs.nulls || needs.limits, sizeof(Tallies));
  wants_nulls_ = needs.nulls;
  if (needs.quantiles) quantiles_.emplace(spec.error, spec.kept);
  if (needs.distinct) distinct_.emplace(Distinct::error_default, spec.kept);
  if (needs.mode) mode_.emplace(spec.kept > 0 ? spec.kept : Mode::kept_default);
  quantiles_at_ = reserve(needs.quantiles, needs.quantiles ? quantiles_->bytes() : 0);
  distinct_at_ = reserve(needs.distinct, needs.distinct ? distinct_->bytes() : 0);
  mode_at_ = reserve(needs.mode, needs.mode ? mode_->bytes() : 0);
}

void Accumulator::add_parts(std::byte* state, const Point& point, const Point* before) const noexcept {
  Summary& all = summary(state);
  if (std::isnan(point.value)) {
    if (wants_nulls_) ++part<Tallies>(state, tallies_).nulls;
    return;
  }
  const bool empty = all.count == 0;
  all.add(point.value);
  if (ordered()) {
    Chain& chain = part<Chain>(state, chain_);
    if (empty) {
      const bool known = before != nullptr && before->time <= point.time;
      chain = {.before = known ? *before : Point{}, .first = point, .last = point, .known = known ? 1U : 0U};
    } else if (point.time >= chain.last.time) {
      take_step(state, chain.last, point);
      chain.last = point;
    } else if (as_they_come_) {
      chain.last = point;
    }
  }
  if (ends_ != 0) part<Ends>(state, ends_).add(point, empty);
  add_unordered(state, point, empty);
}

// The parts that do not care which sample came first.
void Accumulator::add_unordered(std::byte* state, const Point& point, bool empty) const noexcept {
  if (slope_ != 0) part<Slope>(state, slope_).add(point, summary(state));
  if (decay_ != 0) part<Decay>(state, decay_).add(point, half_life_, empty);
  if (tallies_ != 0) part<Tallies>(state, tallies_).add(point.value, limits_);
  if (quantiles_) quantiles_->add(state + quantiles_at_, point.value);
  if (distinct_) distinct_->add(state + distinct_at_, point.value);
  if (mode_) mode_->add(state + mode_at_, point.value);
}

void Accumulator::add_first(std::byte* state, const Point& point, const Point* before) const noexcept {
  if (std::isnan(point.value) || summary(state).count == 0) return add_parts(state, point, before);
  summary(state).add(point.value);
  if (ordered()) {
    Chain& chain = part<Chain>(state, chain_);
    if (point.time <= chain.first.time) take_step(state, point, chain.first);
    const bool known = before != nullptr && before->time <= point.time;
    chain.before = known ? *before : Point{};
    chain.known = known ? 1 : 0;
    chain.first = point;
  }
  if (ends_ != 0) part<Ends>(state, ends_).add_first(point);
  add_unordered(state, point, false);
}

void Accumulator::take_step(std::byte* state, const Point& from, const Point& to) const noexcept {
  if (rise_ != 0) part<Rise>(state, rise_).step(from, to, hold_);
  if (area_ != 0) part<Area>(state, area_).step(from, to, hold_, linear_);
  if (longest_ != 0) part<Longest>(state, longest_).step(from.time, to.time);
}

void Accumulator::merge(std::byte* into, const std::byte* later) const noexcept {
  Summary& ours = summary(into);
  const Summary& theirs = summary(later);
  if (tallies_ != 0) part<Tallies>(into, tallies_).merge(part<Tallies>(later, tallies_));
  if (theirs.count == 0) return;
  const bool empty = ours.count == 0;
  if (ordered() && !empty) {
    const Point &from = part<Chain>(into, chain_).last, &to = part<Chain>(later, chain_).first;
    if (to.time >= from.time) take_step(into, from, to);
  }
  const auto take = [&]<class Part>(Offset at, auto&& merge) {
    if (at == 0) return;
    if (empty) {
      part<Part>(into, at) = part<Part>(later, at);
    } else {
      merge(part<Part>(into, at), part<Part>(later, at));
    }
  };
  const auto plainly = [](auto& a, const auto& b) { a.merge(b); };
  take.template operator()<Chain>(chain_, [](Chain& a, const Chain& b) { a.last = b.last; });
  take.template operator()<Ends>(ends_, plainly);
  take.template operator()<Rise>(rise_, plainly);
  take.template operator()<Area>(area_, plainly);
  take.template operator()<Longest>(longest_, plainly);
  take.template operator()<Slope>(slope_, [&](Slope& a, const Slope& b) { a.merge(b, ours, theirs); });
  take.template operator()<Decay>(decay_, [&](Decay& a, const Decay& b) { a.merge(b, half_life_); });
  if (quantiles_) quantiles_->merge(into + quantiles_at_, later + quantiles_at_);
  if (distinct_) distinct_->merge(into + distinct_at_, later + distinct_at_);
  if (mode_) mode_->merge(into + mode_at_, later + mode_at_);
  ours.merge(theirs);
}

bool Accumulator::values(const std::byte* state, const Span& span, std::span<double> out) const noexcept {
  std::array<double, aggregates_limit> percentiles;
  const bool any = summary(state).count > 0;
  if (any && !fractions_.empty()) {
    quantiles_->quantiles(state + quantiles_at_, fractions_, std::span(percentiles).first(fractions_.size()));
  }
  const Moments known = moments(summary(state));
  std::size_t next = 0;
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    const bool percentile = aggregates_[i].kind == Kind::percentile;
    const double value =
        percentile ? (any ? percentiles[next++] : none) : of(aggregates_[i].kind, state, span, known);
    out[i] = std::isfinite(value) ? value : none;
  }
  return any && ((quantiles_ && quantiles_->approximate(state + quantiles_at_)) ||
                 (distinct_ && distinct_->approximate(state + distinct_at_)) ||
                 (mode_ && mode_->approximate(state + mode_at_)));
}

Accumulator::Moments Accumulator::moments(const Summary& all) const noexcept {
  return {wants_mean_ && all.count > 0 ? all.mean() : none,
          wants_variance_ && all.count > 1 ? all.variance() : none,
          wants_stddev_ && all.count > 1 ? all.stddev() : none};
}

// Dispatch only: what each needs is below.
double Accumulator::of(Kind kind, const std::byte* state, const Span& span,
                       const Moments& moments) const noexcept {
  const Summary& all = summary(state);
  switch (kind) {
    case Kind::count:
      return static_cast<double>(all.count);
    case Kind::null_count:
    case Kind::null_ratio:
    case Kind::above_count:
    case Kind::below_count:
    case Kind::in_range_count:
      return of_tallies(kind, state);
    case Kind::completeness:
      return completeness(all, span);
    case Kind::gap:
      return of_gap(state, span);
    default:
      break;
  }
  if (all.count == 0) return none;
  switch (kind) {
    case Kind::first:
    case Kind::last:
    case Kind::delta:
    case Kind::change_ratio:
      return of_ends(kind, state);
    case Kind::rate:
    case Kind::increase:
      return of_rise(kind, state);
    case Kind::time_weighted_mean:
    case Kind::integral:
      return of_area(kind, state, span);
    case Kind::slope:
      return part<Slope>(state, slope_).value(all).value_or(none);
    case Kind::ewma:
      return part<Decay>(state, decay_).mean();
    case Kind::distinct:
      return static_cast<double>(distinct_->estimate(state + distinct_at_));
    case Kind::mode:
      return mode_->mode(state + mode_at_).value_or(none);
    case Kind::outlier_count:
      return outliers(state);
    default:
      return of_summary(kind, all, moments);
  }
}

double Accumulator::of_summary(Kind kind, const Summary& all, const Moments& moments) noexcept {
  switch (kind) {
    case Kind::sum:
      return all.sum();
    case Kind::mean:
      return moments.mean;
    case Kind::variance:
      return moments.variance;
    case Kind::stddev:
      return moments.stddev;
    case Kind::cv:
      return ratio(moments.stddev, std::abs(moments.mean));
    case Kind::min:
      return all.min;
    case Kind::max:
      return all.max;
    case Kind::range:
      return all.max - all.min;
    default:
      CHECK(false, "aggregate %d", static_cast<int>(kind));
      return none;
  }
}

double Accumulator::of_ends(Kind kind, const std::byte* state) const noexcept {
  const Ends& ends = part<Ends>(state, ends_);
  const double change = ends.last.value - ends.first.value;
  switch (kind) {
    case Kind::first:
      return ends.first.value;
    case Kind::last:
      return ends.last.value;
    case Kind::delta:
      return change;
    default:
      return ratio(change, std::abs(ends.first.value));
  }
}

// From the sample before the window on, so that the increases of windows that follow each other add up.
double Accumulator::of_rise(Kind kind, const std::byte* state) const noexcept {
  const Chain& chain = part<Chain>(state, chain_);
  Rise rise;
  if (chain.known != 0) rise.step(chain.before, chain.first, hold_);
  rise.merge(part<Rise>(state, rise_));
  if (rise.steps == 0) return none;
  return kind == Kind::increase ? rise.total() : ratio(rise.total(), seconds(Duration{rise.covered}));
}

// Between the window's start and its first sample the sample before it counts, behind its last one that one.
double Accumulator::of_area(Kind kind, const std::byte* state, const Span& span) const noexcept {
  const Chain& chain = part<Chain>(state, chain_);
  Area area = part<Area>(state, area_);
  if (chain.known != 0 && chain.before.time <= span.start && chain.first.time > span.start) {
    area.begin(chain.before, chain.first, span.start, hold_, linear_);
  }
  if (span.end > chain.last.time) area.hold(chain.last.value, span.end - chain.last.time, hold_);
  const long double covered = static_cast<long double>(area.covered) * 1e-9L;
  if (kind == Kind::integral) return static_cast<double>(area.total());
  return covered > 0 ? static_cast<double>(area.total() / covered) : none;
}

double Accumulator::of_gap(const std::byte* state, const Span& span) const noexcept {
  if (summary(state).count == 0) return seconds(span.end - span.start);
  const Chain& chain = part<Chain>(state, chain_);
  const Duration between{part<Longest>(state, longest_).between};
  return seconds(std::max({between, chain.first.time - span.start, span.end - chain.last.time}));
}

double Accumulator::of_tallies(Kind kind, const std::byte* state) const noexcept {
  const Tallies& tallies = part<Tallies>(state, tallies_);
  const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
  switch (kind) {
    case Kind::above_count:
      return number(tallies.above);
    case Kind::below_count:
      return number(tallies.below);
    case Kind::in_range_count:
      return number(tallies.between);
    case Kind::null_count:
      return number(tallies.nulls);
    default:
      return ratio(number(tallies.nulls), number(tallies.nulls + summary(state).count));
  }
}

double Accumulator::completeness(const Summary& all, const Span& span) noexcept {
  if (span.cadence <= Duration{0} || span.end <= span.start) return none;
  return std::min(
      1.0, static_cast<double>(all.count) * ratio(seconds(span.cadence), seconds(span.end - span.start)));
}

double Accumulator::outliers(const std::byte* state) const noexcept {
  const std::byte* const sketch = state + quantiles_at_;
  const Summary& all = summary(state);
  if (all.count < 4) return 0;
  const Bounds bounds = outlier_bounds(
      outliers_, [&](double p) { return quantiles_->quantile(sketch, p); },
      [&](double middle) { return quantiles_->deviation(sketch, middle); },
      [&]() -> const Summary& { return all; });
  if (!(bounds.low <= bounds.high)) return none;  // values too large for moments
  return static_cast<double>(quantiles_->outside(sketch, bounds.low, bounds.high));
}

}  // namespace core
