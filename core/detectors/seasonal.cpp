#include "core/detectors/seasonal.h"

#include <algorithm>
#include <limits>
#include <span>

namespace core {
namespace {

constexpr std::uint32_t samples_min = 30;  // of a period, for what its noise remembers
constexpr std::uint32_t samples_max = 1'000'000;
constexpr double normal_size =
    1.2533141373155003;  // deviation of a normal distribution / its mean absolute one

double finite(double value) noexcept {
  return std::clamp(value, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

LearningSpec learning(const SeasonalSpec& spec) noexcept {
  LearningSpec learning = spec;
  learning.warmup = samples_min;
  learning.memory = samples_min;  // not used: the baseline is told how many samples a period has
  return learning;
}

}  // namespace

Seasonal::Seasonal(const SeasonalSpec& spec) noexcept
    : levels_{spec.raise, spec.clear},
      baseline_(learning(spec), spec.clear),
      length_(spec.period == SeasonalSpec::Period::day ? std::chrono::days{1} : std::chrono::days{7}),
      offset_(spec.period == SeasonalSpec::Period::day ? std::chrono::days{0} : std::chrono::days{4}),
      parts_(spec.parts),
      memory_(spec.memory) {}

Verdict Seasonal::add(State& state, const Point& point, bool explain) const noexcept {
  const double value = point.value;
  if (point.time >= state.end) [[unlikely]]
    enter(state, point.time);
  const double at = static_cast<double>((point.time - state.begin).count()) /
                    static_cast<double>((state.end - state.begin).count());
  SeasonalState::Visit& visit = state.visit;
  visit.keep(value);
  visit.position += at;
  ++state.samples;
  Verdict verdict;
  verdict.condition = Condition::warming;
  const Part& part = parts(state)[state.part];
  if (part.visits == 0) [[unlikely]]
    return verdict;
  const Usual shape = usual(state, at);
  const double rest = finite(value - shape.level);
  if (baseline_.collects(state.noise)) [[unlikely]] {
    baseline_.collect(state.noise, rest);
    state.noise.before = value;
    return verdict;
  }
  const Baseline::Distance distance = baseline_.measure(
      state.noise, value, rest - state.noise.mean,
      std::max({state.noise.deviation, shape.deviation,
                Baseline::relative_floor * std::min(std::abs(shape.level), std::abs(value))}));
  const bool warming = part.visits < 2 || baseline_.warming(state.noise);
  if (explain || std::abs(distance.z) > levels_.clear * distance.widening) [[unlikely]]
    verdict = judge(finite(shape.level + state.noise.mean), distance);
  else
    verdict.condition = Condition::quiet;
  if (warming) [[unlikely]]
    verdict.condition = Condition::warming;
  visit.notice(distance);
  baseline_.learn(state.noise, value, distance, state.weight, state.usual);
  return verdict;
}

Verdict Seasonal::judge(double expected, const Baseline::Distance& distance) const noexcept {
  const double deviation = distance.deviation * distance.widening;
  Verdict verdict = levels_.verdict(std::abs(distance.z) / distance.widening);
  verdict.expected = expected;
  verdict.low = expected - levels_.raise * deviation;
  verdict.high = expected + levels_.raise * deviation;
  return verdict;
}

Seasonal::Usual Seasonal::usual(State& state, double at) const noexcept {
  const Part& here = parts(state)[state.part];
  const double position = here.position / Part::position_unit;
  const bool behind = at >= position;
  const std::uint32_t next = state.part + 1 == parts_ ? 0 : state.part + 1;
  const std::uint32_t previous = (state.part == 0 ? parts_ : state.part) - 1;
  const Part& there = parts(state)[behind ? next : previous];
  if (there.visits == 0) return {here.level, static_cast<double>(here.deviation)};
  const double other = there.position / Part::position_unit;
  const double apart = 1 + (behind ? other - position : position - other);  // > 0
  const double weight = std::abs(at - position) / apart;
  return {here.level * (1 - weight) + there.level * weight,
          static_cast<double>(std::max(here.deviation, there.deviation))};
}

void Seasonal::enter(State& state, Time time) const noexcept {
  settle(state);
  const std::int64_t period = pane_index(time, length_, offset_);
  if (period != state.period || state.usual == 0) {
    state.usual = std::clamp(state.samples, samples_min, samples_max);
    state.weight = 2 / (state.usual + 1.0);
    state.samples = 0;
    state.period = period;
  }
  const Time start = pane_start(period, length_, offset_);
  const auto begin = [&](std::int64_t part) {  // rounded up, so that a part holds what is divided down to it
    return start + Duration{(length_.count() * part + parts_ - 1) / parts_};
  };
  state.part = static_cast<std::uint32_t>((time - start).count() * parts_ / length_.count());
  state.begin = begin(state.part);
  state.end = begin(state.part + 1);
}

void Seasonal::settle(State& state) const noexcept {
  const SeasonalState::Visit visit = state.visit;
  state.visit = {};
  if (visit.count == 0) return;
  Part& part = parts(state)[state.part];
  const auto anew = [&] {
    auto kept = visit.kept;
    const double level = finite(median(std::span{kept}.first(visit.kept_count)) - state.noise.mean);
    const double position = visit.position / visit.count * Part::position_unit;
    part = {level, 0, 1, 0, static_cast<std::uint32_t>(position) & Part::position_max};
  };
  if (part.visits == 0) return anew();
  if (visit.expected * 2 < visit.count) {  // too few to clip the others by
    part.visits = std::min(part.visits + 1U, memory_) & Part::visits_max;
    return;
  }
  if (visit.beyond * 2 > visit.expected) {
    part.against = (part.against + 1U) & Part::visits_max;
    if (part.against >= part.visits) anew();
    return;
  }
  part.against = 0;
  adapt(part, visit);
}

void Seasonal::adapt(Part& part, const SeasonalState::Visit& visit) const noexcept {
  const double weight = std::max(2 / (memory_ + 1.0), 1 / (part.visits + 1.0));
  const double spread = std::min(normal_size * visit.size / visit.expected, 1e38);
  const double before = static_cast<double>(part.deviation);
  part.deviation = static_cast<float>(part.deviation == 0 ? spread : before + weight * (spread - before));
  part.level = finite(part.level + weight * (visit.moved / visit.expected));
  const double moved = visit.position / visit.count - part.position / Part::position_unit;
  const double position =
      std::clamp(part.position + weight * moved * Part::position_unit, 0.0, Part::position_unit - 1);
  part.position = static_cast<std::uint32_t>(position) & Part::position_max;
  part.visits = std::min(part.visits + 1U, memory_) & Part::visits_max;
}

void SeasonalState::Visit::notice(const Baseline::Distance& distance) noexcept {
  const double clipped = std::clamp(distance.z, -Baseline::clip, Baseline::clip);
  ++expected;
  beyond += clipped != distance.z;
  moved += clipped * distance.deviation;
  size += std::abs(clipped) * distance.deviation;
}

void SeasonalState::Visit::keep(double value) noexcept {
  if (count++ % (stride + 1) != 0) return;
  if (kept_count == kept_max) {
    for (std::uint32_t i = 0; i < kept_max / 2; ++i) kept[i] = kept[2 * i];
    kept_count = kept_max / 2;
    stride = 2 * stride + 1;
  }
  kept[kept_count++] = value;
}

}  // namespace core
