// ChartPage: the charts of a replay as one HTML page that needs nothing else: no network, no script. It is
// well-formed XML too. Whatever comes from payloads, topics and the configuration is escaped, and shortened
// where it is long. Pure, one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bridge/chart.h"
#include "bridge/config.h"

namespace bridge {

struct ChartPage {
  const Config& config;
  std::vector<const Chart*> charts;  // of all shards, in any order
  std::size_t series;                // that were judged, with those that have no chart
  std::size_t series_max;            // shown at most: those with flags first, by severity and number of flags
};

[[nodiscard]] std::string chart_page(const ChartPage& page);

}  // namespace bridge
