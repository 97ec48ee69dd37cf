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
inline constexpr std::array<std::uint64_t, 8> whole_powers{1,      10,      100,       1'000,
                                                           10'000, 100'000, 1'000'000, 10'000'000};
constexpr bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
const char* slow_json_number(const char* text, Number& out) noexcept;

constexpr std::uint64_t each_byte = 0x0101010101010101;
constexpr std::size_t word_bytes = 8;

// Eight characters, digits as 0 to 9; the first in the lowest byte, as little-endian machines read them.
inline std::uint64_t digits_at(const char* text) noexcept {
  std::uint64_t word;
  std::memcpy(&word, text, word_bytes);
  return word ^ (each_byte * '0');
}
// The high bit of every byte of `digits` that is none.
constexpr std::uint64_t others_in(std::uint64_t digits) noexcept {
  return (((digits & (each_byte * 0x7F)) + each_byte * (0x80 - 10)) | digits) & (each_byte * 0x80);
}
// What the first `count` of eight characters, all of them digits, say; what is behind them does not matter.
constexpr std::uint64_t value_of(std::uint64_t digits, std::size_t count) noexcept {
  if (count == 0) return 0;
  std::uint64_t value = digits << (64 - 8 * count);  // leading zeros
  value = (value & (each_byte * 0x0F)) * 2561 >> 8;
  value = (value & 0x00FF00FF00FF00FF) * 6553601 >> 16;
  return (value & 0x0000FFFF0000FFFF) * 42949672960001 >> 32;
}
}  // namespace number_detail

// The same for [-]digits[.digits] with at most fifteen digits, nearly every number of a payload; null for
// everything else, good or bad. Reads 17 bytes. Hardly branches on how many digits there are, which no
// processor can guess. The mantissa and the power of ten are doubles themselves, so their quotient is one
// rounding, the right one, apart from the number (Clinger 1990). Little-endian machines only.
[[nodiscard]] inline const char* plain_number(const char* text, double& value) noexcept {
  using namespace number_detail;
  if constexpr (std::endian::native != std::endian::little) return nullptr;
  const bool negative = *text == '-';
  text += negative ? 1 : 0;
  std::uint64_t digits = digits_at(text);
  const std::uint64_t others = others_in(digits), behind_point = others & (others - 1);
  const std::size_t whole = static_cast<std::size_t>(std::countr_zero(others)) / 8;  // 8: no other
  const bool point = whole < word_bytes && text[whole] == '.';
  if (point) {
    const std::uint64_t below = (std::uint64_t{1} << (8 * whole)) - 1;
    digits = (digits & below) | (digits >> 8 & ~below);
  }
  std::size_t length;
  std::uint64_t mantissa;
  if (whole < word_bytes && (!point || behind_point != 0)) {
    length = point ? static_cast<std::size_t>(std::countr_zero(behind_point)) / 8 : whole;
    mantissa = value_of(digits, point ? length - 1 : length);
  } else {
    const std::uint64_t tail = digits_at(text + word_bytes), tail_others = others_in(tail);
    if (tail_others == 0) return nullptr;
    const std::size_t more = static_cast<std::size_t>(std::countr_zero(tail_others)) / 8;
    length = word_bytes + more;
    mantissa =
        value_of(digits, point ? word_bytes - 1 : word_bytes) * whole_powers[more] + value_of(tail, more);
  }
  const std::size_t fraction = point ? length - whole - 1 : 0;
  const char end = text[length];
  const bool odd = whole == 0 || (*text == '0' && whole > 1) || (point ? fraction == 0 : end == '.') ||
                   end == 'e' || end == 'E';
  if (odd) return nullptr;
  const double size = static_cast<double>(mantissa) / powers[fraction];
  value = negative ? -size : size;
  return text + length;
}

inline const char* json_number(const char* text, Number& out) noexcept {
  out = {NumberKind::finite, 0, false};
  const char* const end = plain_number(text, out.value);
  return end != nullptr ? end : number_detail::slow_json_number(text, out);
}

}  // namespace bridge
