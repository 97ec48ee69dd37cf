// Edge: the thread that knows topics, streams and formats. Takes messages from the journal, finds their
// stream, decodes them, turns names into series, and pushes samples and ticks to the engine. Everything it
// does follows from the journal alone: it reads no clock; "now" comes in with messages and ticks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "bridge/message.h"
#include "bridge/offenders.h"
#include "bridge/outcome.h"
#include "bridge/roster.h"
#include "bridge/rules.h"
#include "core/counter.h"
#include "core/engine.h"
#include "core/series.h"

namespace bridge {

// Ticks are sent for multiples of this, by arrival time.
inline constexpr core::Duration tick_every = std::chrono::milliseconds{100};

// Written by the edge's thread, read by any. Samples that reach the engine are counted there as aggregated or
// late.
struct EdgeCounters {
  std::array<core::Counter, message_outcome_names.size()> messages;
  core::Counter samples;  // numbers x groupings
  core::Counter future, not_finite, series_limit;
  core::Counter pushed;  // samples given to the engine
  core::Counter bad_rows, bad_times, implausible_times, no_readings, wrong_types, inexact, field_overflow;
  core::Counter topics_uncached;  // messages whose topic had no room in the cache
  core::Counter name_collisions;  // names that look alike once made safe for topics
};

class Edge {
 public:
  // All borrowed; they outlive the edge.
  Edge(const Rules& rules, core::SeriesTable& table, core::Engine& engine);
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Messages in journal order; before each the tick that its arrival makes due. The more at once, the earlier
  // memory is fetched for those that follow.
  void take(std::span<const Message> messages) noexcept;
  void take(const Message& message) noexcept { take(std::span{&message, 1}); }
  // Time has come to `now` and no message came: sends the tick that is due, if one is. Returns whether it
  // did.
  bool take_tick(core::Time now) noexcept;
  // From `now` on the source hears nothing, or everything again. At the beginning it hears.
  void take_link(bool up, core::Time now) noexcept;
  // Another configuration's streams, in two steps: first the series of those that do not stay are given up.
  // When the engine has handled that, and the rules have adopted the streams, so does the edge.
  void retire(const Adoption& adoption) noexcept;
  void adopt(const Adoption& adoption);
  // Messages taken so far.
  [[nodiscard]] core::Position position() const noexcept;

  [[nodiscard]] const EdgeCounters& counters() const noexcept;
  // Any thread. Which series are in use; of a stream, what most samples that found no room came under.
  [[nodiscard]] const Roster& roster() const noexcept;
  [[nodiscard]] const Offenders& offenders(std::size_t stream) const noexcept;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
