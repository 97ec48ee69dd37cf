// Output: where a shard's results go. One object per shard, called only on the thread that runs the shard; it
// must not wait and must not throw. Results of one series come in order.
#pragma once

#include "core/flag.h"
#include "core/item.h"
#include "core/parts/ends.h"
#include "core/window.h"

namespace core {

class Output {
 public:
  virtual ~Output() = default;
  // `cause`: position of the message that caused the result; for one caused by a tick, of the message that
  // follows it.
  virtual void window(Position cause, SeriesId series, const WindowResult& result) noexcept = 0;
  virtual void flag(Position cause, SeriesId series, const FlagChange& change) noexcept = 0;
  // A sample that no window of its series could take any more, of plans that want to hear of it
  // (Plan::reports_late). Its value is NaN where it was a null; `watermark` is its series'.
  virtual void late(Position /*cause*/, SeriesId /*series*/, const Point& /*point*/,
                    Time /*watermark*/) noexcept {}
  // What a detector says about a value, of plans that want to hear of it (Plan::reports_scores). Comes before
  // the flag that it raises or clears.
  virtual void judgement(Position /*cause*/, SeriesId /*series*/, const Judgement& /*judgement*/) noexcept {}
  // Time has come to `now`, and all that was due by then has been told.
  virtual void time(Position /*cause*/, Time /*now*/) noexcept {}
  // The series is given up: the last that is told of it. Its names can still be read.
  virtual void given_up(Position /*cause*/, SeriesId /*series*/, Time /*now*/) noexcept {}
  // No input follows, and all that is open has been told.
  virtual void end(Position /*cause*/, Time /*now*/) noexcept {}
};

}  // namespace core
