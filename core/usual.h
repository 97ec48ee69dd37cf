// Which samples are of the usual kind (heads.h). Pure; any thread.
#pragma once

#include "core/heads.h"
#include "core/item.h"
#include "core/layout.h"

namespace core {

// Samples from `first` to `last`, `now` being the time of the last tick.
inline bool is_usual(const SeriesHead& head, Time first, Time last, Time now) noexcept {
  return (first > head.newest || (first == head.newest && now == head.newest_arrival)) &&
         last < head.horizon && last - now <= head.lead_max && now - head.newest_arrival <= head.layout->idle;
}

// Tells nearly all of them from a look at the head alone, where every series is plain. What it passes over
// may be of the usual kind: it is of the newest time again, or ends a silence that is long for other series.
struct Glance {
  Time now;
  Time awake;  // no series that a sample has reached since then is idle
  bool plain;  // all series are

  [[nodiscard]] bool sees_usual(const SeriesHead& head, const Item& item) const noexcept {
    return plain && item.is_sample() && item.time > head.newest && item.time < head.horizon &&
           item.time - now <= head.lead_max && head.newest_arrival >= awake;
  }
};

}  // namespace core
