// Number: what counts as a number. The one place that turns text into a double; every format calls it. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace bridge {

enum class NumberKind { finite, not_finite, not_a_number };

struct Number {
  NumberKind kind;
  double value;       // when finite
  bool inexact;       // an integer that a double cannot hold exactly
};

// The whole of `text`, spaces around it allowed: [+-]digits[.digits][e[+-]digits]. "nan", "inf", "infinity" (any case, signed)
// and numbers beyond a double are not_finite. No hex, no locale, no thousands separators.
[[nodiscard]] Number number_of_text(std::string_view text) noexcept;

// Shortest text that reads back to the same double; JSON syntax ("1e+20" is written 1e20). Precondition: finite.
void append_number(double value, std::string& out);

}  // namespace bridge
