// Plan: what is computed for a series; shared by all series that follow the same rules. Built from the
// configuration, constant afterwards, and so readable by every thread. Owned by the bridge; outlives the
// engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/detector.h"
#include "core/window.h"

namespace core {

struct Plan {
  // Says who the plan belongs to; core/ only carries it.
  std::uint32_t stream = 0;    // index of the stream in the configuration
  std::uint32_t grouping = 0;  // index of the stream's grouping (the keys of its series)

  Duration lateness{0};       // watermark = newest event time - lateness
  Duration idle{0};           // a silent series closes its windows at end + lateness + idle, by arrival time
  bool reports_late = false;  // samples that come too late go to Output::late
  bool reports_scores = false;  // each judgement of a detector goes to Output::judgement
  // Samples come as runs of two values, the sample and the median of its peers; there are no windows, and
  // the detectors are of the kind `peers`.
  bool paired = false;
  std::vector<WindowSpec> windows;
  std::vector<DetectorSpec> detectors;

  // Indices of windows and detectors in the stream's configuration, one per entry above.
  std::vector<std::uint32_t> window_rules;
  std::vector<std::uint32_t> detector_rules;

  // Bytes of engine state for one series of this plan: fixed, allocated at its first sample.
  [[nodiscard]] std::size_t state_bytes() const noexcept;
  // Some window counts nulls: they are to be pushed.
  [[nodiscard]] bool wants_nulls() const noexcept;
};

}  // namespace core
