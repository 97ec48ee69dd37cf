// Detectors: what they are told (specs) and what they say (flags). The closed catalogue; each kind is one
// small file in core/detectors/, with its formula, its source and the size of its state. Run by workers on
// the samples of one series, or on the results of one of its windows. An outlier must not teach the baseline;
// before a detector knows enough it says "warming" and raises nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/detector_specs.h"
#include "core/time.h"

namespace core {

enum class Severity : std::uint8_t { info, warning, critical };
[[nodiscard]] std::string_view name(Severity severity) noexcept;

// From what a detector says about samples to flags. Times are event times.
struct LifeSpec {
  Duration least{0};         // "for": how long the condition must hold before a flag is raised
  Duration hold{0};          // how long it must be gone before the flag is cleared
  std::uint32_t flaps = 10;  // more raises than these within `flap_within`: the flag is flapping; 0: never
  Duration flap_within = std::chrono::minutes{10};
};

struct DetectorSpec {
  using Kind =
      std::variant<ThresholdSpec, RangeSpec, RateOfChangeSpec, ZscoreSpec, MadSpec, IqrSpec, EwmaSpec,
                   CusumSpec, PageHinkleySpec, FlatlineSpec, SilenceSpec, SeasonalSpec, PeersSpec, AutoSpec>;
  // One value of a window's results, by its place in the plan and in the window's aggregates.
  struct WindowValue {
    std::uint32_t window;
    std::uint32_t value;
  };

  std::string name;
  Severity severity = Severity::warning;
  LifeSpec life;
  Kind kind;
  std::optional<WindowValue> on;  // judges first results of closed windows, instead of samples

  // All that is wrong with it, in words, beginning with the key ("clear: 85 lies beyond above 80; ...");
  // empty when valid.
  [[nodiscard]] std::vector<std::string> problems() const;
};

// As in the configuration, by index of DetectorSpec::Kind.
inline constexpr std::array<std::string_view, std::variant_size_v<DetectorSpec::Kind>> detector_kind_names{
    "threshold", "range",        "rate_of_change", "zscore",  "mad",      "iqr",   "ewma",
    "cusum",     "page_hinkley", "flatline",       "silence", "seasonal", "peers", "auto"};
[[nodiscard]] std::string_view kind_name(const DetectorSpec& spec) noexcept;

enum class FlagState : std::uint8_t { raised, flapping, cleared };
[[nodiscard]] std::string_view name(FlagState state) noexcept;

// A flag begins, begins to flap, or ends. Fields without a value do not exist for that kind (a silence has no
// bounds).
struct FlagChange {
  std::uint32_t detector;  // index in the plan
  FlagState state;
  Time time;  // event time of the sample that did it; a silence's deadline (arrival time)
  // When the condition began (for a silence, the last arrival); with the series and the detector the flag's
  // identity, equal from its raise to its clear.
  Time since;
  std::optional<double> value;
  std::optional<double> expected;
  std::optional<double> low;
  std::optional<double> high;
  double score;  // [0, 1]
  // Arrival time at which it is told: "now", or the deadline that a tick has met or passed, so that it is the
  // same however many ticks there were. Set where it is emitted.
  Time told = no_time;
};

}  // namespace core
