// What the bench found, and how it is printed. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/bench_figure.h"
#include "bridge/bench_fleet.h"
#include "bridge/bench_sweep.h"
#include "bridge/bench_usage.h"
#include "bridge/commands.h"

namespace bridge {

struct KernelReport {
  std::vector<BenchFigure> figures;

  [[nodiscard]] bool complete() const { return !figures.empty(); }
};

// What a figure is not a figure without.
struct BenchTerms {
  std::string level;
  std::uint32_t devices = 0;
  std::uint32_t fields = 0;
  bool discover = false;
  std::uint64_t series = 0;
  std::string window;
  unsigned cores = 0;
  std::uint32_t rate = 0;
};

[[nodiscard]] BenchTerms gateway_terms(const BenchOptions& options);

struct EngineRound {
  double yardstick_rate = 0;  // messages per second
  double weir_rate = 0;
  double yardstick_cpu_ns = 0;  // per message
  double edge_cpu_ns = 0;       // the caller's thread: edge, and the outbox emptied to nowhere
  double worker_cpu_ns = 0;     // every other thread
  std::uint64_t results = 0;
};

struct EngineReport {
  BenchTerms terms;
  std::uint64_t messages = 0;  // of a round
  std::vector<EngineRound> rounds;
  Usage usage;  // weir's, of all rounds
  std::uint64_t received = 0;
  std::uint64_t decoded = 0;
  std::uint64_t samples = 0;
  std::uint64_t aggregated = 0;
  std::uint64_t refused = 0;  // results the outbox had no room for

  // Nothing was lost: every message decoded, every number in it aggregated, every result taken.
  [[nodiscard]] bool complete() const;
};

struct GatewayRound {
  std::string subject;  // null, weir
  double seconds = 0;   // of the measured part
  double rate = 0;      // messages per second that reached the subject, in the measured part
  double cpu_us = 0;    // of the subject's process, per message
  double broker_cpu_us = 0;
  double generator_cpu_us = 0;
  std::uint64_t resident_bytes = 0;  // the most the subject has had
  double late_ms = 0;                // the furthest the generator fell behind its schedule (at a fixed rate)
  std::uint64_t sent = 0;            // in the whole round, warm-up included
  std::uint64_t received = 0;
  std::uint64_t broker_dropped = 0;
  // weir only.
  std::uint64_t decoded = 0;
  std::uint64_t samples = 0;
  std::uint64_t aggregated = 0;
  std::uint64_t made = 0;            // window results, revisions included
  std::uint64_t results = 0;         // of these, those that reached an observer, without revisions, and
  std::uint64_t result_samples = 0;  // the samples in them
  std::uint64_t revisions = 0;

  // Everything sent was received, and by weir decoded, aggregated, and told of in a result that arrived.
  [[nodiscard]] bool complete(std::uint32_t fields) const;
};

struct GatewayReport {
  BenchTerms terms;
  std::string client;   // paho, native
  bool direct = false;  // fed by the bench itself, without a broker
  double duration_seconds = 0;
  std::vector<GatewayRound> rounds;
  bool interrupted = false;  // Ctrl-C: the rounds are those that had ended

  [[nodiscard]] bool complete() const;
};

template <class Round>
double middle(const std::vector<Round>& rounds, double Round::*member) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.*member);
  return median(std::move(values));
}
// Median over rounds of weir's figure over the yardstick's of the same round; 0 where one of them did not
// run.
[[nodiscard]] double engine_ratio(const EngineReport& report);
[[nodiscard]] double gateway_ratio(const GatewayReport& report, double GatewayRound::*member);

[[nodiscard]] std::vector<BenchFigure> figures_of(const KernelReport& report);
[[nodiscard]] std::vector<BenchFigure> figures_of(const EngineReport& report);
[[nodiscard]] std::vector<BenchFigure> figures_of(const GatewayReport& report);
[[nodiscard]] std::vector<BenchFigure> figures_of(const FleetReport& report);
[[nodiscard]] std::vector<BenchFigure> figures_of(const SweepReport& report);

[[nodiscard]] std::string text_of(const KernelReport& report);
[[nodiscard]] std::string text_of(const EngineReport& report);
[[nodiscard]] std::string text_of(const GatewayReport& report);
[[nodiscard]] std::string text_of(const FleetReport& report);
[[nodiscard]] std::string text_of(const SweepReport& report);
// {"v":1,"level":...,"figures":[...]}: the figures, and all that they were made of.
[[nodiscard]] std::string json_of(const KernelReport& report);
[[nodiscard]] std::string json_of(const EngineReport& report);
[[nodiscard]] std::string json_of(const GatewayReport& report);
[[nodiscard]] std::string json_of(const FleetReport& report);
[[nodiscard]] std::string json_of(const SweepReport& report);

// Levels E and G. Options were validated.
[[nodiscard]] EngineReport bench_engine(const BenchOptions& options);
[[nodiscard]] GatewayReport bench_gateway(const BenchOptions& options);
[[nodiscard]] GatewayReport bench_gateway_direct(const BenchOptions& options);

// All that is wrong with the options, a line each; empty when valid.
[[nodiscard]] std::vector<std::string> problems(const BenchOptions& options);
// Options with what 0 stands for filled in.
[[nodiscard]] BenchOptions effective(BenchOptions options);

}  // namespace bridge
