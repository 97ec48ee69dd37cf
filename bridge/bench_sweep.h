// The sweep of level E: every key of `aggregation` over sensible values, the others as they are by default,
// so that what each does can be seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/commands.h"
#include "core/engine.h"

namespace bridge {

struct SweepRow {
  std::string key;  // of `aggregation`; "default" for the configuration that all are compared with
  std::string value;
  // As fast as it goes; medians of the rounds.
  double rate = 0;         // points per second
  double ratio = 0;        // to the default's of the same round
  double batch_items = 0;  // of a batch that leaves for a shard, on average
  double batches = 0;      // per thousand messages; of these, by cause:
  double flushes[core::flush_causes] = {};
  double queue_waits = 0;  // per thousand messages: the edge found a queue full
  // At a fixed rate by the clock: from the scheduled time of the message that closed a window to its result.
  double latency_p50_ms = 0, latency_p99_ms = 0;
  double paced_cpu_us = 0;  // edge and workers, per message
};

struct SweepReport {
  std::uint32_t devices = 0, points = 0, rounds = 0;
  std::uint64_t series = 0;
  std::uint64_t messages = 0;  // as fast as it goes, of a round
  double paced_rate = 0;       // messages per second
  double paced_seconds = 0;
  std::string window;
  unsigned cores = 0;
  std::vector<SweepRow> rows;
  std::uint64_t samples = 0, aggregated = 0, refused = 0;

  [[nodiscard]] bool complete() const { return samples > 0 && aggregated == samples && refused == 0; }
};

// Options were validated.
[[nodiscard]] SweepReport bench_sweep(const BenchOptions& options, double paced_seconds = 0.5);

}  // namespace bridge
