#include "bridge/timestamp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "bridge/number.h"

namespace bridge {
namespace {

using core::Duration;
using core::no_time;
using core::Time;

constexpr std::int64_t second = 1'000'000'000;

Time checked(std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t seconds_max = core::time_max.time_since_epoch() / std::chrono::seconds{1};
  if (seconds < 0 || seconds >= seconds_max) return no_time;
  return Time{std::chrono::seconds{seconds} + Duration{nanoseconds}};
}

TimeUnit unit_of(std::uint64_t size, TimeUnit unit) {
  if (unit != TimeUnit::automatic) return unit;
  if (size < 100'000'000'000) return TimeUnit::s;
  if (size < 100'000'000'000'000) return TimeUnit::ms;
  if (size < 100'000'000'000'000'000) return TimeUnit::us;
  return TimeUnit::ns;
}

std::int64_t per_second(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::ms:
      return 1'000;
    case TimeUnit::us:
      return 1'000'000;
    case TimeUnit::ns:
      return second;
    case TimeUnit::automatic:
    case TimeUnit::s:
      break;
  }
  return 1;
}

// `whole`.`fraction` of a unit, the fraction in billionths of that unit.
Time time_of_decimal(std::uint64_t whole, std::int64_t fraction, TimeUnit unit) {
  const auto parts = static_cast<std::uint64_t>(per_second(unit_of(whole, unit)));
  const auto seconds = static_cast<std::int64_t>(whole / parts);
  const auto rest = static_cast<std::int64_t>(whole % parts);
  const std::int64_t length = second / static_cast<std::int64_t>(parts);  // of the unit, in ns
  return checked(seconds, rest * length + fraction * length / second);
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Reads a text from its front. A failed step makes every later one fail.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return text_.empty(); }
  bool next_is(std::string_view any) const { return !text_.empty() && any.find(text_.front()) != any.npos; }
  char take() {
    const char c = text_.empty() ? '\0' : text_.front();
    if (text_.empty())
      ok_ = false;
    else
      text_.remove_prefix(1);
    return c;
  }
  bool take_if(std::string_view any) {
    if (!next_is(any)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (take() != c) ok_ = false;
  }
  // Exactly `digits` digits of a number in [low, high].
  int number(int digits, int low, int high) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = take();
      if (!is_digit(c)) ok_ = false;
      value = value * 10 + (c - '0');
    }
    if (value < low || value > high) ok_ = false;
    return ok_ ? value : low;
  }
  // One to nine digits behind a point, as billionths.
  std::int64_t billionths() {
    std::int64_t value = 0;
    int digits = 0;
    for (; !text_.empty() && is_digit(text_.front()); ++digits) {
      value = digits < 9 ? value * 10 + (take() - '0') : (take(), value);
    }
    if (digits < 1 || digits > 9) ok_ = false;
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

// "Z", "+01:00", "+0100", "+01", or nothing, which is UTC; in seconds east.
int read_zone(Reader& reader) {
  if (reader.done() || reader.take_if("Zz")) return 0;
  const int sign = reader.next_is("-") ? -1 : 1;
  if (!reader.take_if("+-")) reader.expect('+');
  const int hours = reader.number(2, 0, 23);
  int minutes = 0;
  if (!reader.done()) {
    reader.take_if(":");
    minutes = reader.number(2, 0, 59);
  }
  return sign * (hours * 3600 + minutes * 60);
}

Time time_of_iso(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4, 0, 9999);
  reader.expect('-');
  const int month = reader.number(2, 1, 12);
  reader.expect('-');
  const int day = reader.number(2, 1, 31);
  int of_day = 0;
  std::int64_t fraction = 0;
  if (reader.ok() && !reader.done()) {
    if (!reader.take_if("Tt ")) return no_time;
    of_day = reader.number(2, 0, 23) * 3600;
    reader.expect(':');
    of_day += reader.number(2, 0, 59) * 60;
    if (reader.take_if(":")) {
      of_day += reader.number(2, 0, 60);  // 60: a leap second is the next minute's first
      if (reader.take_if(".,")) fraction = reader.billionths();
    }
    of_day -= read_zone(reader);
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!reader.ok() || !reader.done() || !date.ok()) return no_time;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return checked(days * 86'400 + of_day, fraction);
}

// digits[.digits], exact; a longer fraction is cut at the ninth digit.
Time time_of_digits(std::string_view text, TimeUnit unit) {
  std::uint64_t whole = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, whole);
  if (read.ec != std::errc{}) return no_time;
  std::int64_t fraction = 0, place = second / 10;
  for (const char* p = read.ptr + 1; p < end; ++p, place /= 10) fraction += place * (*p - '0');
  return time_of_decimal(whole, fraction, unit);
}

// Only digits, with at most one point between them.
bool is_plain_decimal(std::string_view text) {
  bool point = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_digit(text[i])) continue;
    if (text[i] != '.' || point || i == 0 || i + 1 == text.size()) return false;
    point = true;
  }
  return !text.empty();
}

void append_digits(std::int64_t value, int digits, std::string& out) {
  std::array<char, 20> text;
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const auto length = static_cast<std::size_t>(end - text.data());
  out.append(static_cast<std::size_t>(digits) - std::min(length, static_cast<std::size_t>(digits)), '0');
  out.append(text.data(), length);
}

}  // namespace

Time time_of_number(double value, TimeUnit unit) noexcept {
  if (!std::isfinite(value) || value < 0 || value >= 9e18) return no_time;
  if (value == std::floor(value)) return time_of_integer(static_cast<std::int64_t>(value), unit);
  // The shortest decimal is what somebody wrote; the double itself is off by up to 0.1 us.
  std::array<char, 400> text;
  const char* const end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
  return time_of_digits({text.data(), static_cast<std::size_t>(end - text.data())}, unit);
}

Time time_of_integer(std::int64_t value, TimeUnit unit) noexcept {
  return value < 0 ? no_time : time_of_decimal(static_cast<std::uint64_t>(value), 0, unit);
}

Time time_of_text(std::string_view text, TimeUnit unit) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (is_plain_decimal(text)) return time_of_digits(text, unit);
  const Number number = number_of_text(text);
  if (number.kind != NumberKind::not_a_number) {
    return number.kind == NumberKind::finite ? time_of_number(number.value, unit) : no_time;
  }
  return time_of_iso(text);
}

void append_time(Time time, std::string& out) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss clock{time - days};
  append_digits(int{date.year()}, 4, out);
  out += '-';
  append_digits(unsigned{date.month()}, 2, out);
  out += '-';
  append_digits(unsigned{date.day()}, 2, out);
  out += 'T';
  append_digits(clock.hours().count(), 2, out);
  out += ':';
  append_digits(clock.minutes().count(), 2, out);
  out += ':';
  append_digits(clock.seconds().count(), 2, out);
  std::int64_t fraction = clock.subseconds().count();
  if (fraction != 0) {
    int digits = 9;
    for (; fraction % 1000 == 0; digits -= 3) fraction /= 1000;
    out += '.';
    append_digits(fraction, digits, out);
  }
  out += 'Z';
}

}  // namespace bridge
