#include <cstdio>
#include <string>
#include <vector>

#include "bridge/bench_flag_latency.h"
#include "bridge/bench_flags.h"
#include "bridge/bench_kernel.h"
#include "bridge/bench_load.h"
#include "bridge/bench_plugin.h"
#include "bridge/bench_report.h"
#include "bridge/commands.h"
#include "bridge/error.h"

namespace bridge {
namespace {

constexpr core::Duration duration_min = std::chrono::seconds{1};
constexpr core::Duration duration_max = std::chrono::hours{24};

template <class Report>
int print(const Report& report, bool json) {
  const std::string text = json ? json_of(report) : text_of(report);
  (void)std::fputs(text.c_str(), stdout);
  (void)std::fflush(stdout);
  return report.complete() ? 0 : 1;
}

}  // namespace

std::vector<std::string> problems(const BenchOptions& options) {
  std::vector<std::string> all;
  const auto range = [&](const char* name, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    if (value >= low && value <= high) return;
    all.push_back("bench: --" + std::string(name) + " " + std::to_string(value) + ": must be " +
                  std::to_string(low) + " to " + std::to_string(high));
  };
  if (options.level != "K" && options.level != "E" && options.level != "G") {
    all.push_back(
        "bench: --level " + options.level +
        ": must be K (samples into windows), E (recorded bytes to results) or G (through a broker)");
  }
  if (options.subject != "null" && options.subject != "weir" && options.subject != "both") {
    all.push_back("bench: --subject " + options.subject + ": must be null, weir or both");
  }
  if (options.client != "paho" && options.client != "native") {
    all.push_back("bench: --client " + options.client + ": must be paho or native");
  }
  if (options.direct && (options.level != "G" || options.flags))
    all.push_back("bench: --direct is of level G, and not with --flags");
  range("devices", options.devices, 1, 1'000'000);
  range("fields", options.fields, 0, bench_fields_max);
  range("keys", options.keys, 1000, 100'000'000);
  range("samples", options.samples, 100'000, 1'000'000'000);
  range("messages", options.messages, 1, 1'000'000'000);
  range("rounds", options.rounds, 0, 1000);
  range("rate", options.rate, 0, 10'000'000);
  range("points", options.points, 1, fleet_points_max);
  range("workers", options.workers, 1, 1024);
  if (!options.plugin.empty() && options.level != "G") all.push_back("bench: --plugin is of level G");
  if ((!options.fleet.empty() || options.sweep) && options.level != "E") {
    all.push_back("bench: --fleet and --sweep are of level E");
  }
  if (options.flags && (options.sweep || !options.fleet.empty()))
    all.push_back("bench: --flags stands alone: no --fleet, no --sweep");
  if (!options.fleet.empty() && options.sweep) all.push_back("bench: --fleet or --sweep, not both");
  if (!options.fleet.empty() && !parse_fleet(options.fleet)) {
    all.push_back("bench: --fleet " + options.fleet + ": must be devices (1 to " +
                  std::to_string(fleet_devices_max) +
                  "), x, and the time between two points of a device, as " + "600000x100ms");
  }
  if (options.discover && options.fields != 0 && options.fields != bench_fields_max) {
    all.push_back("bench: --fields " + std::to_string(options.fields) +
                  " with --discover: leave --fields out; all " + std::to_string(bench_fields_max) +
                  " numbers are found");
  }
  const std::optional<core::Duration> duration = parse_duration(options.duration);
  if (!duration || *duration < duration_min || *duration > duration_max) {
    all.push_back("bench: --duration " + options.duration +
                  ": must be 1s to 24h, with its unit, for instance 10s");
  }
  return all;
}

BenchOptions effective(BenchOptions options) {
  const bool gateway = options.level == "G";
  constexpr core::Duration long_round = std::chrono::seconds{30};
  if (options.discover) options.fields = bench_fields_max;
  if (options.fields == 0) options.fields = gateway ? 1 : bench_fields_max;
  if (options.rounds == 0)
    options.rounds = options.level == "K"                                     ? 9
                     : options.sweep                                          ? 3
                     : !gateway                                               ? 5
                     : parse_duration(options.duration).value() >= long_round ? 1
                                                                              : 3;
  if (options.rate == 0 && !gateway) options.rate = 100'000;
  return options;
}

int bench(const BenchOptions& options) {
  std::string wrong;
  for (const std::string& line : problems(options)) wrong += (wrong.empty() ? "" : "\n") + line;
  if (!wrong.empty()) throw SetupError(wrong);
  const BenchOptions all = effective(options);
  if (all.level == "K")
    return print(KernelReport{bench_kernel({all.keys, all.rounds, all.samples})}, all.json);
  if (!all.fleet.empty()) return print(bench_fleet(all), all.json);
  if (all.flags && all.level == "G") return print(bench_flag_latency(all), all.json);
  if (all.flags) return print(bench_flags(1000, 1000, 30), all.json);
  if (all.sweep) return print(bench_sweep(all), all.json);
  if (all.direct) return print(bench_gateway_direct(all), all.json);
  if (!all.plugin.empty()) return print(bench_plugin(all), all.json);
  return all.level == "E" ? print(bench_engine(all), all.json) : print(bench_gateway(all), all.json);
}

}  // namespace bridge
