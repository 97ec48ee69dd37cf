// Shard: the state of every series with id % shards == index, and the only code that changes it.
// Used by one thread at a time (its worker; the edge when there are no workers). No locks, no strings, no
// clock; allocates only when a series is seen for the first time. Results go to its Output, in the order they
// arise.
//
// Order matters and is the whole of time: items are handled one by one; a tick first moves "now", then closes
// what is due in every series (idle windows, silences), in order of deadline within a series. Any run of
// ticks without a sample between them has the same effect as the last of them alone; only Output::time hears
// each. The end of all input, or of a series, emits the windows that are still open, as not final; that of a
// series clears its flags, too, but for silences.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/counter.h"
#include "core/item.h"
#include "core/output.h"
#include "core/series.h"

namespace core {

// What became of the samples that reached a shard. Written by the shard's thread, read by any; the number of
// samples is brought up to date at the end of process().
struct ShardCounters {
  Counter aggregated;  // samples taken by a window, or by a series that has only detectors
  Counter late;        // samples no window of their series could take any more
  Counter windows;     // results emitted, revisions included
  Counter flags_raised;
  Counter flags_cleared;
  Counter series;       // that have state
  Counter evicted;      // series given up
  Counter state_bytes;  // of the state blocks in use
};

class Shard {
 public:
  // `table` and `output` outlive the shard. index < shards.
  Shard(std::uint32_t index, std::uint32_t shards, const SeriesTable& table, Output& output);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Handles the items in order; a run may be spread over several calls. Preconditions: all belong to this
  // shard; ticks never go back; the first item is a tick.
  void process(std::span<const Item> items) noexcept;

  [[nodiscard]] const ShardCounters& counters() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace core
