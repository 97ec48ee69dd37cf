// Level G. Processes: the bench (one thread: steers, observes), a broker, a generator, and one subject at a
// time. All are started anew for each round but the broker; whatever happens they end with the bench.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bridge/bench_child.h"
#include "bridge/bench_generator.h"
#include "bridge/bench_load.h"
#include "bridge/bench_observer.h"
#include "bridge/bench_report.h"
#include "bridge/bench_subject.h"
#include "bridge/local_broker.h"
#include "bridge/run.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// As fast as it goes: messages that may be sent and not yet handled. Half of what the broker holds before it
// drops (max_queued_messages), and more than is handled between two looks.
constexpr std::uint64_t outstanding_max = 50'000;
constexpr int look_ms = 100;
constexpr Clock::duration warm_up = seconds{2};
constexpr Clock::duration start_within = seconds{20};
constexpr Clock::duration stuck_after = seconds{4};  // without a message more, what is missing is lost
constexpr Clock::duration results_within =
    seconds{20};  // of the last message: the window, its idle time, and publishing

struct Interrupted {};

// What is read at both ends of the measured part.
struct Mark {
  Clock::time_point time;
  std::uint64_t handled = 0;
  core::Duration subject{}, broker{}, generator{};
};

class GatewayBench {
 public:
  explicit GatewayBench(const BenchOptions& options)
      : options_(options),
        duration_(parse_duration(options.duration).value()),
        load_(gateway_load(options.devices)),
        broker_({.settings = "sys_interval 1"}) {
    broker_.start();
    observer_.emplace(broker_.port());
  }

  GatewayReport run() {
    GatewayReport report;
    report.terms = gateway_terms(options_);
    report.client = options_.client;
    report.duration_seconds = std::chrono::duration<double>(duration_).count();
    try {
      for (std::uint32_t i = 0; i < options_.rounds; ++i) {
        if (options_.subject != "weir") report.rounds.push_back(round("null", i));
        if (options_.subject != "null") report.rounds.push_back(round("weir", i));
      }
    } catch (const Interrupted&) {
      report.interrupted = true;
    }
    return report;
  }

 private:
  GatewayRound round(const std::string& name, std::uint32_t number) {
    (void)std::fprintf(stderr, "bench: round %u of %u: %s\n", number + 1, options_.rounds, name.c_str());
    GatewayRound round;
    round.subject = name;
    observer_->refresh();
    const ResultTally before = observer_->tally();
    Shared<GeneratorFlow> flow;
    const std::unique_ptr<Subject> subject = start(name);
    Child generator = Child::of([&] { return generate(broker_.port(), load_, options_.rate, *flow); });

    steer(*subject, *flow, Clock::now() + warm_up);
    flow->late_ns = 0;
    const Mark begin = mark(*subject, generator);
    steer(*subject, *flow, begin.time + duration_);
    const Mark end = mark(*subject, generator);
    fill(begin, end, round);
    round.late_ms = static_cast<double>(flow->late_ns.load()) / 1e6;

    finish(*subject, *flow);
    round.sent = flow->sent.load();
    if (name == "weir") await_results(before.samples + round.sent * options_.fields);
    subject->add_to(round);
    round.resident_bytes = subject->child().resident_bytes_peak();
    (void)subject->child().stop(seconds{10});
    observer_->refresh();
    const ResultTally& after = observer_->tally();
    round.broker_dropped = after.dropped - before.dropped;
    round.results = after.results - before.results;
    round.result_samples = after.samples - before.samples;
    round.revisions = after.revisions - before.revisions;
    // Its session goes: a connection under its name that ends without one.
    const wire::Connection last(broker_.port(), wire::Protocol::v5, bench_subject);
    return round;
  }

  std::unique_ptr<Subject> start(const std::string& name) {
    const BrokerConfig broker = subject_broker(options_, broker_.url());
    std::unique_ptr<Subject> subject = name == "null" ? null_subject(broker) : weir_subject(options_, broker);
    for (const auto deadline = Clock::now() + start_within; !subject->ready();) {
      watch();
      if (!subject->child().runs() || Clock::now() > deadline) {
        throw std::runtime_error("bench: the " + name + " subject does not start: " + subject->log());
      }
    }
    return subject;
  }

  void watch() {
    try {
      observer_->watch(look_ms);
    } catch (const std::runtime_error&) {
      if (!StopSignal::set()) throw;  // Ctrl-C reaches the broker as well
    }
    if (StopSignal::set()) throw Interrupted{};
  }

  // Until `end`: lets the generator send what the subject can take.
  void steer(Subject& subject, GeneratorFlow& flow, Clock::time_point end) {
    while (Clock::now() < end) {
      if (options_.rate == 0) flow.allowed.store(subject.handled() + outstanding_max);
      watch();
      if (!subject.child().runs()) throw std::runtime_error("bench: the subject has ended: " + subject.log());
    }
  }

  Mark mark(Subject& subject, const Child& generator) {
    Mark mark;
    mark.handled = subject.handled();
    mark.time = Clock::now();
    mark.subject = subject.child().cpu();
    mark.broker = cpu_of(broker_.pid());
    mark.generator = generator.cpu();
    return mark;
  }

  static void fill(const Mark& begin, const Mark& end, GatewayRound& round) {
    const double messages = static_cast<double>(end.handled - begin.handled);
    const auto each = [&](core::Duration from, core::Duration to) {
      return static_cast<double>((to - from).count()) / 1e3 / messages;
    };
    round.seconds = std::chrono::duration<double>(end.time - begin.time).count();
    round.rate = messages / round.seconds;
    round.cpu_us = each(begin.subject, end.subject);
    round.broker_cpu_us = each(begin.broker, end.broker);
    round.generator_cpu_us = each(begin.generator, end.generator);
  }

  // The generator sends no more; the subject handles what is under way.
  void finish(Subject& subject, GeneratorFlow& flow) {
    flow.ends.store(true);
    while (!flow.ended.load()) watch();
    std::uint64_t handled = subject.handled();
    for (auto moved = Clock::now(); handled < flow.sent.load() && Clock::now() - moved < stuck_after;) {
      watch();
      const std::uint64_t now = subject.handled();
      if (now != handled) moved = Clock::now();
      handled = now;
    }
  }

  void await_results(std::uint64_t samples) {
    const auto deadline = Clock::now() + results_within;
    while (observer_->tally().samples < samples && Clock::now() < deadline) watch();
  }

  const StopSignal signal_;
  const BenchOptions options_;
  const core::Duration duration_;
  const WireLoad load_;
  LocalBroker broker_;
  std::optional<Observer> observer_;
};

}  // namespace

GatewayReport bench_gateway(const BenchOptions& options) { return GatewayBench(options).run(); }

}  // namespace bridge
