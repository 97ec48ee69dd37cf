#include "bridge/chart_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "bridge/text.h"

namespace bridge {
namespace {

using namespace std::chrono_literals;

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace

void append_escaped(std::string_view text, std::string& out) {
  constexpr std::size_t bytes_max = 200;
  for (std::size_t at = 0; at < text.size();) {
    if (at >= bytes_max) {
      out += "...";
      return;
    }
    const Character here = character_at(text, at);
    if (here.length == 0 || is_control(here.code)) {
      out += "\xEF\xBF\xBD";
    } else if (const std::string_view named = entity(text[at]); !named.empty()) {
      out += named;
    } else {
      out.append(text.substr(at, here.length));
    }
    at += here.length == 0 ? 1 : here.length;
  }
}

std::string short_number(double value, int digits_max) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value == 0 ? 0.0 : value,
                                 std::chars_format::general, digits_max);
  return {digits.data(), end.ptr};
}

std::string short_duration(core::Duration duration) {
  if (duration < 1min) {
    return short_number(std::chrono::duration<double>(std::max(duration, core::Duration{0})).count()) + "s";
  }
  struct Unit {
    core::Duration length;
    const char* name;
  };
  constexpr std::array<Unit, 4> units{{{24h, "d"}, {1h, "h"}, {1min, "m"}, {1s, "s"}}};
  std::string text;
  int parts = 0;
  for (const Unit& unit : units) {
    const auto count = duration / unit.length;
    if (parts == 2 || (count == 0 && parts == 0)) continue;
    if (count != 0) text += (text.empty() ? "" : " ") + std::to_string(count) + unit.name;
    duration -= count * unit.length;
    ++parts;
  }
  return text;
}

std::string reason(const core::FlagChange& change) {
  std::string bounds;
  if (change.low && change.high) {
    bounds = short_number(*change.low) + " to " + short_number(*change.high);
  } else if (change.low) {
    bounds = "at least " + short_number(*change.low);
  } else if (change.high) {
    bounds = "at most " + short_number(*change.high);
  }
  std::string text;
  if (change.value) text += "value " + short_number(*change.value) + ", ";
  if (change.expected) {
    text += "expected " + short_number(*change.expected) + (bounds.empty() ? ", " : " (" + bounds + "), ");
  } else if (!bounds.empty()) {
    text += "expected " + bounds + ", ";
  }
  return text + "score " + short_number(change.score);
}

}  // namespace bridge
