// Stats: every number weir tells about itself, taken at one moment from all rooms. A plain value; made by the
// bridge, turned into Prometheus text (metrics.h), the status message (status.h) and the demo's table.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bridge/offenders.h"
#include "bridge/outcome.h"
#include "core/engine.h"
#include "core/time.h"

namespace bridge {

// Counts of durations, by upper bound in seconds: 1e-6 * 4^i, i = 0..11, then infinity. Not cumulative.
struct StageHistogram {
  static constexpr std::size_t buckets = 13;
  std::string stage;
  std::array<std::uint64_t, buckets> counts{};
  double sum_seconds = 0;
};

struct RuleCount {
  std::string stream;
  std::string rule;           // window or detector
  std::uint64_t count = 0;    // window results, revisions included; flags raised
  std::uint64_t cleared = 0;  // flags cleared
};

// A name that many samples came under which found no room in a stream.
struct SeriesOverflow {
  std::string stream;
  Offender offender;
};

struct Stats {
  std::string version;
  std::string client_id;
  std::string broker;  // host:port
  core::Time started{};
  core::Time now{};

  bool connected = false;
  bool subscribed = false;
  std::uint64_t connects = 0;  // successful ones
  std::uint64_t disconnects = 0;
  std::string last_error;  // of the connection; empty: none

  std::uint64_t received = 0;
  std::array<std::uint64_t, message_outcome_names.size()> messages{};
  std::uint64_t messages_in_flight = 0;  // in the journal
  std::uint64_t samples = 0;
  std::array<std::uint64_t, sample_outcome_names.size()> samples_by{};
  std::uint64_t samples_in_flight = 0;  // in batches and queues

  // Things that lost no message and are worth knowing.
  std::uint64_t bad_rows = 0, bad_times = 0, implausible_times = 0, no_readings = 0, wrong_types = 0,
                inexact = 0;
  std::uint64_t field_overflow = 0, topics_uncached = 0, name_collisions = 0, source_waits = 0;

  std::vector<StageHistogram> stages;      // edge, journal (arrival to read)
  std::vector<std::uint64_t> queue_items;  // by shard
  std::uint64_t queue_waits = 0;
  std::array<std::uint64_t, core::Engine::batch_buckets> batch_buckets{};
  std::uint64_t batch_items = 0;
  std::array<std::uint64_t, core::flush_causes> flushes{};  // full, interval, idle, tick

  std::vector<RuleCount> series;  // by stream (rule empty)
  std::uint64_t series_evicted = 0;
  std::vector<SeriesOverflow> series_overflow;
  std::uint64_t state_bytes = 0;
  std::vector<RuleCount> windows;
  std::vector<RuleCount> flags;

  std::uint64_t published = 0;  // acknowledged
  std::uint64_t publish_refused = 0;
  std::uint64_t publish_dropped = 0;  // buffer or outbox full
  std::uint64_t publish_again = 0;
  std::uint64_t publish_held = 0;  // waiting or under way

  std::uint64_t journal_bytes = 0;
};

}  // namespace bridge
