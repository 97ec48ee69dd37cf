#include "core/windows/sampled.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/check.h"
#include "core/emitter.h"
#include "core/parts/outliers.h"

namespace core {

using Kind = AggregateKind;

SampledWindow::SampledWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room)
    : sliding_(spec.kind == WindowKind::sliding),
      most_(sliding_ ? spec.samples_max : spec.samples),
      length_(spec.length),
      cadence_(spec.cadence),
      outliers_(spec.outliers),
      accumulator_(spec, Accumulator::Samples::kept),
      waiting_(sliding_ && lateness > Duration{0}, room),
      window_(window) {
  const Accumulator::Needs& needs = accumulator_.needs();
  if (needs.quantiles || needs.distinct || needs.mode) sorted_.emplace(most_, room);
  for (std::size_t i = 0; i < quarters_.size(); ++i)
    quarters_[i] = SortedValues::rank(most_, 0.25 * static_cast<double>(i + 1));
  for (const double fraction : accumulator_.fractions())
    ranks_.push_back(SortedValues::rank(most_, fraction));
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

// One function to the processor: all of it runs at every sample.
[[gnu::flatten]] void SampledWindow::take(std::byte* block, const Point& point, bool final,
                                          Emitter& emitter) const noexcept {
  State& own = state(block);
  while (sliding_ && own.count > 0 && sample(block, own.first).time <= point.time - length_) {
    const double out = drop(block);
    if (sorted_) sort(block, {.out = out, .in = std::numeric_limits<double>::quiet_NaN()});
  }
  const double out = own.count == most_ ? drop(block) : std::numeric_limits<double>::quiet_NaN();
  append(block, point);
  emit(block, {.out = out, .in = point.value}, final, emitter);
}

void SampledWindow::append(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  count(block, point);
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
  count_out(block, oldest);
  if (!std::isnan(oldest.value)) own.gone = oldest;
  own.first = slot(own, 1);
  --own.count;
  --own.older;
  return oldest.value;
}

// What is counted of the samples, before one comes and before the oldest one leaves.
inline void SampledWindow::count(std::byte* block, const Point& point) const noexcept {
  State& own = state(block);
  if (own.count > 0 && point.time < in_window(block, own.count - 1).time) ++own.steps_back;
  if (std::isnan(point.value)) {
    ++own.tallies.nulls;
  } else if (accumulator_.needs().tallies()) {
    own.tallies.add(point.value, accumulator_.limits());
  }
}

inline void SampledWindow::count_out(std::byte* block, const Point& oldest) const noexcept {
  State& own = state(block);
  if (own.count > 1 && in_window(block, 1).time < oldest.time) --own.steps_back;
  if (std::isnan(oldest.value)) {
    --own.tallies.nulls;
  } else if (accumulator_.needs().tallies()) {
    own.tallies.remove(oldest.value, accumulator_.limits());
  }
}

// Where no sample steps back in time, the first value that came and the last. Precondition: there is a value.
Ends SampledWindow::ends(std::byte* block) const noexcept {
  const State& own = state(block);
  std::uint32_t first = 0, last = own.count - 1;
  while (std::isnan(in_window(block, first).value)) ++first;
  while (std::isnan(in_window(block, last).value)) --last;
  Ends ends{in_window(block, first), in_window(block, last)};
  if (own.steps_back == 0) return ends;
  ends.last = ends.first;
  for (std::uint32_t i = first + 1; i <= last; ++i) {
    if (!std::isnan(in_window(block, i).value)) ends.add(in_window(block, i), false);
  }
  return ends;
}

// The sorted copy holds no nulls.
void SampledWindow::sort(std::byte* block, const Change& change) const noexcept {
  const bool out = !std::isnan(change.out), in = !std::isnan(change.in);
  if (out && in) return sorted_->replace(block, change.out, change.in);
  if (out) sorted_->erase(block, change.out);
  if (in) sorted_->insert(block, change.in);
}

// All samples become older ones: each gets the state of itself and all behind it.
void SampledWindow::turn_over(std::byte* block) const noexcept {
  State& own = state(block);
  const std::size_t bytes = accumulator_.bytes();
  std::uint32_t before = own.count;  // behind the last value before sample i
  const std::byte* behind = nullptr;
  for (std::uint32_t i = own.count; i-- > 0;) {
    const Point* last = nullptr;
    if (accumulator_.ordered()) {
      before = std::min(before, i);
      while (before > 0 && std::isnan(sample(block, slot(own, before - 1)).value)) --before;
      last = before > 0 ? &sample(block, slot(own, before - 1)) : &own.gone;
      if (last->time == no_time) last = nullptr;
    }
    const std::uint32_t place = slot(own, i);
    std::byte* const one = older(block, place);
    if (behind != nullptr) {
      accumulator_.copy(one, behind);
    } else {
      std::memset(one, 0, bytes);
    }
    accumulator_.add_first(one, sample(block, place), last);
    behind = one;
  }
  own.older = own.count;
  std::memset(newer(block), 0, bytes);
  Accumulator::summary(newer(block)).relate_to(Accumulator::summary(older(block, own.first)).reference);
}

// The moments first: they take long, and what goes on in the sorted copy need not wait for them.
void SampledWindow::emit(std::byte* block, const Change& change, bool final,
                         Emitter& emitter) const noexcept {
  State& own = state(block);
  const std::byte* all = newer(block);
  if (own.older > 0) {
    accumulator_.copy(emitter.scratch(), older(block, own.first));
    accumulator_.merge(emitter.scratch(), newer(block));
    all = emitter.scratch();
  }
  const Time end = sample(block, slot(own, own.count - 1)).time;
  const Time start = sliding_ ? end - length_ : sample(block, own.first).time;
  own.rev = own.rev != 0 && start == own.start ? own.rev + 1 : 1;  // several samples of one time
  own.start = start;
  const Duration cadence = cadence_ > Duration{0} ? cadence_ : emitter.cadence();
  Accumulator::Known known;
  accumulator_.find(all, {start, end, cadence}, known);
  const std::uint64_t values_count = Accumulator::summary(all).count;
  if (accumulator_.needs().tallies()) known.add(own.tallies, values_count);
  if (accumulator_.needs().ends && values_count > 0) known.add(ends(block));
  if (sorted_) {
    sort(block, change);
    find_order(sorted_->values(block), known);
  }
  std::array<double, Accumulator::aggregates_limit> values;
  const auto out = std::span(values).first(accumulator_.size());
  accumulator_.list(known, out);
  emitter.window({.window = window_,
                  .start = start,
                  .end = end,
                  .rev = own.rev,
                  .final = final,
                  .count = values_count,
                  .values = out});
}

// Where there are no values, the accumulator knows that already.
void SampledWindow::find_order(std::span<const double> sorted, Accumulator::Known& known) const noexcept {
  if (sorted.empty()) return;
  double* place = known.percentiles();
  if (sorted.size() == most_) {
    for (const SortedValues::Rank& rank : ranks_) *place++ = SortedValues::at(sorted, rank);
  } else {
    for (const double fraction : accumulator_.fractions())
      *place++ = SortedValues::quantile(sorted, fraction);
  }
  const Accumulator::Needs& needs = accumulator_.needs();
  if (needs.distinct) known[Kind::distinct] = SortedValues::distinct(sorted);
  if (needs.mode) known[Kind::mode] = SortedValues::mode(sorted);
  if (needs.outliers) known[Kind::outlier_count] = outliers(sorted);
}

double SampledWindow::outliers(std::span<const double> sorted) const noexcept {
  if (sorted.size() < 4) return 0;
  const Bounds bounds = outlier_bounds(
      outliers_,
      [&](double p) {  // a quartile
        return sorted.size() == most_
                   ? SortedValues::at(sorted, quarters_[static_cast<std::size_t>(p * 4) - 1])
                   : SortedValues::quantile(sorted, p);
      },
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
