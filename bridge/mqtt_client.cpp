#include "bridge/mqtt_client.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/mqtt_supervisor.h"
#include "bridge/reach.h"
#include "bridge/status.h"
#include "bridge/text.h"

namespace bridge {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!in || (!std::getline(in, line) && !in.eof())) {
    throw SetupError("mqtt: broker.password_file: " + shown(path) +
                     " cannot be read; check its name and permissions");
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string password_of(const BrokerConfig& broker) {
  if (!broker.password_file.empty()) return first_line(broker.password_file);
  if (broker.password_env.empty()) return {};
  const char* const value = std::getenv(broker.password_env.c_str());
  if (value == nullptr) {
    throw SetupError("mqtt: broker.password_env: the environment has no variable " +
                     shown(broker.password_env));
  }
  return value;
}

MqttLinkSpec link_spec_of(const MqttClientSpec& spec, const BrokerUrl& url) {
  if (url.tls) {
    if (auto problem = tls_files_problem(spec.broker.tls)) throw SetupError("mqtt: " + *problem);
  }
  MqttLinkSpec link;
  link.uri = (url.tls ? "ssl://" : "tcp://") + host_port(url);
  link.host = url.host;
  link.port = url.port;
  link.broker = spec.broker;
  link.payload_bytes_max = spec.limits.payload_bytes_max;
  link.tls = url.tls;
  link.password = password_of(spec.broker);
  if (spec.connection == 0) link.will_topic = spec.status_topic;
  link.will_payload = offline_json(spec.broker.client_id);
  link.publish_buffer = std::max<std::uint32_t>(spec.publish_buffer, 1);
  return link;
}

}  // namespace

struct MqttClient::Inner {
  Inner(const MqttClientSpec& spec, Journal* journal) : share(spec.broker.share) {
    const BrokerUrl url = parse_broker_url(spec.broker.url);
    for (MqttClientSpec& one : split_connections(spec)) {
      subscriptions.push_back(one.subscriptions);
      if (one.broker.connections > 1) one.others_subscribed = [this] { return state().subscribed; };
      connections.push_back(std::make_unique<MqttSupervisor>(one, url, link_spec_of(one, url), journal));
    }
  }

  [[nodiscard]] State state() const {
    State all{true, true, 0, 0, {}};
    for (const auto& connection : connections) {
      const State one = connection->state();
      all.connected = all.connected && one.connected;
      all.subscribed = all.subscribed && one.subscribed;
      all.connects += one.connects;
      all.disconnects += one.disconnects;
      if (!one.last_error.empty()) all.last_error += (all.last_error.empty() ? "" : "; ") + one.last_error;
    }
    return all;
  }

  // At once: a broker that does not answer is waited for once.
  void stop() {
    std::vector<std::jthread> ends;
    for (std::size_t i = 1; i < connections.size(); ++i)
      ends.emplace_back([&, i] { connections[i]->stop(); });
    connections[0]->stop();
  }

  const std::string share;
  std::vector<std::vector<Subscription>> subscriptions;      // of each connection; the owner's
  std::vector<std::unique_ptr<MqttSupervisor>> connections;  // at least one
};

MqttClient::MqttClient(const MqttClientSpec& spec, Journal* journal)
    : inner_(std::make_unique<Inner>(spec, journal)) {}

MqttClient::~MqttClient() { stop(); }

void MqttClient::start() {
  for (const auto& connection : inner_->connections) connection->start();
}

void MqttClient::adopt(const std::vector<Subscription>& subscriptions) {
  inner_->subscriptions = split_again(inner_->subscriptions, subscriptions, inner_->share);
  for (std::size_t i = 0; i < inner_->connections.size(); ++i)
    inner_->connections[i]->adopt(inner_->subscriptions[i]);
}

void MqttClient::stop_intake() {
  for (const auto& connection : inner_->connections) connection->intake().stop();
}

void MqttClient::stop() { inner_->stop(); }

Sink::Accepted MqttClient::publish(const Publication& publication, Ticket ticket) noexcept try {
  return inner_->connections[0]->publish(publication, ticket);
} catch (const std::exception&) {
  return Accepted::later;  // no memory now
}

bool MqttClient::completed(Completion& out) noexcept { return inner_->connections[0]->completed(out); }

MqttClient::State MqttClient::state() const { return inner_->state(); }

SourceCounts MqttClient::counts() const {
  SourceCounts all;
  for (const auto& connection : inner_->connections) all += connection->intake().counters().read();
  return all;
}

BrokerUrl parse_broker_url(std::string_view url) {
  const auto wrong = [&](std::string_view what) {
    return SetupError("broker.url: " + shown(url) + ": " + std::string(what) +
                      "; allowed is mqtt://host, mqtt://host:port, mqtts://host or mqtts://host:port");
  };
  BrokerUrl parsed{};
  std::string_view rest = url;
  if (rest.starts_with("mqtts://")) {
    parsed.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("mqtt://")) {
    rest.remove_prefix(7);
  } else {
    throw wrong("it does not begin with mqtt:// or mqtts://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = rest.substr(0, colon);
  if (bracket != std::string_view::npos) host = rest.substr(1, bracket - 1);
  if (host.empty() || host.find_first_of("/@?# []") != std::string_view::npos) throw wrong("no host name");
  parsed.host = host;
  parsed.port = parsed.tls ? 8883 : 1883;
  if (colon == std::string_view::npos) return parsed;
  const std::string_view port = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc{} || end != port.data() + port.size() || parsed.port < 1 || parsed.port > 65535) {
    throw wrong("the port is no number from 1 to 65535");
  }
  return parsed;
}

std::string host_port(const BrokerUrl& url) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

}  // namespace bridge
