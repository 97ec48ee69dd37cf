#include "bridge/check.h"

#include <algorithm>
#include <cstdio>

#include "bridge/commands.h"
#include "bridge/config_names.h"
#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/pipeline.h"
#include "bridge/rules.h"
#include "bridge/run.h"
#include "bridge/status.h"
#include "bridge/text.h"
#include "core/judge.h"

namespace bridge {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "nothing (one series for all)" : out;
}

// "1.5 MiB": for people; bytes below 10 KiB.
std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 10240) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

void head(std::string_view title, std::string& out) {
  if (!out.empty()) out += '\n';
  out += "# " + std::string{title} + '\n';
}

void connections(const Config& config, const std::vector<MqttClientSpec>& all, std::string& out) {
  const BrokerConfig& broker = config.broker;
  if (broker.connections == 1 && broker.share.empty()) return;
  out += "connections: " + std::to_string(all.size());
  if (all.size() < broker.connections) {
    out += " (not " + std::to_string(broker.connections) +
           " as broker.connections says: no filter is left for more)";
  }
  out += '\n';
  for (const MqttClientSpec& one : all) {
    out += "  " + shown(one.broker.client_id) + ": ";
    std::string filters;
    for (const Subscription& subscription : one.subscriptions)
      filters += (filters.empty() ? "" : ", ") + shown(subscription.filter);
    out += filters + '\n';
  }
}

void subscriptions(const Config& config, const Rules& rules, const std::vector<MqttClientSpec>& all,
                   std::string& out) {
  head("subscriptions", out);
  for (const auto& stream : rules.streams()) {
    const StreamConfig& from = *stream->config;
    out += shown(stream->pattern.filter()) + ": stream " + shown(from.name);
    out += from.ignore ? ", ignored (not subscribed)\n" : ", qos " + std::to_string(from.qos) + '\n';
  }
  connections(config, all, out);
  out += "status: " + shown(status_topic(config)) + " every " + format_duration(config.status.every) + '\n';
}

// A template with what is known before any message: the stream's and the rule's name.
std::string filled(std::string topic, std::string_view rule, const std::string& name,
                   const StreamConfig& stream) {
  for (const auto& [key, value] :
       {std::pair{"{" + std::string{rule} + "}", name}, {"{stream}", stream.name}}) {
    for (std::size_t at = topic.find(key); at != std::string::npos; at = topic.find(key, at + value.size())) {
      topic.replace(at, key.size(), value);
    }
  }
  return topic;
}

// Which time or samples a window takes.
std::string extent(const core::WindowSpec& spec) {
  switch (spec.kind) {
    case core::WindowKind::tumbling:
      return format_duration(spec.length);
    case core::WindowKind::hopping:
      return format_duration(spec.length) + " every " + format_duration(spec.every);
    case core::WindowKind::sliding:
      return "the last " + format_duration(spec.length) + " of every sample, at most " +
             std::to_string(spec.samples_max) + " samples";
    case core::WindowKind::count:
      return std::to_string(spec.samples) + " samples" +
             (spec.step == spec.samples ? "" : " every " + std::to_string(spec.step));
    case core::WindowKind::session:
      return "until a pause of " + format_duration(spec.gap);
    case core::WindowKind::cumulative:
      return "since the series began, every " + format_duration(spec.every);
    case core::WindowKind::calendar:
      break;
  }
  return "every " + std::string{name_in(calendar_unit_names, spec.calendar->unit)} + " of " +
         spec.calendar->zone.name;
}

void detector_topics(const StreamConfig& stream, const DetectorConfig& detector, std::string& out) {
  const std::string& name = detector.spec.name;
  const auto line = [&](const std::string& topic) {
    out += "  " + filled(topic, "detector", name, stream) + '\n';
  };
  out += "stream " + shown(stream.name) + ", detector " + shown(name) + ", " +
         std::string{core::kind_name(detector.spec)} +
         (detector.on.empty() ? "" : " on " + shown(detector.on)) + ":\n";
  line(detector.to.empty() ? stream.flags_to : detector.to);
  if (!detector.retain_to.empty()) line(detector.retain_to);
}

void derived_topics(const Rules& rules, std::string& out) {
  head("derived topics", out);
  for (const auto& stream : rules.streams()) {
    const StreamConfig& from = *stream->config;
    for (const WindowConfig& window : from.windows) {
      out += "stream " + shown(from.name) + ", window " + shown(window.spec.name) + ", " +
             extent(window.spec) + ", by " + listed(window.by) + ":\n  " +
             filled(window.to, "window", window.spec.name, from) + '\n';
    }
    if (!from.late_to.empty()) {
      out += "stream " + shown(from.name) + ", late samples:\n  " + filled(from.late_to, "", "", from) + '\n';
    }
    for (const DetectorConfig& detector : from.detectors) detector_topics(from, detector, out);
    if (!from.flag_days_to.empty()) {
      out += "stream " + shown(from.name) + ", days of flags:\n  " + filled(from.flag_days_to, "", "", from) +
             '\n';
    }
  }
}

// A usual length of a series' name: its field and the values of its keys.
constexpr std::size_t name_bytes = 32;

// Returns the most that one series can take.
std::size_t series_memory(const Rules& rules, std::string& out) {
  std::size_t most = 0;
  for (const auto& stream : rules.streams()) {
    for (const Grouping& grouping : stream->groupings) {
      const auto line = [&](const std::string& fields, const core::Plan* plan) {
        if (plan == nullptr) return;
        most = std::max(most, plan->state_bytes());
        out += "stream " + shown(stream->config->name) + ", a series of " + fields + " by " +
               listed(grouping.names) + ": " + bytes_text(plan->state_bytes()) + '\n';
      };
      for (const auto& [field, plan] : grouping.by_field) line("field " + shown(field), plan);
      line(grouping.by_field.empty() ? "any field" : "any other field", grouping.other);
    }
  }
  return most;
}

// What each detector adds to a series that it judges.
void detector_memory(const Rules& rules, std::string& out) {
  for (const auto& stream : rules.streams()) {
    for (const DetectorConfig& detector : stream->config->detectors) {
      out += "stream " + shown(stream->config->name) + ", detector " + shown(detector.spec.name) + ", " +
             std::string{core::kind_name(detector.spec)} + ": " +
             bytes_text(core::state_bytes(detector.spec)) + " a series\n";
    }
  }
}

void memory(const Config& config, const Rules& rules, std::uint32_t shards, std::size_t connections,
            std::string& out) {
  head("memory", out);
  const std::size_t most = series_memory(rules, out);
  detector_memory(rules, out);
  const std::uint64_t series = config.limits.series_max;
  const std::uint64_t queue = std::uint64_t{config.aggregation.ring_buffer_size} * sizeof(core::Item);
  const std::size_t tables = series_table_bytes(name_bytes);
  out += "each series besides: about " + bytes_text(tables) + " in tables, with a name of " +
         std::to_string(name_bytes) + " bytes\n";
  out += "limits.series_max " + std::to_string(series) + ": at most " + bytes_text(series * most) +
         " of state, and about " + bytes_text(series * tables) + " of tables\n";
  out += "queues of " + std::to_string(shards) + " workers: " + bytes_text(queue * shards) + '\n';
  const std::uint64_t journal = config.limits.journal_bytes;
  out += "journal: " + bytes_text(journal);
  if (connections > 1) out += ", " + bytes_text(journal / connections) + " for each connection";
  out += '\n';
  out += "outboxes: at most " + bytes_text(std::uint64_t{outbox_bytes_max} * shards) + '\n';
  out += "waiting for the broker: at most " + std::to_string(config.publish.buffer) + " results\n";
}

void left_out(const Rules& rules, std::string& out) {
  const auto automatic = [](const auto& stream) {
    const PayloadConfig& payload = stream->config->payload;
    return !stream->config->ignore && payload.format != Format::number && payload.fields.empty() &&
           payload.exclude == housekeeping();
  };
  if (std::none_of(rules.streams().begin(), rules.streams().end(), automatic)) return;
  head("housekeeping: keys left out where a payload has neither \"fields\" nor \"exclude\"", out);
  std::string line;
  for (const std::string& glob : housekeeping()) {
    if (line.size() + glob.size() > 100) {
      out += line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + glob;
  }
  out += line + '\n';
}

}  // namespace

std::string check_report(const Config& config, std::uint32_t shards) {
  const Rules rules(config);
  std::string out;
  head("effective configuration", out);
  out += describe(config);
  const std::vector<MqttClientSpec> connections = split_connections(client_spec(config));
  subscriptions(config, rules, connections, out);
  derived_topics(rules, out);
  memory(config, rules, shards, connections.size(), out);
  left_out(rules, out);
  return out;
}

int check(const Config& config) {
  const std::string report = check_report(config, effective_shards(config.aggregation));
  std::fwrite(report.data(), 1, report.size(), stdout);
  std::fflush(stdout);
  require_files(config);
  return 0;
}

}  // namespace bridge
