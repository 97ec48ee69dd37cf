// Detectors: what they are told (specs) and what they say (flags). The closed catalogue; each kind is one
// small file in core/detectors/, with its formula, its source and the size of its state. Run by workers on
// the samples of one series. An outlier must not teach the baseline; before a detector knows enough it says
// "warming" and raises nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/time.h"

namespace core {

enum class Severity : std::uint8_t { info, warning, critical };
[[nodiscard]] std::string_view name(Severity severity) noexcept;

// Beyond a fixed limit. Exactly one of above, below. Strict: a value equal to the limit is not beyond it.
struct ThresholdSpec {
  std::optional<double> above;
  std::optional<double> below;
  std::optional<double> clear;  // back at or inside this level clears; default: the limit itself
};

// Distance from an exponentially weighted mean, in deviations; outliers are clipped before they teach.
struct ZscoreSpec {
  double raise = 6;           // deviations at which a flag is raised; > clear
  double clear = 3;           // deviations at which it clears; > 0
  std::uint32_t warmup = 30;  // samples before it may raise; 8 to 1000000
  // Samples the baseline remembers (weight of one: 2 / (memory + 1)); 8 to 1000000.
  std::uint32_t memory = 300;
  double deviation_min = 0;  // deviations smaller than this count as this (a sensor's resolution); >= 0
};

// No sample for `after`, by arrival time.
struct SilenceSpec {
  Duration after{};
};

struct DetectorSpec {
  std::string name;
  Severity severity = Severity::warning;
  Duration for_{0};  // how long the condition must hold, by event time, before a flag is raised
  std::variant<ThresholdSpec, ZscoreSpec, SilenceSpec> kind;

  // All that is wrong with it, in words, beginning with the key ("clear: 85 lies beyond above 80; ...");
  // empty when valid.
  [[nodiscard]] std::vector<std::string> problems() const;
};

// "threshold", "zscore", "silence".
[[nodiscard]] std::string_view kind_name(const DetectorSpec& spec) noexcept;

// A flag begins or ends. Fields without a value do not exist for that kind (a silence has no bounds).
struct FlagChange {
  std::uint32_t detector;  // index in the plan
  bool raised;             // else cleared
  Time time;               // event time of the sample that did it; a silence's deadline (arrival time)
  // When the condition began (for a silence, the last arrival); with the series and the detector the flag's
  // identity, equal in its raise and its clear.
  Time since;
  std::optional<double> value;
  std::optional<double> expected;
  std::optional<double> low;
  std::optional<double> high;
  double score;  // [0, 1]
};

}  // namespace core
