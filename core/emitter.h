// Emitter: hands the results that one item causes in one series to the shard's output, and counts them.
// A value on the stack of the shard's thread.
#pragma once

#include "core/item.h"
#include "core/layout.h"
#include "core/output.h"
#include "core/shard.h"

namespace core {

class Emitter {
 public:
  // `newest`: time of the series' newest sample. `gaps`: of the series, null where its cadence is not
  // learned. `scratch`: room to make a result in.
  Emitter(Output& output, ShardCounters& counters, Position cause, SeriesId series, Time newest,
          const Gaps* gaps, std::byte* scratch) noexcept
      : output_(output),
        counters_(counters),
        cause_(cause),
        series_(series),
        newest_(newest),
        gaps_(gaps),
        scratch_(scratch) {}

  void window(const WindowResult& result) noexcept {
    counters_.windows.add();
    output_.window(cause_, series_, result);
  }
  void flag(const FlagChange& change) noexcept {
    (change.raised ? counters_.flags_raised : counters_.flags_cleared).add();
    output_.flag(cause_, series_, change);
  }
  void late(const Point& point, Time watermark) noexcept { output_.late(cause_, series_, point, watermark); }
  [[nodiscard]] std::byte* scratch() const noexcept { return scratch_; }
  [[nodiscard]] Time newest() const noexcept { return newest_; }
  // The time expected between samples, as learned; 0: not known.
  [[nodiscard]] Duration cadence() const noexcept { return gaps_ != nullptr ? gaps_->median() : Duration{0}; }

 private:
  Output& output_;
  ShardCounters& counters_;
  Position cause_;
  SeriesId series_;
  Time newest_;
  const Gaps* gaps_;
  std::byte* scratch_;
};

}  // namespace core
