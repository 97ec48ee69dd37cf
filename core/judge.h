// Judge: a detector that looks at values, as the layout of a series holds it: its constants, and where its
// flag and its state lie in the block. A detector is a class with
//   Spec, State           what it is told; what it knows of one series: zero bytes at first, trivial
//   bytes()               of the state, a multiple of 8
//   add(State&, Point, explain)   judges the value, then learns from it. Without `explain` a quiet value need
//                         not be explained (score, expected, bounds). Times do not go back.
// Constant after construction, used by its shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "core/detectors/auto.h"
#include "core/detectors/cusum.h"
#include "core/detectors/ewma.h"
#include "core/detectors/flatline.h"
#include "core/detectors/iqr.h"
#include "core/detectors/mad.h"
#include "core/detectors/page_hinkley.h"
#include "core/detectors/peers.h"
#include "core/detectors/range.h"
#include "core/detectors/rate_of_change.h"
#include "core/detectors/seasonal.h"
#include "core/detectors/threshold.h"
#include "core/detectors/zscore.h"
#include "core/room.h"

namespace core {

class Emitter;

using Detector = std::variant<Threshold, Range, RateOfChange, Zscore, Mad, Iqr, Ewma, Cusum, PageHinkley,
                              Flatline, Seasonal, PeersDetector, Auto>;

class Judge {
 public:
  // `index`: of the detector in the plan.
  Judge(std::uint32_t index, const DetectorSpec& spec, Detector detector, Room& room);

  // Shows it a value; emits what becomes of its flag and, with `reports`, its judgement. It judges how far
  // the value lies from `base`, and speaks of the value.
  void look(std::byte* block, const Point& point, bool reports, Emitter& emitter,
            double base = 0) const noexcept;

  // The series is given up at `now`: emits the clear of a flag that is up.
  void give_up(const std::byte* block, Time now, Emitter& emitter) const noexcept;

  // Where its flag and state lie in the block, and how much of it every sample looks at.
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t touched() const noexcept { return touched_; }
  [[nodiscard]] const std::optional<DetectorSpec::WindowValue>& on() const noexcept { return on_; }

 private:
  Detector detector_;
  LifeSpec life_;
  std::optional<DetectorSpec::WindowValue> on_;
  std::size_t offset_;  // of its FlagLife, and its state behind it
  std::size_t touched_;
  std::uint32_t index_;
};

// Nothing for kinds that do not judge values: silence.
[[nodiscard]] std::optional<Detector> make_detector(const DetectorSpec::Kind& kind);

// What a detector takes of the state of each series it judges: its flag, and what it knows.
[[nodiscard]] std::size_t state_bytes(const DetectorSpec& spec);

}  // namespace core
