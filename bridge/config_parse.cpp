#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "bridge/config_read.h"
#include "bridge/error.h"
#include "bridge/text.h"

namespace bridge {
namespace {

constexpr std::size_t text_bytes_max = 1U << 20;
constexpr std::size_t depth_max = 32;
constexpr std::size_t values_max = 200'000;

// The library's "[json.exception...] parse error at line 1, column 2: syntax error while parsing value -
// invalid literal; last read: '...'; expected ..." without its name, its place (ours counts in the same way
// for all problems), and without what was read, which may be half a secret.
std::string reason_of(std::string words) {
  if (const auto end = words.find("] "); end != std::string::npos) words.erase(0, end + 2);
  if (words.starts_with("parse error")) words.erase(0, words.find(": ") + 2);
  if (const auto read = words.find("; last read: "); read != std::string::npos) {
    const auto expected = words.rfind("; expected ");
    words.erase(read, expected != std::string::npos && expected > read ? expected - read : std::string::npos);
  }
  for (char& c : words) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return words;
}

// Builds the tree from the parser's events; ends the parse at the first thing that is beyond a limit.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, Problems& problems) : text_(text), problems_(problems) {}

  Node root;

  bool null() override { return add({}) != nullptr; }
  bool boolean(bool value) override {
    return add({.kind = Node::Kind::boolean, .boolean = value}) != nullptr;
  }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& text) override { return number(value, text); }
  bool string(string_t& value) override {
    return add({.kind = Node::Kind::text, .text = std::move(value)}) != nullptr;
  }
  bool binary(binary_t&) override { return false; }  // not JSON text
  bool start_object(std::size_t) override { return open(Node::Kind::object); }
  bool start_array(std::size_t) override { return open(Node::Kind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    open_.back()->keys.push_back(std::move(value));
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    return stop(position, reason_of(error.what()));
  }

  // A problem at the byte that was read last.
  bool stop(std::size_t position, const std::string& words) {
    const std::string_view before = text_.substr(0, std::min(position > 0 ? position - 1 : 0, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t newline = before.rfind('\n');
    const std::size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
    problems_.add("line " + std::to_string(line) + ", column " + std::to_string(column), words);
    return false;
  }

 private:
  bool number(double value, std::string text) {
    return add({.kind = Node::Kind::number, .number = value, .text = std::move(text)}) != nullptr;
  }

  bool open(Node::Kind kind) {
    if (open_.size() == depth_max) {
      problems_.add(
          "", "is nested deeper than " + std::to_string(depth_max) + " levels; nothing in it needs that");
      return false;
    }
    Node* const node = add({.kind = kind});
    if (node == nullptr) return false;
    open_.push_back(node);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  // Nodes in open_ stay where they are: only the innermost one gets items.
  Node* add(Node node) {
    if (++values_ > values_max) {
      problems_.add("", "holds more than " + std::to_string(values_max) + " values; make it smaller");
      return nullptr;
    }
    if (open_.empty()) return &(root = std::move(node));
    open_.back()->items.push_back(std::move(node));
    return &open_.back()->items.back();
  }

  std::string_view text_;
  Problems& problems_;
  std::vector<Node*> open_;
  std::size_t values_ = 0;
};

// Reports keys that an object holds twice and keeps the first of each. Not deep: parse_json limits it.
void drop_duplicates(Node& node, const std::string& pointer, Problems& problems) {
  std::unordered_set<std::string> seen;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const bool object = node.kind == Node::Kind::object;
    const std::string here = object ? step(pointer, node.keys[i]) : step(pointer, i);
    if (object && !seen.insert(node.keys[i]).second) {
      problems.add(here, "stands twice in its object; keep one of them");
      continue;
    }
    drop_duplicates(node.items[i], here, problems);
    if (kept != i) {
      node.items[kept] = std::move(node.items[i]);
      if (object) node.keys[kept] = std::move(node.keys[i]);
    }
    ++kept;
  }
  node.items.resize(kept);
  if (node.kind == Node::Kind::object) node.keys.resize(kept);
}

void throw_if_any(const Problems& problems) {
  if (!problems.empty()) throw SetupError(problems.text());
}

}  // namespace

std::optional<Node> parse_json(std::string_view text, Problems& problems) {
  if (text.size() > text_bytes_max) {
    problems.add("", std::to_string(text.size()) + " bytes: must be at most " +
                         std::to_string(text_bytes_max) + "; split it over several weirs");
    return std::nullopt;
  }
  TreeBuilder builder(text, problems);
  constexpr bool strict = true, comments = true;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder, nlohmann::json::input_format_t::json,
                                 strict, comments)) {
    return std::nullopt;
  }
  drop_duplicates(builder.root, "", problems);
  return std::move(builder.root);
}

Config parse_config(std::string_view text) {
  Problems problems;
  const std::optional<Node> root = parse_json(text, problems);
  if (!root) throw SetupError(problems.text());
  Config config = read_config(*root, problems);
  validate(config, problems);
  throw_if_any(problems);
  return config;
}

Config config_from_pattern(std::string_view pattern) {
  using Json = nlohmann::json;
  const Json text{{"streams", Json::array({{{"from", pattern}}})}};
  try {
    return parse_config(text.dump(-1, ' ', false, Json::error_handler_t::replace));
  } catch (const SetupError& error) {
    std::string words = error.what();
    const std::string place = "config: /streams/0/from: ";
    if (words.starts_with(place)) words.replace(0, place.size(), "--from: ");
    throw SetupError(words);
  }
}

}  // namespace bridge
