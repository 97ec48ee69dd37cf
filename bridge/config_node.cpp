#include "bridge/config_node.h"

#include <algorithm>
#include <cmath>

#include "bridge/config.h"
#include "bridge/text.h"

namespace bridge {
namespace {

// Edits (insert, delete, replace a byte) between two texts. Both are short: keys and names.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string_view kind_words(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::boolean:
      return "true or false";
    case Node::Kind::number:
      return "a number";
    case Node::Kind::text:
      return "a string";
    case Node::Kind::array:
      return "an array";
    case Node::Kind::object:
      return "an object";
  }
  return {};
}

}  // namespace

void Problems::add(std::string_view pointer, std::string_view words) {
  if (full()) {
    ++more_;
    return;
  }
  lines_.push_back("config: " + std::string{pointer.empty() ? "(the whole file)" : pointer} + ": " +
                   std::string{words});
}

std::string Problems::text() const {
  std::string out;
  for (const std::string& line : lines_) {
    if (!out.empty()) out += '\n';
    out += line;
  }
  if (more_ > 0) out += "\nconfig: and " + std::to_string(more_) + " more problems";
  return out;
}

const Node* Node::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

std::string Node::seen() const {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return boolean ? "true" : "false";
    case Kind::number:
      return text.size() <= 40 ? text : text.substr(0, 40) + "...";
    case Kind::text:
      return shown(text);
    case Kind::array:
      return items.empty() ? "an empty array" : "an array of " + std::to_string(items.size());
    case Kind::object:
      return "an object";
  }
  return {};
}

std::string step(std::string_view pointer, std::string_view key) {
  std::string out{pointer};
  out += '/';
  for (std::size_t at = 0; at < key.size();) {
    const Character here = character_at(key, at);
    if (here.code == '~') {
      out += "~0";
    } else if (here.code == '/') {
      out += "~1";
    } else if (here.length == 0 || is_control(here.code)) {
      out += '?';
    } else {
      out.append(key.substr(at, here.length));
    }
    at += std::max<std::size_t>(here.length, 1);
  }
  return out;
}

std::string step(std::string_view pointer, std::size_t index) {
  return std::string{pointer} + '/' + std::to_string(index);
}

std::string alternatives(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += shown(names[i]);
  }
  return out;
}

std::string_view nearest(std::string_view text, std::span<const std::string_view> names) {
  if (text.size() > 100) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string_view name : names) {
    const std::size_t edits = distance(text, name);
    if (edits < least && edits < name.size()) {
      least = edits;
      best = name;
    }
  }
  return best;
}

ObjectReader::ObjectReader(const Node& node, std::string pointer, Problems& problems)
    : node_(node), pointer_(std::move(pointer)), problems_(problems) {
  if (node.kind != Node::Kind::object) problems_.add(pointer_, node.seen() + ": must be an object");
}

const Node* ObjectReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return node_.kind == Node::Kind::object ? node_.find(key) : nullptr;
}

const Node* ObjectReader::need(std::string_view key, std::string_view what_for) {
  const Node* const value = find(key);
  if (value == nullptr && node_.kind == Node::Kind::object) {
    problem(key, "missing; " + std::string{what_for});
  }
  return value;
}

const Node* ObjectReader::find(std::string_view key, Node::Kind kind, std::string_view wanted) {
  const Node* const value = find(key);
  if (value == nullptr || value->kind == kind) return value;
  problem(key, value->seen() + ": must be " + std::string{wanted.empty() ? kind_words(kind) : wanted});
  return nullptr;
}

void ObjectReader::text(std::string_view key, std::string& target) {
  if (const Node* const value = find(key)) {
    if (auto text = text_of(*value, at(key), problems_)) target = std::move(*text);
  }
}

void ObjectReader::boolean(std::string_view key, bool& target) {
  if (const Node* const value = find(key, Node::Kind::boolean, {})) target = value->boolean;
}

void ObjectReader::number(std::string_view key, double& target) {
  if (const Node* const value = find(key, Node::Kind::number, {})) target = value->number;
}

void ObjectReader::number(std::string_view key, std::optional<double>& target) {
  if (const Node* const value = find(key, Node::Kind::number, {})) target = value->number;
}

void ObjectReader::duration(std::string_view key, core::Duration& target, core::Duration low,
                            core::Duration high) {
  const std::string example = "a time with its unit (ns, us, ms, s, m, h, d), as \"10s\" or \"250ms\"";
  const Node* const value = find(key);
  if (value == nullptr) return;
  if (value->kind == Node::Kind::number) {
    problem(key, value->seen() + ": has no unit; write " + example);
    return;
  }
  const auto duration = value->kind == Node::Kind::text ? parse_duration(value->text) : std::nullopt;
  if (!duration) {
    problem(key, value->seen() + ": must be " + example);
  } else if (*duration < low || *duration > high) {
    problem(key, value->seen() + ": must be " + format_duration(low) + " to " + format_duration(high));
  } else {
    target = *duration;
  }
}

std::optional<std::uint64_t> ObjectReader::integer(std::string_view key, std::uint64_t low,
                                                   std::uint64_t high) {
  const std::string range = "a whole number, " + std::to_string(low) + " to " + std::to_string(high);
  const Node* const value = find(key, Node::Kind::number, range);
  if (value == nullptr) return std::nullopt;
  // All limits are far below 2^53, so the double is exact.
  if (value->number < static_cast<double>(low) || value->number > static_cast<double>(high) ||
      std::nearbyint(value->number) != value->number) {
    problem(key, value->seen() + ": must be " + range);
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(value->number);
}

std::optional<std::size_t> ObjectReader::choice(std::string_view key,
                                                const std::vector<std::string_view>& names) {
  const Node* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), value->text);
  if (value->kind == Node::Kind::text && found != names.end()) {
    return static_cast<std::size_t>(found - names.begin());
  }
  problem(key, value->seen() + ": must be " + alternatives(names));
  return std::nullopt;
}

void ObjectReader::texts(std::string_view key, std::vector<std::string>& target) {
  std::vector<std::string> all;
  if (!elements(key, [&](const Node& node, const std::string& pointer) {
        if (auto text = text_of(node, pointer, problems_)) all.push_back(std::move(*text));
      })) {
    return;
  }
  target = std::move(all);
}

bool ObjectReader::elements(std::string_view key,
                            const std::function<void(const Node&, const std::string&)>& read) {
  const Node* const value = find(key, Node::Kind::array, {});
  if (value == nullptr) return false;
  const std::string pointer = at(key);
  for (std::size_t i = 0; i < value->items.size(); ++i) read(value->items[i], step(pointer, i));
  return true;
}

bool ObjectReader::members(
    std::string_view key,
    const std::function<void(const std::string&, const Node&, const std::string&)>& read) {
  const Node* const value = find(key, Node::Kind::object, {});
  if (value == nullptr) return false;
  const std::string pointer = at(key);
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    read(value->keys[i], value->items[i], step(pointer, value->keys[i]));
  }
  return true;
}

void ObjectReader::refuse(std::string_view key, std::string_view words) {
  refused_.push_back(key);
  if (node_.find(key) != nullptr) problem(key, words);
}

void ObjectReader::at_most(std::string_view key, std::size_t most) {
  const Node* const value = find(key);
  if (value == nullptr || value->items.size() <= most) return;
  problem(key, value->seen() + ": at most " + std::to_string(most) + " are allowed");
}

void ObjectReader::finish() {
  if (node_.kind != Node::Kind::object) return;
  for (const std::string& key : node_.keys) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (std::find(refused_.begin(), refused_.end(), key) != refused_.end()) continue;
    std::string words = "unknown key; ";
    if (problems_.full()) {
      problem(key, words);
      continue;
    }
    if (const std::string_view meant = nearest(key, known_); !meant.empty()) {
      words += "did you mean " + shown(meant) + "? ";
    }
    words += "Allowed here: ";
    for (std::size_t i = 0; i < known_.size(); ++i) words += (i > 0 ? ", " : "") + std::string{known_[i]};
    problem(key, words);
  }
}

std::optional<std::string> text_of(const Node& node, const std::string& pointer, Problems& problems) {
  if (node.kind != Node::Kind::text) {
    problems.add(pointer, node.seen() + ": must be a string");
    return std::nullopt;
  }
  for (std::size_t at = 0; at < node.text.size();) {
    const Character here = character_at(node.text, at);
    if (here.length == 0 || is_control(here.code)) {
      problems.add(pointer, node.seen() + ": holds a control character; take it out");
      return std::nullopt;
    }
    at += here.length;
  }
  return node.text;
}

}  // namespace bridge
