// Number: what counts as a number. The one place that turns text into a double; every format calls it. Pure,
// any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bridge {

enum class NumberKind { finite, not_finite, not_a_number };

struct Number {
  NumberKind kind;
  double value;  // when finite
  bool inexact;  // an integer that a double cannot hold exactly
};

// The whole of `text`, spaces around it allowed: [+-]digits[.digits][e[+-]digits]. "nan", "inf", "infinity"
// (any case, signed) and numbers beyond a double are not_finite. No hex, no locale, no thousands separators.
[[nodiscard]] Number number_of_text(std::string_view text) noexcept;

// The number that begins at `text` as JSON writes it: no "+", no leading zeros, no nan. Returns its end, null
// when there is none; what follows is the caller's to judge. Precondition: a character that cannot stand in a
// number follows somewhere.
[[nodiscard]] const char* json_number(const char* text, Number& out) noexcept;

// Shortest text that reads back to the same double; JSON syntax ("1e+20" is written 1e20). Precondition:
// finite.
void append_number(double value, std::string& out);

namespace number_detail {
inline constexpr std::uint64_t exact_max = 1ULL << 53;  // integers up to here are doubles
inline constexpr std::ptrdiff_t digits_max = 19;        // decimal digits that always fit in 64 bits
inline constexpr std::array<double, 23> powers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
const char* short_json_number(const char* text, const char* first, Number& out) noexcept;
const char* slow_json_number(const char* text, Number& out) noexcept;
}  // namespace number_detail

// At most seven characters and what ends them, read at once: without branches on the digits, whose number no
// processor can guess. Null when it is longer, or anything unusual. Little-endian machines only.
inline const char* number_detail::short_json_number(const char* text, const char* first,
                                                    Number& out) noexcept {
  constexpr std::uint64_t each_byte = 0x0101010101010101;
  std::uint64_t word;
  std::memcpy(&word, first, 8);
  word ^= each_byte * '0';  // digits are now 0 to 9
  const std::uint64_t others =
      (((word & (each_byte * 0x7F)) + each_byte * (0x80 - 10)) | word) & (each_byte * 0x80);
  const std::uint64_t behind_point = others & (others - 1);
  if (behind_point == 0) return nullptr;
  const int whole = std::countr_zero(others) / 8;
  const bool point = first[whole] == '.';
  const int length = point ? std::countr_zero(behind_point) / 8 : whole;
  const int fraction = point ? length - whole - 1 : 0;
  const char end = first[length];
  const bool odd =
      whole == 0 || (*first == '0' && whole > 1) || (point && fraction == 0) || end == 'e' || end == 'E';
  if (odd) return nullptr;
  const std::uint64_t below = (std::uint64_t{1} << (8 * whole)) - 1;  // whole < 8
  const std::uint64_t digits = point ? (word & below) | (word >> 8 & ~below) : word;
  std::uint64_t value = digits << (64 - 8 * (point ? length - 1 : length));
  value = (value & (each_byte * 0x0F)) * 2561 >> 8;
  value = (value & 0x00FF00FF00FF00FF) * 6553601 >> 16;
  value = (value & 0x0000FFFF0000FFFF) * 42949672960001 >> 32;
  const double size = static_cast<double>(value) / powers[static_cast<std::size_t>(fraction)];
  out = {NumberKind::finite, text == first ? size : -size, false};
  return first + length;
}

// Here for speed: nearly every number of a payload is a few digits around a point. A mantissa and a power of
// ten that are doubles themselves are one rounding apart from the result, the right one (Clinger 1990); the
// rest goes the slow way.
inline const char* json_number(const char* text, Number& out) noexcept {
  const bool negative = *text == '-';
  const char* const first = text + (negative ? 1 : 0);
  if constexpr (std::endian::native == std::endian::little) {
    const char* const end = number_detail::short_json_number(text, first, out);
    if (end != nullptr) return end;
  }
  const char* p = first;
  std::uint64_t mantissa = 0;
  for (; number_detail::is_digit(*p); ++p) mantissa = mantissa * 10 + static_cast<unsigned char>(*p - '0');
  std::ptrdiff_t digits = p - first, fraction = 0;
  bool slow = digits == 0 || (*first == '0' && digits > 1);
  if (*p == '.') {
    const char* const point = p++;
    for (; number_detail::is_digit(*p); ++p) mantissa = mantissa * 10 + static_cast<unsigned char>(*p - '0');
    fraction = p - point - 1;
    digits += fraction;
    slow |= fraction == 0;
  }
  slow |= digits > number_detail::digits_max || mantissa > number_detail::exact_max || *p == 'e' || *p == 'E';
  if (slow) return number_detail::slow_json_number(text, out);
  const double value =
      static_cast<double>(mantissa) / number_detail::powers[static_cast<std::size_t>(fraction)];
  out = {NumberKind::finite, negative ? -value : value, false};
  return p;
}

}  // namespace bridge
