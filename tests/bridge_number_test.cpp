#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include "bridge/number.h"

using bridge::Number;
using bridge::NumberKind;

namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// The JSON number at the front of `text`, in a buffer that ends right behind it, and how long it is.
struct Front {
  Number number;
  std::size_t length;
};
std::optional<Front> json_front(const std::string& text) {
  const std::string room = text + "}" + std::string(16, '7');
  Front front{};
  const char* const end = bridge::json_number(room.data(), front.number);
  if (end == nullptr) return std::nullopt;
  front.length = static_cast<std::size_t>(end - room.data());
  return front;
}

std::string random_decimal(std::mt19937_64& random) {
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (std::size_t n = 1 + random() % most; n > 0; --n) out += static_cast<char>('0' + random() % 10);
    return out;
  };
  std::string text = random() % 3 == 0 ? "-" : "";
  const std::size_t most = random() % 8 == 0 ? 40 : 8;
  std::string whole = digits(most);
  while (whole.size() > 1 && whole.front() == '0') whole.erase(0, 1);
  text += whole;
  if (random() % 3 != 0) text += "." + digits(most);
  if (random() % 5 == 0) text += (random() % 2 == 0 ? "e" : "E-") + digits(random() % 4 == 0 ? 3 : 1);
  return text;
}

}  // namespace

TEST_CASE("number_of_text: what is a number") {
  const auto check = [](std::string_view text, double value) {
    CAPTURE(text);
    const Number number = bridge::number_of_text(text);
    CHECK(number.kind == NumberKind::finite);
    CHECK(same_bits(number.value, value));
    CHECK_FALSE(number.inexact);
  };
  check("0", 0.0);
  check("-0", -0.0);
  check("21.5", 21.5);
  check("-1.17", -1.17);
  check("+7", 7.0);
  check(" \t\r\n 64 \n", 64.0);
  check("007", 7.0);
  check("1e3", 1000.0);
  check("1.2e+01", 12.0);
  check("12E-1", 1.2);
  check("1e22", 1e22);
  check("1e23", 1e23);
  check("9007199254740992", 9007199254740992.0);
  check("9007199254740994", 9007199254740994.0);
  check("100000000000000000000", 1e20);
  check("0.1234567890123456789012345", 0.1234567890123456789012345);
  check("1.7976931348623157e308", std::numeric_limits<double>::max());
  check("4.9e-324", std::numeric_limits<double>::denorm_min());
  check("1e-999", 0.0);
  check("0e999999999999", 0.0);
  check("0." + std::string(400, '0') + "1e401", 1.0);
  check("1" + std::string(300, '0') + "e-300", 1.0);
}

TEST_CASE("number_of_text: integers a double cannot hold") {
  const auto check = [](std::string_view text, double value) {
    CAPTURE(text);
    const Number number = bridge::number_of_text(text);
    CHECK(number.kind == NumberKind::finite);
    CHECK(number.value == value);
    CHECK(number.inexact);
  };
  check("9007199254740993", 9007199254740992.0);
  check("-9007199254740993", -9007199254740992.0);
  check("1628605643433728801", 1628605643433728768.0);
  check("18446744073709551615", 18446744073709551616.0);
  check("123456789012345678901234567890", 123456789012345677877719597056.0);
}

TEST_CASE("number_of_text: numbers no double holds") {
  const auto check = [](std::string_view text) {
    CAPTURE(text);
    CHECK(bridge::number_of_text(text).kind == NumberKind::not_finite);
  };
  check("nan");
  check("NaN");
  check("-nan");
  check("inf");
  check("+Inf");
  check(" -Infinity ");
  check("1e999");
  check("-1e309");
  check("1e99999999999999999999");
  check("1" + std::string(400, '0'));
}

TEST_CASE("number_of_text: what is none") {
  const auto check = [](std::string_view text) {
    CAPTURE(text);
    CHECK(bridge::number_of_text(text).kind == NumberKind::not_a_number);
  };
  check("");
  check("   ");
  check("+");
  check("-");
  check(".5");
  check("5.");
  check("1.2.3");
  check("1,5");
  check("1 000");
  check("0x10");
  check("1e");
  check("1e+");
  check("e5");
  check("--1");
  check("+-1");
  check("12abc");
  check("ON");
  check("nano");
  check("infinit");
  check("22 seconds");
  check(std::string_view("12\0", 3));
  check("\xd9\xa1");  // an Arabic-Indic digit
}

TEST_CASE("json_number: where it ends, and what JSON does not write") {
  const auto check = [](const std::string& text, std::optional<std::size_t> length, double value = 0) {
    CAPTURE(text);
    const std::optional<Front> front = json_front(text);
    REQUIRE(front.has_value() == length.has_value());
    if (!length) return;
    CHECK(front->length == *length);
    CHECK(same_bits(front->number.value, value));
  };
  check("0", 1, 0.0);
  check("-0", 2, -0.0);
  check("-0.0", 4, -0.0);
  check("21.5", 4, 21.5);
  check("1013.25", 7, 1013.25);
  check("12345678", 8, 12345678.0);
  check("1234567.5", 9, 1234567.5);
  check("9007199254740992", 16, 9007199254740992.0);
  check("1e5", 3, 1e5);
  check("1.5E-3", 6, 1.5e-3);
  check("7,8", 1, 7.0);
  check("7-8", 1, 7.0);  // the caller sees that '-' cannot follow
  check("7.8.9", 3, 7.8);
  check("0x1F", 1, 0.0);
  check("", std::nullopt);
  check("-", std::nullopt);
  check("+1", std::nullopt);
  check("01", std::nullopt);
  check("-01", std::nullopt);
  check("00.5", std::nullopt);
  check(".5", std::nullopt);
  check("5.", std::nullopt);
  check("5.e3", std::nullopt);
  check("1e", std::nullopt);
  check("1.5e+", std::nullopt);
  check("-.5", std::nullopt);
  check("nan", std::nullopt);
  check("abc", std::nullopt);
}

TEST_CASE("plain_number takes what sensors send, and leaves the rest") {
  const auto check = [](std::string text, bool taken) {
    CAPTURE(text);
    const std::size_t length = text.size();
    const double expected = std::strtod(text.c_str(), nullptr);
    text += "}" + std::string(16, '7');
    double value = 0;
    const char* const end = bridge::plain_number(text.data(), value);
    REQUIRE((end != nullptr) == taken);
    if (!taken) return;
    CHECK(end == text.data() + length);
    CHECK(same_bits(value, expected));
  };
  const bool here = std::endian::native == std::endian::little;
  for (const char* text :
       {"0", "-0", "7", "21.5", "-0.25", "0.00001", "1013.257", "230.11827", "1234567", "12345678",
        "1767225600", "1767225600123", "123456789012345", "1234567.1234567", "0.1234567890123"}) {
    check(text, here);
  }
  for (const char* text : {"1e5", "1.5E3", "1234567890123456", "123456789.5", "1.12345678901234567"})
    check(text, false);
  for (const char* text : {"", "-", ".5", "5.", "01", "-01", "00000001.5", "x"}) check(text, false);
}

TEST_CASE("random decimals read as the C library reads them") {
  const std::uint64_t seed = 20260101;
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200'000; ++i) {
    const std::string text = random_decimal(random);
    CAPTURE(text);
    const double expected = std::strtod(text.c_str(), nullptr);
    const std::optional<Front> front = json_front(text);
    const Number number = bridge::number_of_text(text);
    REQUIRE(front.has_value());
    REQUIRE(front->length == text.size());
    REQUIRE(front->number.kind == number.kind);
    REQUIRE((number.kind == NumberKind::finite) == std::isfinite(expected));
    if (number.kind != NumberKind::finite) continue;
    REQUIRE(same_bits(number.value, expected));
    REQUIRE(same_bits(front->number.value, expected));
    REQUIRE(front->number.inexact == number.inexact);
    if (text.find_first_of(".eE") != std::string::npos) {
      REQUIRE_FALSE(number.inexact);
    } else {
      std::array<char, 400> exact{};
      std::snprintf(exact.data(), exact.size(), "%.0f", expected);
      REQUIRE(number.inexact == (text != exact.data()));
    }
  }
}

TEST_CASE("append_number: the shortest text") {
  const auto check = [](double value, std::string_view expected) {
    std::string out = "x";
    bridge::append_number(value, out);
    CHECK(out == "x" + std::string(expected));
  };
  check(0, "0");
  check(60, "60");
  check(-60, "-60");
  check(21.43, "21.43");
  check(0.1, "0.1");
  check(100000, "100000");
  check(123456789012345, "123456789012345");
  check(999999999999999, "999999999999999");
  check(1e15, "1e15");
  check(1e20, "1e20");
  check(1.5e300, "1.5e300");
  check(0.00001, "0.00001");
  check(0.000001, "1e-6");
  check(-1.25e-7, "-1.25e-7");
  check(4.9e-324, "5e-324");
  check(std::numeric_limits<double>::max(), "1.7976931348623157e308");
  check(1.0 / 3, "0.3333333333333333");
}

TEST_CASE("append_number: every double comes back, and it is JSON") {
  const std::uint64_t seed = 20260102;
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200'000; ++i) {
    double value = std::bit_cast<double>(random());
    if (i % 2 == 0)
      value = static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000'000) - 1'000'000'000) / 1000;
    if (!std::isfinite(value)) continue;
    std::string text;
    bridge::append_number(value, text);
    CAPTURE(text);
    REQUIRE(text.size() <= 32);
    const Number back = bridge::number_of_text(text);
    REQUIRE(back.kind == NumberKind::finite);
    REQUIRE(same_bits(back.value, value));
    const std::optional<Front> front = json_front(text);
    REQUIRE((front && front->length == text.size()));
  }
}
