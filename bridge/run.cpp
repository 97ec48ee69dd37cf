#include "bridge/run.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <utility>

#include "bridge/commands.h"
#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/http.h"
#include "bridge/journal.h"
#include "bridge/log.h"
#include "bridge/reload.h"
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

namespace {

// SIGHUP. From now on it interrupts no thread: it is asked for. Comes before all threads.
class ReloadSignal {
 public:
  ReloadSignal() {
    (void)sigemptyset(&signals_);
    (void)sigaddset(&signals_, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  // One has come since.
  [[nodiscard]] bool take() const {
    const timespec at_once{};
    return sigtimedwait(&signals_, nullptr, &at_once) == SIGHUP;
  }

 private:
  sigset_t signals_{};
};

// `weir run` from its first configuration to its end, on the main thread.
class Run {
 public:
  Run(const std::function<Config()>& load, const RunOptions& options, Config config)
      : load_(load),
        config_(std::move(config)),
        begun_(config_),
        spec_(client_spec(begun_)),
        connections_(connection_count(spec_.broker, spec_.subscriptions.size())),
        journal_(begun_.limits.journal_bytes, connections_),
        client_(spec_, &journal_),
        service_(begun_, {host_port(parse_broker_url(begun_.broker.url)), options.record}, journal_, client_,
                 client_),
        http_(listen(begun_)) {}

  int go() {
    tell_start();
    client_.start();
    service_.start();
    while (!StopSignal::set() && !service_.failed()) {
      service_.step();
      if (reload_signal_.take()) reload();
    }
    service_.finish(finish_within);
    client_.stop();
    return service_.tell_end() ? 0 : 1;
  }

 private:
  std::unique_ptr<HttpServer> listen(const Config& config) {
    return http_server(config.http.listen, [this] { return service_.stats(); });
  }

  void tell_start() const {
    log(Level::info, "weir", "started",
        {{"version", WEIR_VERSION},
         {"broker", begun_.broker.url},
         {"client_id", begun_.broker.client_id},
         {"connections", std::to_string(connections_)},
         {"workers", std::to_string(service_.workers())},
         {"http", whereabouts(http_)}});
    if (connections_ >= begun_.broker.connections) return;
    log(Level::warn, "weir", "fewer connections than broker.connections: no filter is left for more",
        {{"wanted", std::to_string(begun_.broker.connections)},
         {"connections", std::to_string(connections_)}});
  }

  void reload() try {
    Config next = load_();
    if (describe(next) == describe(config_))
      return log(Level::info, "weir", "reload: the configuration is the same, and so are all windows");
    if (const std::string differ = sections_that_differ(next, config_); !differ.empty())
      throw SetupError("it also differs in " + differ + ": end weir and start it again for that");
    // Whatever throws comes first.
    const bool moves = next.http.listen != config_.http.listen;
    std::unique_ptr<HttpServer> http = moves ? listen(next) : nullptr;
    // The rules before the topics: what comes by the new ones must find them.
    const Adoption adoption = service_.adopt(next.streams);
    client_.adopt(client_spec(next).subscriptions);
    if (moves) http_ = std::move(http);
    configure_log(next.log);
    const Outcome outcome = outcome_of(config_.streams, next.streams, adoption);
    log(Level::info, "weir", "reload: the new configuration is in use",
        {{"kept", text_of(outcome.kept)},
         {"reset", text_of(outcome.reset)},
         {"new", text_of(outcome.begun)},
         {"gone", text_of(outcome.gone)},
         {"http", whereabouts(http_)}});
    config_ = std::move(next);
  } catch (const std::exception& error) {
    log(Level::error, "weir", "reload: the old configuration stays, for there is something wrong",
        {{"reason", error.what()}});
  }

  // In this order: each borrows from those above it.
  const ReloadSignal reload_signal_;
  const std::function<Config()>& load_;
  Config config_;       // in use
  const Config begun_;  // the first one
  const MqttClientSpec spec_;
  const std::uint32_t connections_;
  Journal journal_;
  MqttClient client_;
  Service service_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace

int run(const std::function<Config()>& load, const RunOptions& options) {
  Config config = load();
  configure_log(config.log);
  require_files(config);
  const StopSignal stop_signal;
  return Run(load, options, std::move(config)).go();
}

}  // namespace bridge
