#include "bridge/encode_texts.h"

#include <algorithm>
#include <array>

#include "bridge/encode.h"
#include "bridge/utf8.h"
#include "core/check.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

// Members of messages and lines of scores that are not keys, beside the aggregates.
constexpr std::array<std::string_view, 25> fixed_members{
    "v",           "aggregate", "stream", "window",   "field",     "start",    "end",  "rev",   "final",
    "approximate", "id",        "state",  "detector", "kind",      "severity", "time", "value", "expected",
    "low",         "high",      "score",  "since",    "watermark", "up",       "flags"};

bool is_fixed(std::string_view name) {
  return std::find(fixed_members.begin(), fixed_members.end(), name) != fixed_members.end() ||
         core::find_aggregate(name).has_value();
}

std::string member_name(std::string_view name) {
  std::string text{','};
  append_json_string(name, text);
  return text += ':';
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  CHECK(found != names.end(), "no key \"%s\" in the grouping", name.c_str());
  return static_cast<std::size_t>(found - names.begin());
}

// What the names of a topic template stand for.
struct Names {
  std::vector<std::string>
      names;  // by TopicTemplate::Part::name: stream, window or detector, field, then keys
  std::string_view stream;
  std::string_view rule;                 // window or detector
  const std::vector<std::string>& keys;  // of the series, in the order of its key values
};

std::vector<TopicPart> make_topic(const TopicTemplate& topic, const Names& names) {
  std::vector<TopicPart> parts;
  std::string literal;
  for (const auto& part : topic.parts()) {
    literal += part.literal;
    if (part.name < 0) continue;
    const std::string& name = names.names[static_cast<std::size_t>(part.name)];
    if (name == "stream" || name == "window" || name == "detector") {
      append_topic_level(name == "stream" ? names.stream : names.rule, literal);
      continue;
    }
    if (name == "field") {
      parts.push_back({literal, TopicPart::Value::field, 0});
    } else {
      parts.push_back({literal, TopicPart::Value::key, index_of(names.keys, name)});
    }
    literal.clear();
  }
  if (!literal.empty()) parts.push_back({literal, TopicPart::Value::none, 0});
  return parts;
}

std::vector<Member> members_of(const Grouping& grouping) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < grouping.names.size(); ++i) {
    members.emplace_back(member_name(key_member(grouping.names[i])), i);
  }
  return members;
}

WindowText make_window(const StreamRules& rules, std::size_t window) {
  const WindowConfig& config = rules.config->windows[window];
  const auto& series_keys = rules.groupings[rules.window_groupings[window]].names;
  WindowText text;
  text.head = R"({"v":1)";
  append_member("stream", rules.config->name, text.head);
  append_member("window", config.spec.name, text.head);
  for (const auto& key : config.by) {
    text.keys.emplace_back(member_name(key_member(key)), index_of(series_keys, key));
  }
  for (const core::Aggregate& aggregate : config.spec.aggregates) {
    text.aggregates.push_back(member_name(core::name(aggregate)));
  }
  text.topic = make_topic(rules.window_topics[window], {window_template_names(config.by), rules.config->name,
                                                        config.spec.name, series_keys});
  return text;
}

// Of results that every grouping with an index in `groupings` has; others may lack keys that the topic names.
std::vector<SeriesText> make_series(const StreamRules& rules, const TopicTemplate& topic,
                                    const Strings& names, const std::vector<std::uint32_t>& groupings) {
  std::vector<SeriesText> texts;
  if (topic.parts().empty()) return texts;
  texts.resize(rules.groupings.size());
  for (const std::uint32_t index : groupings) {
    SeriesText& text = texts[index];
    const Grouping& grouping = rules.groupings[index];
    text.head = R"({"v":1)";
    append_member("stream", rules.config->name, text.head);
    text.keys = members_of(grouping);
    text.topic = make_topic(topic, {names, rules.config->name, {}, grouping.names});
  }
  return texts;
}

DetectorText make_detector(const StreamRules& rules, std::size_t detector) {
  const core::DetectorSpec& spec = rules.config->detectors[detector].spec;
  const DetectorRules& own = rules.detectors[detector];
  const Grouping& grouping = rules.groupings[own.grouping];
  DetectorText text;
  text.keys = members_of(grouping);
  append_id_part(rules.config->name, text.id);
  text.id += '/';
  append_id_part(spec.name, text.id);
  text.name = R"({"detector":)";
  append_json_string(spec.name, text.name);
  append_member("detector", spec.name, text.head);
  append_member("kind", core::kind_name(spec), text.head);
  append_member("severity", core::name(spec.severity), text.head);
  if (own.on) {
    const core::WindowSpec& window = rules.config->windows[own.on->window].spec;
    append_member("window", window.name, text.head);
    append_member("aggregate", core::name(window.aggregates[own.on->value]), text.head);
  }
  const Names names{flag_template_names(grouping.names), rules.config->name, spec.name, grouping.names};
  text.topic = make_topic(own.flag_topic, names);
  text.state_topic = make_topic(own.state_topic, names);
  return text;
}

}  // namespace

StreamTexts make_texts(const StreamRules& rules) {
  StreamTexts texts;
  if (rules.groupings.empty()) return texts;  // a stream that is ignored has no series
  const StreamConfig& config = *rules.config;
  for (std::size_t i = 0; i < config.windows.size(); ++i) texts.windows.push_back(make_window(rules, i));
  std::vector<std::uint32_t> judged;
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    texts.detectors.push_back(make_detector(rules, i));
    judged.push_back(rules.detectors[i].grouping);
  }
  texts.lates = make_series(rules, rules.late_topic, late_template_names(config), rules.window_groupings);
  texts.days = make_series(rules, rules.flag_days_topic, flag_day_template_names(config), judged);
  return texts;
}

std::string key_member(std::string_view name) {
  // The rest of a name after any number of prefixes decides, so that no two names can end up alike.
  std::string_view rest = name;
  while (!is_fixed(rest) && rest.starts_with("key_")) rest.remove_prefix(4);
  return is_fixed(rest) ? "key_" + std::string(name) : std::string(name);
}

void append_id_part(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text, i);
    if (length == 0 || byte < 0x20 || byte == 0x7F || byte == '/' || byte == '%') {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0xF];
      ++i;
    } else {
      out.append(text, i, length);
      i += length;
    }
  }
}

}  // namespace bridge
