// What detectors of the catalogue are told: one plain struct a kind; formula, source and size of the state
// stand in core/detectors/. Deviations are standard deviations as the detector has learned them; `raise` and
// `clear` are in deviations unless said otherwise, with 0 < clear < raise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace core {

// Beyond a fixed limit. Exactly one of above, below. Strict: a value equal to the limit is not beyond it.
struct ThresholdSpec {
  std::optional<double> above;
  std::optional<double> below;
  std::optional<double> clear;  // back at or inside this level clears; default: the limit itself
};

// Outside of [low, high], which is inclusive.
struct RangeSpec {
  double low = 0;
  double high = 0;    // > low
  double margin = 0;  // so far inside it must be again to clear; 0 to less than half of high - low
};

// Too fast a change from one sample to the next. At least one of rise, fall.
struct RateOfChangeSpec {
  std::optional<double> rise;              // most that a value may rise in `per`; > 0
  std::optional<double> fall;              // most that it may fall in `per`; > 0
  Duration per = std::chrono::seconds{1};  // > 0
  double clear = 1;                        // part of the limit it must be back at to clear; above 0, up to 1
};

// What detectors share that learn a level and a noise from the samples themselves.
struct LearningSpec {
  double raise = 6;
  double clear = 3;
  std::uint32_t warmup = 30;  // samples before it may raise; 8 to 1000000
  // Samples the baseline remembers (weight of one: 2 / (memory + 1)); 8 to 1000000.
  std::uint32_t memory = 300;
  double deviation_min = 0;  // deviations smaller than this count as this (a sensor's resolution); >= 0
};

// Distance from an exponentially weighted mean, in deviations; outliers are clipped before they teach.
struct ZscoreSpec : LearningSpec {};

// Distance from the median of the last samples, in scaled median absolute deviations (Hampel).
struct MadSpec {
  double raise = 6;
  double clear = 3;
  std::uint32_t samples = 31;  // 5 to 255
  double deviation_min = 0;
};

// Outside the quartiles of the last samples by more than `raise` times their distance.
struct IqrSpec {
  double raise = 3;
  double clear = 1.5;
  std::uint32_t samples = 31;  // 5 to 255
};

// A smoothed value too far from the long-term mean: small lasting shifts.
struct EwmaSpec : LearningSpec {
  EwmaSpec() { memory = 1000; }
  double weight = 0.2;  // of a sample in the smoothed value; above 0, below 1
};

// The sum of what lies beyond `slack` deviations: small lasting shifts, soonest for a shift of 2 slack.
struct CusumSpec : LearningSpec {
  CusumSpec() {
    raise = 10;
    clear = 5;
    memory = 1000;
  }
  double slack = 1;  // deviations; > 0
};

// A change of the mean since the last change; after one the new level is learned.
struct PageHinkleySpec : LearningSpec {
  PageHinkleySpec() {
    raise = 20;
    clear = 10;
    memory = 1000;
  }
  double slack = 1;  // deviations; > 0
};

// All values within `tolerance` of each other for `after`.
struct FlatlineSpec {
  Duration after{};            // > 0
  double tolerance = 0;        // highest - lowest at most; >= 0
  std::uint32_t samples = 10;  // and at least so many of them; 2 to 1000000
};

// No sample for `after`, by arrival time.
struct SilenceSpec {
  Duration after{};                           // 0: learned, `factor` times the usual time between arrivals
  double factor = 5;                          // > 1
  Duration least = std::chrono::seconds{10};  // a learned one is at least this; > 0
};

// Distance from what is usual at this time of the day or week.
struct SeasonalSpec : LearningSpec {
  enum class Period : std::uint8_t { day, week };
  SeasonalSpec() { memory = 14; }  // of each part: periods, 2 to 1000
  Period period = Period::day;
  std::uint32_t parts = 48;  // of the period; 4 to 336
};

// A device against the median of its group: distance of the difference from what it usually is.
struct PeersSpec : LearningSpec {
  PeersSpec() { memory = 1000; }  // a shorter one learns a drift while it goes on
  std::uint32_t members = 3;      // in the group, at least, to judge; 3 to 1000
};

// No settings: learns level, noise, season and changes.
struct AutoSpec {
  bool season = true;  // learns the hours of the day and the week; without, it needs a quarter of the memory
};

}  // namespace core
