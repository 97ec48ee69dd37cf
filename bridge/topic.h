// Topics: patterns that messages are matched against, and templates that derived topics are made of. Pure
// functions and constant objects; any thread.
//
// A pattern is an MQTT filter whose levels may also be {name} (one level, captured) or, last, {name...} (the
// rest, captured).
// "+" and "#" match without capturing. As in MQTT, a filter that begins with a wildcard takes no topic that
// begins with "$", and "a/#" takes "a" itself.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge {

class TopicPattern {
 public:
  // Throws SetupError: empty, "#" not last, a name twice, a name not [A-Za-z_][A-Za-z0-9_]*, a wildcard
  // inside a level, a control character, not UTF-8, longer than MQTT allows, a shared subscription ($share).
  explicit TopicPattern(std::string_view pattern);

  [[nodiscard]] const std::string& filter() const { return filter_; }  // what is subscribed: "site/+/#"
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }  // captures, in order

  // True when it takes `topic`. Then captures[i] is the text of names()[i], and `rest` what a trailing "#" or
  // {name...} matched (empty without one). Views into `topic`. Does not allocate once `captures` has its
  // capacity. When false, `captures` and `rest` hold nothing of meaning.
  [[nodiscard]] bool match(std::string_view topic, std::vector<std::string_view>& captures,
                           std::string_view& rest) const;

 private:
  enum class Kind : unsigned char { text, one, rest };
  struct Level {
    Kind kind;
    std::string text;
    bool captured;
  };

  [[nodiscard]] Level parse_level(std::string_view level, bool last);
  [[nodiscard]] std::string complaint(std::string_view words) const;  // the pattern, then the words

  std::string pattern_;
  std::string filter_;
  std::vector<Level> levels_;
  std::vector<std::string> names_;
};

// Some topic is matched by both filters (MQTT filters with + and #).
[[nodiscard]] bool filters_overlap(std::string_view a, std::string_view b);
// Every topic that `inner` takes is taken by `outer` too.
[[nodiscard]] bool filter_covers(std::string_view outer, std::string_view inner);

// Letters, digits and _, not beginning with a digit: what may stand in braces.
[[nodiscard]] bool is_template_name(std::string_view text);

// "derived/{stream}/{device}/{field}/{window}".
class TopicTemplate {
 public:
  // No template: no parts.
  TopicTemplate() = default;
  // Throws SetupError: empty, a wildcard, an unknown {name} (the message lists `allowed`), unbalanced braces,
  // a control character, not UTF-8.
  TopicTemplate(std::string_view text, const std::vector<std::string>& allowed);

  struct Part {
    std::string literal;
    int name;
  };  // literal, then the value of allowed[name] unless name < 0
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  // The filter that takes every topic the template can give: literals stay, a level with a name becomes "+".
  // `known`: names of `allowed` whose value is fixed, by index; null where it is not. May be shorter than
  // `allowed`.
  [[nodiscard]] std::string widest_filter(const std::vector<const std::string*>& known = {}) const;

 private:
  std::vector<Part> parts_;
};

// Appends `value` as exactly one topic level: "/" becomes ".", "+", "#", control characters and each byte of
// invalid UTF-8 become
// "_", empty becomes "_". Applied twice it changes nothing more. Two values may look alike afterwards;
// whoever interns names counts that.
void append_topic_level(std::string_view value, std::string& out);

}  // namespace bridge
