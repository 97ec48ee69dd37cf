// What the loader of the configuration is made of: the text as a tree, the list of problems, and a reader
// that takes an object's keys one by one and knows which it was never asked for. Used while loading, by one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace bridge {

// Everything that is wrong, a line each: "config: <json pointer>: <words>".
class Problems {
 public:
  void add(std::string_view pointer, std::string_view words);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  // Further ones are only counted.
  [[nodiscard]] bool full() const { return lines_.size() >= lines_max; }
  // All lines; of very many the first ones and how many there are besides.
  [[nodiscard]] std::string text() const;

 private:
  static constexpr std::size_t lines_max = 100;
  std::vector<std::string> lines_;
  std::size_t more_ = 0;
};

// One value of the configuration's text.
struct Node {
  enum class Kind : std::uint8_t { null, boolean, number, text, array, object };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text{};               // of a string; of a number: as it stands in the file
  std::vector<std::string> keys{};  // of an object, in the order of the file, one per item
  std::vector<Node> items{};        // of an object or array

  // The value under `key` of an object, or null.
  [[nodiscard]] const Node* find(std::string_view key) const;
  // For messages: the value itself, or what it is ("an array of 3").
  [[nodiscard]] std::string seen() const;
};

// `pointer` with one more step, escaped (RFC 6901).
[[nodiscard]] std::string step(std::string_view pointer, std::string_view key);
[[nodiscard]] std::string step(std::string_view pointer, std::size_t index);
// "a", "b" or "c".
[[nodiscard]] std::string alternatives(std::span<const std::string_view> names);
// The name that `text` may have been meant to be; empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view text, std::span<const std::string_view> names);

// JSON with // and /* */ comments. Duplicate keys, syntax errors (with line and column), nesting and size
// beyond the limits are problems; nothing on a syntax error.
[[nodiscard]] std::optional<Node> parse_json(std::string_view text, Problems& problems);

// Takes the keys of one object. Each method that reads leaves its target alone when the key is absent, and
// reports and leaves it alone when the value is not allowed. References to node and problems must outlive it.
class ObjectReader {
 public:
  // A node that is no object is reported, and then read as if empty.
  ObjectReader(const Node& node, std::string pointer, Problems& problems);

  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] std::string at(std::string_view key) const { return step(pointer_, key); }
  [[nodiscard]] Problems& problems() { return problems_; }
  void problem(std::string_view key, std::string_view words) { problems_.add(at(key), words); }

  // The value, or null when absent. Every key that is allowed must be asked for, here or below.
  const Node* find(std::string_view key);
  // The same; absence is reported.
  const Node* need(std::string_view key, std::string_view what_for);

  void text(std::string_view key, std::string& target);
  void boolean(std::string_view key, bool& target);
  void number(std::string_view key, double& target);
  void number(std::string_view key, std::optional<double>& target);
  void duration(std::string_view key, core::Duration& target, core::Duration low = core::Duration{0},
                core::Duration high = core::duration_max);
  template <typename Integer>
  void integer(std::string_view key, Integer& target, std::uint64_t low, std::uint64_t high) {
    if (const auto value = integer(key, low, high)) target = static_cast<Integer>(*value);
  }
  // Names: an array of {std::string_view, Enum} pairs.
  template <typename Enum, typename Names>
  void choice(std::string_view key, Enum& target, const Names& names) {
    std::vector<std::string_view> allowed;
    for (const auto& [name, value] : names) allowed.push_back(name);
    const auto index = choice(key, allowed);
    if (index) target = names[*index].second;
  }
  void texts(std::string_view key, std::vector<std::string>& target);
  // Calls `read` with every element and its pointer. Returns whether the key is present and an array.
  bool elements(std::string_view key, const std::function<void(const Node&, const std::string&)>& read);
  // Calls `read` with every key, member and pointer of an object.
  bool members(std::string_view key,
               const std::function<void(const std::string&, const Node&, const std::string&)>& read);

  // A key that is no option, and deserves better words than "unknown". Its value is not shown.
  void refuse(std::string_view key, std::string_view words);
  // Reports an array that is longer than `most`.
  void at_most(std::string_view key, std::size_t most);
  // Reports the keys that were never asked for. Last.
  void finish();

 private:
  const Node* find(std::string_view key, Node::Kind kind, std::string_view wanted);
  std::optional<std::uint64_t> integer(std::string_view key, std::uint64_t low, std::uint64_t high);
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& names);

  const Node& node_;
  std::string pointer_;
  Problems& problems_;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> refused_;
};

// The text of a node: reports what is no string, or holds a control character.
[[nodiscard]] std::optional<std::string> text_of(const Node& node, const std::string& pointer,
                                                 Problems& problems);

}  // namespace bridge
