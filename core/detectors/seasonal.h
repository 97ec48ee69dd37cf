// seasonal: distance from what is usual at this time of the day or week (UTC; a week begins on Monday).
//   expected  level + shape, where shape lies on the line between the levels of this part of the period and
//             of the one before or behind it, each at the mean time of its values
//   z         |value - expected| / deviation, the greater of the whole period's and these parts'
//   fires     z >= raise          between  clear < z < raise
//   score     z^2 / (z^2 + raise^2) of a value that is not quiet, or that clears; else 0
//   learns    the level, and the noise, as core/parts/baseline.h does from value - shape, remembering as many
//             samples as a period has; of a part, at the end of each visit, the mean and the mean absolute
//             size of what was not expected, clipped to +-3 deviations, remembering `memory` visits
// So it follows a level that drifts slowly; a lasting step is flagged for a period at most. The first level
// of a part is the median of up to 16 of its values, spread over the visit. A visit most of whose values lie
// beyond 3 deviations teaches the part nothing; after as many of them in a row as it had visits (at most
// `memory`) the part starts anew from the last.
//
// A part is judged from its third visit on, and when 30 values have been expected before. Parts never visited
// are not judged, so it does not matter when a device is off.
//
// Sources: Holt 1957, Winters 1960; Gelper, Fried and Croux 2010 (clipping). State: 376 bytes and 16 a part
// (48 parts: 1144), of which a sample uses about 200.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/flag.h"
#include "core/parts/baseline.h"
#include "core/parts/ends.h"
#include "core/parts/levels.h"

namespace core {

// The parts lie behind it.
struct SeasonalState {
  struct Part {
    static constexpr double position_unit = 4096;
    static constexpr std::uint32_t position_max = 4095;
    static constexpr std::uint32_t visits_max = 1023;

    double level;                 // without the baseline's
    float deviation;              // of its values, if more than the baseline's
    std::uint32_t visits : 10;    // learned from, at most `memory`; 0: unknown
    std::uint32_t against : 10;   // visits in a row that contradict it
    std::uint32_t position : 12;  // of its level in the part
  };
  // Of the newest sample's part. Values: every `stride`th.
  struct Visit {
    static constexpr std::uint32_t kept_max = 16;

    double position = 0;         // sum
    double moved = 0;            // sum of what was not expected, clipped
    double size = 0;             // sum of its absolute values
    std::uint32_t count = 0;     // of samples
    std::uint32_t expected = 0;  // of those whose distance was known
    std::uint32_t beyond = 0;    // of those, beyond the clip
    std::uint32_t stride = 0;    // - 1; a power of two
    std::uint32_t kept_count = 0;
    std::uint32_t unused = 0;
    std::array<double, kept_max> kept{};

    void keep(double value) noexcept;
    void notice(const Baseline::Distance& distance) noexcept;
  };

  BaselineState noise;  // of value - shape
  double weight = 0;    // of a sample in it
  Time begin{};         // of the part that the newest sample is in
  Time end{};
  std::int64_t period = 0;
  std::uint32_t part = 0;
  std::uint32_t samples = 0;  // in this period
  std::uint32_t usual = 0;    // in the one before
  std::uint32_t unused = 0;
  Visit visit;
};
static_assert(sizeof(SeasonalState) == 376 && sizeof(SeasonalState::Part) == 16);

// Constant after construction.
class Seasonal {
 public:
  using Spec = SeasonalSpec;
  using State = SeasonalState;

  explicit Seasonal(const SeasonalSpec& spec) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(State) + parts_ * sizeof(SeasonalState::Part);
  }

  // `state`: of bytes().
  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept;

 private:
  using Part = SeasonalState::Part;

  struct Usual {
    double level;
    double deviation;
  };

  static Part* parts(State& state) noexcept { return reinterpret_cast<Part*>(&state + 1); }

  // Brings the state to the part that holds `time`.
  void enter(State& state, Time time) const noexcept;
  // Learns from the visit that has ended.
  void settle(State& state) const noexcept;
  void adapt(Part& part, const SeasonalState::Visit& visit) const noexcept;
  // At `at`, in parts from the begin of the newest sample's part, which is known.
  [[nodiscard]] Usual usual(State& state, double at) const noexcept;
  [[nodiscard]] Verdict judge(double expected, const Baseline::Distance& distance) const noexcept;

  Levels levels_;
  Baseline baseline_;
  Duration length_;  // of the period
  Duration offset_;  // of one that begins, after the epoch
  std::uint32_t parts_;
  std::uint32_t memory_;
};

}  // namespace core
