#include "core/accumulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/kernel.h"
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

// What is infinite does not exist either: of that, and of NaN, the difference to itself is NaN.
double existing(double value) noexcept { return value - (value - value); }

double ratio(double part, double whole) noexcept { return whole == 0 ? none : part / whole; }

double seconds(Duration duration) noexcept { return static_cast<double>(duration.count()) * 1e-9; }

double completeness(const Summary& all, const Accumulator::Span& span) noexcept {
  if (span.cadence <= Duration{0} || span.end <= span.start) return none;
  return std::min(
      1.0, static_cast<double>(all.count) * ratio(seconds(span.cadence), seconds(span.end - span.start)));
}

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

Accumulator::Needs::Needs(const std::vector<Aggregate>& aggregates) {
  for (const Aggregate& aggregate : aggregates) {
    const Kind kind = aggregate.kind;
    moments |= is_any(kind, {Kind::sum, Kind::mean, Kind::variance, Kind::stddev, Kind::cv});
    rise |= is_any(kind, {Kind::rate, Kind::increase});
    area |= is_any(kind, {Kind::integral, Kind::time_weighted_mean});
    longest |= kind == Kind::gap;
    ends |= is_any(kind, {Kind::first, Kind::last, Kind::delta, Kind::change_ratio});
    slope |= kind == Kind::slope;
    decay |= kind == Kind::ewma;
    nulls |= is_any(kind, {Kind::null_count, Kind::null_ratio});
    limits |= is_any(kind, {Kind::above_count, Kind::below_count, Kind::in_range_count});
    outliers |= kind == Kind::outlier_count;
    quantiles |= outliers || kind == Kind::percentile;
    distinct |= kind == Kind::distinct;
    mode |= kind == Kind::mode;
  }
}

Accumulator::Accumulator(const WindowSpec& spec, Samples samples)
    : aggregates_(spec.aggregates),
      needs_(spec.aggregates),
      limits_{spec.above.value_or(none), spec.below.value_or(none), spec.range ? spec.range->first : none,
              spec.range ? spec.range->second : none},
      outliers_(spec.outliers),
      hold_(or_for_ever(spec.hold)),
      linear_(spec.linear),
      as_they_come_(spec.kind == WindowKind::count || spec.kind == WindowKind::sliding),
      half_life_(half_life_of(spec)) {
  place(spec, samples);
  for (const auto& [kind, fraction] : aggregates_) {
    const bool percentile = kind == Kind::percentile;
    const std::size_t source =
        percentile ? aggregate_kinds + fractions_.size() : static_cast<std::size_t>(kind);
    sources_.push_back(static_cast<std::uint8_t>(source));
    if (percentile) fractions_.push_back(fraction * 1e-6);
  }
}

void Accumulator::place(const WindowSpec& spec, Samples samples) {
  const bool kept = samples == Samples::kept;
  const bool quantiles = needs_.quantiles && !kept, distinct = needs_.distinct && !kept,
             mode = needs_.mode && !kept;
  const auto reserve = [&](bool needed, std::size_t bytes) {
    const auto offset = static_cast<Offset>(bytes_);
    if (needed) bytes_ += bytes;
    return needed ? offset : 0;
  };
  ends_ = reserve(needs_.ends && !kept, sizeof(Ends));
  chain_ = reserve(needs_.rise || needs_.area || needs_.longest, sizeof(Chain));
  rise_ = reserve(needs_.rise, sizeof(Rise));
  area_ = reserve(needs_.area, sizeof(Area));
  longest_ = reserve(needs_.longest, sizeof(Longest));
  slope_ = reserve(needs_.slope, sizeof(Slope));
  decay_ = reserve(needs_.decay, sizeof(Decay));
  tallies_ = reserve(needs_.tallies() && !kept, sizeof(Tallies));
  if (quantiles) quantiles_.emplace(spec.error, spec.kept);
  if (distinct) distinct_.emplace(Distinct::error_default, spec.kept);
  if (mode) mode_.emplace(spec.kept > 0 ? spec.kept : Mode::kept_default);
  quantiles_at_ = reserve(quantiles, quantiles ? quantiles_->bytes() : 0);
  distinct_at_ = reserve(distinct, distinct ? distinct_->bytes() : 0);
  mode_at_ = reserve(mode, mode ? mode_->bytes() : 0);
  has_more_ = chain_ != 0 || slope_ != 0 || decay_ != 0 || quantiles_ || distinct_ || mode_;
}

// The parts that do not care which sample came first.
inline void Accumulator::add_unordered(std::byte* state, const Point& point, bool empty) const noexcept {
  if (tallies_ != 0) part<Tallies>(state, tallies_).add(point.value, limits_);
  if (!has_more_) return;
  if (slope_ != 0) part<Slope>(state, slope_).add(point, summary(state));
  if (decay_ != 0) part<Decay>(state, decay_).add(point, half_life_, empty);
  if (quantiles_) quantiles_->add(state + quantiles_at_, point.value);
  if (distinct_) distinct_->add(state + distinct_at_, point.value);
  if (mode_) mode_->add(state + mode_at_, point.value);
}

[[gnu::flatten]] void Accumulator::add_parts(std::byte* state, const Point& point,
                                             const Point* before) const noexcept {
  Summary& all = summary(state);
  if (std::isnan(point.value)) {
    if (tallies_ != 0) ++part<Tallies>(state, tallies_).nulls;
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

[[gnu::flatten]] void Accumulator::add_parts_first(std::byte* state, const Point& point,
                                                   const Point* before) const noexcept {
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

void Accumulator::merge_parts(std::byte* into, const std::byte* later) const noexcept {
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
  take.template operator()<Ends>(ends_, plainly);
  if (!has_more_) return ours.merge(theirs);
  take.template operator()<Chain>(chain_, [](Chain& a, const Chain& b) { a.last = b.last; });
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
  Known known;
  find(state, span, known);
  list(known, out);
  return summary(state).count > 0 && ((quantiles_ && quantiles_->approximate(state + quantiles_at_)) ||
                                      (distinct_ && distinct_->approximate(state + distinct_at_)) ||
                                      (mode_ && mode_->approximate(state + mode_at_)));
}

// Moments come at once, and so do those of each part: what nobody asked for costs less than to ask for each.
[[gnu::flatten]] void Accumulator::find(const std::byte* state, const Span& span,
                                        Known& known) const noexcept {
  const Summary& all = summary(state);
  if (all.count == 0) known.of_.fill(none);
  known[Kind::count] = static_cast<double>(all.count);
  known[Kind::completeness] = completeness(all, span);
  if (longest_ != 0) known[Kind::gap] = gap(state, span);
  if (tallies_ != 0) known.add(part<Tallies>(state, tallies_), all.count);
  if (all.count == 0) return;
  known[Kind::min] = all.min;
  known[Kind::max] = all.max;
  known[Kind::range] = existing(all.max - all.min);
  if (needs_.moments) find_moments(all, known);
  if (ends_ != 0) known.add(part<Ends>(state, ends_));
  if (rise_ != 0) find_rise(state, known);
  if (area_ != 0) find_area(state, span, known);
  if (slope_ != 0) known[Kind::slope] = existing(part<Slope>(state, slope_).value(all).value_or(none));
  if (decay_ != 0) known[Kind::ewma] = existing(part<Decay>(state, decay_).mean());
  find_order(state, known);
}

void Accumulator::list(const Known& known, std::span<double> out) const noexcept {
  double* place = out.data();
  for (const std::uint8_t source : sources_) *place++ = known.of_[source];
}

void Accumulator::find_moments(const Summary& all, Known& known) noexcept {
  const Moments moments = kernel::moments(all);
  known[Kind::sum] = existing(moments.sum);
  known[Kind::mean] = existing(moments.mean);
  known[Kind::variance] = existing(moments.variance);
  known[Kind::stddev] = existing(moments.stddev);
  known[Kind::cv] = existing(ratio(moments.stddev, std::abs(moments.mean)));
}

void Accumulator::Known::add(const Ends& ends) noexcept {
  Known& known = *this;
  const double change = ends.last.value - ends.first.value;
  known[Kind::first] = ends.first.value;
  known[Kind::last] = ends.last.value;
  known[Kind::delta] = existing(change);
  known[Kind::change_ratio] = existing(ratio(change, std::abs(ends.first.value)));
}

// From the sample before the window on, so that the increases of windows that follow each other add up.
void Accumulator::find_rise(const std::byte* state, Known& known) const noexcept {
  const Chain& chain = part<Chain>(state, chain_);
  Rise rise;
  if (chain.known != 0) rise.step(chain.before, chain.first, hold_);
  rise.merge(part<Rise>(state, rise_));
  const bool any = rise.steps > 0;
  known[Kind::increase] = any ? existing(rise.total()) : none;
  known[Kind::rate] = any ? existing(ratio(rise.total(), seconds(Duration{rise.covered}))) : none;
}

// Between the window's start and its first sample the sample before it counts, behind its last one that one.
void Accumulator::find_area(const std::byte* state, const Span& span, Known& known) const noexcept {
  const Chain& chain = part<Chain>(state, chain_);
  Area area = part<Area>(state, area_);
  if (chain.known != 0 && chain.before.time <= span.start && chain.first.time > span.start) {
    area.begin(chain.before, chain.first, span.start, hold_, linear_);
  }
  if (span.end > chain.last.time) area.hold(chain.last.value, span.end - chain.last.time, hold_);
  const long double covered = static_cast<long double>(area.covered) * 1e-9L;
  known[Kind::integral] = existing(static_cast<double>(area.total()));
  known[Kind::time_weighted_mean] =
      covered > 0 ? existing(static_cast<double>(area.total() / covered)) : none;
}

double Accumulator::gap(const std::byte* state, const Span& span) const noexcept {
  if (summary(state).count == 0) return seconds(span.end - span.start);
  const Chain& chain = part<Chain>(state, chain_);
  const Duration between{part<Longest>(state, longest_).between};
  return seconds(std::max({between, chain.first.time - span.start, span.end - chain.last.time}));
}

void Accumulator::Known::add(const Tallies& tallies, std::uint64_t count) noexcept {
  Known& known = *this;
  // Numbers of samples fit into 63 bits, of which processors make doubles in one step.
  const auto number = [](std::uint64_t n) { return static_cast<double>(static_cast<std::int64_t>(n)); };
  known[Kind::above_count] = number(tallies.above);
  known[Kind::below_count] = number(tallies.below);
  known[Kind::in_range_count] = number(tallies.between);
  known[Kind::null_count] = number(tallies.nulls);
  known[Kind::null_ratio] = ratio(number(tallies.nulls), number(tallies.nulls + count));
}

void Accumulator::find_order(const std::byte* state, Known& known) const noexcept {
  if (quantiles_ && !fractions_.empty()) {
    const std::span<double> found(known.percentiles(), fractions_.size());
    quantiles_->quantiles(state + quantiles_at_, fractions_, found);
    for (double& one : found) one = existing(one);
  }
  if (needs_.outliers && quantiles_) known[Kind::outlier_count] = outliers(state);
  if (distinct_) known[Kind::distinct] = static_cast<double>(distinct_->estimate(state + distinct_at_));
  if (mode_) known[Kind::mode] = existing(mode_->mode(state + mode_at_).value_or(none));
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
