// Metrics: Stats as Prometheus text exposition (format 0.0.4), and what /proc/self says of the process. Any
// thread.
#pragma once

#include <string>

#include "bridge/stats.h"

namespace bridge {

[[nodiscard]] std::string metrics_text(const Stats& stats);

}  // namespace bridge
