// Calendars over hand-made zones. The model for random ones walks through time minute by minute, as somebody
// would who watches a clock; known dates are written out.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "core/calendar.h"
#include "tests/core_fixture.h"

using namespace std::chrono;
using core::Calendar;
using core::CalendarSpec;
using core::CalendarUnit;
using core::Duration;
using core::Time;
using core::Zone;

namespace {

Time utc(int y, unsigned m, unsigned d, minutes time = 0min) {
  return sys_days{year{y} / month{m} / day{d}} + time;
}

const Time long_ago = utc(1960, 1, 1);
const Zone utc_zone{"UTC", {{long_ago, 0h}}};
const Zone berlin{"Berlin, 2026", {{long_ago, 1h}, {utc(2026, 3, 29, 1h), 2h}, {utc(2026, 10, 25, 1h), 1h}}};
// Clocks move at midnight: forward from 00:00 to 01:00, back from 24:00 to 23:00.
const Zone sao_paulo{"Sao Paulo, 2018",
                     {{long_ago, -3h}, {utc(2018, 11, 4, 3h), -2h}, {utc(2019, 2, 17, 2h), -3h}}};
const Zone apia{"Apia, 2011", {{long_ago, -10h}, {utc(2011, 12, 30, 10h), 14h}}};
const Zone lord_howe{
    "Lord Howe, 2026",
    {{long_ago, 11h}, {utc(2026, 4, 4, 15h), 10h + 30min}, {utc(2026, 10, 3, 15h + 30min), 11h}}};

CalendarSpec spec(CalendarUnit unit, const Zone& zone) {
  CalendarSpec result;
  result.unit = unit;
  result.zone = zone;
  return result;
}

CalendarSpec shift_table(std::vector<minutes> shifts, const Zone& zone) {
  CalendarSpec result = spec(CalendarUnit::shifts, zone);
  result.shifts = std::move(shifts);
  return result;
}

// The starts of the periods from the one that holds `from` to the one that holds `to`; each is checked to be
// what index() says, at both ends.
std::vector<Time> starts(const Calendar& calendar, Time from, Time to) {
  std::vector<Time> result;
  const std::int64_t first = calendar.index(from);
  const std::int64_t last = calendar.index(to);
  for (std::int64_t k = first; k <= last; ++k) {
    const Time start = calendar.start(k);
    CAPTURE(start.time_since_epoch().count());
    REQUIRE(calendar.index(start) == k);
    REQUIRE(calendar.index(start - Duration{1}) == k - 1);
    result.push_back(start);
  }
  REQUIRE(result.front() <= from);
  REQUIRE(calendar.start(last + 1) > to);
  return result;
}

void check_starts(const CalendarSpec& what, const std::vector<Time>& expected) {
  const Calendar calendar(what);
  CHECK(starts(calendar, expected.front(), expected.back()) == expected);
}

// --- The model ---

struct Date {
  std::int64_t day;  // since 1970
  minutes time;
};

Date date(minutes local) {
  const auto day = floor<days>(local);
  return {day.count(), local - day};
}

// Whether a period of `what` begins at this local minute.
bool begins(const CalendarSpec& what, minutes local) {
  const auto [day, time] = date(local);
  const sys_days here{days{day}};
  switch (what.unit) {
    case CalendarUnit::hour:
      return time % 1h == 0min;
    case CalendarUnit::day:
      return time == what.day_start;
    case CalendarUnit::week:
      return time == what.day_start && weekday{here}.iso_encoding() == what.week_start;
    case CalendarUnit::month:
      return time == what.day_start && year_month_day{here}.day() == std::chrono::day{1};
    case CalendarUnit::shifts:
      return std::find(what.shifts.begin(), what.shifts.end(), time) != what.shifts.end();
  }
  return false;
}

// A clock of the zone; it is looked at later and later.
class Clock {
 public:
  explicit Clock(const Zone& zone) : at_(zone.changes.begin()), end_(zone.changes.end()) {}
  minutes local(Time time) {
    while (at_ + 1 != end_ && (at_ + 1)->since <= time) ++at_;
    return duration_cast<minutes>(time.time_since_epoch() + at_->offset);
  }

 private:
  std::vector<Zone::Change>::const_iterator at_, end_;
};

// A period begins whenever local time comes past a start that it has not come past before.
std::vector<Time> model_starts(const CalendarSpec& what, Time from, Time to) {
  std::vector<Time> result;
  Clock clock(what.zone);
  minutes reached = clock.local(from) - 1min;
  for (Time now = from; now < to; now += 1min) {
    const minutes local = clock.local(now);
    bool begun = false;
    for (; reached < local; ++reached) begun |= begins(what, reached + 1min);
    if (begun) result.push_back(now);
  }
  return result;
}

}  // namespace

TEST_CASE("days have 23, 24 or 25 hours") {
  check_starts(spec(CalendarUnit::day, utc_zone), {utc(2026, 3, 28), utc(2026, 3, 29), utc(2026, 3, 30)});
  check_starts(spec(CalendarUnit::day, berlin),
               {utc(2026, 3, 27, 23h), utc(2026, 3, 28, 23h), utc(2026, 3, 29, 22h), utc(2026, 3, 30, 22h)});
  check_starts(spec(CalendarUnit::day, berlin), {utc(2026, 10, 23, 22h), utc(2026, 10, 24, 22h),
                                                 utc(2026, 10, 25, 23h), utc(2026, 10, 26, 23h)});
  check_starts(spec(CalendarUnit::day, lord_howe),
               {utc(2026, 4, 3, 13h), utc(2026, 4, 4, 13h), utc(2026, 4, 5, 13h + 30min)});
}

TEST_CASE("a start that clocks skip is where they do; of one they show twice the first counts") {
  check_starts(spec(CalendarUnit::day, sao_paulo),
               {utc(2018, 11, 3, 3h), utc(2018, 11, 4, 3h), utc(2018, 11, 5, 2h)});
  // 23:00 to 24:00 is shown twice, and 24:00 comes once, after the second.
  check_starts(spec(CalendarUnit::day, sao_paulo),
               {utc(2019, 2, 16, 2h), utc(2019, 2, 17, 3h), utc(2019, 2, 18, 3h)});
  CalendarSpec early = spec(CalendarUnit::day, berlin);
  early.day_start = 2h + 30min;
  check_starts(early, {utc(2026, 3, 28, 1h + 30min), utc(2026, 3, 29, 1h), utc(2026, 3, 30, 30min)});
  check_starts(early, {utc(2026, 10, 24, 30min), utc(2026, 10, 25, 30min), utc(2026, 10, 26, 1h + 30min)});
  // Between the two 02:30s clocks show times before it again.
  const Calendar early_days(early);
  CHECK(early_days.index(utc(2026, 10, 25, 1h + 15min)) == early_days.index(utc(2026, 10, 25, 45min)));
}

TEST_CASE("a day that clocks skip is none, and days before and after it follow each other") {
  check_starts(spec(CalendarUnit::day, apia), {utc(2011, 12, 28, 10h), utc(2011, 12, 29, 10h),
                                               utc(2011, 12, 30, 10h), utc(2011, 12, 31, 10h)});
  const Calendar days_of(spec(CalendarUnit::day, apia));
  CHECK(days_of.index(utc(2011, 12, 30, 10h)) == days_of.index(utc(2011, 12, 30, 9h)) + 1);
  check_starts(spec(CalendarUnit::month, apia),
               {utc(2011, 12, 1, 10h), utc(2011, 12, 31, 10h), utc(2012, 1, 31, 10h)});
}

TEST_CASE("hours") {
  // Skipped or shown twice: 60 minutes each.
  check_starts(spec(CalendarUnit::hour, berlin),
               {utc(2026, 3, 29, 0h), utc(2026, 3, 29, 1h), utc(2026, 3, 29, 2h)});
  check_starts(spec(CalendarUnit::hour, berlin),
               {utc(2026, 10, 24, 23h), utc(2026, 10, 25), utc(2026, 10, 25, 1h), utc(2026, 10, 25, 2h)});
  const Zone kathmandu{"Kathmandu", {{long_ago, 5h + 45min}}};
  check_starts(spec(CalendarUnit::hour, kathmandu), {utc(2026, 1, 1, 15min), utc(2026, 1, 1, 1h + 15min)});
  // 01:00 to 02:00, where clocks go back to 01:30; later from 02:00 to 02:30.
  check_starts(spec(CalendarUnit::hour, lord_howe),
               {utc(2026, 4, 4, 13h), utc(2026, 4, 4, 14h), utc(2026, 4, 4, 15h + 30min),
                utc(2026, 4, 4, 16h + 30min)});
  check_starts(spec(CalendarUnit::hour, lord_howe),
               {utc(2026, 10, 3, 14h + 30min), utc(2026, 10, 3, 15h + 30min), utc(2026, 10, 3, 16h),
                utc(2026, 10, 3, 17h)});
  // As St John's did: one minute past midnight, in the middle of an hour.
  const Zone st_johns{"St John's, 2010",
                      {{long_ago, -210min},
                       {utc(2010, 3, 14, 3h + 31min), -150min},
                       {utc(2010, 11, 7, 2h + 31min), -210min}}};
  check_starts(spec(CalendarUnit::hour, st_johns),
               {utc(2010, 3, 14, 2h + 30min), utc(2010, 3, 14, 3h + 30min), utc(2010, 3, 14, 4h + 30min)});
  check_starts(spec(CalendarUnit::hour, st_johns),
               {utc(2010, 11, 7, 1h + 30min), utc(2010, 11, 7, 2h + 30min), utc(2010, 11, 7, 3h + 30min)});
  // A change of offset by an odd length: hours begin on the full hour before and after it.
  const Zone monrovia{"Monrovia, 1972", {{long_ago, -(44min + 30s)}, {utc(1972, 1, 7, 44min) + 30s, 0h}}};
  check_starts(spec(CalendarUnit::hour, monrovia),
               {utc(1972, 1, 6, 23h + 44min) + 30s, utc(1972, 1, 7, 44min) + 30s, utc(1972, 1, 7, 1h),
                utc(1972, 1, 7, 2h)});
}

TEST_CASE("a year on Lord Howe Island has as many hours as any other") {
  const Calendar hours_of(spec(CalendarUnit::hour, lord_howe));
  CHECK(hours_of.index(utc(2026, 12, 31, 13h)) - hours_of.index(utc(2025, 12, 31, 13h)) == 8760);
}

TEST_CASE("weeks begin on the day that is asked for") {
  check_starts(spec(CalendarUnit::week, berlin),
               {utc(2026, 3, 22, 23h), utc(2026, 3, 29, 22h), utc(2026, 4, 5, 22h)});
  CalendarSpec sunday = spec(CalendarUnit::week, utc_zone);
  sunday.week_start = 7;
  sunday.day_start = 6h;
  check_starts(sunday, {utc(2026, 11, 22, 6h), utc(2026, 11, 29, 6h)});
  for (unsigned day = 1; day <= 7; ++day) {
    CAPTURE(day);
    CalendarSpec what = spec(CalendarUnit::week, utc_zone);
    what.week_start = day;
    for (const Time start : starts(Calendar(what), utc(1969, 11, 1), utc(1970, 3, 1))) {
      CHECK(weekday{floor<days>(start)}.iso_encoding() == day);
    }
  }
}

TEST_CASE("months are as long as they are") {
  const auto check = [](int y, unsigned m, int length) {
    CAPTURE(y);
    CAPTURE(m);
    const Calendar months_of(spec(CalendarUnit::month, utc_zone));
    const std::int64_t k = months_of.index(utc(y, m, 10));
    CHECK(months_of.start(k) == utc(y, m, 1));
    CHECK(months_of.start(k + 1) - months_of.start(k) == days{length});
    CHECK(k == (y - 1970) * 12 + static_cast<int>(m) - 1);
  };
  check(1969, 12, 31);
  check(1970, 1, 31);
  check(2000, 2, 29);
  check(2023, 2, 28);
  check(2024, 2, 29);
  check(2026, 4, 30);
  check(2100, 2, 28);
  check(2199, 12, 31);
  check(2200, 1, 31);
  CalendarSpec morning = spec(CalendarUnit::month, berlin);
  morning.day_start = 6h;
  check_starts(morning, {utc(2026, 3, 1, 5h), utc(2026, 4, 1, 4h), utc(2026, 5, 1, 4h)});
}

TEST_CASE("shifts keep their local times when clocks move") {
  check_starts(shift_table({6h, 14h, 22h}, berlin),
               {utc(2026, 3, 28, 13h), utc(2026, 3, 28, 21h), utc(2026, 3, 29, 4h), utc(2026, 3, 29, 12h)});
  check_starts(shift_table({6h, 14h, 22h}, berlin), {utc(2026, 10, 24, 20h), utc(2026, 10, 25, 5h),
                                                     utc(2026, 10, 25, 13h), utc(2026, 10, 25, 21h)});
  check_starts(shift_table({0h, 12h + 30min}, utc_zone),
               {utc(1969, 12, 31, 12h + 30min), utc(1970, 1, 1), utc(1970, 1, 1, 12h + 30min)});
  check_starts(shift_table({7h}, utc_zone), {utc(2026, 1, 1, 7h), utc(2026, 1, 2, 7h)});
  // 02:00 and 02:30 come at the same instant on the day that has neither.
  check_starts(shift_table({2h, 2h + 30min}, berlin), {utc(2026, 3, 28, 1h), utc(2026, 3, 28, 1h + 30min),
                                                       utc(2026, 3, 29, 1h), utc(2026, 3, 30, 0h)});
  check_starts(shift_table({2h, 2h + 30min}, berlin), {utc(2026, 10, 25, 0h), utc(2026, 10, 25, 30min),
                                                       utc(2026, 10, 26, 1h), utc(2026, 10, 26, 1h + 30min)});
}

TEST_CASE("what comes later in a zone changes no index of what is before") {
  for (const CalendarUnit unit : {CalendarUnit::hour, CalendarUnit::day, CalendarUnit::month}) {
    Zone known = lord_howe;
    known.changes.pop_back();
    const Calendar then(spec(unit, known));
    const Calendar now(spec(unit, lord_howe));
    for (Time t = utc(1970, 1, 1); t < lord_howe.changes.back().since; t += 12345min) {
      REQUIRE(then.index(t) == now.index(t));
    }
  }
}

TEST_CASE("the ends of time are inside") {
  for (const CalendarUnit unit :
       {CalendarUnit::hour, CalendarUnit::day, CalendarUnit::week, CalendarUnit::month}) {
    const Calendar calendar(spec(unit, berlin));
    starts(calendar, core::time_min - days{1}, core::time_min + days{40});
    starts(calendar, core::time_max - days{40}, core::time_max + days{1});
  }
}

TEST_CASE("any zone, any unit: as a watched clock says, and without a hole") {
  for (std::uint64_t round = 0; round < 200; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t bound) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
    };
    const Time from = utc(1970, 1, 1) + days{below(80'000)};
    CalendarSpec what;
    what.unit = std::vector{CalendarUnit::day, CalendarUnit::week, CalendarUnit::month,
                            CalendarUnit::shifts}[round % 4];
    const minutes step{std::vector{60, 30, 15, 1}[static_cast<std::size_t>(below(4))]};
    what.zone.changes.push_back({long_ago, step * (below(20) - 10)});
    for (Time since = from; since < from + days{60};) {
      since += minutes{1 + below(below(2) == 0 ? 300 : 30'000)};
      // Now and then, across the date line.
      const minutes jump = below(8) == 0 ? minutes{24h} : step * (below(9) - 4);
      what.zone.changes.push_back({since, below(2) == 0 ? jump : -jump});
    }
    if (what.unit == CalendarUnit::shifts) {
      std::vector<minutes> shifts(static_cast<std::size_t>(1 + below(4)));
      for (minutes& shift : shifts) shift = step * below(1440min / step);
      std::sort(shifts.begin(), shifts.end());
      shifts.erase(std::unique(shifts.begin(), shifts.end()), shifts.end());
      what.shifts = shifts;
    } else {
      what.day_start = step * below(1440min / step);
      if (what.unit == CalendarUnit::week) what.week_start = static_cast<unsigned>(1 + below(7));
    }
    const Calendar calendar(what);
    const std::vector<Time> model = model_starts(what, from, from + days{70});
    REQUIRE(model.size() > 1);
    REQUIRE(starts(calendar, model.front(), model.back()) == model);
  }
}

TEST_CASE("hours of any zone: at the full hour or where clocks move, never empty, long or lost") {
  for (std::uint64_t round = 0; round < 200; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    std::mt19937_64 random{seed};
    Zone zone{"", {{long_ago, 0h}}};
    const Time from = utc(2026, 1, 1);
    for (int i = 1; i < 10; ++i) {
      const minutes offset{static_cast<std::int64_t>(random() % 1440) - 720};
      // At least four hours apart, so that each can be judged by itself.
      zone.changes.push_back({from + days{i} + minutes{random() % 1200}, offset});
    }
    const Calendar calendar(spec(CalendarUnit::hour, zone));
    const std::vector<Time> begun = starts(calendar, from, from + days{11});
    for (std::size_t i = 1; i < begun.size(); ++i) {
      const Duration length = begun[i] - begun[i - 1];
      REQUIRE(length > 0h);
      REQUIRE(length < 2h);
      const auto move =
          std::find_if(zone.changes.begin() + 1, zone.changes.end(), [&](const Zone::Change& change) {
            return change.since >= begun[i - 1] && change.since <= begun[i];
          });
      const bool undisturbed = move == zone.changes.end() || (move->offset - (move - 1)->offset) % 1h == 0h;
      if (undisturbed) REQUIRE(length == 1h);
      const bool at_move = move != zone.changes.end() && move->since == begun[i];
      REQUIRE((at_move || Clock(zone).local(begun[i]) % 1h == 0min));
    }
  }
}

TEST_CASE("problems") {
  using Problems = std::vector<std::string>;
  const auto check = [](const CalendarSpec& what, const Problems& expected) {
    CHECK(what.problems() == expected);
  };
  check(spec(CalendarUnit::hour, utc_zone), {});
  check(shift_table({0h, 23h + 59min}, utc_zone), {});
  check(shift_table({}, utc_zone),
        {"shifts: none given; list the times of day at which shifts begin, such as 06:00, 14:00, 22:00"});
  check(shift_table({6h, 24h}, utc_zone), {"shifts: 24:00 is not a time of day; choose 00:00 to 23:59"});
  check(shift_table({-5min}, utc_zone), {"shifts: -00:05 is not a time of day; choose 00:00 to 23:59"});
  check(shift_table({6h, 22h, 14h, 14h}, utc_zone),
        {"shifts: 14:00 does not come after 22:00; list each start once, in ascending order",
         "shifts: 14:00 does not come after 14:00; list each start once, in ascending order"});
  CalendarSpec what = spec(CalendarUnit::day, utc_zone);
  what.shifts = {6h};
  what.day_start = 25h;
  what.week_start = 2;
  check(what, {"shifts: only a shift table has them; leave them out",
               "day_start: 25:00 is not a time of day; choose 00:00 to 23:59",
               "week_start: only weeks have one; leave it out"});
  what = spec(CalendarUnit::hour, utc_zone);
  what.day_start = 15min;
  check(what, {"day_start: only days, weeks and months have one; leave it out"});
  what = spec(CalendarUnit::week, utc_zone);
  what.week_start = 0;
  check(what, {"week_start: 0 is not a day of the week; choose 1 (Monday) to 7 (Sunday)"});
  what.week_start = 8;
  check(what, {"week_start: 8 is not a day of the week; choose 1 (Monday) to 7 (Sunday)"});
}
