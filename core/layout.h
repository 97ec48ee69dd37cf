// Layout: a Plan as the shard computes it: where each part lies in a series' state block, and each part's
// constants. Built by a shard when the first series of a plan appears, constant afterwards, used only by that
// shard's thread.
//
// A block is  SeriesHead | WindowState of each window | state of each detector | ring of panes of each
// window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "core/detectors/silence.h"
#include "core/detectors/threshold.h"
#include "core/detectors/zscore.h"
#include "core/plan.h"
#include "core/window.h"

namespace core {

struct Layout;

// What every series has; one cache line. Blocks begin with it.
struct SeriesHead {
  const Layout* layout;
  Time newest;          // event time of the newest sample
  Time newest_arrival;  // "now" when that sample came; device time = newest + (now - newest_arrival)
  Time last_arrival;    // "now" when any sample last came
  Time watermark;       // never goes back
  Time due;             // earliest end among open windows that have samples; Time::max(): none
  Time scheduled;       // when the timing wheel looks at the series at the latest; Time::max(): never
  std::uint32_t silences_raised;
};
static_assert(sizeof(SeriesHead) == 64);

struct Layout {
  // A detector that judges samples; its state holds a FlagLife in `life`.
  struct Judge {
    std::uint32_t detector;  // index in the plan
    std::size_t offset;      // of its state in the block
    Duration least;          // DetectorSpec::for_
    std::variant<Threshold, Zscore> kind;
  };
  struct Quiet {
    std::uint32_t detector;
    std::size_t offset;
    Silence silence;
  };

  explicit Layout(const Plan& plan);

  Duration lateness;
  Duration idle;
  Duration silence_least;  // smallest `after`; Duration::max(): no silences
  std::vector<PanedWindow> windows;
  std::vector<Judge> judges;
  std::vector<Quiet> silences;
  std::size_t bytes = 0;  // of a block, a multiple of block_alignment

  static constexpr std::size_t block_alignment = 64;
};

}  // namespace core
