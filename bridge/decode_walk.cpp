#include "bridge/decode_walk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "bridge/decode_string.h"

namespace bridge {
namespace {

// What may stand behind a number or a word.
constexpr std::array<bool, 256> make_ends() {
  std::array<bool, 256> ends{};
  for (const char c : {' ', '\t', '\n', '\r', ',', ':', '[', ']', '{', '}'})
    ends[static_cast<unsigned char>(c)] = true;
  return ends;
}
constexpr std::array<bool, 256> ends = make_ends();

bool ends_at(const char* p) { return ends[static_cast<unsigned char>(*p)]; }

struct Word {
  std::string_view text;
  JsonKind kind;
};
constexpr std::array<Word, 3> words{
    {{"true", JsonKind::yes}, {"false", JsonKind::no}, {"null", JsonKind::null}}};

std::string_view between_quotes(const char* quote) {
  return {quote + 1, static_cast<std::size_t>(closing_quote(quote) - quote - 1)};
}

}  // namespace

MessageOutcome Walk::read(const JsonText& json) noexcept {
  text_ = json.text.data();
  at_ = json.positions;
  escapes_ = std::memchr(text_, '\\', json.text.size()) != nullptr;
  depth_ = in_array_ = 0;
  const char last = text_[json.positions[json.count - 1]];
  rows_.begin_document();
  if (*here() != '"' && last != '}' && last != ']') return rows_.malformed_document();
  if (!document() || at_ != json.positions + json.count) return rows_.malformed_document();
  return rows_.end_document();
}

bool Walk::document() {
  if (config_.each) return value(rows_.outer_tree(), rows_.outer_tree().root());
  if (*here() == '[') return row_array({}, true);
  return row({});
}

MessageOutcome Walk::read_word(std::string_view word) noexcept {
  rows_.begin_document();
  JsonValue value{JsonKind::number, word};
  for (const Word& known : words) {
    if (word == known.text) value.kind = known.kind;
  }
  if (value.kind == JsonKind::number) value.number = number_of_text(word);
  if (value.kind == JsonKind::number && value.number.kind == NumberKind::not_a_number)
    return rows_.malformed_document();
  if (config_.each) {
    if (rows_.outer_tree().root().each) rows_.no_row();
    return rows_.end_document();
  }
  rows_.begin_row({});
  TreeNode& root = rows_.row_tree().root();
  if (!root.uses.empty()) {
    rows_.use(root, value);
  } else if (root.automatic && value.kind == JsonKind::number) {
    rows_.bare_number(value.number);
  } else if (root.automatic && value.kind == JsonKind::null) {
    rows_.null_row();
  }
  rows_.end_row();
  return rows_.end_document();
}

bool Walk::value(PointerTree& tree, TreeNode& node) {
  if (node.each) return rows(node);
  switch (*here()) {
    case '{':
      return object(tree, node);
    case '[':
      return array(tree, node);
    case '"':
      return string(node);
    case 't':
    case 'f':
    case 'n':
      return word(node);
    default:
      return number(node);
  }
}

bool Walk::number(TreeNode& node) {
  const char* const text = here();
  Number number;
  const char* const end = json_number(text, number);
  if (end == nullptr || !ends_at(end)) return false;
  ++at_;
  if (in_array_ == 0 || !node.uses.empty()) {
    rows_.number(node, number, {text, static_cast<std::size_t>(end - text)});
  }
  return true;
}

bool Walk::string(const TreeNode& node) {
  const char* const quote = here();
  if (!valid_string(quote)) return false;
  ++at_;
  if (!node.uses.empty()) rows_.use(node, {JsonKind::string, between_quotes(quote)});
  return true;
}

bool Walk::word(TreeNode& node) {
  const char* const text = here();
  for (const Word& known : words) {
    if (std::memcmp(text, known.text.data(), known.text.size()) != 0 || !ends_at(text + known.text.size()))
      continue;
    ++at_;
    if (known.kind == JsonKind::null) {
      if (in_array_ == 0 || !node.uses.empty()) rows_.null(node);
    } else if (!node.uses.empty()) {
      rows_.use(node, {known.kind, known.text});
    }
    return true;
  }
  return false;
}

bool Walk::object(PointerTree& tree, TreeNode& node) {
  if (node.wants_members()) {
    if (++depth_ > json_depth_max || !members(tree, node)) return false;
    --depth_;
  } else if (!skip()) {
    return false;
  }
  if (!node.uses.empty()) rows_.use(node, {JsonKind::object, {}});
  return true;
}

// The loop that nearly all time is spent in. The position is a local variable as long as a member is a number
// under the key that was expected there: then no step waits for the one before.
bool Walk::members(PointerTree& tree, TreeNode& node) {
  const char* const text = text_;
  const std::uint32_t* at = at_ + 1;
  if (text[*at] == '}') {
    at_ = at + 1;
    return true;
  }
  for (TreeKey** link = &node.first;;) {
    const char* const quote = text + at[0];
    const char* const colon = text + at[1];
    if (*quote != '"' || *colon != ':') return false;
    TreeKey* const expected = *link;
    TreeNode* target;
    if (expected != nullptr && expected->matches(quote, colon)) {
      link = &expected->next;
      target = expected->node;
    } else {
      target = unexpected_member(tree, node, link, quote);
      if (target == nullptr) return false;
    }
    const char* const value_text = text + at[2];
    double plain;
    const char* const end =
        target->direct != nullptr && in_array_ == 0 ? plain_number(value_text, plain) : nullptr;
    if (end != nullptr && ends_at(end)) {
      rows_.direct_number(*target, plain);
      at += 3;
    } else {
      at_ = at + 2;
      if (!value(tree, *target)) return false;
      at = at_;
    }
    const char after = text[*at++];
    if (after == ',') continue;
    at_ = at;
    return after == '}';
  }
}

// Only elements that a pointer names by index are looked at.
bool Walk::array(PointerTree& tree, TreeNode& node) {
  if (node.members.empty()) {
    if (!skip()) return false;
  } else {
    if (++depth_ > json_depth_max) return false;
    ++in_array_;
    ++at_;
    int more = *here() == ']' ? 0 : 1;
    at_ += more == 0 ? 1 : 0;
    for (std::uint32_t i = 0; more == 1; more = next(']'), ++i) {
      std::array<char, 16> digits;
      const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), i).ptr;
      const auto found =
          node.members.find(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
      if (!(found == node.members.end() ? skip() : value(tree, *found->second))) return false;
    }
    if (more < 0) return false;
    --in_array_;
    --depth_;
  }
  if (!node.uses.empty()) rows_.use(node, {JsonKind::array, {}});
  return true;
}

int Walk::next(char close) {
  const char c = text_[*at_++];
  return c == ',' ? 1 : c == close ? 0 : -1;
}

TreeNode* Walk::member(PointerTree& tree, TreeNode& node, TreeKey**& link) {
  const char* const quote = here();
  const char* const colon = text_ + at_[1];
  if (*quote != '"' || *colon != ':') return nullptr;
  at_ += 2;
  TreeKey* const expected = *link;
  if (expected == nullptr || !expected->matches(quote, colon))
    return unexpected_member(tree, node, link, quote);
  link = &expected->next;
  return expected->node;
}

TreeNode* Walk::unexpected_member(PointerTree& tree, TreeNode& node, TreeKey**& link, const char* quote) {
  const std::string_view raw = between_quotes(quote);
  TreeKey* key = tree.find(node, raw);
  if (key == nullptr) {
    char* const kept = rows_.kept_text();
    const std::optional<std::string_view> name = rows_.unescape(raw);
    if (!name) return nullptr;
    key = tree.learn(node, raw, *name);
    TreeNode* const unlearned = key == nullptr ? &tree.unlearned(node, *name) : nullptr;
    rows_.forget_text(kept);
    if (unlearned != nullptr) return unlearned;
  }
  *link = key;
  link = &key->next;
  return key->node;
}

bool Walk::valid_string(const char* quote) {
  if (!escapes_) return true;
  char* const kept = rows_.kept_text();
  const bool valid = rows_.unescape(between_quotes(quote)).has_value();
  rows_.forget_text(kept);
  return valid;
}

bool Walk::skip() {
  const char* const text = here();
  switch (*text) {
    case '{':
      return skip_object();
    case '[':
      return skip_array();
    case '"':
      ++at_;
      return valid_string(text);
    case 't':
    case 'f':
    case 'n':
      ++at_;
      return std::any_of(words.begin(), words.end(), [&](const Word& known) {
        return std::memcmp(text, known.text.data(), known.text.size()) == 0 &&
               ends_at(text + known.text.size());
      });
    default: {
      ++at_;
      Number number;
      const char* const end = json_number(text, number);
      return end != nullptr && ends_at(end);
    }
  }
}

bool Walk::skip_object() {
  if (++depth_ > json_depth_max) return false;
  ++at_;
  int more = *here() == '}' ? 0 : 1;
  at_ += more == 0 ? 1 : 0;
  for (; more == 1; more = next('}')) {
    const char* const quote = here();
    if (*quote != '"' || text_[at_[1]] != ':' || !valid_string(quote)) return false;
    at_ += 2;
    if (!skip()) return false;
  }
  --depth_;
  return more == 0;
}

bool Walk::skip_array() {
  if (++depth_ > json_depth_max) return false;
  ++at_;
  int more = *here() == ']' ? 0 : 1;
  at_ += more == 0 ? 1 : 0;
  for (; more == 1; more = next(']')) {
    if (!skip()) return false;
  }
  --depth_;
  return more == 0;
}

}  // namespace bridge
