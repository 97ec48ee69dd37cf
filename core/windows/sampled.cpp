#include "core/windows/sampled.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/check.h"
#include "core/emitter.h"
#include "core/parts/outliers.h"

namespace core {
namespace {

using Kind = AggregateKind;

bool needs_order_of_values(const Aggregate& aggregate) noexcept {
  return aggregate.kind == Kind::percentile || aggregate.kind == Kind::distinct ||
         aggregate.kind == Kind::mode || aggregate.kind == Kind::outlier_count;
}

WindowSpec without_order_of_values(WindowSpec spec) {
  std::erase_if(spec.aggregates, needs_order_of_values);
  return spec;
}

}  // namespace

SampledWindow::SampledWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room)
    : sliding_(spec.kind == WindowKind::sliding),
      most_(sliding_ ? spec.samples_max : spec.samples),
      length_(spec.length),
      cadence_(spec.cadence),
      outliers_(spec.outliers),
      aggregates_(spec.aggregates),
      accumulator_(without_order_of_values(spec)),
      waiting_(sliding_ && lateness > Duration{0}, room),
      window_(window) {
  if (accumulator_.size() != aggregates_.size()) sorted_.emplace(most_, room);
  state_ = room.reserve(sizeof(State), 8);
  samples_ = room.reserve(most_ * sizeof(Point), 8);
  older_ = room.reserve(most_ * accumulator_.bytes(), 8);
  newer_ = room.reserve(accumulator_.bytes(), 8);
  room.need_scratch(accumulator_.bytes());
}

void SampledWindow::start(std::byte* block) const noexcept {
  state(block).newest.time = state(block).gone.time = no_time;
}

Time SampledWindow::due(const std::byte* block) const noexcept {
  return waiting_.size(block) == 0 ? Time::max() : waiting_.first(block) + Duration{1};
}

void SampledWindow::close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept {
  waiting_.release(block, watermark, [&](const Point& point) { take(block, point, final, emitter); });
}

bool SampledWindow::add(std::byte* block, const Point& point, Time watermark,
                        Emitter& emitter) const noexcept {
  if (sliding_ && point.time < watermark) return false;
  if (std::isnan(point.value) && !accumulator_.wants_nulls()) return true;
  if (!waiting_.needed()) {
    take(block, point, true, emitter);
    return true;
  }
  if (waiting_.full(block)) {
    waiting_.release_first(block, [&](const Point& first) { take(block, first, true, emitter); });
  }
  waiting_.add(block, point);
  return true;
}

void SampledWindow::take(std::byte* block, const Point& point, bool final, Emitter& emitter) const noexcept {
  State& own = state(block);
  while (sliding_ && own.count > 0 && sample(block, own.first).time <= point.time - length_) {
    sort_out(block, drop(block));
  }
  if (own.count == most_) {
    const double out = drop(block);
    append(block, point);
    sort_over(block, out, point.value);
  } else {
    append(block, point);
    sort_in(block, point.value);
  }
  emit(block, final, emitter);
}

void SampledWindow::append(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  sample(block, slot(own, own.count)) = point;
  ++own.count;
  accumulator_.add(newer(block), point, own.newest.time != no_time ? &own.newest : nullptr);
  if (!std::isnan(point.value)) own.newest = point;
}

// The oldest sample leaves; its value.
double SampledWindow::drop(std::byte* block) const noexcept {
  State& own = state(block);
  if (own.older == 0) turn_over(block);
  const Point oldest = sample(block, own.first);
  if (!std::isnan(oldest.value)) own.gone = oldest;
  own.first = slot(own, 1);
  --own.count;
  --own.older;
  return oldest.value;
}

// The sorted copy holds no nulls.
void SampledWindow::sort_in(std::byte* block, double value) const noexcept {
  if (sorted_ && !std::isnan(value)) sorted_->insert(block, value);
}

void SampledWindow::sort_out(std::byte* block, double value) const noexcept {
  if (sorted_ && !std::isnan(value)) sorted_->erase(block, value);
}

void SampledWindow::sort_over(std::byte* block, double out, double in) const noexcept {
  if (sorted_ && !std::isnan(out) && !std::isnan(in)) return sorted_->replace(block, out, in);
  sort_out(block, out);
  sort_in(block, in);
}

// All samples become older ones: each gets the state of itself and all behind it.
void SampledWindow::turn_over(std::byte* block) const noexcept {
  State& own = state(block);
  const std::size_t bytes = accumulator_.bytes();
  std::uint32_t before = own.count;  // behind the last value before sample i
  for (std::uint32_t i = own.count; i-- > 0;) {
    std::byte* const one = older(block, slot(own, i));
    before = std::min(before, i);
    while (before > 0 && std::isnan(sample(block, slot(own, before - 1)).value)) --before;
    const Point& last = before > 0 ? sample(block, slot(own, before - 1)) : own.gone;
    if (i + 1 < own.count) {
      std::memcpy(one, older(block, slot(own, i + 1)), bytes);
    } else {
      std::memset(one, 0, bytes);
    }
    accumulator_.add_first(one, sample(block, slot(own, i)), last.time != no_time ? &last : nullptr);
  }
  own.older = own.count;
  std::memset(newer(block), 0, bytes);
  Accumulator::summary(newer(block)).relate_to(Accumulator::summary(older(block, own.first)).reference);
}

void SampledWindow::emit(std::byte* block, bool final, Emitter& emitter) const noexcept {
  State& own = state(block);
  const std::byte* all = newer(block);
  if (own.older > 0) {
    std::memcpy(emitter.scratch(), older(block, own.first), accumulator_.bytes());
    accumulator_.merge(emitter.scratch(), newer(block));
    all = emitter.scratch();
  }
  const Time end = sample(block, slot(own, own.count - 1)).time;
  const Time start = sliding_ ? end - length_ : sample(block, own.first).time;
  own.rev = own.rev != 0 && start == own.start ? own.rev + 1 : 1;  // several samples of one time
  own.start = start;
  std::array<double, Accumulator::aggregates_limit> plain, values;
  const Duration cadence = cadence_ > Duration{0} ? cadence_ : emitter.cadence();
  (void)accumulator_.values(all, {start, end, cadence}, plain);
  const std::span<const double> sorted = sorted_ ? sorted_->values(block) : std::span<const double>{};
  std::size_t next = 0;
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    values[i] = needs_order_of_values(aggregates_[i]) ? exact(aggregates_[i], sorted) : plain[next++];
  }
  emitter.window({.window = window_,
                  .start = start,
                  .end = end,
                  .rev = own.rev,
                  .final = final,
                  .count = Accumulator::summary(all).count,
                  .values = std::span(values).first(aggregates_.size())});
}

double SampledWindow::exact(const Aggregate& aggregate, std::span<const double> sorted) const noexcept {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  switch (aggregate.kind) {
    case Kind::percentile:
      return SortedValues::quantile(sorted, aggregate.fraction * 1e-6);
    case Kind::distinct:
      return SortedValues::distinct(sorted);
    case Kind::mode:
      return SortedValues::mode(sorted);
    default:
      return outliers(sorted);
  }
}

double SampledWindow::outliers(std::span<const double> sorted) const noexcept {
  if (sorted.size() < 4) return 0;
  const Bounds bounds = outlier_bounds(
      outliers_, [&](double p) { return SortedValues::quantile(sorted, p); },
      [&](double middle) { return SortedValues::deviation(sorted, middle); },
      [&] {
        Summary all;
        for (const double value : sorted) all.add(value);
        return all;
      });
  if (!(bounds.low <= bounds.high)) return std::numeric_limits<double>::quiet_NaN();
  return SortedValues::outside(sorted, bounds.low, bounds.high);
}

}  // namespace core
