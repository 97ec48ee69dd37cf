#include "bridge/service.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "bridge/arrival_clock.h"
#include "bridge/log.h"
#include "bridge/pipeline.h"
#include "bridge/publisher.h"
#include "bridge/recording.h"
#include "bridge/status.h"

namespace bridge {
namespace {

using core::Duration;
using core::Time;

// Durations of one stage. Written by the edge's thread, read by any.
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

}  // namespace

// Members in order of construction: each borrows only from those above it.
struct Service::Inner {
  Inner(const Config& the_config, const ServiceOptions& the_options, Journal& the_journal, Source& the_source,
        Sink& sink)
      : config(the_config),
        options(the_options),
        started(system_now()),
        journal(the_journal),
        source(the_source),
        pipeline(the_config, true, outbox_bytes),
        publisher(the_config.publish, pipeline.outboxes(), sink) {
    if (!options.record.empty()) recording.emplace(options.record);
  }

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
      pipeline.engine().flush(core::FlushCause::idle);
      const Time now = journal.advance(begin);
      if (pipeline.edge().take_tick(now) && recording && !recording->add_tick(now)) fail_recording();
    } else {
      edge_timer.add(system_now() - begin);
    }
    const bool changed = source_state_changed();
    if (changed) note_link(begin);
    if (changed || begin >= status_due) publish_status(begin);
    flush_log(begin);
    if (taken == 0) journal.wait(tick_every);
  }

  // How many messages it took.
  std::size_t take_some(Time now, bool first) {
    const std::span<const Message> messages = journal.batch();
    if (messages.empty()) return 0;
    if (first) journal_timer.add(now - messages.front().arrival);
    for (const Message& message : messages) {
      if (recording && !recording->add(message)) fail_recording();
    }
    pipeline.edge().take(messages);
    const Time arrival = messages.back().arrival;
    if (arrival - flushed >= config.aggregation.flush_interval) {
      flushed = arrival;
      pipeline.engine().flush(core::FlushCause::interval);
    }
    const std::size_t taken = messages.size();
    journal.pop();
    return taken;
  }

  void finish(Duration most, bool goodbye) {
    source.stop_intake();
    while (!journal.finished()) {
      if (take_some(system_now(), false) == 0) journal.wait(tick_every);
    }
    if (goodbye) pipeline.engine().finish(pipeline.edge().position());
    pipeline.engine().close();
    if (goodbye) {
      publisher.publish_status({status_topic(config), offline_json(config.broker.client_id), 1, true});
    }
    publisher.finish(most);
    if (recording && !recording->close()) fail_recording();
  }

  void fail_recording() {
    if (!failed) log(Level::error, "recording", "cannot be written; is the disk full?");
    failed = true;
  }

  bool source_state_changed() {
    const SourceState state = source.state();
    const bool changed = state.connects != seen_connects || state.disconnects != seen_disconnects ||
                         state.subscribed != seen_subscribed;
    seen_connects = state.connects;
    seen_disconnects = state.disconnects;
    seen_subscribed = state.subscribed;
    return changed;
  }

  // While a connection to the broker is missing, no device is silent: each may be behind it.
  void note_link(Time begin) {
    const bool up = source.state().connected;
    if (std::exchange(link_up, up) == up) return;
    const Time now = journal.advance(begin);
    pipeline.edge().take_link(up, now);
    if (recording && !recording->add_link(up, now)) fail_recording();
    if (!up) {
      link_down_since = now;
    } else if (std::exchange(link_was_up, true)) {
      publisher.publish_status({outage_topic(status_topic(config)),
                                outage_json(config.broker.client_id, link_down_since, now), 1, false});
    }
  }

  void publish_status(Time now) {
    status_due = now + config.status.every;
    publisher.publish_status({status_topic(config), status_json(stats()), 1, true});
  }

  void flush_log(Time now) {
    if (now < log_due) return;
    log_due = now + std::chrono::seconds{1};
    flush_throttled();
  }

  // Everything it reads is a counter or guarded by its owner.
  [[nodiscard]] Stats stats() const {
    const std::lock_guard lock(adopting);
    Stats stats;
    stats.version = WEIR_VERSION;
    stats.client_id = config.broker.client_id;
    stats.broker = options.broker;
    stats.started = started;
    stats.now = system_now();
    const SourceState state = source.state();
    stats.connected = state.connected;
    stats.subscribed = state.subscribed;
    stats.connects = state.connects;
    stats.disconnects = state.disconnects;
    stats.last_error = state.last_error;
    pipeline.add_to(stats);
    const SourceCounts taken = source.counts();
    stats.messages[static_cast<std::size_t>(MessageOutcome::shed)] += taken.shed;
    stats.messages[static_cast<std::size_t>(MessageOutcome::oversize)] += taken.oversize;
    stats.source_waits = taken.waits;
    stats.messages_in_flight = journal.pushed() - journal.popped();
    stats.received = taken.received;
    stats.journal_bytes = journal.bytes();
    const PublishCounters& publish = publisher.counters();
    stats.published = publish.acknowledged.get();
    stats.publish_refused = publish.refused.get();
    stats.publish_dropped += publish.dropped.get();
    stats.publish_again = publish.again.get();
    stats.publish_held = publish.held.get();
    stats.stages = {journal_timer.read("journal"), edge_timer.read("edge")};
    return stats;
  }

  const Config& config;
  const ServiceOptions options;
  const Time started;
  Journal& journal;
  Source& source;
  mutable std::mutex adopting;  // other streams, or reading what they have come to
  Pipeline pipeline;
  Publisher publisher;
  std::optional<RecordingWriter> recording;
  StageTimer journal_timer;
  StageTimer edge_timer;
  Time flushed{};
  Time status_due{};
  Time log_due{};
  std::uint64_t seen_connects = 0;
  std::uint64_t seen_disconnects = 0;
  bool seen_subscribed = false;
  bool link_up = true;
  bool link_was_up = false;  // ever
  Time link_down_since{};
  bool failed = false;
};

Service::Service(const Config& config, const ServiceOptions& options, Journal& journal, Source& source,
                 Sink& sink)
    : inner_(std::make_unique<Inner>(config, options, journal, source, sink)) {}

Service::~Service() = default;

void Service::start() {
  inner_->note_link(inner_->started);
  inner_->publisher.start();
}

void Service::step() { inner_->step(); }

Adoption Service::adopt(const std::vector<StreamConfig>& next) {
  const std::lock_guard lock(inner_->adopting);
  return inner_->pipeline.adopt(next);
}

bool Service::failed() const { return inner_->failed; }

void Service::finish(Duration most, bool goodbye) { inner_->finish(most, goodbye); }

bool Service::tell_end() {
  const Stats end = stats();
  log(Level::info, "weir", "ended",
      {{"received", std::to_string(end.received)},
       {"samples", std::to_string(end.samples)},
       {"published", std::to_string(end.published)},
       {"dropped", std::to_string(end.publish_dropped)}});
  flush_throttled(true);
  return !inner_->failed;
}

Stats Service::stats() const { return inner_->stats(); }

std::uint32_t Service::workers() const { return inner_->pipeline.engine().shards(); }

}  // namespace bridge
