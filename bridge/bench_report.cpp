#include "bridge/bench_report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace bridge {
namespace {

using Json = nlohmann::ordered_json;

[[gnu::format(printf, 2, 3)]] void add(std::string& out, const char* format, ...) {
  char line[512];
  std::va_list values;
  va_start(values, format);
  const int size = std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  out.append(line, static_cast<std::size_t>(std::clamp(size, 0, static_cast<int>(sizeof line) - 1)));
}

void add_terms(const BenchTerms& terms, const char* what, std::string& out) {
  add(out, "level %s: %s\n", terms.level.c_str(), what);
  add(out,
      "%u devices, one topic each; 80-byte JSON with four numbers, %u of them %s: %llu series; %s tumbling "
      "window; %u cores\n",
      terms.devices, terms.fields, terms.discover ? "found by weir" : "configured",
      static_cast<unsigned long long>(terms.series), terms.window.c_str(), terms.cores);
}

template <class Round>
double middle(const std::vector<Round>& rounds, double Round::*member) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.*member);
  return median(std::move(values));
}

// Of the ratios, not the ratio of medians: the two halves of a round ran side by side on the same machine.
double engine_ratio(const EngineReport& report) {
  std::vector<double> ratios;
  for (const EngineRound& round : report.rounds) ratios.push_back(round.weir_rate / round.yardstick_rate);
  return median(std::move(ratios));
}

std::vector<GatewayRound> rounds_of(const GatewayReport& report, const std::string& subject) {
  std::vector<GatewayRound> found;
  for (const GatewayRound& round : report.rounds) {
    if (round.subject == subject) found.push_back(round);
  }
  return found;
}

// Median over rounds of weir's figure over the null subject's of the same round; 0 where only one subject
// ran.
double gateway_ratio(const GatewayReport& report, double GatewayRound::*member) {
  const std::vector<GatewayRound> null = rounds_of(report, "null"), weir = rounds_of(report, "weir");
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(null.size(), weir.size()); ++i)
    ratios.push_back(weir[i].*member / (null[i].*member));
  return median(std::move(ratios));
}

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

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

const char* verdict(bool complete) { return complete ? "nothing lost" : "INCOMPLETE"; }

void add_losses(const GatewayRound& round, std::uint32_t fields, std::string& out) {
  add(out, "  %s: sent %llu, received %llu, dropped by the broker %llu", round.subject.c_str(),
      static_cast<unsigned long long>(round.sent), static_cast<unsigned long long>(round.received),
      static_cast<unsigned long long>(round.broker_dropped));
  if (round.subject == "weir") {
    add(out, "; decoded %llu, samples %llu, aggregated %llu; results %llu of %llu arrived, with %llu samples",
        static_cast<unsigned long long>(round.decoded), static_cast<unsigned long long>(round.samples),
        static_cast<unsigned long long>(round.aggregated), static_cast<unsigned long long>(round.results),
        static_cast<unsigned long long>(round.made), static_cast<unsigned long long>(round.result_samples));
  }
  add(out, ": %s\n", verdict(round.complete(fields)));
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool EngineReport::complete() const {
  return received == decoded && samples == decoded * terms.fields && aggregated == samples && refused == 0;
}

bool GatewayRound::complete(std::uint32_t fields) const {
  if (received != sent || broker_dropped != 0) return false;
  if (subject != "weir") return true;
  return decoded == sent && samples == sent * fields && aggregated == samples && result_samples == samples &&
         results + revisions == made;
}

bool GatewayReport::complete() const {
  return !interrupted && std::all_of(rounds.begin(), rounds.end(),
                                     [&](const GatewayRound& round) { return round.complete(terms.fields); });
}

std::string text_of(const EngineReport& report) {
  std::string out;
  add_terms(report.terms, "recorded bytes (topic and payload) to encoded results, one edge and one worker",
            out);
  add(out,
      "%llu messages a round, %u to a second of event time; yardstick: simdjson alone reads the four numbers "
      "of the same bytes\n",
      static_cast<unsigned long long>(report.messages), report.terms.rate);
  add(out, "%-8s%14s%14s%8s%16s%10s%10s%10s\n", "round", "yardstick/s", "weir/s", "ratio", "yardstick cpu",
      "edge cpu", "worker", "results");
  for (std::size_t i = 0; i < report.rounds.size(); ++i) {
    const EngineRound& r = report.rounds[i];
    add(out, "%-8zu%14.0f%14.0f%8.3f%13.0f ns%7.0f ns%7.0f ns%10llu\n", i + 1, r.yardstick_rate, r.weir_rate,
        r.weir_rate / r.yardstick_rate, r.yardstick_cpu_ns, r.edge_cpu_ns, r.worker_cpu_ns,
        static_cast<unsigned long long>(r.results));
  }
  add(out, "%-8s%14.0f%14.0f%8.3f%13.0f ns%7.0f ns%7.0f ns\n", "median",
      middle(report.rounds, &EngineRound::yardstick_rate), middle(report.rounds, &EngineRound::weir_rate),
      engine_ratio(report), middle(report.rounds, &EngineRound::yardstick_cpu_ns),
      middle(report.rounds, &EngineRound::edge_cpu_ns), middle(report.rounds, &EngineRound::worker_cpu_ns));
  add(out, "ledger: received %llu, decoded %llu, samples %llu, aggregated %llu, results refused %llu: %s\n",
      static_cast<unsigned long long>(report.received), static_cast<unsigned long long>(report.decoded),
      static_cast<unsigned long long>(report.samples), static_cast<unsigned long long>(report.aggregated),
      static_cast<unsigned long long>(report.refused), verdict(report.complete()));
  return out;
}

std::string text_of(const GatewayReport& report) {
  std::string out;
  add_terms(report.terms,
            "through Mosquitto at QoS 0; subjects: a Paho subscriber that only counts (null), and weir", out);
  if (report.terms.rate > 0) {
    add(out, "sent at %u messages/s, kept to the schedule whatever happens; %.0f s measured a round\n",
        report.terms.rate, report.duration_seconds);
  } else {
    add(out, "sent as fast as the subject takes them; %.0f s measured a round\n", report.duration_seconds);
  }
  add(out, "%-8s%12s%14s%14s%14s%10s%10s\n", "subject", "messages/s", "cpu/message", "broker cpu",
      "sender cpu", "memory", "behind");
  const auto row = [&](const char* name, const GatewayRound& r) {
    add(out, "%-8s%12.0f%11.2f us%11.2f us%11.2f us%7.1f MB%7.1f ms\n", name, r.rate, r.cpu_us,
        r.broker_cpu_us, r.generator_cpu_us, static_cast<double>(r.resident_bytes) / 1e6, r.late_ms);
  };
  for (const GatewayRound& round : report.rounds) row(round.subject.c_str(), round);
  if (const double rate = gateway_ratio(report, &GatewayRound::rate); rate > 0) {
    add(out, "median of weir over null: %.3f of the rate, %.3f of the CPU per message\n", rate,
        gateway_ratio(report, &GatewayRound::cpu_us));
  }
  add(out, "ledger, by round:\n");
  for (const GatewayRound& round : report.rounds) add_losses(round, report.terms.fields, out);
  if (report.interrupted) add(out, "interrupted: rounds are missing\n");
  return out;
}

std::string text_of(const KernelReport& report) {
  std::string out =
      "level K: decoded samples into windows, in process; median of rounds, yardsticks in between\n";
  for (const KernelFigure& f : report.figures) {
    add(out, "%-52s %8llu series %u cores %-16s %9.2f M/s  %6.3f of %s (%.2f M/s)\n", f.what.c_str(),
        static_cast<unsigned long long>(f.keys), f.cores, f.window.c_str(), f.rate * 1e-6, f.ratio,
        f.yardstick.c_str(), f.yardstick_rate * 1e-6);
  }
  return out;
}

std::string json_of(const KernelReport& report) {
  Json json = {{"v", 1}, {"level", "K"}};
  for (const KernelFigure& f : report.figures) {
    json["figures"].push_back({{"what", f.what},
                               {"level", "K"},
                               {"keys", f.keys},
                               {"cores", f.cores},
                               {"window", f.window},
                               {"samples_per_second", rounded(f.rate, 1)},
                               {"yardstick", f.yardstick},
                               {"yardstick_per_second", rounded(f.yardstick_rate, 1)},
                               {"ratio", f.ratio},
                               {"bytes_per_series", f.bytes_per_series}});
  }
  return print(json);
}

std::string json_of(const EngineReport& report) {
  Json json = terms_json(report.terms);
  json["messages"] = report.messages;
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
  json["duration_seconds"] = report.duration_seconds;
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

}  // namespace bridge
