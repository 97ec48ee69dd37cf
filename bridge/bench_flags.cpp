#include "bridge/bench_flags.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "bridge/bench_figure.h"
#include "bridge/fleet.h"
#include "bridge/pipeline.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

using namespace std::chrono_literals;
using core::Time;

constexpr core::Duration interval = 1min;
constexpr core::Duration duration = 24h;
constexpr Time begin{std::chrono::seconds{1'767'225'600}};  // 2026-01-01
constexpr std::size_t outbox_bytes = std::size_t{1} << 32;

// A quarter of the devices has a fault each.
FleetSpec fleet_of(const std::string& fault, std::uint32_t devices) {
  FleetSpec spec;
  spec.topic = "site/{site}/device/{device}/telemetry";
  spec.devices = devices;
  spec.sites = std::max(devices / 25, 1U);
  spec.rate = 1 / std::chrono::duration<double>(interval).count();
  spec.start = begin;
  spec.duration = duration;
  spec.fields = {parse_field_shape("temperature=21,4,0.3"), parse_field_shape("humidity=48,8,1")};
  const auto kind = std::find(fault_kind_names.begin(), fault_kind_names.end(), fault);
  spec.faults[static_cast<std::size_t>(kind - fault_kind_names.begin())] = devices / 4;
  return spec;
}

Config config_of(const std::string& detector, std::uint32_t devices) {
  return parse_config(R"({"limits": {"series_max": )" + std::to_string(devices * 4ULL) +
                      R"(}, "streams": [{"name": "fleet", "from": "site/{site}/device/{device}/telemetry",
    "payload": {"time": "/ts"}, "windows": [], "detectors": [)" +
                      detector + "]}]}");
}

struct Raised {
  std::string device;
  std::string field;
  Time time;
};

std::vector<Raised> raised_in(Outbox& outbox) {
  std::vector<Raised> all;
  for (const Result* result = outbox.front(); result != nullptr; result = outbox.front()) {
    const auto flag = nlohmann::json::parse(result->payload);
    if (flag["state"] != "cleared")
      all.push_back({flag["device"], flag["field"],
                     time_of_text(flag["time"].get<std::string>(), TimeUnit::automatic)});
    outbox.pop();
  }
  return all;
}

std::vector<Raised> replay(const Fleet& fleet, const Config& config) {
  Pipeline pipeline(config, false, outbox_bytes);
  std::string payload;
  for (std::uint64_t i = 0; i < fleet.messages(); ++i) {
    const Time time = fleet.time(i);
    if (!fleet.payload(i, payload)) continue;
    payload.append(payload_padding, ' ');
    pipeline.edge().take({.arrival = time,
                          .topic = fleet.topic(i),
                          .payload = std::string_view(payload).substr(0, payload.size() - payload_padding)});
  }
  pipeline.edge().take_tick(begin + duration);
  pipeline.engine().finish(pipeline.edge().position());
  return raised_in(*pipeline.outboxes().front());
}

}  // namespace

FlagsTrial try_fault(const std::string& fault, const std::string& detector, std::uint32_t devices) {
  const FleetSpec spec = fleet_of(fault, devices);
  const Fleet fleet(spec);
  std::vector<Raised> raised = replay(fleet, config_of(detector, devices));
  FlagsTrial trial{.fault = fault, .detector = detector};
  trial.faults = fleet.faults().size();
  trial.raised = raised.size();
  std::multimap<std::string, const Raised*> by_device;
  for (const Raised& one : raised) by_device.emplace(one.device, &one);
  std::vector<double> delays;
  for (const Fault& one : fleet.faults()) {
    std::optional<Time> first;
    // A reading of a round comes within its interval.
    const Time from = begin + interval * static_cast<std::int64_t>(one.first);
    const Time to = begin + interval * (static_cast<std::int64_t>(one.last) + flags_grace);
    const auto [low, high] = by_device.equal_range(fleet.device_name(one.device));
    for (auto at = low; at != high; ++at) {
      const Raised& flag = *at->second;
      if (one.kind != FaultKind::silence && flag.field != spec.fields[one.field].name) continue;
      if (flag.time < from || flag.time >= to) continue;
      ++trial.rightly;
      first = std::min(first.value_or(flag.time), flag.time);
    }
    if (!first) continue;
    ++trial.found;
    delays.push_back(std::chrono::duration<double>(*first - from) / interval);
  }
  trial.delay = median(std::move(delays));
  return trial;
}

FlagsReport bench_flags(std::uint32_t devices, std::uint32_t quiet_series, double quiet_days) {
  struct Own {
    const char* fault;
    const char* detector;
  };
  constexpr Own own[] = {{"spike", R"({"kind": "mad"})"},
                         {"shift", R"({"kind": "peers", "by": ["site"]})"},
                         {"drift", R"({"kind": "peers", "by": ["site"]})"},
                         {"flatline", R"({"kind": "flatline", "after": "10m"})"},
                         {"silence", R"({"kind": "silence", "after": "learned"})"}};
  FlagsReport report;
  report.devices = devices;
  report.hours = std::chrono::duration<double, std::ratio<3600>>(duration).count();
  for (const Own& one : own) {
    report.trials.push_back(try_fault(one.fault, one.detector, devices));
    report.trials.push_back(try_fault(one.fault, R"({"kind": "auto"})", devices));
  }
  report.quiet = try_quiet(quiet_series, quiet_days);
  return report;
}

std::string json_of(const FlagsReport& report) {
  nlohmann::ordered_json json = {{"v", 1}, {"devices", report.devices}, {"hours", report.hours}};
  for (const FlagsTrial& one : report.trials) {
    json["faults"].push_back({{"fault", one.fault},
                              {"detector", nlohmann::json::parse(one.detector)},
                              {"injected", one.faults},
                              {"found", one.found},
                              {"raised", one.raised},
                              {"rightly", one.rightly},
                              {"precision", one.precision()},
                              {"recall", one.recall()},
                              {"delay_samples", one.delay}});
  }
  for (const FlagsQuiet& one : report.quiet) {
    json["quiet"].push_back({{"signal", one.signal},
                             {"series", one.series},
                             {"days", one.days},
                             {"raised", one.raised},
                             {"raised_per_series_and_month", one.per_month()}});
  }
  return json.dump(2) + '\n';
}

}  // namespace bridge
