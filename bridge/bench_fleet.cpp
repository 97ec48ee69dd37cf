#include "bridge/bench_fleet.h"

#include <algorithm>
#include <charconv>
#include <thread>

namespace bridge {
namespace {

constexpr double behind_most_at_end_ms = 100;  // what a schedule that is kept may be behind when it ends
constexpr double edge_share = 0.95;            // of the one core that the edge's thread can have
constexpr double aim = 0.97;                   // of what should be held, so that noise does not decide
constexpr double next_aim = 0.9;
constexpr int tries = 4;
constexpr double try_seconds = 10;
constexpr core::Duration window = std::chrono::minutes{1};
constexpr std::uint32_t warm_messages_max = 1'000'000;
constexpr double warm_seconds = 6;  // of event time: a tenth of a window
constexpr core::Duration idle_least = std::chrono::seconds{10};

// Messages a second that this machine should hold by what they cost in `round`.
double rate_for(const OpenRound& round, unsigned cores) {
  const double messages = static_cast<double>(round.messages);
  const double edge = (round.usage.own_cpu + round.sink_cpu) / messages;
  return aim * std::min(fleet_cpu_share * cores / round.cpu(), edge_share / edge);
}

void fill_ledger(OpenLoop& loop, FleetReport& report) {
  Stats stats;
  loop.pipeline().add_to(stats);
  report.received = loop.taken();
  report.decoded = stats.messages[static_cast<std::size_t>(MessageOutcome::decoded)];
  report.samples = stats.samples;
  report.aggregated = stats.samples_by[static_cast<std::size_t>(SampleOutcome::aggregated)];
  report.late = stats.samples_by[static_cast<std::size_t>(SampleOutcome::late)];
  for (const Outbox* outbox : loop.pipeline().outboxes()) report.refused += outbox->refused();
  report.result_samples = loop.tally().samples;
}

void measure_rounds(OpenLoop& loop, double rate, double seconds, FleetReport& report) {
  report.rounds.push_back(loop.keep_pace(rate, seconds));
  for (int i = 0; i < tries && !report.holds(report.rounds.back()); ++i) {
    const OpenRound& last = report.rounds.back();
    const double lower = i == 0 ? last.offered : next_aim * last.offered;
    const double next = std::min(lower, rate_for(last, report.cores));
    report.rounds.push_back(loop.keep_pace(next, std::min(seconds, try_seconds)));
  }
}

}  // namespace

std::optional<Fleet> parse_fleet(std::string_view text) {
  Fleet fleet;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fleet.devices);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits == text.size() || *end != 'x') return std::nullopt;
  const std::optional<core::Duration> interval = parse_duration(text.substr(digits + 1));
  if (!interval || *interval < std::chrono::microseconds{1} || *interval > std::chrono::hours{1})
    return std::nullopt;
  if (fleet.devices < 1 || fleet.devices > fleet_devices_max) return std::nullopt;
  fleet.interval = *interval;
  return fleet;
}

double FleetReport::cpu_share(const OpenRound& round) const {
  return (round.usage.own_cpu + round.usage.other_cpu) / (round.usage.seconds * cores);
}

bool FleetReport::holds(const OpenRound& round) const {
  return round.behind_end_ms <= behind_most_at_end_ms && cpu_share(round) < fleet_cpu_share;
}

double FleetReport::cores_extrapolated() const {
  return rounds.front().offered * rounds.front().cpu() / fleet_cpu_share;
}

double FleetReport::edges_extrapolated() const {
  const OpenRound& round = rounds.front();
  return round.offered * round.usage.own_cpu / static_cast<double>(round.messages) / fleet_cpu_share;
}

bool FleetReport::complete() const {
  return received == decoded && samples == decoded * points && aggregated + late == samples && late == 0 &&
         refused == 0 && result_samples == samples;
}

FleetReport bench_fleet(const BenchOptions& options) {
  FleetReport report;
  report.fleet = parse_fleet(options.fleet).value();
  report.points = options.points;
  report.window = format_duration(window);
  const core::Duration silence = 2 * report.points * report.fleet.interval;  // of a device between messages
  report.cores = std::max(std::thread::hardware_concurrency(), 1U);
  report.workers = options.workers;
  report.seconds = std::chrono::duration<double>(parse_duration(options.duration).value()).count();

  const Config config = parse_config(fleet_config(report.fleet.devices, window, std::max(silence, idle_least),
                                                  R"("shard_count": )" + std::to_string(options.workers)));
  FleetLoad load(report.fleet.devices, options.points);
  report.message_bytes = load.message_bytes();
  report.journal_bytes_max = config.limits.journal_bytes;
  const std::uint64_t before = resident_bytes();
  OpenLoop loop(config, load);
  report.burst = loop.burst();
  report.burst_resident_peak = resident_bytes_peak() - before;
  load.shuffle();
  // Some windows close, so that nothing is new any more when it is measured.
  const std::uint64_t warm = std::min(report.fleet.devices, warm_messages_max);
  (void)loop.flood(static_cast<double>(warm) / warm_seconds, warm);

  const double points = report.fleet.devices / std::chrono::duration<double>(report.fleet.interval).count();
  measure_rounds(loop, points / options.points, report.seconds, report);
  report.resident_bytes = resident_bytes() - before;
  Stats stats;
  loop.pipeline().add_to(stats);
  report.state_bytes = stats.state_bytes;
  report.series = loop.pipeline().table().size();
  loop.finish();
  fill_ledger(loop, report);
  return report;
}

}  // namespace bridge
