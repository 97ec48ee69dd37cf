#include "core/calendar.h"

#include <algorithm>
#include <limits>

#include "core/check.h"

namespace core {
namespace {

using std::chrono::days;
using std::chrono::minutes;

constexpr days monday{-3};  // 1969-12-29, the last one before 1970

// "06:00"
std::string clock_words(minutes time) {
  const auto two_digits = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  const std::int64_t count = std::abs(time.count());
  return (time < minutes{0} ? "-" : "") + two_digits(count / 60) + ':' + two_digits(count % 60);
}

bool is_time_of_day(minutes time) { return time >= minutes{0} && time < days{1}; }

void check_shifts(const std::vector<minutes>& shifts, std::vector<std::string>& problems) {
  if (shifts.empty()) {
    problems.emplace_back(
        "shifts: none given; list the times of day at which shifts begin, such as 06:00, 14:00, 22:00");
  }
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    if (!is_time_of_day(shifts[i])) {
      problems.push_back("shifts: " + clock_words(shifts[i]) +
                         " is not a time of day; choose 00:00 to 23:59");
    } else if (i > 0 && shifts[i] <= shifts[i - 1]) {
      problems.push_back("shifts: " + clock_words(shifts[i]) + " does not come after " +
                         clock_words(shifts[i - 1]) + "; list each start once, in ascending order");
    }
  }
}

}  // namespace

std::vector<std::string> CalendarSpec::problems() const {
  std::vector<std::string> result;
  if (unit == CalendarUnit::shifts) {
    check_shifts(shifts, result);
  } else if (!shifts.empty()) {
    result.emplace_back("shifts: only a shift table has them; leave them out");
  }
  if (!is_time_of_day(day_start)) {
    result.push_back("day_start: " + clock_words(day_start) + " is not a time of day; choose 00:00 to 23:59");
  } else if (day_start != minutes{0} && (unit == CalendarUnit::hour || unit == CalendarUnit::shifts)) {
    result.emplace_back("day_start: only days, weeks and months have one; leave it out");
  }
  if (week_start < 1 || week_start > 7) {
    result.push_back("week_start: " + std::to_string(week_start) +
                     " is not a day of the week; choose 1 (Monday) to 7 (Sunday)");
  } else if (week_start != 1 && unit != CalendarUnit::week) {
    result.emplace_back("week_start: only weeks have one; leave it out");
  }
  return result;
}

Calendar::Calendar(const CalendarSpec& spec)
    : unit_(spec.unit), phase_(spec.day_start), shifts_(spec.shifts) {
  CHECK(spec.problems().empty(), "%s", spec.problems().front().c_str());
  CHECK(!spec.zone.changes.empty(), "zone %s has no offset", spec.zone.name.c_str());
  if (unit_ == CalendarUnit::hour) length_ = std::chrono::hours{1};
  if (unit_ == CalendarUnit::day) length_ = days{1};
  if (unit_ == CalendarUnit::week) {
    length_ = days{7};
    phase_ += monday + days{spec.week_start - 1};
  }
  Duration offset = spec.zone.changes.front().offset;
  spans_.push_back({Time::min(), offset, std::numeric_limits<std::int64_t>::min(), 0});
  for (std::size_t i = 1; i < spec.zone.changes.size(); ++i) {
    const Duration move = spec.zone.changes[i].offset - spec.zone.changes[i - 1].offset;
    offset += unit_ == CalendarUnit::hour ? move % std::chrono::hours{1} : move;
    add_span(spec.zone.changes[i].since, offset);
  }
}

void Calendar::add_span(Time since, Duration offset) {
  const Span& last = spans_.back();
  CHECK(since > last.since, "changes of a zone are not in order of time");
  if (offset == last.offset) return;
  const std::int64_t before = index(since - Duration{1});
  // More than one period further at once: clocks skip those between.
  const std::int64_t further = number(since + offset) - last.skipped - before;
  spans_.push_back({since, offset, before, last.skipped + std::max<std::int64_t>(further - 1, 0)});
}

std::int64_t Calendar::index(Time time) const noexcept {
  const auto next = std::upper_bound(spans_.begin(), spans_.end(), time,
                                     [](Time t, const Span& span) { return t < span.since; });
  const Span& span = *(next - 1);
  // Clocks that were put back show again what has been: its period goes on until they come to something new.
  return std::max(span.before, number(time + span.offset) - span.skipped);
}

Time Calendar::start(std::int64_t index) const noexcept {
  const auto next = std::lower_bound(spans_.begin() + 1, spans_.end(), index,
                                     [](const Span& span, std::int64_t k) { return span.before < k; });
  const Span& span = *(next - 1);
  // Clocks that were put forward may already show more than the period's start.
  return std::max(span.since, begin(index + span.skipped) - span.offset);
}

std::int64_t Calendar::number(Time local) const noexcept {
  using namespace std::chrono;
  switch (unit_) {
    case CalendarUnit::month: {
      const year_month_day date{floor<days>(local - phase_)};
      return (date.year() - year{1970}).count() * 12 + static_cast<unsigned>(date.month()) - 1;
    }
    case CalendarUnit::shifts: {
      const auto day = floor<days>(local);
      const auto begun = std::upper_bound(shifts_.begin(), shifts_.end(), local - day) - shifts_.begin();
      return day.time_since_epoch().count() * std::ssize(shifts_) + begun - 1;
    }
    default:
      return pane_index(local, length_, phase_);
  }
}

Time Calendar::begin(std::int64_t number) const noexcept {
  using namespace std::chrono;
  switch (unit_) {
    case CalendarUnit::month: {
      const year_month month = 1970y / January + months{number};
      return sys_days{month / 1} + phase_;
    }
    case CalendarUnit::shifts: {
      const std::int64_t per_day = std::ssize(shifts_);
      const std::int64_t shift = (number % per_day + per_day) % per_day;
      return Time{days{(number - shift) / per_day}} + shifts_[static_cast<std::size_t>(shift)];
    }
    default:
      return pane_start(number, length_, phase_);
  }
}

}  // namespace core
