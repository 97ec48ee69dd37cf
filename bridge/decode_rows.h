// Rows: what the values of a document mean: readings, tags, times and `when`, row by row. Owned by one
// decoder; edge thread only. Knows nothing of how a document is written down; the walk over it says where
// rows begin and end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/decode.h"
#include "bridge/decode_tree.h"
#include "bridge/number.h"

namespace bridge {

enum class JsonKind : std::uint8_t { number, string, yes, no, null, object, array };

struct JsonValue {
  JsonKind kind;
  std::string_view
      raw;          // as it stands there; of a string: between the quotes; of objects and arrays: nothing
  Number number{};  // of a number
};

class Rows {
 public:
  Rows(const PayloadConfig& config, FieldTable& fields);

  // Places in a row, and places beside the rows (empty without `each`).
  [[nodiscard]] PointerTree& row_tree() { return row_tree_; }
  [[nodiscard]] PointerTree& outer_tree() { return outer_tree_; }

  // What the documents of the payload give is appended to `out`.
  void begin_payload(std::size_t payload_bytes, std::string_view bare_field, Decoded& out);
  void begin_document();
  // decoded or ignored; ignored and malformed documents leave nothing behind.
  [[nodiscard]] MessageOutcome end_document();
  MessageOutcome malformed_document();

  // `key`: of a map row, unescaped.
  void begin_row(std::string_view key) {
    ++row_serial_;
    ++row_count_;
    if (!plain_) begin_full_row(key);
  }
  void end_row() {
    if (!plain_) end_full_row();
  }
  void no_row() { ++out_->bad_rows; }  // something that is no row stands where rows should be
  void null_row() { ++out_->no_readings; }

  // Values, in the order of the document.
  void number(TreeNode& node, const Number& number, std::string_view raw) {
    if (node.direct != nullptr && number.kind == NumberKind::finite && !number.inexact) {
      return direct_number(node, number.value);
    }
    odd_number(node, number, raw);
  }
  // A plain number. Precondition: node.direct.
  void direct_number(const TreeNode& node, double value) {
    FieldSlot& slot = *node.direct;
    if (slot.row == row_serial_) return emit(node.field, slot, {NumberKind::finite, value, false});
    slot = {row_serial_, out_->readings.size()};
    out_->readings.push_back({node.field, row_count_ - 1, core::no_time, value});
  }
  void null(TreeNode& node);
  void bare_number(const Number& number);
  // Anything else that `node` may want. Precondition: the escapes of a string are valid.
  void use(const TreeNode& node, JsonValue value);

  // What a string says that may hold escapes; null when they are not valid. The view is good until the
  // payload is done, or until forget_text(the value of kept_text() before).
  [[nodiscard]] std::optional<std::string_view> unescape(std::string_view raw);
  [[nodiscard]] char* kept_text() const { return text_end_; }
  void forget_text(char* kept) { text_end_ = kept; }

 private:
  enum class Held : std::uint8_t { absent, yes, no };
  // What the pointers of tags, times, when, name and value found in one row, or beside the rows.
  struct Found {
    std::vector<std::string_view> tags;
    std::vector<std::optional<core::Time>> times;  // no_time: there and not readable
    std::vector<Held> when;
    std::optional<JsonValue> name, value;
    void clear();
  };
  struct FieldRule {
    const FieldConfig* config;
    FieldId id;
    bool changes;  // scale, offset, range or null list: a number is not taken as it is
    FieldSlot slot;
  };
  struct Wanted {  // a value of `when`
    JsonKind kind;
    std::string raw;
    Number number;
  };
  struct NamedField {
    bool taken;  // by include and exclude
    FieldRule rule;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Mark {  // what `out` held before something that may be taken back
    DecodeCounts counts;
    std::size_t readings, tags;
    std::uint32_t rows;
  };

  void begin_full_row(std::string_view key);
  void end_full_row();
  void bad_row();  // the row that has begun is none
  [[nodiscard]] static FieldRule rule_of(const FieldConfig& config, FieldId id);
  void compile(PointerTree& tree);
  void make_direct(FieldRule& rule);
  void add_when(std::string_view json);
  [[nodiscard]] Mark mark() const { return {*out_, out_->readings.size(), out_->tags.size(), row_count_}; }
  void take_back(const Mark& mark);

  void odd_number(TreeNode& node, const Number& number, std::string_view raw);
  [[nodiscard]] bool choose(TreeNode& node, bool intern);
  void field(FieldRule& rule, const JsonValue& value);
  void field_text(FieldRule& rule, std::string_view text);
  void field_number(FieldRule& rule, Number number);
  void emit(FieldId id, FieldSlot& slot, const Number& number);
  void no_reading(FieldId id, FieldSlot& slot);
  void put(FieldId id, FieldSlot& slot, double value);
  [[nodiscard]] core::Time time_of(const JsonValue& value) const;
  [[nodiscard]] static bool holds(const Wanted& wanted, const JsonValue& value);

  [[nodiscard]] bool end_when();
  [[nodiscard]] bool end_name_value();
  void end_times();
  [[nodiscard]] NamedField& named(std::string_view name);
  void add_outer_tags();
  void add_outer_time();
  void drop_by_outer_when();
  [[nodiscard]] std::optional<core::Time> time_found(const Found& found) const;

  const PayloadConfig& config_;
  FieldTable& fields_;
  PathFilter filter_;
  PointerTree row_tree_, outer_tree_;
  std::vector<FieldRule> field_rules_;
  std::vector<Wanted> when_;
  std::unordered_map<std::string, NamedField, NameHash, std::equal_to<>> named_;  // fields of name/value rows
  std::size_t named_bytes_ = 0;
  const std::size_t tag_count_;
  const bool plain_;  // a row is its fields and nothing else

  // Of the payload.
  Decoded* out_ = nullptr;
  std::string_view bare_field_;
  std::vector<char> text_;  // as much as the payload, so that all its escaped strings have room
  char* text_end_ = nullptr;
  bool fresh_ = true;  // no document yet
  std::uint64_t row_serial_ = 0;
  std::uint32_t row_count_ = 0;

  // Of the document.
  Mark document_mark_{};
  Found outer_found_;
  std::vector<Held> row_when_;  // [row of the document * when + i], with `each`

  // Of the row.
  Found row_found_;
  Found* found_ = nullptr;
  Mark row_mark_{};
  std::uint32_t kept_ = 0;  // rows of the document that no `when` of theirs rules out
};

}  // namespace bridge
