// Text from outside: its UTF-8 characters, and how it is shown in a message to the operator. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bridge {

// One character of UTF-8 text. length 0: the byte there begins no valid character (overlong, surrogate, cut short, ...).
struct Character {
  std::uint32_t code;
  std::size_t length;
};

// The character at `at` < text.size().
[[nodiscard]] constexpr Character character_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < length) return {0, 0};
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return {0, 0};
    code = (code << 6U) | (byte(at + i) & 0x3FU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {0, 0};
  return {code, length};
}

// Control characters and code points that are no characters: MQTT brokers may refuse a topic that holds one.
[[nodiscard]] constexpr bool is_control(std::uint32_t code) noexcept {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFEU) == 0xFFFE;
}

// In quotes, on one line, at most about 100 bytes: what cannot be shown becomes "?", a longer text ends in "...".
[[nodiscard]] inline std::string quoted(std::string_view text) {
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
