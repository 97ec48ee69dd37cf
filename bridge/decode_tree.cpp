#include "bridge/decode_tree.h"

#include <algorithm>

namespace bridge {
namespace {

std::string escape(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '~' && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1');
    out += !escaped ? text[i] : text[i + 1] == '0' ? '~' : '/';
    i += escaped;
  }
  return out;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::vector<std::string> lowered(std::vector<std::string> globs) {
  for (std::string& glob : globs) std::transform(glob.begin(), glob.end(), glob.begin(), lower);
  return globs;
}

// At most text x glob steps: a "*" that fails takes one character more.
bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_text = t;
    } else if (g < glob.size() && glob[g] == lower(text[t])) {
      ++g, ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool any_matches(const std::vector<std::string>& globs, std::string_view path, std::string_view last) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return glob_matches(glob, path) || (glob.find('/') == std::string::npos && glob_matches(glob, last));
  });
}

}  // namespace

PointerTree::PointerTree(bool automatic) : root_(&configured_.emplace_back()) {
  root_->automatic = automatic;
  lost_.automatic = automatic;
  lost_.choice = Choice::interned;  // as a field without room in the table
}

TreeNode& PointerTree::add(std::string_view pointer) {
  TreeNode* node = root_;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t length = std::min(pointer.find('/'), pointer.size());
    node = &member(*node, unescape(pointer.substr(0, length)));
    pointer.remove_prefix(length);
  }
  return *node;
}

TreeNode& PointerTree::member(TreeNode& node, std::string_view name) {
  const auto found = node.members.find(name);
  if (found != node.members.end()) return *found->second;
  TreeNode& made = configured_.emplace_back();
  made.pointer = node.pointer + (&node == root_ ? "" : "/") + escape(name);
  made.automatic = node.automatic;
  node.members.emplace(name, &made);
  return made;
}

TreeKey* PointerTree::find(const TreeNode& node, std::string_view raw) {
  const auto found = by_name_.find(KeyName{&node, raw});
  return found == by_name_.end() ? nullptr : found->second;
}

TreeKey* PointerTree::learn(TreeNode& node, std::string_view raw, std::string_view name) {
  if (full() || raw.size() > key_bytes_max || is_lost(node)) return nullptr;
  TreeKey& key = keys_.emplace_back();
  key.text = raw;
  const std::string quoted = '"' + key.text + '"';
  const std::size_t head = std::min<std::size_t>(quoted.size(), 16);
  std::memcpy(key.head, quoted.data(), head);
  std::memset(key.mask, 0xFF, head);
  const auto configured = node.members.find(name);
  if (configured != node.members.end()) {
    key.node = configured->second;
  } else if (node.automatic) {
    key.node = &learned_.emplace_back();
    key.node->automatic = true;
    key.node->pointer = node.pointer + (&node == root_ ? "" : "/") + escape(name);
    learned_bytes_ += sizeof(TreeNode) + key.node->pointer.size();
  } else {
    key.node = &skipped_;
  }
  learned_bytes_ += sizeof(TreeKey) + 2 * raw.size() + 64;  // and its place in the table
  by_name_.emplace(KeyName{&node, key.text}, &key);
  return &key;
}

TreeNode& PointerTree::unlearned(TreeNode& node, std::string_view name) {
  const auto configured = node.members.find(name);
  if (configured != node.members.end()) return *configured->second;
  return node.automatic ? lost_ : skipped_;
}

void PointerTree::forget() {
  by_name_.clear();
  keys_.clear();
  learned_.clear();
  for (TreeNode& node : configured_) node.first = nullptr;
  learned_bytes_ = 0;
}

PathFilter::PathFilter(const std::vector<std::string>& include, const std::vector<std::string>& exclude)
    : include_(lowered(include)), exclude_(lowered(exclude)) {}

bool PathFilter::takes_pointer(std::string_view pointer) const {
  const std::size_t slash = pointer.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? pointer : pointer.substr(slash + 1);
  return takes(unescape(pointer), unescape(last));
}

bool PathFilter::takes_name(std::string_view name) const { return takes(name, name); }

bool PathFilter::takes(std::string_view path, std::string_view last) const {
  return any_matches(include_, path, last) && !any_matches(exclude_, path, last);
}

}  // namespace bridge
