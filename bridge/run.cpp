#include "bridge/run.h"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <utility>

#include "bridge/commands.h"
#include "bridge/error.h"
#include "bridge/http.h"
#include "bridge/journal.h"
#include "bridge/log.h"
#include "bridge/pipeline.h"
#include "bridge/publisher.h"
#include "bridge/recording.h"
#include "bridge/status.h"

namespace bridge {
namespace {

using core::Duration;
using core::Time;

std::atomic<bool> stop_wanted{false};

void on_signal(int) {
  if (stop_wanted.exchange(true)) ::_exit(1);
}

// Durations of one stage. Written by the main thread, read by any.
class StageTimer {
 public:
  void add(Duration duration) noexcept {
    const std::int64_t nanoseconds = std::max<std::int64_t>(duration.count(), 0);
    std::size_t bucket = 0;
    for (std::int64_t bound = 1000; bucket + 1 < StageHistogram::buckets && nanoseconds > bound; bound *= 4)
      ++bucket;
    counts_[bucket].add();
    nanoseconds_.add(static_cast<std::uint64_t>(nanoseconds));
  }
  [[nodiscard]] StageHistogram read(const char* stage) const {
    StageHistogram histogram;
    histogram.stage = stage;
    for (std::size_t i = 0; i < counts_.size(); ++i) histogram.counts[i] = counts_[i].get();
    histogram.sum_seconds = static_cast<double>(nanoseconds_.get()) / 1e9;
    return histogram;
  }

 private:
  std::array<core::Counter, StageHistogram::buckets> counts_;
  core::Counter nanoseconds_;
};

// Bytes of results that may wait between one worker and the publisher; what the broker cannot take waits in
// publish.buffer.
constexpr std::size_t outbox_bytes = 16 << 20;
// Messages read before the clock is looked at again.
constexpr std::size_t messages_per_step = 1024;
// How long results may still be delivered after the last message, when weir is asked to end.
constexpr Duration finish_within = std::chrono::seconds{5};

// The live bridge. Members in order of construction: each borrows only from those above it.
class Bridge {
 public:
  Bridge(const Config& config, const RunOptions& options)
      : config_(config),
        broker_name_(host_port(parse_broker_url(config.broker.url))),
        started_(system_now()),
        journal_(config.limits.journal_bytes),
        pipeline_(config, true, outbox_bytes),
        client_(client_spec(config), &journal_),
        publisher_(config.publish, pipeline_.outboxes(), client_) {
    if (!options.record.empty()) recording_.emplace(options.record);
    if (!config.http.listen.empty()) http_.emplace(config.http.listen, [this] { return stats(); });
  }

  int run() {
    log(Level::info, "weir", "started",
        {{"version", WEIR_VERSION},
         {"broker", config_.broker.url},
         {"client_id", config_.broker.client_id},
         {"workers", std::to_string(pipeline_.engine().shards())},
         {"http", http_ ? "port " + std::to_string(http_->port()) : "off"}});
    note_link(started_);
    client_.start();
    publisher_.start();
    while (!StopSignal::set() && !failed_) step();
    return finish();
  }

 private:
  // Reads what has arrived; when there is nothing, lets time pass and waits for more.
  void step() {
    const Time begin = system_now();
    std::size_t taken = 0;
    while (taken < messages_per_step) {
      const std::size_t more = take_some(begin, taken == 0);
      if (more == 0) break;
      taken += more;
    }
    if (taken == 0) {
      pipeline_.engine().flush(core::FlushCause::idle);
      if (pipeline_.edge().take_tick(begin) && recording_ && !recording_->add_tick(begin)) fail_recording();
    } else {
      edge_timer_.add(system_now() - begin);
    }
    const bool changed = client_state_changed();
    if (changed) note_link(begin);
    if (changed || begin >= status_due_) publish_status(begin);
    flush_log(begin);
    if (taken == 0) journal_.wait(tick_every);
  }

  // How many messages it took.
  std::size_t take_some(Time now, bool first) {
    const std::span<const Message> messages = journal_.batch();
    if (messages.empty()) return 0;
    if (first) journal_timer_.add(now - messages.front().arrival);
    for (const Message& message : messages) {
      if (recording_ && !recording_->add(message)) fail_recording();
    }
    pipeline_.edge().take(messages);
    const Time arrival = messages.back().arrival;
    if (arrival - flushed_ >= config_.aggregation.flush_interval) {
      flushed_ = arrival;
      pipeline_.engine().flush(core::FlushCause::interval);
    }
    const std::size_t taken = messages.size();
    journal_.pop();
    return taken;
  }

  int finish() {
    client_.stop_intake();
    while (!journal_.finished()) {
      if (take_some(system_now(), false) == 0) journal_.wait(tick_every);
    }
    pipeline_.engine().close();
    publisher_.finish(finish_within);
    if (recording_ && !recording_->close()) fail_recording();
    client_.stop();
    const Stats end = stats();
    log(Level::info, "weir", "ended",
        {{"received", std::to_string(end.received)},
         {"samples", std::to_string(end.samples)},
         {"published", std::to_string(end.published)},
         {"dropped", std::to_string(end.publish_dropped)}});
    flush_throttled(true);
    return failed_ ? 1 : 0;
  }

  void fail_recording() {
    if (!failed_) log(Level::error, "recording", "cannot be written; is the disk full?");
    failed_ = true;
  }

  bool client_state_changed() {
    const MqttClient::State state = client_.state();
    const bool changed = state.connects != seen_connects_ || state.disconnects != seen_disconnects_ ||
                         state.subscribed != seen_subscribed_;
    seen_connects_ = state.connects;
    seen_disconnects_ = state.disconnects;
    seen_subscribed_ = state.subscribed;
    return changed;
  }

  // While there is no connection to the broker, no device is silent.
  void note_link(Time now) {
    const MqttClient::State state = client_.state();
    const bool up = state.connected;
    if (std::exchange(link_up_, up) == up) return;
    pipeline_.edge().take_link(up, now);
    if (recording_ && !recording_->add_link(up, now)) fail_recording();
    if (!up) {
      link_down_since_ = now;
    } else if (state.connects > 1) {
      publisher_.publish_status({outage_topic(status_topic(config_)),
                                 outage_json(config_.broker.client_id, link_down_since_, now), 1, false});
    }
  }

  void publish_status(Time now) {
    status_due_ = now + config_.status.every;
    publisher_.publish_status({status_topic(config_), status_json(stats()), 1, true});
  }

  void flush_log(Time now) {
    if (now < log_due_) return;
    log_due_ = now + std::chrono::seconds{1};
    flush_throttled();
  }

  // Any thread: everything it reads is a counter or guarded by its owner.
  [[nodiscard]] Stats stats() const {
    Stats stats;
    stats.version = WEIR_VERSION;
    stats.client_id = config_.broker.client_id;
    stats.broker = broker_name_;
    stats.started = started_;
    stats.now = system_now();
    const MqttClient::State state = client_.state();
    stats.connected = state.connected;
    stats.subscribed = state.subscribed;
    stats.connects = state.connects;
    stats.disconnects = state.disconnects;
    stats.last_error = state.last_error;
    pipeline_.add_to(stats);
    const SourceCounters& source = client_.counters();
    stats.messages[static_cast<std::size_t>(MessageOutcome::shed)] += source.shed.get();
    stats.messages[static_cast<std::size_t>(MessageOutcome::oversize)] += source.oversize.get();
    stats.source_waits = source.waits.get();
    stats.messages_in_flight = journal_.pushed() - journal_.popped();
    stats.received = source.received.get();
    stats.journal_bytes = journal_.bytes();
    const PublishCounters& publish = publisher_.counters();
    stats.published = publish.acknowledged.get();
    stats.publish_refused = publish.refused.get();
    stats.publish_dropped += publish.dropped.get();
    stats.publish_again = publish.again.get();
    stats.publish_held = publish.held.get();
    stats.stages = {journal_timer_.read("journal"), edge_timer_.read("edge")};
    return stats;
  }

  const Config& config_;
  const std::string broker_name_;
  const Time started_;
  Journal journal_;
  Pipeline pipeline_;
  MqttClient client_;
  Publisher publisher_;
  std::optional<RecordingWriter> recording_;
  StageTimer journal_timer_;
  StageTimer edge_timer_;
  std::optional<HttpServer> http_;
  Time flushed_{};
  Time status_due_{};
  Time log_due_{};
  std::uint64_t seen_connects_ = 0;
  std::uint64_t seen_disconnects_ = 0;
  bool seen_subscribed_ = false;
  bool link_up_ = true;
  Time link_down_since_{};
  bool failed_ = false;
};

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

Time system_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

std::string status_topic(const Config& config) {
  std::string topic = config.status.topic;
  constexpr std::string_view name = "{client_id}";
  for (std::size_t at = topic.find(name); at != std::string::npos; at = topic.find(name, at)) {
    topic.replace(at, name.size(), config.broker.client_id);
    at += config.broker.client_id.size();
  }
  return topic;
}

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
  Bridge bridge(config, options);
  return bridge.run();
}

}  // namespace bridge
