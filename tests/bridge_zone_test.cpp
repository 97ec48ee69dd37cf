// Zones as loaded, against the C library's own reading of the same files; calendars made of them over years.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "bridge/error.h"
#include "bridge/zone.h"
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

const std::vector<std::string> interesting{"Europe/Berlin",     "America/New_York",    "America/St_Johns",
                                           "Asia/Kathmandu",    "Australia/Lord_Howe", "Pacific/Apia",
                                           "Africa/Casablanca", "Asia/Kolkata",        "UTC",
                                           "America/Sao_Paulo", "America/Havana",      "Africa/Monrovia",
                                           "Antarctica/Troll",  "Pacific/Kwajalein",   "Asia/Pyongyang"};

// An environment variable while this lives.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
    tzset();
  }
  ~Setting() {
    old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1);
    tzset();
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
  std::string old_;
};

// Local time in the zone that TZ names, by the C library.
std::tm local(Time time) {
  const std::time_t seconds = floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm result{};
  REQUIRE(localtime_r(&seconds, &result) != nullptr);
  return result;
}

seconds offset_of(const Zone& zone, Time time) {
  auto change = zone.changes.begin();
  while (change + 1 != zone.changes.end() && (change + 1)->since <= time) ++change;
  return duration_cast<seconds>(change->offset);
}

void check_zone(const std::string& name, int instants, std::mt19937_64& random) {
  CAPTURE(name);
  const Setting zone_of_libc("TZ", ":" + name);
  const Zone zone = bridge::load_zone(name);
  REQUIRE(zone.name == name);
  const auto check = [&](Time time) {
    CAPTURE(time.time_since_epoch().count());
    REQUIRE(offset_of(zone, time).count() == local(time).tm_gmtoff);
  };
  for (std::size_t i = 1; i < zone.changes.size(); ++i) {
    REQUIRE(zone.changes[i].since > zone.changes[i - 1].since);
    REQUIRE(zone.changes[i].offset != zone.changes[i - 1].offset);
    check(zone.changes[i].since);
    check(zone.changes[i].since - 1s);
  }
  const auto range =
      static_cast<std::uint64_t>(duration_cast<seconds>(core::time_max - core::time_min + days{700}).count());
  for (int i = 0; i < instants; ++i) check(core::time_min - days{350} + seconds{random() % range});
}

std::vector<std::string> all_names() {
  std::ifstream table("/usr/share/zoneinfo/zone1970.tab");
  std::vector<std::string> names;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string countries, place, name;
    if (!line.starts_with('#') && words >> countries >> place >> name) names.push_back(name);
  }
  return names;
}

Calendar calendar(CalendarUnit unit, const Zone& zone, std::vector<minutes> shifts = {}) {
  CalendarSpec spec;
  spec.unit = unit;
  spec.zone = zone;
  spec.shifts = std::move(shifts);
  return Calendar(spec);
}

bool same_day(const std::tm& a, const std::tm& b) { return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday; }

}  // namespace

TEST_CASE("offsets are those of the C library, at every change and at random instants") {
  INFO("WEIR_SEED=" << fixture::seed());
  std::mt19937_64 random{fixture::seed()};
  for (const std::string& name : interesting) check_zone(name, 2000, random);
}

TEST_CASE("every zone there is") {
  INFO("WEIR_SEED=" << fixture::seed());
  std::mt19937_64 random{fixture::seed()};
  const std::vector<std::string> names = all_names();
  REQUIRE(names.size() > 250);
  for (const std::string& name : names) check_zone(name, 20, random);
}

TEST_CASE("periods of 2020 to 2030 tile, whatever the zone and unit") {
  const Time from = sys_days{2020y / January / 1};
  const Time to = sys_days{2031y / January / 1};
  for (const std::string& name : interesting) {
    CAPTURE(name);
    const Zone zone = bridge::load_zone(name);
    for (const Calendar& periods : {calendar(CalendarUnit::hour, zone), calendar(CalendarUnit::day, zone),
                                    calendar(CalendarUnit::week, zone), calendar(CalendarUnit::month, zone),
                                    calendar(CalendarUnit::shifts, zone, {90min, 6h, 14h, 22h})}) {
      std::int64_t k = periods.index(from);
      Time start = periods.start(k);
      REQUIRE(start <= from);
      for (; start < to; ++k) {
        const Time end = periods.start(k + 1);
        const auto holds = [&](Time time) { return periods.index(time) == k; };
        if (!(start < end && holds(start) && holds(start + (end - start) / 2) && holds(end - Duration{1}))) {
          FAIL("period " << k << ", which begins at " << start.time_since_epoch().count());
        }
        start = end;
      }
    }
  }
}

TEST_CASE("days begin at local midnight or at the first instant after it") {
  for (const std::string& name : interesting) {
    CAPTURE(name);
    const Setting zone_of_libc("TZ", ":" + name);
    const Calendar days_of = calendar(CalendarUnit::day, bridge::load_zone(name));
    std::int64_t k = days_of.index(sys_days{1970y / January / 3});
    for (; days_of.start(k) < sys_days{2040y / January / 1}; ++k) {
      const Time start = days_of.start(k);
      CAPTURE(start.time_since_epoch().count());
      const std::tm here = local(start);
      const std::tm before = local(start - 1s);
      const bool midnight = here.tm_hour == 0 && here.tm_min == 0 && here.tm_sec == 0;
      // Midnight may be shown a second time, an hour later; its first time is then in the day already.
      REQUIRE_FALSE(same_day(here, before));
      REQUIRE((midnight || here.tm_gmtoff != before.tm_gmtoff));
      REQUIRE(same_day(here, local(start + 20h)));
    }
  }
}

TEST_CASE("known days") {
  const auto length = [](const std::string& name, sys_days noon_of) {
    const Calendar days_of = calendar(CalendarUnit::day, bridge::load_zone(name));
    const std::int64_t k = days_of.index(noon_of + 12h);
    return duration_cast<minutes>(days_of.start(k + 1) - days_of.start(k));
  };
  CHECK(length("Europe/Berlin", 2026y / March / 29) == 23h);
  CHECK(length("Europe/Berlin", 2026y / October / 25) == 25h);
  CHECK(length("America/Sao_Paulo", 2018y / November / 4) == 23h);
  CHECK(length("America/Sao_Paulo", 2026y / November / 1) == 24h);
  CHECK(length("Antarctica/Troll", 2026y / October / 25) == 26h);
  CHECK(length("Australia/Lord_Howe", 2026y / April / 4) == 24h);
  CHECK(length("Australia/Lord_Howe", 2026y / April / 5) == 24h + 30min);
  CHECK(length("Australia/Lord_Howe", 2026y / October / 4) == 23h + 30min);
}

TEST_CASE("UTC has one offset and needs no file") {
  const Setting no_files("TZDIR", "/nonexistent");
  const Zone zone = bridge::load_zone("UTC");
  REQUIRE(zone.changes.size() == 1);
  CHECK(zone.changes[0].offset == 0s);
  CHECK_THROWS_AS((void)bridge::load_zone("Asia/Katmandu"), bridge::SetupError);
}

TEST_CASE("what is no zone is refused, with what would be one") {
  const auto check = [](const std::string& name, const std::string& seen) {
    CAPTURE(name);
    const std::string message =
        seen +
        " is no time zone of this system; use an IANA name as in /usr/share/zoneinfo, for example "
        "Europe/Berlin or UTC (if that folder is missing, install tzdata)";
    CHECK_THROWS_WITH_AS((void)bridge::load_zone(name), message.c_str(), bridge::SetupError);
  };
  check("", "\"\"");
  check("Europe/Berlinn", "\"Europe/Berlinn\"");
  check("europe/berlin", "\"europe/berlin\"");
  check("Europe", "\"Europe\"");
  check("zone1970", "\"zone1970\"");
  check("/usr/share/zoneinfo/UTC", "\"/usr/share/zoneinfo/UTC\"");
  check("../zoneinfo/UTC", "\"../zoneinfo/UTC\"");
  check("Fixed/UTC+01:00:00", "\"Fixed/UTC+01:00:00\"");
  check("right/Europe/Berlin", "\"right/Europe/Berlin\"");
  check("+01:00", "\"+01:00\"");
  check("UTC\n", "\"UTC?\"");
}
