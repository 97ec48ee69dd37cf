#include <algorithm>
#include <utility>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/text.h"

namespace bridge {
namespace {

constexpr std::size_t streams_max = 1000;

// --- whole sections -------------------------------------------------------------------------------

void read_tls(const Node& node, const std::string& pointer, Problems& problems, TlsConfig& tls) {
  ObjectReader in(node, pointer, problems);
  in.text("ca", tls.ca);
  in.text("cert", tls.cert);
  in.text("key", tls.key);
  in.finish();
}

void whole_seconds(ObjectReader& in, std::string_view key, Duration value) {
  if (value % 1s != Duration{0})
    in.problem(key, format_duration(value) + ": must be whole seconds, as MQTT has no smaller unit");
}

void read_broker(const Node& node, const std::string& pointer, Problems& problems, BrokerConfig& broker) {
  ObjectReader in(node, pointer, problems);
  in.text("url", broker.url);
  in.text("client_id", broker.client_id);
  in.text("username", broker.username);
  in.text("password_file", broker.password_file);
  in.text("password_env", broker.password_env);
  in.refuse("password",
            "does not belong into this file; put it into a file and name that in password_file, or into the "
            "environment and name the variable in password_env");
  if (const Node* const tls = in.find("tls")) read_tls(*tls, in.at("tls"), problems, broker.tls);
  if (const Node* const protocol = in.find("protocol")) {
    if (protocol->kind == Node::Kind::number && (protocol->number == 4 || protocol->number == 5)) {
      broker.protocol = static_cast<int>(protocol->number);
    } else {
      in.problem("protocol", protocol->seen() + ": must be 5 (MQTT 5) or 4 (MQTT 3.1.1)");
    }
  }
  in.duration("keep_alive", broker.keep_alive, 1s, 18h);
  whole_seconds(in, "keep_alive", broker.keep_alive);
  in.duration("session_expiry", broker.session_expiry, 0s, 365 * 24h);
  whole_seconds(in, "session_expiry", broker.session_expiry);
  in.integer("receive_maximum", broker.receive_maximum, 1, 65535);
  in.choice("client", broker.client, client_names);
  in.duration("read_interval", broker.read_interval, 0s, 100ms);
  in.integer("connections", broker.connections, 1, connections_max);
  in.text("share", broker.share);
  in.finish();
}

void read_aggregation(const Node& node, const std::string& pointer, Problems& problems,
                      AggregationConfig& aggregation) {
  ObjectReader in(node, pointer, problems);
  in.integer("shard_count", aggregation.shard_count, 0, 1024);
  in.integer("batch_size", aggregation.batch_size, 1, 1'000'000);
  in.duration("flush_interval", aggregation.flush_interval, 0s, 10s);
  in.integer("ring_buffer_size", aggregation.ring_buffer_size, 1, 1U << 24);
  in.choice("when_full", aggregation.when_full, when_full_names);
  in.finish();
}

void read_limits(const Node& node, const std::string& pointer, Problems& problems, LimitsConfig& limits) {
  ObjectReader in(node, pointer, problems);
  in.integer("series_max", limits.series_max, 1, 1ULL << 31);
  in.duration("series_ttl", limits.series_ttl, 0s, core::duration_max);
  if (limits.series_ttl != 0s && limits.series_ttl < 1min) {
    in.problem("series_ttl", format_duration(limits.series_ttl) + ": must be 1m or longer, or 0s for never");
  }
  in.integer("journal_bytes", limits.journal_bytes, 1ULL << 20, 1ULL << 40);
  in.integer("payload_bytes_max", limits.payload_bytes_max, 1, 256U << 20);
  in.integer("topic_bytes_max", limits.topic_bytes_max, 1, 65535);
  in.finish();
}

void read_publish(const Node& node, const std::string& pointer, Problems& problems, PublishConfig& publish) {
  ObjectReader in(node, pointer, problems);
  in.integer("qos", publish.qos, 0, 2);
  in.boolean("retain", publish.retain);
  in.integer("buffer", publish.buffer, 1, 10'000'000);
  in.integer("max_rate", publish.max_rate, 0, 1'000'000);
  in.finish();
}

void read_status(const Node& node, const std::string& pointer, Problems& problems, StatusConfig& status) {
  ObjectReader in(node, pointer, problems);
  in.text("topic", status.topic);
  in.duration("every", status.every, 1s, 1h);
  in.finish();
}

void read_http(const Node& node, const std::string& pointer, Problems& problems, HttpConfig& http) {
  ObjectReader in(node, pointer, problems);
  in.text("listen", http.listen);
  in.finish();
}

void read_log(const Node& node, const std::string& pointer, Problems& problems, LogConfig& log) {
  constexpr ChoiceNames<std::string_view, 4> levels{
      {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}}};
  constexpr ChoiceNames<std::string_view, 2> formats{{{"text", "text"}, {"json", "json"}}};
  ObjectReader in(node, pointer, problems);
  in.choice("level", log.level, levels);
  in.choice("format", log.format, formats);
  in.finish();
}

// --- defaults that depend on other keys -----------------------------------------------------------

// The first fixed level of a pattern.
std::string first_fixed_level(std::string_view from) {
  for (std::size_t at = 0; at <= from.size();) {
    const std::size_t end = std::min(from.find('/', at), from.size());
    const std::string_view level = from.substr(at, end - at);
    if (!level.empty() && level.find_first_of("+#{}") == std::string_view::npos) return std::string{level};
    at = end + 1;
  }
  return "stream";
}

void name_streams(std::vector<StreamConfig>& streams) {
  std::vector<std::string> taken;
  for (const StreamConfig& stream : streams) {
    if (!stream.name.empty()) taken.push_back(stream.name);
  }
  const auto is_taken = [&](const std::string& name) {
    return std::find(taken.begin(), taken.end(), name) != taken.end();
  };
  for (StreamConfig& stream : streams) {
    if (!stream.name.empty()) continue;
    const std::string base = first_fixed_level(stream.from);
    stream.name = base;
    for (int i = 2; is_taken(stream.name); ++i) stream.name = base + '-' + std::to_string(i);
    taken.push_back(stream.name);
  }
}

std::string default_topic(const std::vector<std::string>& keys, std::string_view end) {
  std::string topic = "derived/{stream}/";
  for (const std::string& key : keys) topic += '{' + key + "}/";
  return topic + std::string{end};
}

// Whether flags_to names keys of the stream that are not among these.
bool names_others(const StreamConfig& stream, const std::vector<std::string>& keys) {
  const std::vector<std::string> all = series_keys(stream);
  return std::any_of(all.begin(), all.end(), [&](const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) == keys.end() &&
           stream.flags_to.find('{' + key + '}') != std::string::npos;
  });
}

void fill_topics(StreamConfig& stream) {
  for (WindowConfig& window : stream.windows) {
    if (window.to.empty()) window.to = default_topic(window.by, "{field}/{window}");
  }
  if (stream.flags_to.empty() && !stream.ignore) {
    stream.flags_to = default_topic(series_keys(stream), "{field}/flag/{detector}");
  }
  for (DetectorConfig& detector : stream.detectors) {
    const std::vector<std::string> keys = series_keys(stream, detector);
    if (detector.to.empty() && names_others(stream, keys))
      detector.to = default_topic(keys, "{field}/flag/{detector}");
  }
}

// The one key there is needs no name.
void name_expected(StreamConfig& stream) {
  const std::vector<std::string> keys = series_keys(stream);
  if (keys.size() != 1) return;
  for (DetectorConfig& detector : stream.detectors) {
    for (auto& device : detector.expect) {
      if (auto only = device.extract(""); !only.empty()) {
        only.key() = keys.front();
        device.insert(std::move(only));
      }
    }
  }
}

}  // namespace

Config read_config(const Node& root, Problems& problems) {
  Config config;
  ObjectReader in(root, "", problems);
  const auto section = [&](std::string_view key, auto read, auto& target) {
    if (const Node* const node = in.find(key)) read(*node, in.at(key), problems, target);
  };
  section("broker", read_broker, config.broker);
  section("aggregation", read_aggregation, config.aggregation);
  section("limits", read_limits, config.limits);
  in.need("streams", "write at least one, as \"streams\": [{\"from\": \"sensors/{device}/#\"}]");
  in.at_most("streams", streams_max);
  const bool read = in.elements("streams", [&](const Node& node, const std::string& at) {
    if (config.streams.size() == streams_max) return;
    read_stream(node, at, problems, config.streams.emplace_back());
  });
  if (read && in.find("streams")->items.empty()) {
    in.problem("streams", "an empty array: needs at least one, as [{\"from\": \"sensors/{device}/#\"}]");
  }
  section("publish", read_publish, config.publish);
  section("status", read_status, config.status);
  section("http", read_http, config.http);
  section("log", read_log, config.log);
  in.finish();
  name_streams(config.streams);
  for (StreamConfig& stream : config.streams) {
    fill_topics(stream);
    name_expected(stream);
    if (!stream.ignore && stream.series_max == 0) stream.series_max = config.limits.series_max;
  }
  return config;
}

}  // namespace bridge
