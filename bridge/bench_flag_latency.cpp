#include "bridge/bench_flag_latency.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "bridge/arrival_clock.h"
#include "bridge/bench_generator.h"
#include "bridge/bench_plugin.h"
#include "bridge/bench_report.h"
#include "bridge/bench_subject.h"
#include "bridge/local_broker.h"
#include "bridge/run.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

using core::Duration;
using core::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration probe_every = milliseconds{10};
constexpr std::uint32_t probe_devices = 100;
constexpr Duration warm_up = seconds{3};
constexpr Duration start_within = seconds{20};
constexpr Duration flags_within = seconds{10};  // of the last probe

std::string streams() {
  return R"("streams": [{"name": "bench", "from": "bench/{device}/telemetry", "qos": 0, "lateness": "0s",
   "payload": {"fields": {"temperature": "/temperature"}}, "windows": [{"length": "10s"}], "detectors": []},
  {"name": "probe", "from": "probe/{device}/telemetry", "qos": 1, "windows": [],
   "payload": {"fields": {"value": "/value"}, "time": "/t", "time_unit": "us"},
   "detectors": [{"kind": "threshold", "above": 0, "flaps": 0}], "flags_to": "derived/probe/{device}/flag"}])";
}

// The probe of `device` at `time`: every other one raises its flag.
void append_probe(std::uint64_t number, Time time, std::string& out) {
  const std::uint64_t device = number % probe_devices;
  const bool raises = number / probe_devices % 2 == 0;
  const auto us = std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
  const std::string topic = "probe/" + std::to_string(device) + "/telemetry";
  const std::string payload = R"({"t":)" + std::to_string(us) + R"(,"value":)" + (raises ? "1}" : "-1}");
  wire::append_publish(wire::Protocol::v5,
                       {.topic = topic,
                        .payload = payload,
                        .packet_id = static_cast<std::uint16_t>(number % 65535 + 1),
                        .qos = 1},
                       out);
}

// Sends probes on their schedule and takes the flags that come back.
class Prober {
 public:
  Prober(int port, FlagLatencyReport& report)
      : sender_(port, wire::Protocol::v5, "bench-prober"),
        observer_(port, wire::Protocol::v5, "bench-flags"),
        report_(report) {
    observer_.subscribe({"derived/probe/#", "probe/#"});
  }

  // `counts`: the flags go into the report.
  void run(Duration duration, bool counts) {
    const Time start = system_now();
    const std::uint64_t first = number_;
    const auto probes = static_cast<std::uint64_t>(duration / probe_every);
    const std::uint64_t expected = flags_ + probes;
    counts_from_ = counts ? start : Time::max();
    while (number_ < first + probes) {
      const Time due = start + probe_every * static_cast<std::int64_t>(number_ - first);
      while (due - system_now() > milliseconds{1}) take(1);
      std::this_thread::sleep_until(due);
      packet_.clear();
      append_probe(number_++, due, packet_);
      sender_.send(packet_);
      drain_acknowledgements();
    }
    for (const Time end = system_now() + flags_within; flags_ < expected && system_now() < end;) take(10);
    if (counts) report_.probes += probes;
  }

 private:
  void take(int wait_ms) {
    wire::Packet packet;
    while (observer_.read(packet, wait_ms)) {
      wait_ms = 0;
      wire::Publish message;
      if (packet.type != wire::Type::publish ||
          wire::open_publish(observer_.protocol(), packet, message) != wire::Fault::none)
        continue;
      const Time now = system_now();
      const auto json = nlohmann::json::parse(message.payload);
      if (message.topic.starts_with("probe/")) {
        const Time due{std::chrono::microseconds{json["t"].get<std::int64_t>()}};
        if (counted(due)) report_.probe_latencies.add(std::chrono::duration<double>(now - due).count());
        continue;
      }
      const Time due = time_of_text(json["time"].get<std::string>(), TimeUnit::automatic);
      ++flags_;
      if (counted(due)) note(now - due);
    }
  }

  [[nodiscard]] bool counted(Time due) const {
    return due >= std::chrono::floor<std::chrono::microseconds>(counts_from_);
  }

  void note(Duration latency) {
    const double ms = std::chrono::duration<double, std::milli>(latency).count();
    const auto bucket = std::lower_bound(report_.bounds_ms.begin(), report_.bounds_ms.end(), ms);
    ++report_.histogram[static_cast<std::size_t>(bucket - report_.bounds_ms.begin())];
    ++report_.flags;
    report_.latencies.add(ms / 1e3);
  }

  void drain_acknowledgements() {
    wire::Packet packet;
    while (sender_.read(packet, 0)) {
    }
  }

  wire::Connection sender_;
  wire::Connection observer_;
  FlagLatencyReport& report_;
  std::uint64_t number_ = 0;
  std::uint64_t flags_ = 0;
  Time counts_from_{};
  std::string packet_;
};

double carried_rate(BenchOptions options) {
  options.subject = "weir";
  options.rounds = 1;
  options.duration = "10s";
  return middle(bench_gateway(options).rounds, &GatewayRound::rate);
}

void await_ready(Subject& subject) {
  for (const Time end = system_now() + start_within; !subject.ready();) {
    if (!subject.child().runs() || system_now() > end)
      throw std::runtime_error("bench: weir does not start: " + subject.log());
    std::this_thread::sleep_for(milliseconds{50});
  }
}

}  // namespace

FlagLatencyReport bench_flag_latency(const BenchOptions& options) {
  FlagLatencyReport report;
  report.carried = options.rate == 0 ? carried_rate(options) : 0;
  report.rate = options.rate == 0 ? report.carried / 2 : options.rate;
  report.probes_per_second = 1 / std::chrono::duration<double>(probe_every).count();
  report.cores = std::thread::hardware_concurrency();
  const Duration duration = parse_duration(options.duration).value();
  report.seconds = std::chrono::duration<double>(duration).count();

  const bool inside = !options.plugin.empty();
  report.way_in = inside ? "plugin" : options.client;
  const std::string doorbell = options.doorbell ? "" : "plugin_opt_doorbell false\n";
  LocalBrokerOptions settings = inside ? broker_with_plugin(options.plugin, doorbell) : LocalBrokerOptions{};
  settings.settings += "set_tcp_nodelay true\n";
  LocalBroker broker(settings);
  if (inside)
    configure_plugin(broker, R"({"http": {"listen": ""}, "log": {"level": "warn"}, )" + streams() + '}');
  broker.start();
  const std::unique_ptr<Subject> subject =
      inside ? nullptr : weir_subject(options, subject_broker(options, broker.url()), streams());
  if (subject) await_ready(*subject);
  const WireLoad load = gateway_load(options.devices);
  Shared<GeneratorFlow> flow;
  const auto rate = static_cast<std::uint32_t>(report.rate);
  Child generator = Child::of([&] { return rate == 0 ? 0 : generate(broker.port(), load, rate, *flow); });
  Prober prober(broker.port(), report);
  prober.run(warm_up, false);
  prober.run(duration, true);
  flow->ends.store(true);
  (void)generator.stop(seconds{1});
  if (subject) (void)subject->child().stop(seconds{10});
  return report;
}

std::string text_of(const FlagLatencyReport& report) {
  char line[256];
  std::string out = "level G: from the scheduled time of a sample at QoS 1 to its flag at a subscriber; " +
                    report.way_in + "\n";
  std::snprintf(line, sizeof line, "%.0f probes/s beside %.0f messages/s for %.0f s; %u cores",
                report.probes_per_second, report.rate, report.seconds, report.cores);
  out += line;
  if (report.carried > 0) {
    std::snprintf(line, sizeof line, "; half of the %.0f messages/s carried", report.carried);
    out += line;
  }
  out += '\n';
  for (std::size_t i = 0; i < report.histogram.size(); ++i) {
    const bool last = i == report.bounds_ms.size();
    std::snprintf(line, sizeof line, "%s %5.1f ms %9llu\n", last ? "more than" : "up to    ",
                  report.bounds_ms[last ? i - 1 : i], static_cast<unsigned long long>(report.histogram[i]));
    out += line;
  }
  std::snprintf(
      line, sizeof line, "p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, most %.2f ms; flags %llu of %llu\n",
      report.latencies.percentile_ms(0.5), report.latencies.percentile_ms(0.95),
      report.latencies.percentile_ms(0.99), report.latencies.most_ms(),
      static_cast<unsigned long long>(report.flags), static_cast<unsigned long long>(report.probes));
  out += line;
  std::snprintf(line, sizeof line, "the probes alone: p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, most %.2f ms\n",
                report.probe_latencies.percentile_ms(0.5), report.probe_latencies.percentile_ms(0.95),
                report.probe_latencies.percentile_ms(0.99), report.probe_latencies.most_ms());
  return out + line;
}

std::string json_of(const FlagLatencyReport& report) {
  nlohmann::ordered_json json = {{"v", 1},
                                 {"level", "G"},
                                 {"cores", report.cores},
                                 {"carried", report.carried},
                                 {"way_in", report.way_in},
                                 {"rate", report.rate},
                                 {"probes_per_second", report.probes_per_second},
                                 {"seconds", report.seconds},
                                 {"probes", report.probes},
                                 {"flags", report.flags},
                                 {"p50_ms", report.latencies.percentile_ms(0.5)},
                                 {"p95_ms", report.latencies.percentile_ms(0.95)},
                                 {"p99_ms", report.latencies.percentile_ms(0.99)},
                                 {"most_ms", report.latencies.most_ms()},
                                 {"probes_p50_ms", report.probe_latencies.percentile_ms(0.5)},
                                 {"probes_p99_ms", report.probe_latencies.percentile_ms(0.99)}};
  for (std::size_t i = 0; i < report.histogram.size(); ++i) {
    const bool last = i == report.bounds_ms.size();
    json["histogram"].push_back(
        {{"up_to_ms", last ? nlohmann::ordered_json() : nlohmann::ordered_json(report.bounds_ms[i])},
         {"flags", report.histogram[i]}});
  }
  json["complete"] = report.complete();
  return json.dump(2) + '\n';
}

}  // namespace bridge
