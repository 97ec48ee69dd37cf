// auto: how new a sample is for its series. No settings: one configuration for every series.
//   score   R^2 / (R^2 + 1), R the largest novelty (core/parts/novelty.h) of the channels below; at R = 1 0.5
//   fires   R >= 1; for 96 samples more only while the value stays away, or R is twice that of the raise
//   between the value is still half as far from the slow mean as what raises; then quiet
//   channels
//     four levels: the mean of 1, 4, 16 and 64 samples, less its slow mean (over 64 of them)
//     the step from one sample to the next
//     the season: the mean of a clock hour (UTC) less the nearer of two remembered patterns, that hour of the
//     day and that hour of the week (each a mean with rate 0.3); it raises once in 24 hours of the series
//   warming the first 135 samples; the first 15 begin the channels, clipped to their median +- 8 median
//           absolute deviations; a season raises from the second day on
// Every channel is a difference, so that a slow drift or a random walk raises nothing. A spike is clipped at
// the largest deviation known before anything but the finest level learns from it: no mean is led by it.
// Expected are the slow mean, or the hour's pattern where the season raises, and what lies within z usual
// deviations of it.
//
// Sources: dyadic means (Haar 1910); the mean of the same hour as a forecast ("seasonal naive", Hyndman and
// Athanasopoulos); the nearest of a few remembered patterns (Burnaev and Ishimtsev 2016); and those of
// Novelty. What was tried, and what each step gave: core/detectors/README.md. State: 360 bytes, and 872 for
// the season.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/flag.h"
#include "core/parts/ends.h"
#include "core/parts/novelty.h"

namespace core {

// Zero bytes: no sample yet.
struct AutoState {
  static constexpr std::uint32_t levels = 4;
  static constexpr std::uint32_t first_samples = 15;
  struct Level {
    Novelty novelty;
    double mean;  // slow
    double sum;   // of a block of the next level
  };

  std::uint64_t count;  // samples
  double before;
  double raised_at;  // R of the last raise
  double hour_sum;
  std::int64_t hour;         // the running one, since 1970
  std::uint32_t hour_count;  // samples in it
  std::uint32_t hold;        // samples that follow a raise and have still to come
  std::uint32_t collected;   // first samples
  std::uint8_t away;         // since the raise the value has stayed away, or the season has
  std::uint8_t season_away;
  Novelty steps;
  std::array<Level, levels> level;
  std::array<double, first_samples> first;
};

// Behind the AutoState.
struct AutoSeason {
  static constexpr std::uint32_t day = 24;
  static constexpr std::uint32_t week = 168;

  Novelty by_day;   // until an hour's week is known
  Novelty by_week;  // from then on
  double base;      // what the patterns are kept relative to
  double raised_at;
  std::uint32_t days_seen;   // deviations in by_day
  std::uint32_t weeks_seen;  // and in by_week
  std::uint32_t hold;        // hours for which it raises nothing
  // A bit for each hour of the week, and behind them for each hour of the day.
  std::array<std::uint32_t, (day + week) / 32> known;
  std::uint32_t unused;
  std::array<float, day> of_day;
  std::array<float, week> of_week;
};
static_assert(sizeof(AutoState) == 360 && sizeof(AutoSeason) == 872);

// Constant after construction.
class Auto {
 public:
  using Spec = AutoSpec;
  using State = AutoState;

  explicit Auto(const AutoSpec& spec) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(AutoState) + (season_ ? sizeof(AutoSeason) : 0);
  }
  [[nodiscard]] Verdict add(AutoState& state, const Point& point, bool explain) const noexcept;

 private:
  void collect(AutoState& state, double value) const noexcept;
  double look(AutoState& state, double value) const noexcept;
  double close_hour(AutoState& state, AutoSeason& season, double value, double& expected) const noexcept;
  static double hold_season(AutoSeason& season, double novelty) noexcept;
  static Verdict judge(AutoState& state, double novelty, double far) noexcept;

  std::array<Novelty::Rule, AutoState::levels> rules_;
  bool season_;
};

}  // namespace core
