#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <random>
#include <string>

#include "bridge/timestamp.h"

using bridge::TimeUnit;
using core::no_time;
using core::Time;

namespace {

Time at(std::int64_t nanoseconds) { return Time{core::Duration{nanoseconds}}; }

std::string text_of(Time time) {
  std::string out;
  bridge::append_time(time, out);
  return out;
}

// A calendar that counts, day by day, and shares nothing with the one under test.
struct Calendar {
  int year = 1970, month = 1, day = 1;

  static bool leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }
  static int days_in(int y, int m) {
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && leap(y) ? 29 : days[static_cast<std::size_t>(m - 1)];
  }
  void next() {
    if (++day <= days_in(year, month)) return;
    day = 1;
    if (++month <= 12) return;
    month = 1;
    ++year;
  }
};

}  // namespace

TEST_CASE("time_of_integer: units, magnitudes and bounds") {
  const auto check = [](std::int64_t value, TimeUnit unit, Time expected) {
    CAPTURE(value);
    CHECK(bridge::time_of_integer(value, unit) == expected);
  };
  check(0, TimeUnit::automatic, at(0));
  check(1489529135, TimeUnit::automatic, at(1489529135'000'000'000));
  check(99'999'999'999, TimeUnit::automatic, no_time);                       // seconds, in the year 5138
  check(100'000'000'000, TimeUnit::automatic, at(100'000'000'000'000'000));  // milliseconds
  check(1451649600512, TimeUnit::automatic, at(1451649600512'000'000));
  check(1451649600512345, TimeUnit::automatic, at(1451649600512345'000));
  check(1628605643433728801, TimeUnit::automatic, at(1628605643433728801));  // beyond 2^53, exact
  check(9'223'372'036'854'775'807, TimeUnit::automatic, no_time);            // the year 2262
  check(1, TimeUnit::s, at(1'000'000'000));
  check(1, TimeUnit::ms, at(1'000'000));
  check(1, TimeUnit::us, at(1'000));
  check(1, TimeUnit::ns, at(1));
  check(7'258'118'399, TimeUnit::s, at(7'258'118'399'000'000'000));
  check(7'258'118'400, TimeUnit::s, no_time);
  check(9'223'372'036'854'775'807, TimeUnit::s, no_time);
  check(-1, TimeUnit::s, no_time);
  check(std::numeric_limits<std::int64_t>::min(), TimeUnit::automatic, no_time);
}

TEST_CASE("time_of_number: what was written, not what the double holds") {
  const auto check = [](double value, TimeUnit unit, Time expected) {
    CAPTURE(value);
    CHECK(bridge::time_of_number(value, unit) == expected);
  };
  check(1276020076.001, TimeUnit::automatic, at(1276020076'001'000'000));
  check(1708180040.62, TimeUnit::automatic, at(1708180040'620'000'000));
  check(1695679022882.0, TimeUnit::automatic, at(1695679022882'000'000));
  check(1695679022882.5, TimeUnit::automatic, at(1695679022882'500'000));
  check(1.61, TimeUnit::automatic, at(1'610'000'000));
  check(0.5, TimeUnit::ns, at(0));
  check(1e-300, TimeUnit::s, at(0));
  check(-0.0, TimeUnit::s, at(0));
  check(-1.5, TimeUnit::s, no_time);
  check(1e300, TimeUnit::s, no_time);
  check(std::numeric_limits<double>::quiet_NaN(), TimeUnit::s, no_time);
  check(std::numeric_limits<double>::infinity(), TimeUnit::s, no_time);
}

TEST_CASE("time_of_text: ISO 8601 and numbers") {
  const auto check = [](std::string_view text, Time expected) {
    CAPTURE(text);
    CHECK(bridge::time_of_text(text, TimeUnit::automatic) == expected);
  };
  constexpr std::int64_t second = 1'000'000'000;
  check("2026-11-23T07:00:34.567Z", at(1795417234'567'000'000));
  check("2026-11-23T08:00:34.567+01:00", at(1795417234'567'000'000));
  check("2026-11-23T08:00:34.567+0100", at(1795417234'567'000'000));
  check("2026-11-23T08:00:34.567+01", at(1795417234'567'000'000));
  check("2026-11-23T01:30:34.567-05:30", at(1795417234'567'000'000));
  check("2026-11-23 07:00:34", at(1795417234 * second));
  check("2026-11-23t07:00:34z", at(1795417234 * second));
  check(" 2026-11-23T07:00:34Z\n", at(1795417234 * second));
  check("2026-11-23T07:00", at(1795417200 * second));
  check("2026-11-23", at(1795392000 * second));
  check("2022-06-30T13:52:52.0219440Z", at(1656597172'021'944'000));
  check("2022-07-18T09:34:15.775023242+00:00", at(1658136855'775'023'242));
  check("2026-11-23T07:00:34,5Z", at(1795417234'500'000'000));
  check("2016-12-31T23:59:60Z", at(1483228800 * second));
  check("2000-02-29", at(951782400 * second));
  check("1970-01-01T00:00:00Z", at(0));
  check("2199-12-31T23:59:59.999999999Z", at(7258118399'999'999'999));
  check("1489529135", at(1489529135 * second));
  check("1726739200", at(1726739200 * second));
  check("1471418999.5", at(1471418999'500'000'000));
  check("1276020076.001000001", at(1276020076'001'000'001));
  check("1e9", at(1000000000 * second));

  check("", no_time);
  check("0001-01-01T00:00:00Z", no_time);
  check("1969-12-31T23:59:59Z", no_time);
  check("1970-01-01T00:30:00+01:00", no_time);
  check("2200-01-01T00:00:00Z", no_time);
  check("2023-02-29", no_time);
  check("1900-02-29", no_time);
  check("2026-13-01", no_time);
  check("2026-00-01", no_time);
  check("2026-11-31", no_time);
  check("2026-11-23T24:00:00Z", no_time);
  check("2026-11-23T07:60:00Z", no_time);
  check("2026-11-23T07:00:61Z", no_time);
  check("2026-11-23T07:00:34.Z", no_time);
  check("2026-11-23T07:00:34.1234567890Z", no_time);
  check("2026-11-23T07:00:34+25:00", no_time);
  check("2026-11-23T07:00:34+01:60", no_time);
  check("2026-11-23T07:00:34Zulu", no_time);
  check("2026-11-23T07:00:34 CET", no_time);
  check("2026-11-23T", no_time);
  check("2026-1-2", no_time);
  check("23.11.2026", no_time);
  check("14:36", no_time);
  check("0T18:36:12", no_time);
  check("nan", no_time);
  check("-5", no_time);
  check("1e999", no_time);
  check("18446744073709551616", no_time);
}

TEST_CASE("append_time: digits in groups of three") {
  const auto check = [](std::int64_t nanoseconds, std::string_view expected) {
    CHECK(text_of(at(nanoseconds)) == expected);
  };
  check(0, "1970-01-01T00:00:00Z");
  check(1795417234'567'000'000, "2026-11-23T07:00:34.567Z");
  check(1795417234'567'100'000, "2026-11-23T07:00:34.567100Z");
  check(1795417234'000'000'001, "2026-11-23T07:00:34.000000001Z");
  check(1795417234'500'000'000, "2026-11-23T07:00:34.500Z");
  check(951782400'000'000'000, "2000-02-29T00:00:00Z");
  check(7258118399'999'999'999, "2199-12-31T23:59:59.999999999Z");
  check(-1, "1969-12-31T23:59:59.999999999Z");
}

TEST_CASE("every day from 1970 to 2199, both ways, against a calendar that counts") {
  Calendar calendar;
  std::int64_t days = 0;
  for (; calendar.year < 2200; calendar.next(), ++days) {
    std::array<char, 32> date{};
    std::snprintf(date.data(), date.size(), "%04d-%02d-%02d", calendar.year, calendar.month, calendar.day);
    const Time expected = at(days * 86'400 * 1'000'000'000);
    REQUIRE(bridge::time_of_text(date.data(), TimeUnit::automatic) == expected);
    REQUIRE(text_of(expected) == std::string(date.data()) + "T00:00:00Z");
  }
  CHECK(days == 84006);
}

TEST_CASE("random times come back, and agree with the C library") {
  const std::uint64_t seed = 20260103;
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  constexpr std::int64_t places[] = {1, 1'000, 1'000'000, 1'000'000'000};
  for (int i = 0; i < 100'000; ++i) {
    const std::int64_t place = places[random() % 4];
    const auto nanoseconds = static_cast<std::int64_t>(random() % 7'258'118'400'000'000'000U) / place * place;
    const std::string text = text_of(at(nanoseconds));
    CAPTURE(text);
    REQUIRE(bridge::time_of_text(text, TimeUnit::automatic) == at(nanoseconds));
    const std::time_t seconds = nanoseconds / 1'000'000'000;
    std::tm parts{};
    std::array<char, 32> expected{};
    REQUIRE(gmtime_r(&seconds, &parts) != nullptr);
    REQUIRE(std::strftime(expected.data(), expected.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 19);
    REQUIRE(text.substr(0, 19) == expected.data());
  }
}
