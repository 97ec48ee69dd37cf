// FlagDays: what each series' flags came to in a day (UTC, by arrival time). Knows only series with a flag
// that was told in the day or is up; forgets the others when the day is told. One per shard, used only by the
// thread that runs it; publishes nothing itself.
//
// A flag counts on the day of FlagChange::told. A day is told before the first flag of a later one, or when
// time has come to its end, so that how often time comes makes no difference to what is told,
// nor to its order among flags.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "core/flag.h"
#include "core/item.h"
#include "core/time.h"

namespace bridge {

class FlagDays {
 public:
  // Time may jump over so many days, each of which is told; of more only the last, after the one that was
  // under way. Bounds what a clock that was never set can cause.
  static constexpr int days_at_once = 31;

  struct Flag {
    std::uint32_t detector;            // index in the plan
    std::uint32_t raised = 0;          // or flapping: as the metrics count them
    core::Duration up_for{0};          // while it was up before `since`
    bool up = false;                   // still
    core::Time since = core::no_time;  // of the part of the day that it is up
  };
  struct Day {
    core::Time start;
    core::Time end;
    bool final;                   // no more comes to it
    std::span<const Flag> flags;  // by detector; not empty
  };
  // Valid during the call.
  using Tell = std::function<void(core::SeriesId series, const Day& day)>;

  // Before the flag is published.
  void flag(core::SeriesId series, const core::FlagChange& change, const Tell& tell);
  // Time has come to `now`: days that are over are told.
  void time(core::Time now, const Tell& tell);
  // The series is given up: tells its unfinished day, and forgets it.
  void give_up(core::SeriesId series, core::Time now, const Tell& tell);
  // No input follows: tells all unfinished days.
  void end(core::Time now, const Tell& tell);

  [[nodiscard]] std::size_t series() const { return entries_.size(); }

 private:
  struct Entry {
    core::Time start;  // of the day
    std::vector<Flag> flags;
  };
  using Entries = std::map<core::SeriesId, Entry>;

  static void roll(Entries::value_type& entry, core::Time day, const Tell& tell);
  static void tell_until(Entries::value_type& entry, core::Time until, bool final, const Tell& tell);

  Entries entries_;
  core::Time end_ = core::time_min;  // of the day that time has come to
};

}  // namespace bridge
