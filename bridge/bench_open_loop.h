// OpenLoop: a fleet's messages into a pipeline by the clock, whatever happens: what falls behind is behind,
// and counted. One device, one topic, one series; a message is a JSON array of the points its device
// gathered. The calling thread is the edge; the workers are the pipeline's; a third empties the outboxes, as
// the publisher would, to nowhere.
#pragma once

#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "bridge/bench_fleet_load.h"
#include "bridge/bench_observer.h"
#include "bridge/bench_usage.h"
#include "bridge/pipeline.h"

namespace bridge {

// How long results took: from the scheduled time of the message that caused one to when it left the outbox.
class Latencies {
 public:
  void add(double seconds);
  // Upper bound of the part, in milliseconds; 0 without any.
  [[nodiscard]] double percentile_ms(double part) const;
  [[nodiscard]] double most_ms() const { return most_ * 1e3; }

 private:
  static constexpr double step = 50e-6;
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(100'000);  // the last holds what is longer
  std::uint64_t all_ = 0;
  double most_ = 0;
};

// When the messages of a round are due: message `first` at `start` by the clock, and so on.
struct Schedule {
  double start = 0;
  double rate = 1;  // messages per second
  core::Position first = 0;

  [[nodiscard]] double due(core::Position message) const {
    return static_cast<double>(message - first) / rate;
  }
};

// Takes results out of the outboxes as they come, on a thread of its own, and adds up what they say.
class Drain {
 public:
  explicit Drain(std::vector<Outbox*> outboxes);
  // Latencies from now on are those of this schedule.
  void begin(const Schedule& schedule);
  // Waits until everything that was pushed is taken. Precondition: nobody pushes.
  void catch_up() const;
  [[nodiscard]] ResultTally tally() const;
  [[nodiscard]] Latencies latencies() const;
  [[nodiscard]] double cpu_seconds() const;

 private:
  void run(const std::stop_token& stop);
  // Some results; how many.
  std::size_t take_some();

  const std::vector<Outbox*> outboxes_;
  mutable std::mutex mutex_;
  Schedule schedule_;
  ResultTally tally_;
  Latencies latencies_;
  double cpu_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

struct OpenRound {
  double offered = 0;          // messages per second
  std::uint64_t messages = 0;  // taken, and everything made of them
  double behind_most_ms = 0, behind_end_ms = 0;
  Usage usage;          // own_cpu is the edge's
  double sink_cpu = 0;  // seconds, of the sink; not in usage
  std::uint64_t results = 0;
  double latency_p50_ms = 0, latency_p99_ms = 0, latency_most_ms = 0;

  [[nodiscard]] double reached() const { return static_cast<double>(messages) / usage.seconds; }
  // Seconds of processor of edge and workers per message.
  [[nodiscard]] double cpu() const {
    return (usage.own_cpu + usage.other_cpu) / static_cast<double>(messages);
  }
};

class OpenLoop {
 public:
  // Both outlive it.
  OpenLoop(const Config& config, const FleetLoad& load);

  // As many messages a second for so long; then all that was taken is handled.
  OpenRound keep_pace(double rate, double seconds);
  // So many messages as fast as they are taken; event time passes as if `rate` came a second.
  OpenRound flood(double rate, std::uint64_t messages);
  // All devices at once, a message each, through a journal of the configured size.
  struct Burst {
    double seconds = 0;
    std::uint64_t journal_bytes_most = 0;
  };
  Burst burst();
  // The end: every window that is open becomes a result.
  void finish();

  [[nodiscard]] Pipeline& pipeline() { return pipeline_; }
  [[nodiscard]] ResultTally tally() const { return drain_.tally(); }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  void begin(double rate, OpenRound& round);
  void end(OpenRound& round);
  void take(std::size_t count);
  void took(core::Time arrival);
  void idle(double elapsed);
  [[nodiscard]] core::Time event_time(double elapsed) const;
  [[nodiscard]] double elapsed() const;

  const Config& config_;
  const FleetLoad& load_;
  Pipeline pipeline_;
  Drain drain_;
  std::uint64_t taken_ = 0;  // messages so far
  core::Time flushed_{};
  Schedule schedule_;  // of the round under way
  core::Time event_start_;
};

}  // namespace bridge
