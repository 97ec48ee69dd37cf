#include <algorithm>
#include <charconv>
#include <optional>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/journal.h"
#include "bridge/session_filters.h"
#include "bridge/status.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

// --- addresses ------------------------------------------------------------------------------------

bool is_port(std::string_view text, unsigned low) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= low && port <= 65535;
}

bool all_of(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

// "host", "[::1]", with or without ":port".
struct HostPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

std::optional<HostPort> split_host(std::string_view text) {
  HostPort out;
  const std::size_t host_end =
      text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  if (host_end == 0) return std::nullopt;  // "[" without "]", or nothing
  out.host = text.substr(0, host_end);
  if (host_end < text.size()) {
    if (text[host_end] != ':') return std::nullopt;
    out.port = text.substr(host_end + 1);
  }
  const bool bracketed = out.host.starts_with('[');
  const std::string_view inner = bracketed ? out.host.substr(1, out.host.size() - 2) : out.host;
  if (inner.empty() || !all_of(inner, bracketed ? ":.%" : ".-_")) return std::nullopt;
  return out;
}

void check_url(const BrokerConfig& broker, Problems& problems) {
  const std::string_view url = broker.url;
  const std::string allowed = "must be mqtt://host, mqtt://host:1883, mqtts://host or mqtts://host:8883";
  if (url.find('@') != std::string_view::npos) {  // may hold a password: not shown
    problems.add("/broker/url", "holds a user or password; use username and password_file or password_env");
    return;
  }
  const std::size_t slashes = url.find("://");
  const std::string_view scheme = url.substr(0, std::min(slashes, url.size()));
  if (slashes == std::string_view::npos || (scheme != "mqtt" && scheme != "mqtts")) {
    std::string words = shown(url) + ": " + allowed;
    if (scheme == "tcp") words += "; for tcp:// write mqtt://";
    if (scheme == "ssl" || scheme == "tls") words += "; for " + std::string{scheme} + ":// write mqtts://";
    problems.add("/broker/url", words);
    return;
  }
  const auto parts = split_host(url.substr(slashes + 3));
  if (!parts || (parts->port && !is_port(*parts->port, 1)))
    problems.add("/broker/url", shown(url) + ": " + allowed);
}

void check_broker(const BrokerConfig& broker, Problems& problems) {
  check_url(broker, problems);
  if (broker.client_id.empty())
    problems.add("/broker/client_id", "\"\": must not be empty: the broker keeps our session under it");
  check_name(broker.client_id, "/broker/client_id", problems);
  if (!broker.password_file.empty() && !broker.password_env.empty()) {
    problems.add("/broker/password_env",
                 shown(broker.password_env) + ": there is a password_file too; keep one of them");
  }
  const bool password = !broker.password_file.empty() || !broker.password_env.empty();
  if (password && broker.username.empty() && broker.protocol == 4) {
    problems.add("/broker/username", "missing; MQTT 3.1.1 takes no password without it");
  }
  const TlsConfig& tls = broker.tls;
  if (!broker.url.starts_with("mqtts://")) {
    for (const auto& [key, value] : {std::pair{"ca", &tls.ca}, {"cert", &tls.cert}, {"key", &tls.key}}) {
      if (!value->empty()) {
        problems.add(
            step("/broker/tls", key),
            shown(*value) + ": has no effect without TLS; make broker.url mqtts://, or leave it out");
      }
    }
    return;
  }
  if (tls.cert.empty() != tls.key.empty()) {
    const bool cert = tls.key.empty();
    problems.add(
        cert ? "/broker/tls/cert" : "/broker/tls/key",
        shown(cert ? tls.cert : tls.key) + ": needs " + (cert ? "\"key\"" : "\"cert\"") + " beside it");
  }
}

void check_aggregation(const AggregationConfig& aggregation, Problems& problems) {
  const std::uint32_t size = aggregation.ring_buffer_size;
  if ((size & (size - 1)) != 0) {
    std::uint32_t below = 1;
    while (below * 2 < size) below *= 2;
    problems.add("/aggregation/ring_buffer_size", std::to_string(size) + ": must be a power of two; choose " +
                                                      std::to_string(below) + " or " +
                                                      std::to_string(below * 2));
  } else if (size < aggregation.batch_size) {
    problems.add("/aggregation/ring_buffer_size", std::to_string(size) + ": must be at least batch_size " +
                                                      std::to_string(aggregation.batch_size) +
                                                      "; a batch must fit into the queue");
  }
}

// A message that no empty journal can take would hold the source back, in vain, each time it comes. Each
// connection has its part of the journal.
void check_limits(const LimitsConfig& limits, std::size_t connections, Problems& problems) {
  const std::string each =
      connections == 1 ? "" : " for each of " + std::to_string(connections) + " connections";
  if (limits.journal_bytes < Journal::bytes_least(connections)) {
    problems.add("/limits/journal_bytes", std::to_string(limits.journal_bytes) + ": must be at least " +
                                              std::to_string(Journal::bytes_least(connections)) +
                                              ", which is two blocks" + each);
    return;
  }
  const std::uint64_t message = std::uint64_t{limits.payload_bytes_max} + limits.topic_bytes_max;
  const std::uint64_t most = Journal::message_bytes_max(limits.journal_bytes, connections);
  if (message <= most) return;
  std::uint64_t enough = 2 * limits.journal_bytes;
  while (Journal::message_bytes_max(enough, connections) < message) enough *= 2;
  problems.add("/limits/payload_bytes_max",
               std::to_string(limits.payload_bytes_max) + ": journal_bytes " +
                   std::to_string(limits.journal_bytes) + " must hold two messages of this size" + each +
                   (most > limits.topic_bytes_max
                        ? "; choose at most " + std::to_string(most - limits.topic_bytes_max) +
                              ", or journal_bytes of at least " + std::to_string(enough)
                        : "; choose journal_bytes of at least " + std::to_string(enough)));
}

// What a shared subscription cannot do.
void check_share(const Config& config, Problems& problems) {
  const BrokerConfig& broker = config.broker;
  if (broker.share.empty()) return;
  check_name(broker.share, "/broker/share", problems);
  if (broker.protocol != 5) {
    problems.add("/broker/share", shown(broker.share) +
                                      ": MQTT 3.1.1 has no shared subscriptions; make broker.protocol 5, or "
                                      "leave it out");
  }
  for (std::size_t i = 0; i < config.streams.size(); ++i) {
    if (config.streams[i].retained == Retained::ignore) continue;
    problems.add(step(step("/streams", i), "retained"),
                 shown(name_in(retained_names, config.streams[i].retained)) +
                     ": has no effect with broker.share, as no retained messages are sent to a shared "
                     "subscription; make it \"ignore\", or leave broker.share out");
  }
}

void check_http(const HttpConfig& http, Problems& problems) {
  if (http.listen.empty()) return;
  const auto parts = split_host(http.listen);
  if (parts && parts->port && is_port(*parts->port, 0)) return;
  problems.add("/http/listen", shown(http.listen) +
                                   ": must be address:port, as \"127.0.0.1:9641\" or \"[::]:9641\"; "
                                   "\"\" for no HTTP");
}

}  // namespace

void check_name(const std::string& name, const std::string& pointer, Problems& problems) {
  if (name.empty()) return;  // reported when it was read
  std::string level;
  append_topic_level(name, level);
  if (level != name)
    problems.add(pointer, shown(name) + ": must be fit for one topic level: without \"/\", \"+\" and \"#\"");
  if (name.size() > 256)
    problems.add(pointer, shown(name) + ": is longer than 256 bytes; give it a shorter name");
}

void validate(const Config& config, Problems& problems) {
  check_broker(config.broker, problems);
  check_aggregation(config.aggregation, problems);
  check_share(config, problems);
  const auto filters = std::ranges::count_if(config.streams, [](const auto& one) { return !one.ignore; });
  check_limits(config.limits, connection_count(config.broker, static_cast<std::size_t>(filters)), problems);
  check_http(config.http, problems);

  std::vector<Output> outputs;
  try {
    const TopicTemplate topic(config.status.topic, {"client_id"});
    const std::string filled = topic.widest_filter({&config.broker.client_id});
    std::vector<std::string> widest{filled, session_filters_topic(filled), outage_topic(filled)};
    if (config.broker.connections > 1) widest.push_back(session_filters_topic(filled) + "/+");
    outputs.push_back({"/status/topic", config.status.topic, std::move(widest)});
  } catch (const SetupError& error) {
    problems.add("/status/topic", error.what());
  }
  validate_streams(config, std::move(outputs), problems);
}

}  // namespace bridge
