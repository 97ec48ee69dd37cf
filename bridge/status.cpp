#include "bridge/status.h"

#include "bridge/encode.h"
#include "bridge/number.h"
#include "bridge/timestamp.h"
#include "core/detector.h"

namespace bridge {

namespace {

// Writes one JSON object, member by member.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  ~Object() { out_ += '}'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void text(std::string_view member, std::string_view value) { append_json_string(value, open(member)); }
  void number(std::string_view member, std::uint64_t value) { open(member) += std::to_string(value); }
  void boolean(std::string_view member, bool value) { open(member) += value ? "true" : "false"; }
  void time(std::string_view member, core::Time value) {
    std::string text;
    append_time(value, text);
    open(member).append(1, '"').append(text).append(1, '"');
  }
  // The text up to the value of a new member, to which the caller appends one.
  std::string& open(std::string_view member) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(member, out_);
    return out_ += ':';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void write_connection(Object& status, const Stats& stats) {
  status.text("broker", stats.broker);
  status.boolean("connected", stats.connected);
  status.boolean("subscribed", stats.subscribed);
  status.number("connects", stats.connects);
  status.number("disconnects", stats.disconnects);
  if (!stats.last_error.empty()) status.text("last_error", stats.last_error);
}

// received = decoded + unmatched + ... + in_flight; samples likewise.
void write_ledger(Object& status, const Stats& stats) {
  {
    Object messages(status.open("messages"));
    messages.number("received", stats.received);
    for (std::size_t i = 0; i < stats.messages.size(); ++i)
      messages.number(message_outcome_names[i], stats.messages[i]);
    messages.number("in_flight", stats.messages_in_flight);
  }
  Object samples(status.open("samples"));
  samples.number("total", stats.samples);
  for (std::size_t i = 0; i < stats.samples_by.size(); ++i)
    samples.number(sample_outcome_names[i], stats.samples_by[i]);
  samples.number("in_flight", stats.samples_in_flight);
}

void write_notes(Object& status, const Stats& stats) {
  Object notes(status.open("notes"));
  notes.number("bad_rows", stats.bad_rows);
  notes.number("bad_times", stats.bad_times);
  notes.number("implausible_times", stats.implausible_times);
  notes.number("no_readings", stats.no_readings);
  notes.number("wrong_types", stats.wrong_types);
  notes.number("inexact", stats.inexact);
  notes.number("field_overflow", stats.field_overflow);
  notes.number("topics_uncached", stats.topics_uncached);
  notes.number("name_collisions", stats.name_collisions);
  notes.number("source_waits", stats.source_waits);
  notes.number("queue_waits", stats.queue_waits);
}

void write_publish(Object& status, const Stats& stats) {
  Object publish(status.open("publish"));
  publish.number("acknowledged", stats.published);
  publish.number("refused", stats.publish_refused);
  publish.number("dropped", stats.publish_dropped);
  publish.number("again", stats.publish_again);
  publish.number("held", stats.publish_held);
}

void write_overflow(std::string& out, const std::vector<SeriesOverflow>& overflow) {
  out += '[';
  for (const SeriesOverflow& one : overflow) {
    if (&one != &overflow.front()) out += ',';
    Object object(out);
    object.text("stream", one.stream);
    object.text("key", one.offender.key);
    object.text("value", one.offender.value);
    object.number("samples", one.offender.samples);
  }
  out += ']';
}

void write_stream(Object& streams, const RuleCount& series, const Stats& stats) {
  Object stream(streams.open(series.stream));
  stream.number("series", series.count);
  {
    Object windows(stream.open("windows"));
    for (const auto& rule : stats.windows) {
      if (rule.stream == series.stream) windows.number(rule.rule, rule.count);
    }
  }
  Object flags(stream.open("flags"));
  for (const auto& rule : stats.flags) {
    if (rule.stream != series.stream) continue;
    Object flag(flags.open(rule.rule));
    flag.number("raised", rule.count);
    flag.number("cleared", rule.cleared);
  }
}

}  // namespace

std::string status_topic(const Config& config) {
  std::string topic = config.status.topic;
  constexpr std::string_view name = "{client_id}";
  for (std::size_t at = topic.find(name); at != std::string::npos; at = topic.find(name, at)) {
    topic.replace(at, name.size(), config.broker.client_id);
    at += config.broker.client_id.size();
  }
  return topic;
}

std::string status_json(const Stats& stats) {
  std::string out;
  {
    Object status(out);
    status.number("v", 1);
    status.text("state", "online");
    status.text("client_id", stats.client_id);
    status.text("version", stats.version);
    status.time("time", stats.now);
    status.time("started", stats.started);
    write_connection(status, stats);
    write_ledger(status, stats);
    write_notes(status, stats);
    write_publish(status, stats);
    status.number("journal_bytes", stats.journal_bytes);
    status.number("state_bytes", stats.state_bytes);
    status.number("series_evicted", stats.series_evicted);
    write_overflow(status.open("series_overflow"), stats.series_overflow);
    Object streams(status.open("streams"));
    for (const auto& series : stats.series) write_stream(streams, series, stats);
  }
  return out;
}

std::string outage_topic(const std::string& status_topic) { return status_topic + "/flag/link"; }

std::string outage_json(std::string_view client_id, core::Time since, core::Time now) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(since).time_since_epoch().count();
  std::string out;
  {
    Object flag(out);
    flag.number("v", 1);
    flag.text("id", std::string(client_id) + "/link/link/" + std::to_string(milliseconds));
    flag.text("state", core::name(core::FlagState::cleared));
    flag.text("detector", "link");
    flag.text("kind", "silence");
    flag.text("severity", core::name(core::Severity::critical));
    flag.text("field", "link");
    flag.time("time", now);
    flag.number("score", 0);
    flag.time("since", since);
  }
  return out;
}

std::string offline_json(std::string_view client_id) {
  std::string out;
  {
    Object status(out);
    status.number("v", 1);
    status.text("state", "offline");
    status.text("client_id", client_id);
  }
  return out;
}

}  // namespace bridge
