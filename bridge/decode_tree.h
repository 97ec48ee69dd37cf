// PointerTree: what a decoder wants of a document, by JSON pointer, and what it has learned of the documents
// it saw. Owned by one decoder; edge thread only.
//
// A node is a place in the document. Nodes on configured pointers are made with the tree; with `automatic`
// every other place is learned when it is first seen. Each node remembers the keys of its object as they
// stand in the payload and which came after which, so the next document of the same shape is read by
// comparing bytes, not by looking up names. What is learned is bounded: at learned_bytes_max the tree takes
// nothing new until forget().
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/decode.h"

namespace bridge {

// Where in the readings a field of the current row stands, so that a second value replaces the first.
struct FieldSlot {
  std::uint64_t row = 0;  // serial of the row; serials start at 1
  std::size_t reading = 0;
};

// Something a configured pointer asks for.
struct PointerUse {
  enum class Kind : std::uint8_t { field, tag, time, when, name, value } kind;
  std::uint32_t index;
};

enum class Choice : std::uint8_t { unknown, excluded, included, interned };

struct TreeKey;

struct TreeNode {
  std::string pointer;  // without the leading '/': the name of an automatic field
  std::vector<PointerUse> uses;
  std::map<std::string, TreeNode*, std::less<>> members;  // configured ones, by unescaped key
  bool automatic = false;  // numbers here and below are fields, by include and exclude
  bool each = false;       // the rows are here
  Choice choice = Choice::unknown;
  FieldId field = FieldTable::none;  // when interned
  FieldSlot slot;
  FieldSlot* direct = nullptr;  // numbers are readings of `field` as they stand there; null: ask the rules
  TreeKey* first = nullptr;     // the key that came first last time

  [[nodiscard]] bool wants_members() const { return automatic || !members.empty(); }
};

// A key of one node's object. `text` is raw: what stands between the quotes.
struct TreeKey {
  std::string text;
  TreeNode* node = nullptr;                          // of the value
  TreeKey* next = nullptr;                           // the key that followed last time
  std::uint64_t head[2] = {0, 0}, mask[2] = {0, 0};  // the first 16 bytes, quotes included

  // The key whose opening quote is at `quote` and that ends before `end` is this one. Needs 16 readable
  // bytes.
  [[nodiscard]] bool matches(const char* quote, const char* end) const noexcept {
    const std::size_t length = text.size() + 2;
    if (end - quote < static_cast<std::ptrdiff_t>(length)) return false;
    std::uint64_t words[2];
    std::memcpy(words, quote, sizeof words);
    if ((((words[0] & mask[0]) ^ head[0]) | ((words[1] & mask[1]) ^ head[1])) != 0) return false;
    return length <= 16 ||
           (std::memcmp(quote + 16, text.data() + 15, length - 17) == 0 && quote[length - 1] == '"');
  }
};

class PointerTree {
 public:
  static constexpr std::size_t learned_bytes_max = 8U << 20U;
  static constexpr std::size_t key_bytes_max = 1024;  // longer keys are not learned

  explicit PointerTree(bool automatic);

  [[nodiscard]] TreeNode& root() { return *root_; }
  // The node at JSON pointer `pointer`, made where it is missing.
  TreeNode& add(std::string_view pointer);

  // The key `raw` (as it stands in the payload) of `node`'s object, known from an earlier document; null when
  // it is not.
  [[nodiscard]] TreeKey* find(const TreeNode& node, std::string_view raw);
  // Learns that `raw`, `name` when unescaped, is a key of `node`'s object; null when there is no room.
  TreeKey* learn(TreeNode& node, std::string_view raw, std::string_view name);
  // What stands for a value whose key cannot be learned: its configured node, or a place that learns and
  // gives nothing.
  [[nodiscard]] TreeNode& unlearned(TreeNode& node, std::string_view name);
  [[nodiscard]] bool is_lost(const TreeNode& node) const { return &node == &lost_; }

  [[nodiscard]] bool full() const { return learned_bytes_ >= learned_bytes_max; }
  void forget();  // everything learned; not while a document is being read

 private:
  struct KeyName {
    const TreeNode* node;
    std::string_view raw;
    bool operator==(const KeyName&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const KeyName& name) const {
      return std::hash<std::string_view>{}(name.raw) ^ (reinterpret_cast<std::uintptr_t>(name.node) >> 4U);
    }
  };
  TreeNode& member(TreeNode& node, std::string_view name);

  std::deque<TreeNode> configured_, learned_;
  std::deque<TreeKey> keys_;
  std::unordered_map<KeyName, TreeKey*, KeyHash> by_name_;
  TreeNode* root_;
  TreeNode skipped_, lost_;
  std::size_t learned_bytes_ = 0;
};

// Include and exclude, compiled. See PayloadConfig for what a glob means.
class PathFilter {
 public:
  PathFilter(const std::vector<std::string>& include, const std::vector<std::string>& exclude);
  // `pointer` without the leading '/', keys escaped as in a JSON pointer.
  [[nodiscard]] bool takes_pointer(std::string_view pointer) const;
  // A name that is one key, whatever characters it holds.
  [[nodiscard]] bool takes_name(std::string_view name) const;

 private:
  [[nodiscard]] bool takes(std::string_view path, std::string_view last) const;
  std::vector<std::string> include_, exclude_;  // in lower case
};

}  // namespace bridge
