#include "core/detectors/auto.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parts/baseline.h"

namespace core {
namespace {

using Rule = Novelty::Rule;

constexpr double memory = 7000;  // samples for which a record is held
constexpr double slow = 64;      // blocks of a level that its slow mean remembers
constexpr Rule season_rule{.z = 4.5, .ratio = 1.1, .widen = 80, .keep = 1 - 1.0 / 1250, .rate = 0.01};
constexpr double season_rate = 0.3;  // of a pattern
constexpr std::uint32_t warmup = 135;
constexpr std::uint32_t hold_samples = 96;
constexpr std::uint32_t hold_hours = 24;
constexpr double again = 2;  // so much newer than the last raise is news in the hold too
constexpr double value_max = 1e150;
constexpr Duration hour_length = std::chrono::hours{1};

// A series whose channels have hardly moved is measured against the size of its steps.
double floor_of(const AutoState& state) noexcept { return state.steps.scale() * 1e-3; }

// `value`, no further from the slow mean than single samples have been.
double learnable(const AutoState& state, double value) noexcept {
  const AutoState::Level& level = state.level[0];
  return std::clamp(value, level.mean - level.novelty.down(), level.mean + level.novelty.up());
}

float remember(float pattern, double x, bool known) noexcept {
  constexpr double most = std::numeric_limits<float>::max();
  const double next =
      known ? static_cast<double>(pattern) + season_rate * (x - static_cast<double>(pattern)) : x;
  return static_cast<float>(std::clamp(next, -most, most));
}

bool has(const AutoSeason& season, std::uint32_t bit) noexcept {
  return (season.known[bit / 32] >> (bit % 32) & 1U) != 0;
}
void set(AutoSeason& season, std::uint32_t bit) noexcept { season.known[bit / 32] |= 1U << (bit % 32); }

std::uint32_t hour_of_week(std::int64_t hour) noexcept {
  constexpr std::int64_t week = AutoSeason::week;
  return static_cast<std::uint32_t>((hour % week + week) % week);
}

}  // namespace

Auto::Auto(const AutoSpec& spec) noexcept : season_(spec.season) {
  double block = 1;  // samples
  double rate = 1e-3;
  double z = 6;  // mean deviations: 4.8 standard deviations where they are normal
  for (Rule& rule : rules_) {
    rule = {.z = z, .ratio = 1.3, .widen = 12, .keep = 1 - block / memory, .rate = rate};
    block *= 4;
    rate *= 2;
    z -= 0.2;
  }
}

Verdict Auto::add(AutoState& state, const Point& point, bool explain) const noexcept {
  const double value = std::clamp(point.value, -value_max, value_max);
  Verdict verdict;
  if (state.collected < AutoState::first_samples) [[unlikely]] {
    collect(state, value);
    verdict.condition = Condition::warming;
    return verdict;
  }
  const AutoState::Level& finest = state.level[0];
  const double mean = finest.mean;
  const double reach = rules_[0].z * std::max(finest.novelty.scale(), floor_of(state));
  double novelty = look(state, value);
  double of_season = 0;
  double pattern = Verdict::none;
  if (point.time < Time{} + state.hour * hour_length || point.time >= Time{} + (state.hour + 1) * hour_length)
      [[unlikely]] {
    auto& season = *reinterpret_cast<AutoSeason*>(&state + 1);
    if (season_ && state.hour_count > 0) of_season = close_hour(state, season, value, pattern);
    state.hour = pane_index(point.time, hour_length, Duration{0});
    state.hour_sum = 0;
    state.hour_count = 0;
  }
  state.hour_sum += learnable(state, value);
  ++state.hour_count;
  state.before = value;
  const bool by_season = of_season > novelty;
  novelty = std::max(novelty, of_season);
  if (novelty > 0 || state.hold != 0 || explain) [[unlikely]] {
    verdict = judge(state, novelty, std::abs(value - mean) / reach);
    verdict.expected = by_season ? pattern : mean;
    verdict.low = by_season ? Verdict::none : mean - reach;
    verdict.high = by_season ? Verdict::none : mean + reach;
  }
  if (state.count < warmup) [[unlikely]]
    verdict.condition = Condition::warming;
  return verdict;
}

// `far`: from the slow mean, in what raises.
Verdict Auto::judge(AutoState& state, double novelty, double far) noexcept {
  Verdict verdict;
  const bool held = state.hold > 0;
  if (held) --state.hold;
  const bool warm = state.count >= warmup;
  const bool news = warm && novelty >= 1 && !(held && novelty < again * state.raised_at);
  const double ratio = 1 / std::max(novelty, 1e-100);
  verdict.score = 1 / (1 + ratio * ratio);
  if (news) {
    verdict.condition = Condition::fire;
    state.hold = hold_samples;
    state.raised_at = novelty;
    state.away = 1;
    return verdict;
  }
  verdict.score = std::min(verdict.score, 0.49);  // what follows a raise is no news
  if (!(far >= 0.5) && state.season_away == 0) state.away = 0;
  if (held && state.away != 0) verdict.condition = far >= 1 ? Condition::fire : Condition::between;
  return verdict;
}

// One sample into the channels; the largest novelty.
double Auto::look(AutoState& state, double value) const noexcept {
  const std::uint64_t count = ++state.count;
  const double floor = floor_of(state);
  auto n = static_cast<double>(count);
  double novelty = state.steps.add(value - state.before, n, floor, rules_[0], value, state.before);
  double mean = value;
  for (std::uint32_t i = 0; i < AutoState::levels; ++i) {
    AutoState::Level& level = state.level[i];
    if (n <= 1 && i > 0) level.mean = mean;
    const double deviation = mean - level.mean;
    const double most = Novelty::clip * std::max(level.novelty.scale(), floor);
    novelty = std::max(novelty, level.novelty.add(deviation, n, floor, rules_[i], value, state.before));
    if (i == 0) mean = learnable(state, value);
    level.mean += std::clamp(deviation, -most, most) / std::min(n, slow);
    level.sum += mean;
    if ((count >> (2 * i)) % 4 != 0) break;
    mean = level.sum / 4;
    level.sum = 0;
    n = static_cast<double>(count >> (2 * (i + 1)));
  }
  return novelty;
}

// The hour that has passed, against what it usually is; its novelty, and what was expected.
double Auto::close_hour(AutoState& state, AutoSeason& season, double value, double& expected) const noexcept {
  const double mean = state.hour_sum / state.hour_count;
  if (std::ranges::all_of(season.known, [](std::uint32_t word) { return word == 0; })) season.base = mean;
  const double x = mean - season.base;
  const std::uint32_t week_bit = hour_of_week(state.hour);
  const std::uint32_t day = week_bit % AutoSeason::day;
  const std::uint32_t day_bit = AutoSeason::week + day;
  float& of_week = season.of_week[week_bit];
  float& of_day = season.of_day[day];
  const double by_day = x - static_cast<double>(of_day);
  const double by_week = x - static_cast<double>(of_week);
  const double floor = floor_of(state);
  double novelty = 0;
  double deviation = by_day;
  if (has(season, week_bit)) {
    if (std::abs(by_day) >= std::abs(by_week)) deviation = by_week;
    novelty = season.by_week.add(deviation, ++season.weeks_seen, floor, season_rule, value, state.before);
  } else if (has(season, day_bit)) {
    novelty = season.by_day.add(deviation, ++season.days_seen, floor, season_rule, value, state.before);
  }
  expected = mean - deviation;
  of_week = remember(of_week, x, has(season, week_bit));
  of_day = remember(of_day, x, has(season, day_bit));
  set(season, week_bit);
  set(season, day_bit);
  state.season_away = novelty >= 0.5 ? 1 : 0;
  return hold_season(season, novelty);
}

double Auto::hold_season(AutoSeason& season, double novelty) noexcept {
  if (season.hold > 0) {
    --season.hold;
    if (novelty >= 1 && novelty < again * season.raised_at) novelty = 0.99;
  }
  if (novelty >= 1) {
    season.hold = hold_hours;
    season.raised_at = novelty;
  }
  return novelty;
}

// Begins from the first samples, none of which leads it.
void Auto::collect(AutoState& state, double value) const noexcept {
  state.first[state.collected] = value;
  if (++state.collected < AutoState::first_samples) return;
  auto sorted = state.first;
  const double middle = median(sorted);
  for (double& one : sorted) one = std::abs(one - middle);
  const double most = 8 * median(sorted);
  state.level[0].mean = state.before = std::clamp(state.first[0], middle - most, middle + most);
  for (const double one : state.first) {
    const double clipped = std::clamp(one, middle - most, middle + most);
    (void)look(state, clipped);
    state.before = clipped;
  }
}

}  // namespace core
