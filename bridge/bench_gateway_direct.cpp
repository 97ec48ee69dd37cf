// Level G without a broker: the bench's own sender feeds the subject over a socket, one process each.
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bridge/bench_child.h"
#include "bridge/bench_direct.h"
#include "bridge/bench_report.h"
#include "bridge/bench_subject.h"
#include "bridge/run.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr auto look = std::chrono::milliseconds{20};
constexpr Clock::duration warm_up = seconds{2};
constexpr Clock::duration start_within = seconds{20};
constexpr Clock::duration results_within = seconds{20};

struct Interrupted {};

void wait_a_look() {
  std::this_thread::sleep_for(look);
  if (StopSignal::set()) throw Interrupted{};
}

// False: `most` has passed.
template <class Condition>
bool wait_until(Clock::duration most, const Condition& condition) {
  for (const auto end = Clock::now() + most; !condition();) {
    if (Clock::now() > end) return false;
    wait_a_look();
  }
  return true;
}

GatewayRound round_of(const BenchOptions& options, const WireLoad& load, core::Duration duration,
                      const std::string& name) {
  GatewayRound round;
  round.subject = name;
  Shared<GeneratorFlow> flow;
  Shared<DirectResults> results;
  DirectBroker server;
  Child generator = Child::of([&] { return server.serve(load, options.rate, *flow, *results); });
  const BrokerConfig broker = subject_broker(options, "mqtt://127.0.0.1:" + std::to_string(server.port()));
  const std::unique_ptr<Subject> subject =
      name == "null" ? null_subject(broker) : weir_subject(options, broker);
  if (!wait_until(start_within, [&] { return subject->ready() || !subject->child().runs(); }) ||
      !subject->child().runs()) {
    throw std::runtime_error("bench: the " + name + " subject does not start: " + subject->log());
  }
  (void)wait_until(warm_up, [] { return false; });
  const auto time = Clock::now();
  const std::uint64_t handled = subject->handled();
  const core::Duration cpu = subject->child().cpu(), sender = generator.cpu();
  (void)wait_until(duration, [] { return false; });
  const double messages = static_cast<double>(subject->handled() - handled);
  round.seconds = std::chrono::duration<double>(Clock::now() - time).count();
  round.rate = messages / round.seconds;
  round.cpu_us = static_cast<double>((subject->child().cpu() - cpu).count()) / 1e3 / messages;
  round.generator_cpu_us = static_cast<double>((generator.cpu() - sender).count()) / 1e3 / messages;

  flow->ends.store(true);
  (void)wait_until(results_within,
                   [&] { return flow->ended.load() && subject->handled() >= flow->sent.load(); });
  round.sent = flow->sent.load();
  const std::uint64_t samples = round.sent * options.fields;
  if (name == "weir") (void)wait_until(results_within, [&] { return results->samples.load() >= samples; });
  subject->add_to(round);
  round.resident_bytes = subject->child().resident_bytes_peak();
  (void)subject->child().stop(seconds{10});
  round.results = results->results.load();
  round.result_samples = results->samples.load();
  round.revisions = results->revisions.load();
  (void)generator.stop(seconds{10});
  return round;
}

}  // namespace

GatewayReport bench_gateway_direct(const BenchOptions& options) {
  const StopSignal signal;
  const core::Duration duration = parse_duration(options.duration).value();
  const WireLoad load = gateway_load(options.devices);
  GatewayReport report;
  report.terms = gateway_terms(options);
  report.client = options.client;
  report.direct = true;
  report.duration_seconds = std::chrono::duration<double>(duration).count();
  try {
    for (std::uint32_t i = 0; i < options.rounds; ++i) {
      for (const char* const name : {"null", "weir"}) {
        if (options.subject != "both" && options.subject != name) continue;
        (void)std::fprintf(stderr, "bench: round %u of %u: %s\n", i + 1, options.rounds, name);
        report.rounds.push_back(round_of(options, load, duration, name));
      }
    }
  } catch (const Interrupted&) {
    report.interrupted = true;
  }
  return report;
}

}  // namespace bridge
