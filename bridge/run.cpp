#include "bridge/run.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>

#include "bridge/commands.h"
#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/http.h"
#include "bridge/journal.h"
#include "bridge/log.h"
#include "bridge/service.h"
#include "bridge/status.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

std::atomic<bool> stop_wanted{false};

void on_signal(int) {
  if (stop_wanted.exchange(true)) ::_exit(1);
}

// How long results may still be delivered after the last message, when weir is asked to end.
constexpr core::Duration finish_within = std::chrono::seconds{5};

}  // namespace

StopSignal::StopSignal() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool StopSignal::set() noexcept { return stop_wanted.load(std::memory_order_relaxed); }

MqttClientSpec client_spec(const Config& config) {
  MqttClientSpec spec;
  spec.broker = config.broker;
  spec.limits = config.limits;
  spec.when_full = config.aggregation.when_full;
  spec.status_topic = status_topic(config);
  for (const StreamConfig& stream : config.streams) {
    if (stream.ignore) continue;
    spec.subscriptions.push_back(
        {TopicPattern{stream.from}.filter(), stream.qos, stream.retained != Retained::ignore});
  }
  return spec;
}

void require_files(const Config& config) {
  std::string problems;
  for (const std::string& line : missing_files(config)) problems += (problems.empty() ? "" : "\n") + line;
  if (!problems.empty()) throw SetupError(problems);
}

int run(const Config& config, const RunOptions& options) {
  configure_log(config.log);
  require_files(config);
  const StopSignal stop_signal;
  // In this order: each borrows from those above it.
  const MqttClientSpec spec = client_spec(config);
  const std::uint32_t connections = connection_count(spec.broker, spec.subscriptions.size());
  Journal journal(config.limits.journal_bytes, connections);
  MqttClient client(spec, &journal);
  Service service(config, {host_port(parse_broker_url(config.broker.url)), options.record}, journal, client,
                  client);
  std::optional<HttpServer> http;
  if (!config.http.listen.empty()) http.emplace(config.http.listen, [&service] { return service.stats(); });
  log(Level::info, "weir", "started",
      {{"version", WEIR_VERSION},
       {"broker", config.broker.url},
       {"client_id", config.broker.client_id},
       {"connections", std::to_string(connections)},
       {"workers", std::to_string(service.workers())},
       {"http", http ? "port " + std::to_string(http->port()) : "off"}});
  if (connections < config.broker.connections) {
    log(Level::warn, "weir", "fewer connections than broker.connections: no filter is left for more",
        {{"wanted", std::to_string(config.broker.connections)},
         {"connections", std::to_string(connections)}});
  }
  client.start();
  service.start();
  while (!StopSignal::set() && !service.failed()) service.step();
  service.finish(finish_within);
  client.stop();
  return service.tell_end() ? 0 : 1;
}

}  // namespace bridge
