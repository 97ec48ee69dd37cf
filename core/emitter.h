// Emitter: hands the results that one item causes in one series to the shard's output, and counts them.
// A value on the stack of the shard's thread.
#pragma once

#include <cmath>

#include "core/heads.h"
#include "core/item.h"
#include "core/layout.h"
#include "core/output.h"
#include "core/shard.h"

namespace core {

class Emitter {
 public:
  // `head`: of the series. `scratch`: room to make a result in.
  Emitter(Output& output, ShardCounters& counters, Position cause, SeriesId series, const SeriesHead& head,
          Time now, std::byte* scratch) noexcept
      : output_(output),
        counters_(counters),
        cause_(cause),
        series_(series),
        newest_(head.newest),
        told_(now),
        layout_(*head.layout),
        block_(head.block),
        scratch_(scratch) {}

  void window(const WindowResult& result) noexcept {
    counters_.windows.add();
    output_.window(cause_, series_, result);
    if (!layout_.result_judges.empty() && result.final && result.rev == 1) [[unlikely]]
      judge(result);
  }
  // What follows is told because this deadline has come.
  void tell_at(Time deadline) noexcept { told_ = deadline; }
  void flag(FlagChange change) noexcept {
    change.told = told_;
    (change.state != FlagState::cleared ? counters_.flags_raised : counters_.flags_cleared).add();
    output_.flag(cause_, series_, change);
  }
  void judgement(const Judgement& judgement) noexcept { output_.judgement(cause_, series_, judgement); }
  void late(const Point& point, Time watermark) noexcept { output_.late(cause_, series_, point, watermark); }
  [[nodiscard]] std::byte* scratch() const noexcept { return scratch_; }
  [[nodiscard]] Time newest() const noexcept { return newest_; }
  // The time expected between samples, as learned; 0: not known.
  [[nodiscard]] Duration cadence() const noexcept {
    return layout_.gaps != 0 ? reinterpret_cast<const Gaps*>(block_ + layout_.gaps)->median() : Duration{0};
  }

 private:
  // The first result of a closed window, at its end.
  void judge(const WindowResult& result) noexcept {
    for (const Judge& one : layout_.result_judges) {
      if (one.on()->window != result.window) continue;
      const double value = result.values[one.on()->value];
      if (std::isfinite(value)) one.look(block_, {result.end, value}, layout_.reports_scores, *this);
    }
  }

  Output& output_;
  ShardCounters& counters_;
  Position cause_;
  SeriesId series_;
  Time newest_;
  Time told_;
  const Layout& layout_;
  std::byte* block_;
  std::byte* scratch_;
};

}  // namespace core
