#include "bridge/number.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace bridge {
namespace {

using number_detail::digits_max;
using number_detail::exact_max;
using number_detail::is_digit;
using number_detail::powers;

constexpr int exponent_max = 100'000;  // far beyond any double; keeps the sum of exponents from overflowing

// digits[.digits][e[+-]digits] as mantissa * 10^exponent, without its sign.
struct Decimal {
  std::uint64_t mantissa = 0;
  int exponent = 0;
  int digits = 0;  // significant ones; more than digits_max: the mantissa is not whole
  bool integer = true;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

const char* scan_digits(const char* p, const char* end, Decimal& decimal) {
  for (; p != end && is_digit(*p); ++p) {
    decimal.digits += decimal.digits != 0 || *p != '0';
    if (decimal.digits <= digits_max)
      decimal.mantissa = decimal.mantissa * 10 + static_cast<unsigned char>(*p - '0');
  }
  return p;
}

// The exponent behind an "e"; null when there are no digits.
const char* scan_exponent(const char* p, const char* end, Decimal& decimal) {
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  if (p == end || !is_digit(*p)) return nullptr;
  int exponent = 0;
  for (; p != end && is_digit(*p); ++p) {
    if (exponent < exponent_max) exponent = exponent * 10 + (*p - '0');
  }
  decimal.exponent += negative ? -exponent : exponent;
  return p;
}

// The end of the number that begins at `p`; null when there is none.
const char* scan_decimal(const char* p, const char* end, Decimal& decimal) {
  const char* const first = p;
  p = scan_digits(p, end, decimal);
  if (p == first) return nullptr;
  if (p != end && *p == '.') {
    const char* const fraction = p + 1;
    p = scan_digits(fraction, end, decimal);
    if (p == fraction) return nullptr;
    // A fraction longer than this is read by the slow way, which looks at the text again.
    decimal.exponent = p - fraction < exponent_max ? -static_cast<int>(p - fraction) : -exponent_max;
    decimal.integer = false;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    decimal.integer = false;
    return scan_exponent(p + 1, end, decimal);
  }
  return p;
}

// Integers of any length: the double's own digits against the text's.
bool holds_exactly(std::string_view digits, double value) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  std::array<char, 320> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 0);
  return digits == std::string_view(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
}

Number slow_number(std::string_view digits, const Decimal& decimal, bool negative) {
  double value = 0;
  fast_float::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (!std::isfinite(value)) return {NumberKind::not_finite, 0, false};
  const bool inexact = decimal.integer && !holds_exactly(digits, value);
  return {NumberKind::finite, negative ? -value : value, inexact};
}

// Mantissas and powers of ten that are doubles themselves are off by one rounding, the right one (Clinger
// 1990).
Number number_of(std::string_view digits, const Decimal& decimal, bool negative) {
  if (decimal.digits > digits_max || decimal.mantissa > exact_max || decimal.exponent > 22 ||
      decimal.exponent < -22) {
    return slow_number(digits, decimal, negative);
  }
  double value = static_cast<double>(decimal.mantissa);
  if (decimal.exponent < 0) {
    value /= powers[static_cast<std::size_t>(-decimal.exponent)];
  } else {
    value *= powers[static_cast<std::size_t>(decimal.exponent)];
  }
  return {NumberKind::finite, negative ? -value : value, false};
}

bool equals_lower(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + ('a' - 'A')) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Number number_of_text(std::string_view text) noexcept {
  text = trim(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  Decimal decimal;
  if (scan_decimal(text.data(), end, decimal) == end && !text.empty())
    return number_of(text, decimal, negative);
  if (equals_lower(text, "nan") || equals_lower(text, "inf") || equals_lower(text, "infinity")) {
    return {NumberKind::not_finite, 0, false};
  }
  return {NumberKind::not_a_number, 0, false};
}

const char* number_detail::slow_json_number(const char* text, Number& out) noexcept {
  const bool negative = *text == '-';
  const char* const first = text + (negative ? 1 : 0);
  const char* end = first;
  while (is_digit(*end) || *end == '.' || *end == 'e' || *end == 'E' || *end == '+' || *end == '-') ++end;
  Decimal decimal;
  const char* const last = scan_decimal(first, end, decimal);
  if (last == nullptr || (*first == '0' && last - first > 1 && is_digit(first[1]))) return nullptr;
  out = number_of({first, static_cast<std::size_t>(last - first)}, decimal, negative);
  return last;
}

void append_number(double value, std::string& out) {
  std::array<char, 32> text;
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-5 && size < 1e15);
  const auto format = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), value, format).ptr;
  std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t e = digits.find('e');
  if (e == std::string_view::npos) {
    out += digits;
    return;
  }
  // "1e+20", "1e-07": JSON readers take them, people need not.
  out += digits.substr(0, e + 1);
  digits.remove_prefix(e + 1);
  if (digits.front() == '-') out += '-';
  digits.remove_prefix(digits.find_first_not_of("+-0"));
  out += digits;
}

}  // namespace bridge
