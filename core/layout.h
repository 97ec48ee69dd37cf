// Layout: a Plan as the shard computes it: where each part lies in a series' state block, and each part's
// constants. Built by a shard when the first series of a plan appears, constant afterwards, used only by that
// shard's thread.
//
// A block is  SeriesRest | gaps | state of each detector | parts of each window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "core/detectors/silence.h"
#include "core/judge.h"
#include "core/plan.h"
#include "core/window.h"
#include "core/windows/counted.h"
#include "core/windows/paned.h"
#include "core/windows/sampled.h"
#include "core/windows/session.h"

namespace core {

// What every series has beside its head (heads.h).
struct SeriesRest {
  // Never goes back. As of the last sample of another kind than the usual one (see heads.h); those of the
  // usual kind may have brought it to newest - lateness.
  Time watermark;
  Time scheduled;     // when the timing wheel looks at the series at the latest; Time::max(): never
  Time last_arrival;  // "now" when a sample last came that was not the newest
  std::uint64_t silences_raised;
};

// The newest times between samples, where the cadence is learned.
struct Gaps {
  static constexpr std::size_t kept = 15;
  std::uint64_t count;  // of all there were
  Duration gaps[kept];

  void add(Duration gap) noexcept { gaps[count++ % kept] = gap; }
  [[nodiscard]] Duration median() const noexcept;  // 0: not known yet
};

using Window = std::variant<PanedWindow, SampledWindow, CountedWindow, SessionWindow>;

struct Layout {
  struct Quiet {
    std::uint32_t detector;  // index in the plan
    std::size_t offset;      // of its state in the block
    Silence silence;
  };

  explicit Layout(const Plan& plan);

  Duration lateness;
  Duration idle;
  // One window whose panes are summaries, and no detector that judges: samples are added many at once.
  bool plain = false;
  bool only_panes = false;      // a sample of the usual kind emits nothing, and nothing judges it
  bool paired = false;          // Plan::paired
  bool reports_late = false;    // Plan::reports_late
  bool reports_scores = false;  // Plan::reports_scores
  bool usual = true;            // there can be samples of the usual kind
  std::vector<Window> windows;
  std::vector<Judge> judges;         // of samples
  std::vector<Judge> result_judges;  // of results of windows
  std::vector<Quiet> silences;
  bool learns_silence = false;  // one of them learns from arrivals
  std::size_t gaps = 0;         // where Gaps are; 0: the cadence is not learned
  std::size_t bytes = 0;        // of a block, a multiple of block_alignment
  std::size_t scratch = 0;      // that making a result takes

  static constexpr std::size_t block_alignment = 64;
};

}  // namespace core
