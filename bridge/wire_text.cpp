// What MQTT allows in its texts.
#include <bit>
#include <cstring>

#include "bridge/utf8.h"
#include "bridge/wire_reader.h"

namespace bridge::wire {
namespace {

constexpr std::uint64_t every = 0x0101010101010101ULL, high = every << 7;

// Not 0 where one of the eight bytes is `byte`.
constexpr std::uint64_t holds(std::uint64_t eight, unsigned char byte) {
  const std::uint64_t differs = eight ^ (every * byte);
  return (differs - every) & ~differs & high;
}

// Bytes at the front, a multiple of eight, that are ASCII without NUL and, for topics, without wildcards.
std::size_t plain_bytes(std::string_view text, bool topic) noexcept {
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + at, 8);
    std::uint64_t odd = (eight & high) | holds(eight, 0);
    if (topic) odd |= holds(eight, '+') | holds(eight, '#');
    if (odd != 0) break;
  }
  return at;
}

bool valid(std::string_view text, bool topic) noexcept {
  for (std::size_t at = plain_bytes(text, topic); at < text.size();) {
    const char byte = text[at];
    if (byte == '\0' || (topic && (byte == '+' || byte == '#'))) return false;
    const std::size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

bool valid_text(std::string_view text) noexcept { return valid(text, false); }

bool valid_topic(std::string_view topic) noexcept {
  return !topic.empty() && topic.size() <= text_max && valid(topic, true);
}

bool valid_filter(std::string_view filter) noexcept {
  if (filter.empty() || filter.size() > text_max || !valid(filter, false)) return false;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    if (filter[at] != '+' && filter[at] != '#') continue;
    const bool begins = at == 0 || filter[at - 1] == '/';
    const bool ends = at + 1 == filter.size();
    if (!begins || !(ends || (filter[at] == '+' && filter[at + 1] == '/'))) return false;
  }
  return true;
}

}  // namespace bridge::wire
