// The part of Walk that finds rows: arrays, maps and columns.
#include <algorithm>

#include "bridge/decode_string.h"
#include "bridge/decode_walk.h"

namespace bridge {

bool Walk::rows(TreeNode& outer) {
  const char first = *here();
  const EachAs as = config_.each->as;
  if (as == EachAs::array && first == '[') return row_array({}, false);
  if (as == EachAs::array && first == '{') return row({});
  if (as == EachAs::map && first == '{') return row_map(outer);
  if (as == EachAs::columns && first == '{') return row_columns(outer);
  if (first != 'n') rows_.no_row();
  return skip();
}

bool Walk::row(std::string_view key) {
  TreeNode& root = rows_.row_tree().root();
  const char first = *here();
  // A number, text or word alone is a row only where a pointer asks for the row itself.
  const bool is_row = first == '{' || first == '[' || !root.uses.empty();
  if (!is_row && config_.each) {
    rows_.no_row();
    return skip();
  }
  rows_.begin_row(key);
  if (!(is_row ? value(rows_.row_tree(), root) : skip())) return false;
  rows_.end_row();
  return true;
}

bool Walk::row_array(std::string_view key, bool objects_only) {
  if (++depth_ > json_depth_max) return false;
  ++at_;
  int more = *here() == ']' ? 0 : 1;
  at_ += more == 0 ? 1 : 0;
  for (; more == 1; more = next(']')) {
    if (!(objects_only && *here() != '{' ? skip() : row(key))) return false;
  }
  --depth_;
  return more == 0;
}

bool Walk::row_map(TreeNode& outer) {
  if (++depth_ > json_depth_max) return false;
  ++at_;
  int more = *here() == '}' ? 0 : 1;
  at_ += more == 0 ? 1 : 0;
  for (TreeKey** link = &outer.first; more == 1; more = next('}')) {
    const char* const quote = here();
    TreeNode* const beside = member(rows_.outer_tree(), outer, link);
    if (beside == nullptr) return false;
    const bool wanted = !beside->uses.empty() || beside->wants_members();
    if (!(wanted ? value(rows_.outer_tree(), *beside) : map_row(quote))) return false;
  }
  --depth_;
  return more == 0;
}

bool Walk::map_row(const char* quote) {
  const std::string_view raw{quote + 1, static_cast<std::size_t>(closing_quote(quote) - quote - 1)};
  const std::string_view key = *rows_.unescape(raw);
  return *here() == '[' ? row_array(key, false) : row(key);
}

bool Walk::row_columns(TreeNode& outer) {
  if (++depth_ > json_depth_max) return false;
  ++at_;
  columns_.clear();
  TreeNode& root = rows_.row_tree().root();
  TreeKey** row_link = &root.first;
  int more = *here() == '}' ? 0 : 1;
  at_ += more == 0 ? 1 : 0;
  for (TreeKey** link = &outer.first; more == 1; more = next('}')) {
    const std::uint32_t* const key = at_;
    TreeNode* const beside = member(rows_.outer_tree(), outer, link);
    if (beside == nullptr) return false;
    if (*here() != '[') {
      if (!value(rows_.outer_tree(), *beside)) return false;
      continue;
    }
    at_ = key;
    TreeNode* const column = member(rows_.row_tree(), root, row_link);
    if (column == nullptr) return false;
    if (text_[at_[1]] != ']') columns_.push_back({column, at_ + 1});
    if (!skip()) return false;
  }
  --depth_;
  return more == 0 && zip_columns();
}

// Row by row; the elements were checked when the columns were passed.
bool Walk::zip_columns() {
  const std::uint32_t* const behind = at_;
  while (!columns_.empty()) {
    rows_.begin_row({});
    for (Column& column : columns_) {
      at_ = column.at;
      if (!value(rows_.row_tree(), *column.node)) return false;
      column.at = next(']') == 1 ? at_ : nullptr;
    }
    rows_.end_row();
    std::erase_if(columns_, [](const Column& column) { return column.at == nullptr; });
  }
  at_ = behind;
  return true;
}

}  // namespace bridge
