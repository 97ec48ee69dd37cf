// UTF-8: where a valid sequence ends. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace bridge {

namespace utf8_detail {
constexpr bool continues(unsigned char byte) { return (byte & 0xC0) == 0x80; }
// Bounds of the second byte: they rule out overlong forms, surrogates and everything beyond U+10FFFF.
constexpr unsigned char second_low(unsigned char lead) {
  return lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
}
constexpr unsigned char second_high(unsigned char lead) {
  return lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
}
}  // namespace utf8_detail

// Bytes of the sequence that begins at text[at]; 0 where it is not valid UTF-8. Precondition: at <
// text.size().
constexpr std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() - at < length) return 0;
  if (byte(1) < utf8_detail::second_low(lead) || byte(1) > utf8_detail::second_high(lead)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!utf8_detail::continues(byte(i))) return 0;
  }
  return length;
}

// The code point of the valid sequence of `length` bytes at text[at].
constexpr char32_t utf8_code_point(std::string_view text, std::size_t at, std::size_t length) {
  const auto lead = static_cast<unsigned char>(text[at]);
  char32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  return point;
}

}  // namespace bridge
