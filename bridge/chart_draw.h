// Drawing: one detector's track of a series as SVG, with its flags as shaded spans that say on hover what was
// flagged and why. Pure functions, one thread.
#pragma once

#include <string>
#include <vector>

#include "bridge/chart.h"
#include "core/detector.h"
#include "core/time.h"

namespace bridge {

struct TimeSpan {
  core::Time begin;
  core::Time end;  // > begin
};

struct FlagToDraw {
  const core::DetectorSpec* detector;
  const ChartFlag* flag;
};

// Values, the band of what was expected, the time of warming up, flags, axes.
void append_drawing(const Track& track, const std::vector<FlagToDraw>& flags, TimeSpan span,
                    std::string& out);

}  // namespace bridge
