// Metrics: Stats as Prometheus text exposition (format 0.0.4), process_* included. Pure; any thread.
#pragma once

#include <string>

#include "bridge/stats.h"

namespace bridge {

[[nodiscard]] std::string metrics_text(const Stats& stats);

}  // namespace bridge
