#include "bridge/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "bridge/number.h"
#include "bridge/timestamp.h"
#include "bridge/utf8.h"
#include "core/check.h"

namespace bridge {

namespace {

// Members of window, flag and score messages that are not keys, beside the aggregates.
constexpr std::array<std::string_view, 24> fixed_members{
    "v",     "aggregate",   "stream", "window", "field",    "start", "end",       "rev",
    "final", "approximate", "id",     "state",  "detector", "kind",  "severity",  "time",
    "value", "expected",    "low",    "high",   "score",    "since", "watermark", "up"};

bool is_fixed(std::string_view name) {
  return std::find(fixed_members.begin(), fixed_members.end(), name) != fixed_members.end() ||
         core::find_aggregate(name).has_value();
}

void append_hex_escape(unsigned char byte, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[byte >> 4];
  out += digits[byte & 0xF];
}

void append_json_escape(unsigned char byte, std::string& out) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_hex_escape(byte, out);
  }
}

// Bytes that a JSON string holds as they are.
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) table[byte] = byte != '"' && byte != '\\';
  return table;
}();

// One part of a flag's id: "/" and "%" and whatever is no text are percent-encoded, so that ids of different
// series differ.
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

// Milliseconds since 1970, with six more digits where the time needs them.
void append_id_time(core::Time time, std::string& out) {
  const std::int64_t ns = time.time_since_epoch().count();
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ns / 1'000'000).ptr;
  out.append(digits.data(), end);
  const std::int64_t rest = std::abs(ns % 1'000'000);
  if (rest == 0) return;
  const std::string_view six =
      std::string_view(digits.data(), std::to_chars(digits.data(), digits.data() + 8, rest + 1'000'000).ptr)
          .substr(1);
  out += '.';
  out += six;
}

void append_member_name(std::string_view name, std::string& out) {
  out += ',';
  append_json_string(name, out);
  out += ':';
}

void append_member(std::string_view name, std::string_view text, std::string& out) {
  append_member_name(name, out);
  append_json_string(text, out);
}

std::string member_name(std::string_view name) {
  std::string text;
  append_member_name(name, text);
  return text;
}

void append_integer(std::uint64_t value, std::string& out) {
  std::array<char, 20> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  CHECK(found != names.end(), "no key \"%s\" in the grouping", name.c_str());
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    std::size_t run = i;
    while (run < text.size() && plain[static_cast<unsigned char>(text[run])]) ++run;
    out.append(text, i, run - i);
    if (run == text.size()) break;
    i = run;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      append_json_escape(static_cast<unsigned char>(text[i++]), out);
    } else if (const std::size_t length = utf8_length(text, i); length != 0) {
      out.append(text, i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
}

std::string key_member(std::string_view name) {
  // The rest of a name after any number of prefixes decides, so that no two names can end up alike.
  std::string_view rest = name;
  while (!is_fixed(rest) && rest.starts_with("key_")) rest.remove_prefix(4);
  return is_fixed(rest) ? "key_" + std::string(name) : std::string(name);
}

// What the names of a topic template stand for.
struct Encoder::Names {
  std::vector<std::string>
      names;  // by TopicTemplate::Part::name: stream, window or detector, field, then keys
  std::string_view stream;
  std::string_view rule;                 // window or detector
  const std::vector<std::string>& keys;  // of the series, in the order of its key values
};

Encoder::Encoder(const Rules& rules, const core::SeriesTable& table, Outbox& outbox)
    : table_(table), outbox_(outbox) {
  streams_.reserve(rules.streams().size());
  for (const auto& stream : rules.streams()) streams_.push_back(make(*stream));
}

Encoder::Stream Encoder::make(const StreamRules& rules) {
  Stream stream;
  const StreamConfig& config = *rules.config;
  stream.window_counts = std::vector<core::Counter>(config.windows.size());
  stream.raised = std::vector<core::Counter>(config.detectors.size());
  stream.cleared = std::vector<core::Counter>(config.detectors.size());
  if (rules.groupings.empty()) return stream;  // a stream that is ignored has no series
  for (std::size_t i = 0; i < config.windows.size(); ++i) stream.windows.push_back(make_window(rules, i));
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    stream.detectors.push_back(make_detector(rules, i));
  }
  for (const Grouping& grouping : rules.groupings) {
    if (!rules.late_topic.parts().empty()) stream.lates.push_back(make_late(rules, grouping));
  }
  return stream;
}

std::vector<Encoder::Member> Encoder::members_of(const Grouping& grouping) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < grouping.names.size(); ++i) {
    members.emplace_back(member_name(key_member(grouping.names[i])), i);
  }
  return members;
}

Encoder::WindowText Encoder::make_window(const StreamRules& rules, std::size_t window) {
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

// A grouping that has only detectors has no late samples, and may lack keys that the topic names.
Encoder::LateText Encoder::make_late(const StreamRules& rules, const Grouping& grouping) {
  LateText text;
  const auto index = static_cast<std::uint32_t>(&grouping - rules.groupings.data());
  const auto& windows = rules.window_groupings;
  if (std::find(windows.begin(), windows.end(), index) == windows.end()) return text;
  text.head = R"({"v":1)";
  append_member("stream", rules.config->name, text.head);
  text.keys = members_of(grouping);
  text.topic = make_topic(rules.late_topic,
                          {late_template_names(*rules.config), rules.config->name, {}, grouping.names});
  return text;
}

Encoder::DetectorText Encoder::make_detector(const StreamRules& rules, std::size_t detector) {
  const core::DetectorSpec& spec = rules.config->detectors[detector].spec;
  const DetectorRules& own = rules.detectors[detector];
  const Grouping& grouping = rules.groupings[own.grouping];
  DetectorText text;
  text.keys = members_of(grouping);
  append_id_part(rules.config->name, text.id);
  text.id += '/';
  append_id_part(spec.name, text.id);
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

std::vector<Encoder::TopicPart> Encoder::make_topic(const TopicTemplate& topic, const Names& names) {
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
    const bool field = name == "field";
    parts.push_back({literal, field ? Value::field : Value::key, field ? 0 : index_of(names.keys, name)});
    literal.clear();
  }
  if (!literal.empty()) parts.push_back({literal, Value::none, 0});
  return parts;
}

void Encoder::window(core::Position cause, core::SeriesId series, const core::WindowResult& result) noexcept {
  const core::Plan& plan = table_.plan(series);
  const std::size_t rule = plan.window_rules[result.window];
  Stream& stream = streams_[plan.stream];
  const WindowText& text = stream.windows[rule];
  stream.window_counts[rule].add();

  write_topic(text.topic, series);
  payload_ = text.head;
  write_keys(text.keys, series);
  append_member("field", table_.field(series), payload_);
  write_span(result.start, result.end);
  payload_ += R"(,"rev":)";
  append_integer(result.rev, payload_);
  payload_ += result.final ? R"(,"final":true)" : R"(,"final":false)";
  for (std::size_t i = 0; i < text.aggregates.size(); ++i) {
    write_value(text.aggregates[i], result.values[i], result.nulls);
  }
  payload_ += result.approximate ? R"(,"approximate":true})" : "}";
  push(cause, series);
}

void Encoder::flag(core::Position cause, core::SeriesId series, const core::FlagChange& change) noexcept {
  const core::Plan& plan = table_.plan(series);
  const std::size_t rule = plan.detector_rules[change.detector];
  Stream& stream = streams_[plan.stream];
  const DetectorText& text = stream.detectors[rule];
  (change.state != core::FlagState::cleared ? stream.raised : stream.cleared)[rule].add();

  write_topic(text.topic, series);
  write_id(text, series, change.since);
  payload_ = R"({"v":1)";
  append_member("id", id_, payload_);
  append_member("state", core::name(change.state), payload_);
  payload_ += text.head;
  write_keys(text.keys, series);
  append_member("field", table_.field(series), payload_);
  write_time(R"(,"time":")", change.time);
  if (change.value) write_number(R"(,"value":)", *change.value);
  if (change.expected) write_number(R"(,"expected":)", *change.expected);
  if (change.low) write_number(R"(,"low":)", *change.low);
  if (change.high) write_number(R"(,"high":)", *change.high);
  write_number(R"(,"score":)", change.score);
  write_time(R"(,"since":")", change.since);
  payload_ += '}';
  push(cause, series, true);
  if (text.state_topic.empty()) return;
  write_topic(text.state_topic, series);
  push(cause, series, true, true);
}

void Encoder::late(core::Position cause, core::SeriesId series, const core::Point& point,
                   core::Time watermark) noexcept {
  const core::Plan& plan = table_.plan(series);
  const LateText& text = streams_[plan.stream].lates[plan.grouping];
  write_topic(text.topic, series);
  payload_ = text.head;
  write_keys(text.keys, series);
  append_member("field", table_.field(series), payload_);
  write_time(R"(,"time":")", point.time);
  write_value(R"(,"value":)", point.value, true);
  write_time(R"(,"watermark":")", watermark);
  payload_ += '}';
  push(cause, series);
}

std::uint64_t Encoder::windows(std::size_t stream, std::size_t window) const {
  return streams_[stream].window_counts[window].get();
}

std::uint64_t Encoder::flags(std::size_t stream, std::size_t detector, bool raised) const {
  return (raised ? streams_[stream].raised : streams_[stream].cleared)[detector].get();
}

void Encoder::write_topic(const std::vector<TopicPart>& parts, core::SeriesId series) {
  topic_.clear();
  for (const auto& part : parts) {
    topic_ += part.literal;
    if (part.value == Value::field) append_topic_level(table_.field(series), topic_);
    if (part.value == Value::key) append_topic_level(table_.key(series, part.key), topic_);
  }
}

void Encoder::write_keys(const std::vector<Member>& keys, core::SeriesId series) {
  for (const auto& [member, key] : keys) {
    payload_ += member;
    append_json_string(table_.key(series, key), payload_);
  }
}

void Encoder::write_id(const DetectorText& text, core::SeriesId series, core::Time since) {
  id_ = text.id;
  for (std::size_t i = 0; i < text.keys.size(); ++i) {
    id_ += '/';
    append_id_part(table_.key(series, i), id_);
  }
  id_ += '/';
  append_id_part(table_.field(series), id_);
  id_ += '/';
  append_id_time(since, id_);
}

// Results come in runs that share their span: all series of a shard close a window together.
void Encoder::write_span(core::Time start, core::Time end) {
  if (start != span_start_ || end != span_end_) {
    span_start_ = start;
    span_end_ = end;
    span_ = R"(,"start":")";
    append_time(start, span_);
    span_ += R"(","end":")";
    append_time(end, span_);
    span_ += '"';
  }
  payload_ += span_;
}

void Encoder::write_time(std::string_view member, core::Time time) {
  payload_ += member;
  append_time(time, payload_);
  payload_ += '"';
}

// A number that is none does not exist: it is left out, or null.
void Encoder::write_value(std::string_view member, double value, bool nulls) {
  if (std::isfinite(value)) return write_number(member, value);
  if (nulls) payload_.append(member).append("null");
}

// A number that is none (a bound beyond a double) is left out, like every result that does not exist.
void Encoder::write_number(std::string_view member, double value) {
  if (!std::isfinite(value)) return;
  payload_ += member;
  append_number(value, payload_);
}

void Encoder::push(core::Position cause, core::SeriesId series, bool urgent, bool retain) {
  outbox_.push({cause, table_.ordinal(series), topic_, payload_, retain, urgent});
}

}  // namespace bridge
