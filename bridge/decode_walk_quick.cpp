// The short way of Walk: an object whose keys were all seen before, whose strings are plain ASCII and that
// holds no arrays is read from its text alone, byte after byte, without looking for its structure first. For
// small messages that search costs more than everything else. Whatever is not as expected, good or bad, is
// left to the long way; both read the same from the same document.
#include <bit>
#include <cstring>

#include "bridge/decode_walk.h"

namespace bridge {
namespace {

constexpr std::uint64_t each_byte = 0x0101010101010101;
constexpr std::uint64_t high_bits = 0x8080808080808080;

// The high bit of the first byte that is zero is set; so may be others behind it.
std::uint64_t zero_bytes(std::uint64_t word) { return (word - each_byte) & ~word & high_bits; }

// Where a string whose text begins at `p` stops being plain: at its closing quote, if `end` is not reached
// before.
const char* plain_end(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; p < end; p += 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      const std::uint64_t control = (word - each_byte * 0x20) & ~word;
      const std::uint64_t special =
          (word | control | zero_bytes(word ^ (each_byte * '"')) | zero_bytes(word ^ (each_byte * '\\'))) &
          high_bits;
      if (special != 0) return p + std::countr_zero(special) / 8;
    }
    return p;
  }
  for (; p < end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') return p;
  }
  return p;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Mostly there are none.
const char* behind_spaces(const char* p) {
  while (static_cast<unsigned char>(*p) <= ' ' && is_space(*p)) ++p;
  return p;
}

}  // namespace

std::optional<MessageOutcome> Walk::read_quickly(std::string_view text) noexcept {
  if (quick_pause_ != 0) {
    --quick_pause_;
    return std::nullopt;
  }
  end_ = text.data() + text.size();
  depth_ = 0;
  rows_.begin_document();
  rows_.begin_row({});
  // The text ends in '}', so every loop below ends there at the latest. Only the end of an object can be the
  // end of the text.
  const char* const behind = quick_object(rows_.row_tree().root(), text.data());
  if (behind == end_) {
    rows_.end_row();
    quick_credit_ += quick_credit_ < quick_credit_max ? 1 : 0;
    return rows_.end_document();
  }
  (void)rows_.malformed_document();
  // Streams of documents that never go this way should not pay for trying.
  quick_credit_ -= quick_credit_ < 4 ? quick_credit_ : 4;
  if (quick_credit_ == 0) {
    quick_pause_ = 1000;
    quick_credit_ = quick_credit_max / 2;
  }
  return std::nullopt;
}

// The object that begins at `p`; its end, or null when it must be read the long way. Nearly all time is spent
// on numbers under the key that was expected there.
const char* Walk::quick_object(TreeNode& node, const char* p) {
  if (!node.wants_members() || ++depth_ > json_depth_max) return nullptr;
  TreeKey** link = &node.first;
  do {
    p = behind_spaces(p + 1);
    if (*link == nullptr || !(*link)->matches(p, end_)) *link = quick_key(node, p);
    if (*link == nullptr) return nullptr;
    TreeKey& key = **link;
    link = &key.next;
    p = behind_spaces(p + key.text.size() + 2);
    if (*p != ':') return nullptr;
    p = behind_spaces(p + 1);
    double value;
    if (const char* const end = key.node->direct != nullptr ? plain_number(p, value) : nullptr) {
      rows_.direct_number(*key.node, value);
      p = end;
    } else {
      p = quick_value(*key.node, p);
      if (p == nullptr || p == end_) return nullptr;
    }
    p = behind_spaces(p);
  } while (*p == ',');
  if (*p != '}') return nullptr;
  --depth_;
  if (!node.uses.empty()) rows_.use(node, {JsonKind::object, {}});
  return p + 1;
}

// The key that is not the expected one; null when it was never seen, or is none.
TreeKey* Walk::quick_key(const TreeNode& node, const char* quote) {
  const char* const close = *quote == '"' ? plain_end(quote + 1, end_) : end_;
  if (close >= end_ || *close != '"') return nullptr;
  return rows_.row_tree().find(node, {quote + 1, static_cast<std::size_t>(close - quote - 1)});
}

const char* Walk::quick_value(TreeNode& node, const char* p) {
  switch (*p) {
    case '{':
      return quick_object(node, p);
    case '"': {
      const char* const close = plain_end(p + 1, end_);
      if (close >= end_ || *close != '"') return nullptr;
      if (!node.uses.empty())
        rows_.use(node, {JsonKind::string, {p + 1, static_cast<std::size_t>(close - p - 1)}});
      return close + 1;
    }
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': {
      Number number;
      const char* const behind = json_number(p, number);
      if (behind != nullptr) rows_.number(node, number, {p, static_cast<std::size_t>(behind - p)});
      return behind;
    }
    default:
      return quick_word(node, p);
  }
}

const char* Walk::quick_word(TreeNode& node, const char* p) {
  if (std::memcmp(p, "null", 4) == 0) {
    rows_.null(node);
    return p + 4;
  }
  const bool yes = std::memcmp(p, "true", 4) == 0;
  if (!yes && std::memcmp(p, "false", 5) != 0) return nullptr;
  if (!node.uses.empty()) rows_.use(node, {yes ? JsonKind::yes : JsonKind::no, yes ? "true" : "false"});
  return p + (yes ? 4 : 5);
}

}  // namespace bridge
