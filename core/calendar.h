// Calendar: the hours, days, weeks, months or shifts of a time zone, as periods that tile time. Constant
// after construction: any thread may use it. It knows a zone only as the offsets it is given and reads no
// file; one call costs about as much as a binary search, so callers ask when a period ends, not per sample.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"

namespace core {

// A time zone as its offsets from UTC (local = UTC + offset). An offset holds from `since`, inclusive, until
// the next one's; the first holds for all earlier times too. At least one, ascending in time.
struct Zone {
  struct Change {
    Time since;
    Duration offset;
  };
  std::string name;
  std::vector<Change> changes;
};

enum class CalendarUnit : std::uint8_t { hour, day, week, month, shifts };

// Which periods. Constant after construction.
struct CalendarSpec {
  CalendarUnit unit = CalendarUnit::day;
  std::vector<std::chrono::minutes> shifts;  // of shifts: times of day at which they begin, ascending
  std::chrono::minutes day_start{0};         // of days, weeks, months: the time of day at which they begin
  unsigned week_start = 1;  // of weeks: the day on which they begin, 1 = Monday to 7 = Sunday
  Zone zone;

  // All that is wrong with it, in words, without the place ("day_start: 25:00 is not a time of day; ...");
  // empty when valid. The zone is not looked at: it comes from a loader, not from a user.
  [[nodiscard]] std::vector<std::string> problems() const;
};

// Period k is [start(k), start(k + 1)), and index(t) is the k that holds t. Indexes are consecutive, every
// period lasts longer than nothing, and what is true of a time depends only on the zone's changes up to it.
//
// A period begins when local time first reaches its local start. So a start that the zone's clocks skip is
// the instant at which they do; of one that they show twice the first counts; and a period that they skip
// altogether (2011-12-30 in Apia) is none. Days last 23, 24 or 25 hours where clocks move by an hour.
//
// Hours begin on the local full hour and last 60 minutes. Clocks that move by whole hours change nothing
// about that: an hour shown twice is two periods. Where they move by less, an hour there is shorter or longer
// (on Lord Howe Island, once a year each, 30 and 90 minutes).
class Calendar {
 public:
  // The spec has no problems(), and its zone is as Zone says.
  explicit Calendar(const CalendarSpec& spec);

  // For times from a year before time_min to a year after time_max.
  [[nodiscard]] std::int64_t index(Time time) const noexcept;
  // For the indexes of such times.
  [[nodiscard]] Time start(std::int64_t index) const noexcept;

 private:
  // Where one offset holds. Local times are Times as well: what a clock set to UTC would show.
  struct Span {
    Time since;
    Duration offset;
    std::int64_t before;   // index of the period that the last instant before `since` is in
    std::int64_t skipped;  // local periods that the zone's clocks have skipped until here
  };

  void add_span(Time since, Duration offset);

  // A calendar without a zone: the number of the period that holds a local time, and where one begins.
  [[nodiscard]] std::int64_t number(Time local) const noexcept;
  [[nodiscard]] Time begin(std::int64_t number) const noexcept;

  CalendarUnit unit_;
  Duration length_{};  // of hours, days, weeks: local time
  Duration phase_{};   // where they begin, after local 1970
  std::vector<std::chrono::minutes> shifts_;
  std::vector<Span> spans_;
};

}  // namespace core
