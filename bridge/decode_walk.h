// Walk: one pass over a JSON document, from the positions of its structural characters to rows and values.
// Owned by one decoder; edge thread only. It checks everything it passes, wanted or not, so that a document
// is read whole or not at all. Never throws, never reads behind the document except for the padding that keys
// are compared in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bridge/decode_rows.h"

namespace bridge {

inline constexpr std::uint32_t json_depth_max = 128;

// A document and where its structure is: each of {}[]:, outside strings and the first character of every
// string and word. The text is valid UTF-8, its strings are closed. positions[count] and positions[count + 1]
// repeat the first position, where nothing can continue; so no step forward needs to look whether there is
// one.
struct JsonText {
  std::string_view text;
  const std::uint32_t* positions;
  std::size_t count;  // at least 1
};

class Walk {
 public:
  Walk(const PayloadConfig& config, Rows& rows) : config_(config), rows_(rows) {}

  // A document that is an object, an array or a string; the outcome as Decoder::decode.
  [[nodiscard]] MessageOutcome read(const JsonText& json) noexcept;
  // The same for an object, read from its text alone; nothing when that is not the way to read it, and
  // nothing has happened. Precondition: no `each`; `text` begins with '{' and ends with '}'.
  [[nodiscard]] std::optional<MessageOutcome> read_quickly(std::string_view text) noexcept;
  // A document that is none of these: true, false, null, or a number as number_of_text takes it.
  [[nodiscard]] MessageOutcome read_word(std::string_view word) noexcept;

 private:
  struct Column {
    TreeNode* node;
    const std::uint32_t* at;  // its next element; null behind the last
  };

  // Each reads the value at the current position and moves behind it; false when it is not JSON.
  [[nodiscard]] bool document();
  [[nodiscard]] bool value(PointerTree& tree, TreeNode& node);
  [[nodiscard]] bool object(PointerTree& tree, TreeNode& node);
  [[nodiscard]] bool members(PointerTree& tree, TreeNode& node);
  [[nodiscard]] bool array(PointerTree& tree, TreeNode& node);
  [[nodiscard]] bool number(TreeNode& node);
  [[nodiscard]] bool string(const TreeNode& node);
  [[nodiscard]] bool word(TreeNode& node);
  [[nodiscard]] bool skip();
  [[nodiscard]] bool skip_object();
  [[nodiscard]] bool skip_array();

  // Rows where `each` is.
  [[nodiscard]] bool rows(TreeNode& outer);
  [[nodiscard]] bool row(std::string_view key);
  [[nodiscard]] bool row_array(std::string_view key, bool objects_only);
  [[nodiscard]] bool row_map(TreeNode& outer);
  [[nodiscard]] bool map_row(const char* quote);
  [[nodiscard]] bool row_columns(TreeNode& outer);
  [[nodiscard]] bool zip_columns();

  // The node of the member whose key is at the current position; moves to its value. `link` is where the key
  // is expected. Null when there is no key, or not a valid one.
  [[nodiscard]] TreeNode* member(PointerTree& tree, TreeNode& node, TreeKey**& link);
  [[nodiscard]] TreeNode* unexpected_member(PointerTree& tree, TreeNode& node, TreeKey**& link,
                                            const char* quote);
  [[nodiscard]] bool valid_string(const char* quote);
  // Behind a value: 1 when another follows, 0 at `close`, -1 for anything else. Moves on.
  [[nodiscard]] int next(char close);

  // decode_walk_quick.cpp
  [[nodiscard]] const char* quick_object(TreeNode& node, const char* p);
  [[nodiscard]] TreeKey* quick_key(const TreeNode& node, const char* quote);
  [[nodiscard]] const char* quick_value(TreeNode& node, const char* p);
  [[nodiscard]] const char* quick_word(TreeNode& node, const char* p);

  [[nodiscard]] const char* here() const { return text_ + *at_; }

  const PayloadConfig& config_;
  Rows& rows_;

  // Of the document.
  const char* text_ = nullptr;
  const char* end_ = nullptr;
  const std::uint32_t* at_ = nullptr;
  bool escapes_ = false;  // there is a backslash somewhere
  std::uint32_t depth_ = 0;
  std::uint32_t in_array_ = 0;  // numbers there have no name of their own
  std::vector<Column> columns_;

  // Of the stream: how well the short way went lately, and for how many documents it is not tried.
  static constexpr std::uint32_t quick_credit_max = 16;
  std::uint32_t quick_credit_ = quick_credit_max, quick_pause_ = 0;
};

}  // namespace bridge
