#include <algorithm>
#include <thread>

#include "bridge/bench_load.h"
#include "bridge/bench_report.h"
#include "bridge/bench_usage.h"
#include "bridge/bench_yardstick.h"
#include "bridge/journal.h"
#include "bridge/pipeline.h"
#include "core/check.h"

namespace bridge {
namespace {

constexpr std::size_t recorded_max = 100'000;  // messages kept; longer rounds take them again
constexpr core::Duration bench_spread =
    std::chrono::seconds{9};  // else the edge waits while all results are made
constexpr std::size_t outbox_bytes = 256 << 20;
constexpr std::size_t batches_between_drains = 8;  // 1024 messages: `weir run` looks at the clock as often
const core::Time begin = core::Time{std::chrono::seconds{1'767'225'600}};  // 2026-01-01

class EngineBench {
 public:
  explicit EngineBench(const BenchOptions& options)
      : options_(options),
        config_(parse_config(bench_config("bench", options.fields, options.discover,
                                          R"("aggregation": {"shard_count": 1}, )", bench_spread))),
        load_(record_load(options.devices, recorded_messages(options))),
        pipeline_(config_, true, outbox_bytes),
        outboxes_(pipeline_.outboxes()) {}

  EngineReport run() {
    EngineReport report;
    (void)round();  // every series, topic and block is new once
    usage_ = {};
    for (std::uint32_t i = 0; i < options_.rounds; ++i) report.rounds.push_back(round());
    pipeline_.engine().close();
    drain();
    fill(report);
    return report;
  }

 private:
  // Whole passes over the devices, so that each is met equally often.
  static std::size_t recorded_messages(const BenchOptions& options) {
    const std::size_t passes = std::max<std::size_t>(recorded_max / options.devices, 1);
    return static_cast<std::size_t>(std::min<std::uint64_t>(passes * options.devices, options.messages));
  }

  EngineRound round() {
    EngineRound round;
    measure_yardstick(round);
    measure_weir(round);
    return round;
  }

  void measure_yardstick(EngineRound& round) {
    const double messages = static_cast<double>(options_.messages);
    Usage usage;
    usage -= usage_now();
    for (std::uint64_t left = options_.messages; left > 0;) {
      const std::size_t piece =
          static_cast<std::size_t>(std::min<std::uint64_t>(left, load_.messages.size()));
      const double sum = yardstick_json(std::span(load_.messages).first(piece));
      CHECK(sum > 0, "sum %g", sum);
      left -= piece;
    }
    usage += usage_now();
    round.yardstick_rate = messages / usage.seconds;
    round.yardstick_cpu_ns = usage.own_cpu * 1e9 / messages;
  }

  void measure_weir(EngineRound& round) {
    const double messages = static_cast<double>(options_.messages);
    const std::uint64_t results = drained_;
    Usage usage;
    usage -= usage_now();
    for (std::uint64_t left = options_.messages, batches = 0; left > 0; ++batches) {
      left -= take_some(left);
      if (batches % batches_between_drains == 0) drain();
    }
    pipeline_.engine().settle();
    drain();
    usage += usage_now();
    usage_ += usage;
    round.weir_rate = messages / usage.seconds;
    round.edge_cpu_ns = usage.own_cpu * 1e9 / messages;
    round.worker_cpu_ns = usage.other_cpu * 1e9 / messages;
    round.results = drained_ - results;
  }

  // As many messages as the journal gives at once, at most `most`; how many.
  std::size_t take_some(std::uint64_t most) {
    const std::size_t from = static_cast<std::size_t>(taken_ % load_.messages.size());
    const std::size_t count = static_cast<std::size_t>(
        std::min<std::uint64_t>({most, Journal::batch_max, load_.messages.size() - from}));
    const std::span<Message> messages = std::span(load_.messages).subspan(from, count);
    for (Message& message : messages) {
      message.arrival =
          begin + core::Duration{static_cast<std::int64_t>(taken_++ * 1'000'000 / options_.rate * 1000)};
    }
    pipeline_.edge().take(messages);
    return count;
  }

  void drain() {
    for (Outbox* outbox : outboxes_) {
      for (; outbox->front() != nullptr; outbox->pop()) ++drained_;
    }
  }

  void fill(EngineReport& report) const {
    Stats stats;
    pipeline_.add_to(stats);
    report.terms = {"E",
                    options_.devices,
                    options_.fields,
                    options_.discover,
                    pipeline_.table().size(),
                    format_duration(bench_window) + ", spread over " + format_duration(bench_spread),
                    std::thread::hardware_concurrency(),
                    options_.rate};
    report.messages = options_.messages;
    report.usage = usage_;
    report.received = taken_;
    report.decoded = stats.messages[static_cast<std::size_t>(MessageOutcome::decoded)];
    report.samples = stats.samples;
    report.aggregated = stats.samples_by[static_cast<std::size_t>(SampleOutcome::aggregated)];
    for (const Outbox* outbox : outboxes_) report.refused += outbox->refused();
  }

  const BenchOptions options_;
  const Config config_;
  RecordedLoad load_;
  Pipeline pipeline_;
  const std::vector<Outbox*> outboxes_;
  std::uint64_t taken_ = 0;
  std::uint64_t drained_ = 0;
  Usage usage_;
};

}  // namespace

EngineReport bench_engine(const BenchOptions& options) { return EngineBench(options).run(); }

}  // namespace bridge
