// Topics: patterns, filters and templates against a slow matcher that follows the standard word for word.
// The input is up to four texts, separated by line feeds: two patterns, a topic, a template.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/error.h"
#include "bridge/topic.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

using bridge::TopicPattern;

void require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(by, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool reference_match(std::string_view filter, std::string_view topic) {
  if (topic.empty()) return false;
  const auto wanted = split(filter, '/'), levels = split(topic, '/');
  if ((wanted[0] == "+" || wanted[0] == "#") && topic.front() == '$') return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return i <= levels.size();
    if (i >= levels.size() || (wanted[i] != "+" && wanted[i] != levels[i])) return false;
  }
  return wanted.size() == levels.size();
}

std::optional<TopicPattern> pattern_of(std::string_view text) {
  try {
    return TopicPattern(text);
  } catch (const bridge::SetupError&) {
    return std::nullopt;
  }
}

bool check_match(const TopicPattern& pattern, std::string_view topic) {
  std::vector<std::string_view> captures;
  std::string_view rest;
  const bool matched = pattern.match(topic, captures, rest);
  require(matched == reference_match(pattern.filter(), topic));
  if (!matched) return false;
  require(captures.size() == pattern.names().size());
  for (const std::string_view capture : captures) {
    require(capture.empty() || (capture.data() >= topic.data() &&
                                capture.data() + capture.size() <= topic.data() + topic.size()));
  }
  require(topic.ends_with(rest));
  return true;
}

void check_level(std::string_view value) {
  std::string level, again;
  bridge::append_topic_level(value, level);
  require(!level.empty() && level.find_first_of("/+#") == std::string::npos);
  bridge::append_topic_level(level, again);
  require(again == level);
}

// The topic a template gives for these values is taken by its widest filter.
void check_template(std::string_view text, std::string_view value) {
  try {
    const bridge::TopicTemplate made(text, {"a", "b"});
    std::string topic;
    for (const auto& part : made.parts()) {
      topic += part.literal;
      if (part.name >= 0) bridge::append_topic_level(value, topic);
    }
    const std::string filter = made.widest_filter(), exact = made.widest_filter({nullptr, nullptr});
    require(filter == exact);
    const bool dollar = topic.starts_with('$') && filter.starts_with('+');
    require(dollar || reference_match(filter, topic));
    const std::string known{value};
    require(made.widest_filter({&known, &known}) == topic);
    require(TopicPattern(filter).filter() == filter);
  } catch (const bridge::SetupError&) {
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  std::array<std::string_view, 4> text{};
  const auto lines = split(input, '\n');
  for (std::size_t i = 0; i < text.size() && i < lines.size(); ++i) text[i] = lines[i];

  const auto one = pattern_of(text[0]), other = pattern_of(text[1]);
  const bool by_one = one && check_match(*one, text[2]);
  const bool by_other = other && check_match(*other, text[2]);
  if (one && other) {
    const bool overlap = bridge::filters_overlap(one->filter(), other->filter());
    require(overlap == bridge::filters_overlap(other->filter(), one->filter()));
    require(overlap || !(by_one && by_other));
    if (bridge::filter_covers(one->filter(), other->filter())) require(overlap && (by_one || !by_other));
  }
  check_level(text[2]);
  check_template(text[3], text[2]);
  return 0;
}
