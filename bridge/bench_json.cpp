#include <cmath>
#include <nlohmann/json.hpp>

#include "bridge/bench_report.h"

namespace bridge {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

void add_figures(const std::vector<BenchFigure>& figures, Json& json) {
  for (const BenchFigure& f : figures) {
    Json one = {{"what", f.what},   {"level", f.level},         {"keys", f.keys},
                {"cores", f.cores}, {"window", f.window},       {"value", f.value},
                {"unit", f.unit},   {"yardstick", f.yardstick}, {"yardstick_value", f.yardstick_value},
                {"ratio", f.ratio}};
    if (f.bytes_per_series > 0) one["bytes_per_series"] = f.bytes_per_series;
    if (f.samples > 0) {
      one["samples"] = f.samples;
      one["allocations_per_sample"] = f.allocations_per_sample();
      one["futex_waits_per_million_samples"] = f.futex_waits_per_million();
    }
    json["figures"].push_back(std::move(one));
  }
}

Json terms_json(const BenchTerms& terms) {
  return {{"v", 1},
          {"level", terms.level},
          {"devices", terms.devices},
          {"fields", terms.fields},
          {"discover", terms.discover},
          {"series", terms.series},
          {"window", terms.window},
          {"cores", terms.cores},
          {"rate", terms.rate}};
}

std::string print(const Json& json) { return json.dump() + "\n"; }

Json round_json(const FleetReport& report, const OpenRound& r) {
  return {{"offered_points_per_second", rounded(r.offered * report.points, 1)},
          {"points_per_second", rounded(r.reached() * report.points, 1)},
          {"messages_per_second", rounded(r.reached(), 1)},
          {"seconds", r.usage.seconds},
          {"cpu_share", report.cpu_share(r)},
          {"edge_cpu_seconds", r.usage.own_cpu},
          {"worker_cpu_seconds", r.usage.other_cpu},
          {"sink_cpu_seconds", r.sink_cpu},
          {"foreign_cpu_seconds", r.usage.foreign_cpu},
          {"behind_most_ms", r.behind_most_ms},
          {"behind_end_ms", r.behind_end_ms},
          {"results", r.results},
          {"latency_p50_ms", r.latency_p50_ms},
          {"latency_p99_ms", r.latency_p99_ms},
          {"latency_most_ms", r.latency_most_ms},
          {"naps", r.usage.naps},
          {"voluntary_switches", r.usage.switches},
          {"held", report.holds(r)}};
}

}  // namespace

std::string json_of(const KernelReport& report) {
  Json json = {{"v", 1}, {"level", "K"}};
  add_figures(report.figures, json);
  json["complete"] = report.complete();
  return print(json);
}

std::string json_of(const EngineReport& report) {
  Json json = terms_json(report.terms);
  add_figures(figures_of(report), json);
  json["messages"] = report.messages;
  json["naps"] = report.usage.naps;
  json["voluntary_switches"] = report.usage.switches;
  for (const EngineRound& r : report.rounds) {
    json["rounds"].push_back({{"yardstick_rate", rounded(r.yardstick_rate, 1)},
                              {"weir_rate", rounded(r.weir_rate, 1)},
                              {"yardstick_cpu_ns", rounded(r.yardstick_cpu_ns, 0.125)},
                              {"edge_cpu_ns", rounded(r.edge_cpu_ns, 0.125)},
                              {"worker_cpu_ns", rounded(r.worker_cpu_ns, 0.125)},
                              {"results", r.results}});
  }
  json["rate_ratio"] = engine_ratio(report);
  json["ledger"] = {{"received", report.received},
                    {"decoded", report.decoded},
                    {"samples", report.samples},
                    {"aggregated", report.aggregated},
                    {"results_refused", report.refused}};
  json["complete"] = report.complete();
  return print(json);
}

std::string json_of(const GatewayReport& report) {
  Json json = terms_json(report.terms);
  add_figures(figures_of(report), json);
  json["duration_seconds"] = report.duration_seconds;
  json["client"] = report.client;
  json["direct"] = report.direct;
  for (const GatewayRound& r : report.rounds) {
    Json round = {{"subject", r.subject},
                  {"seconds", r.seconds},
                  {"rate", rounded(r.rate, 1)},
                  {"cpu_us", r.cpu_us},
                  {"broker_cpu_us", r.broker_cpu_us},
                  {"sender_cpu_us", r.generator_cpu_us},
                  {"resident_bytes", r.resident_bytes},
                  {"behind_ms", r.late_ms},
                  {"sent", r.sent},
                  {"received", r.received},
                  {"broker_dropped", r.broker_dropped}};
    if (r.subject == "weir") {
      round.update({{"decoded", r.decoded},
                    {"samples", r.samples},
                    {"aggregated", r.aggregated},
                    {"results_made", r.made},
                    {"results", r.results},
                    {"result_samples", r.result_samples},
                    {"revisions", r.revisions}});
    }
    round["complete"] = r.complete(report.terms.fields);
    json["rounds"].push_back(round);
  }
  if (const double rate = gateway_ratio(report, &GatewayRound::rate); rate > 0) {
    json["rate_ratio"] = rate;
    json["cpu_ratio"] = gateway_ratio(report, &GatewayRound::cpu_us);
  }
  json["complete"] = report.complete();
  return print(json);
}

std::string json_of(const FleetReport& report) {
  Json json = {{"v", 1},
               {"level", "E"},
               {"devices", report.fleet.devices},
               {"interval", format_duration(report.fleet.interval)},
               {"points_per_message", report.points},
               {"message_bytes", report.message_bytes},
               {"series", report.series},
               {"window", report.window},
               {"cores", report.cores},
               {"workers", report.workers},
               {"seconds", report.seconds}};
  add_figures(figures_of(report), json);
  json["burst"] = {{"seconds", report.burst.seconds},
                   {"messages_per_second", rounded(report.fleet.devices / report.burst.seconds, 1)},
                   {"journal_bytes_most", report.burst.journal_bytes_most},
                   {"journal_bytes_max", report.journal_bytes_max},
                   {"resident_bytes_peak", report.burst_resident_peak}};
  for (const OpenRound& r : report.rounds) json["rounds"].push_back(round_json(report, r));
  json["held"] = report.holds(report.rounds.front());
  json["cores_extrapolated"] = report.cores_extrapolated();
  json["edges_extrapolated"] = report.edges_extrapolated();
  json["resident_bytes"] = report.resident_bytes;
  json["state_bytes"] = report.state_bytes;
  json["ledger"] = {{"received", report.received},
                    {"decoded", report.decoded},
                    {"samples", report.samples},
                    {"aggregated", report.aggregated},
                    {"late", report.late},
                    {"result_samples", report.result_samples},
                    {"results_refused", report.refused}};
  json["complete"] = report.complete();
  return print(json);
}

std::string json_of(const SweepReport& report) {
  Json json = {{"v", 1},
               {"level", "E"},
               {"devices", report.devices},
               {"points_per_message", report.points},
               {"series", report.series},
               {"window", report.window},
               {"cores", report.cores},
               {"messages", report.messages},
               {"paced_rate", report.paced_rate},
               {"paced_seconds", report.paced_seconds}};
  add_figures(figures_of(report), json);
  for (const SweepRow& r : report.rows) {
    json["sweep"].push_back({{"key", r.key},
                             {"value", r.value},
                             {"points_per_second", rounded(r.rate, 1)},
                             {"ratio", r.ratio},
                             {"batches_per_1000_messages", r.batches},
                             {"items_per_batch", r.batch_items},
                             {"full", r.flushes[0]},
                             {"interval", r.flushes[1]},
                             {"idle", r.flushes[2]},
                             {"tick", r.flushes[3]},
                             {"queue_waits_per_1000_messages", r.queue_waits},
                             {"latency_p50_ms", r.latency_p50_ms},
                             {"latency_p99_ms", r.latency_p99_ms},
                             {"cpu_us_per_message", r.paced_cpu_us}});
  }
  json["ledger"] = {
      {"samples", report.samples}, {"aggregated", report.aggregated}, {"results_refused", report.refused}};
  json["complete"] = report.complete();
  return print(json);
}

}  // namespace bridge
