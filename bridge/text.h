// Text from outside: its UTF-8 characters, and how it is shown in a message to the operator. Pure functions,
// any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bridge/utf8.h"

namespace bridge {

// One character of UTF-8 text. length 0: the byte there begins no valid character (overlong, surrogate, cut
// short, ...).
struct Character {
  char32_t code;
  std::size_t length;
};

// The character at `at` < text.size().
[[nodiscard]] constexpr Character character_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t length = utf8_length(text, at);
  return {length == 0 ? char32_t{0} : utf8_code_point(text, at, length), length};
}

// Control characters and code points that are no characters: MQTT brokers may refuse a topic that holds one.
[[nodiscard]] constexpr bool is_control(char32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0xFDD0 && code <= 0xFDEF) ||
         (code & 0xFFFEU) == 0xFFFE;
}

// In quotes, on one line, at most about 100 bytes: what cannot be shown becomes "?", a longer text ends in
// "...".
[[nodiscard]] inline std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  std::string out{"\""};
  for (std::size_t at = 0; at < text.size();) {
    if (at >= bytes_max) return out + "...\"";
    const Character here = character_at(text, at);
    if (here.length == 0 || is_control(here.code)) {
      out += '?';
    } else {
      out.append(text.substr(at, here.length));
    }
    at += here.length == 0 ? 1 : here.length;
  }
  return out + '"';
}

}  // namespace bridge
