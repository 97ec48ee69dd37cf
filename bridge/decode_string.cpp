#include "bridge/decode_string.h"

#include <cstdint>

namespace bridge {
namespace {

constexpr std::uint32_t no_code = ~std::uint32_t{0};

std::uint32_t hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return no_code;
}

// The four digits of \uXXXX at `at`.
std::uint32_t hex_code(std::string_view raw, std::size_t at) {
  if (raw.size() < at + 4) return no_code;
  std::uint32_t code = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const std::uint32_t digit = hex_digit(raw[i]);
    if (digit == no_code) return no_code;
    code = code << 4U | digit;
  }
  return code;
}

char* write_utf8(std::uint32_t code, char* out) {
  const auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  const auto more = [&](unsigned shift) { put(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6U), more(0);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12U), more(6), more(0);
  } else {
    put(0xF0 | code >> 18U), more(12), more(6), more(0);
  }
  return out;
}

// A character written \uXXXX or \uXXXX\uXXXX; `at` is behind the first \u and moves behind the character.
std::uint32_t read_code(std::string_view raw, std::size_t& at) {
  const std::uint32_t high = hex_code(raw, at);
  at += 4;
  if (high == no_code || high < 0xD800 || high > 0xDFFF) return high;
  const bool followed = high < 0xDC00 && raw.size() >= at + 6 && raw[at] == '\\' && raw[at + 1] == 'u';
  const std::uint32_t low = followed ? hex_code(raw, at + 2) : no_code;
  if (low == no_code || low < 0xDC00 || low > 0xDFFF) return no_code;
  at += 6;
  return 0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00);
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

const char* closing_quote(const char* quote) noexcept {
  for (const char* p = quote + 1;; ++p) {
    if (*p == '"') return p;
    if (*p == '\\') ++p;
  }
}

char* unescape_string(std::string_view raw, char* out) noexcept {
  for (std::size_t at = 0; at < raw.size();) {
    if (raw[at] != '\\') {
      *out++ = raw[at++];
      continue;
    }
    if (at + 1 == raw.size()) return nullptr;
    const char escape = raw[at + 1];
    at += 2;
    if (escape == 'u') {
      const std::uint32_t code = read_code(raw, at);
      if (code == no_code) return nullptr;
      out = write_utf8(code, out);
    } else {
      *out = simple_escape(escape);
      if (*out++ == '\0') return nullptr;
    }
  }
  return out;
}

}  // namespace bridge
