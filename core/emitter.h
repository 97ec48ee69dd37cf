// Emitter: hands the results that one item causes in one series to the shard's output, and counts them.
// A value on the stack of the shard's thread.
#pragma once

#include "core/item.h"
#include "core/output.h"
#include "core/shard.h"

namespace core {

class Emitter {
 public:
  Emitter(Output& output, ShardCounters& counters, Position cause, SeriesId series) noexcept
      : output_(output), counters_(counters), cause_(cause), series_(series) {}

  void window(const WindowResult& result) noexcept {
    counters_.windows.add();
    output_.window(cause_, series_, result);
  }
  void flag(const FlagChange& change) noexcept {
    (change.raised ? counters_.flags_raised : counters_.flags_cleared).add();
    output_.flag(cause_, series_, change);
  }

 private:
  Output& output_;
  ShardCounters& counters_;
  Position cause_;
  SeriesId series_;
};

}  // namespace core
