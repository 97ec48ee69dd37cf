#include "bridge/encode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "bridge/number.h"
#include "bridge/timestamp.h"
#include "bridge/utf8.h"

namespace bridge {

namespace {

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

void append_integer(std::uint64_t value, std::string& out) {
  std::array<char, 20> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
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

void append_member(std::string_view name, std::string_view text, std::string& out) {
  out += ',';
  append_json_string(name, out);
  out += ':';
  append_json_string(text, out);
}

Encoder::Encoder(const Rules& rules, const core::SeriesTable& table, Outbox& outbox)
    : table_(table), outbox_(outbox) {
  streams_.reserve(rules.streams().size());
  for (const auto& stream : rules.streams()) streams_.push_back(make(*stream));
}

void Encoder::adopt(const Rules& rules, const Adoption& adoption) {
  std::vector<Stream> next;
  next.reserve(adoption.from.size());
  for (std::size_t i = 0; i < adoption.from.size(); ++i) {
    const std::size_t from = adoption.from[i];
    next.push_back(from == Adoption::none ? make(*rules.streams()[i]) : std::move(streams_[from]));
  }
  streams_.swap(next);
}

Encoder::Stream Encoder::make(const StreamRules& rules) {
  const StreamConfig& config = *rules.config;
  return {make_texts(rules), std::vector<core::Counter>(config.windows.size()),
          std::vector<core::Counter>(config.detectors.size()),
          std::vector<core::Counter>(config.detectors.size())};
}

void Encoder::window(core::Position cause, core::SeriesId series, const core::WindowResult& result) noexcept {
  const core::Plan& plan = table_.plan(series);
  const std::size_t rule = plan.window_rules[result.window];
  Stream& stream = streams_[plan.stream];
  const WindowText& text = stream.texts.windows[rule];
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
  const DetectorText& text = stream.texts.detectors[rule];
  (change.state != core::FlagState::cleared ? stream.raised : stream.cleared)[rule].add();
  if (!stream.texts.days.empty()) days_.flag(series, change, days_to_outbox(cause));

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
  const SeriesText& text = streams_[plan.stream].texts.lates[plan.grouping];
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

void Encoder::time(core::Position cause, core::Time now) noexcept { days_.time(now, days_to_outbox(cause)); }

void Encoder::given_up(core::Position cause, core::SeriesId series, core::Time now) noexcept {
  days_.give_up(series, now, days_to_outbox(cause));
}

void Encoder::end(core::Position cause, core::Time now) noexcept { days_.end(now, days_to_outbox(cause)); }

FlagDays::Tell Encoder::days_to_outbox(core::Position cause) {
  return [this, cause](core::SeriesId series, const FlagDays::Day& day) { flag_day(cause, series, day); };
}

void Encoder::flag_day(core::Position cause, core::SeriesId series, const FlagDays::Day& day) {
  const core::Plan& plan = table_.plan(series);
  const StreamTexts& texts = streams_[plan.stream].texts;
  const SeriesText& text = texts.days[plan.grouping];
  write_topic(text.topic, series);
  payload_ = text.head;
  write_keys(text.keys, series);
  append_member("field", table_.field(series), payload_);
  write_span(day.start, day.end);
  payload_ += day.final ? R"(,"final":true,"flags":[)" : R"(,"final":false,"flags":[)";
  for (const FlagDays::Flag& flag : day.flags) {
    payload_ += texts.detectors[plan.detector_rules[flag.detector]].name;
    payload_ += R"(,"raised":)";
    append_integer(flag.raised, payload_);
    write_number(R"(,"seconds":)", static_cast<double>(flag.up_for.count()) / 1e9);
    payload_ += flag.up ? R"(,"up":true},)" : R"(,"up":false},)";
  }
  payload_.back() = ']';
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
    if (part.value == TopicPart::Value::field) append_topic_level(table_.field(series), topic_);
    if (part.value == TopicPart::Value::key) append_topic_level(table_.key(series, part.key), topic_);
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
