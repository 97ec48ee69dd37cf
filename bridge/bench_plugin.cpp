#include "bridge/bench_plugin.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "bridge/bench_child.h"
#include "bridge/bench_figure.h"
#include "bridge/bench_generator.h"
#include "bridge/bench_load.h"
#include "bridge/bench_observer.h"
#include "bridge/bench_ping.h"
#include "bridge/bench_subject.h"
#include "bridge/loopback.h"
#include "bridge/run.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::duration warm_up = seconds{2};
constexpr Clock::duration settles_within = seconds{20};
constexpr const char* subjects[] = {"null", "weir", "consume"};

struct Mark {
  Clock::time_point time;
  std::uint64_t sent = 0;
  double thread_us = 0, process_us = 0;
};

double thread_cpu_us(pid_t thread) {
  std::ifstream in("/proc/" + std::to_string(thread) + "/task/" + std::to_string(thread) + "/schedstat");
  double nanoseconds = 0;
  in >> nanoseconds;
  return nanoseconds / 1e3;
}

class PluginBench {
 public:
  explicit PluginBench(const BenchOptions& options)
      : options_(options),
        duration_(parse_duration(options.duration).value()),
        load_(gateway_load(options.devices)) {}

  PluginRound round(const char* subject) {
    const bool null = subject == std::string("null");
    const auto beside = std::filesystem::path(options_.plugin).parent_path() / "weir_null_plugin.so";
    LocalBrokerOptions settings;
    settings.settings = "plugin " + beside.string() + "\n";
    if (!null)
      settings = broker_with_plugin(options_.plugin,
                                    subject == std::string("consume") ? "plugin_opt_consume true\n" : "");
    LocalBroker broker(settings);
    const int http = free_port();
    if (!null) {
      configure_plugin(broker, bench_config(bench_root, options_.fields, options_.discover,
                                            R"("http": {"listen": "127.0.0.1:)" + std::to_string(http) +
                                                R"("}, "log": {"level": "warn"}, )"));
    }
    broker.start();
    Shared<GeneratorFlow> flow;
    flow->allowed = std::numeric_limits<std::uint64_t>::max();
    Child generator = Child::of([&] { return generate(broker.port(), load_, options_.rate, *flow); });
    wait(warm_up);
    Pinger pinger(broker.port());
    const Mark begin = mark(broker, *flow);
    wait(duration_);
    const Mark end = mark(broker, *flow);
    const Latencies pings = pinger.stop();
    flow->ends = true;
    while (!flow->ended) wait(milliseconds{10});

    PluginRound round;
    round.subject = subject;
    const auto messages = static_cast<double>(end.sent - begin.sent);
    round.rate = messages / std::chrono::duration<double>(end.time - begin.time).count();
    round.thread_cpu_us = (end.thread_us - begin.thread_us) / messages;
    round.cpu_us = (end.process_us - begin.process_us) / messages;
    round.ping_p99_ms = pings.percentile_ms(0.99);
    round.ping_most_ms = pings.most_ms();
    round.sent = flow->sent;
    if (!null) settle(http, round);
    return round;
  }

 private:
  static void wait(Clock::duration length) {
    for (const auto end = Clock::now() + length; Clock::now() < end;) {
      if (StopSignal::set()) throw std::runtime_error("bench: interrupted");
      std::this_thread::sleep_for(std::min<Clock::duration>(end - Clock::now(), milliseconds{50}));
    }
  }

  static Mark mark(const LocalBroker& broker, const GeneratorFlow& flow) {
    return {Clock::now(), flow.sent, thread_cpu_us(broker.pid()),
            std::chrono::duration<double, std::micro>(cpu_of(broker.pid())).count()};
  }

  static void settle(int http, PluginRound& round) {
    for (const auto end = Clock::now() + settles_within; Clock::now() < end; wait(milliseconds{100})) {
      const std::string text = wire::http_get(http, "/metrics");
      const auto count = [&](std::string_view name) {
        return static_cast<std::uint64_t>(metric_sum(text, name));
      };
      round.received = count("weir_messages_received_total ");
      round.shed = count(R"(weir_messages_total{outcome="shed"})");
      round.aggregated = count(R"(weir_samples_total{outcome="aggregated"})");
      if (round.received == round.sent && count("weir_messages_in_flight ") == 0 &&
          count("weir_samples_entered_total ") == round.aggregated)
        return;
    }
  }

  const BenchOptions options_;
  const Clock::duration duration_;
  const WireLoad load_;
};

}  // namespace

LocalBrokerOptions broker_with_plugin(const std::string& plugin, const std::string& more) {
  LocalBrokerOptions options;
  options.settings = "plugin " + std::filesystem::absolute(plugin).string() +
                     "\nplugin_opt_config {folder}/weir.json\n" + more;
  return options;
}

void configure_plugin(const LocalBroker& broker, const std::string& config) {
  std::ofstream(broker.folder() + "/weir.json") << config;
}

PluginReport bench_plugin(const BenchOptions& options) {
  const StopSignal signal;
  PluginReport report;
  report.devices = options.devices;
  report.cores = std::thread::hardware_concurrency();
  report.rate = options.rate;
  report.seconds = std::chrono::duration<double>(parse_duration(options.duration).value()).count();
  PluginBench bench(options);
  for (std::uint32_t i = 0; i < options.rounds; ++i) {
    for (const char* subject : subjects) {
      (void)std::fprintf(stderr, "bench: round %u of %u: %s\n", i + 1, options.rounds, subject);
      report.rounds.push_back(bench.round(subject));
    }
  }
  return report;
}

bool PluginReport::complete() const {
  for (const PluginRound& round : rounds) {
    if (round.subject != "null" && round.received != round.sent) return false;
  }
  return !rounds.empty();
}

double PluginReport::middle_of(const std::string& subject, double PluginRound::*member) const {
  std::vector<double> values;
  for (const PluginRound& round : rounds) {
    if (round.subject == subject) values.push_back(round.*member);
  }
  return median(std::move(values));
}

double PluginReport::ratio(const std::string& subject, double PluginRound::*member) const {
  std::vector<double> values;
  double yardstick = 0;
  for (const PluginRound& round : rounds) {
    if (round.subject == "null") yardstick = round.*member;
    if (round.subject == subject) values.push_back(round.*member / yardstick);
  }
  return median(std::move(values));
}

std::string text_of(const PluginReport& report) {
  char line[200];
  std::snprintf(
      line, sizeof line,
      "level G inside Mosquitto: %u devices, one number of each message, %u cores, rounds of %.0f s\n"
      "            messages/s  ratio  broker thread us/message  ratio  process us/message  shed  ping p99 ms "
      " longest\n",
      report.devices, report.cores, report.seconds);
  std::string out = line;
  for (const char* subject : subjects) {
    std::uint64_t shed = 0;
    double longest = 0;
    for (const PluginRound& round : report.rounds) {
      if (round.subject != subject) continue;
      shed += round.shed;
      longest = std::max(longest, round.ping_most_ms);
    }
    std::snprintf(line, sizeof line, "%-10s %11.0f %6.3f %25.3f %6.3f %19.3f %5llu %12.2f %8.2f\n", subject,
                  report.middle_of(subject, &PluginRound::rate), report.ratio(subject, &PluginRound::rate),
                  report.middle_of(subject, &PluginRound::thread_cpu_us),
                  report.ratio(subject, &PluginRound::thread_cpu_us),
                  report.middle_of(subject, &PluginRound::cpu_us), static_cast<unsigned long long>(shed),
                  report.middle_of(subject, &PluginRound::ping_p99_ms), longest);
    out += line;
  }
  return out + (report.complete() ? "every message sent was received\n" : "MESSAGES ARE MISSING\n");
}

std::string json_of(const PluginReport& report) {
  nlohmann::ordered_json json = {{"v", 1},
                                 {"level", "G"},
                                 {"inside", true},
                                 {"devices", report.devices},
                                 {"cores", report.cores},
                                 {"rate", report.rate},
                                 {"seconds", report.seconds}};
  for (const PluginRound& round : report.rounds) {
    json["rounds"].push_back({{"subject", round.subject},
                              {"rate", round.rate},
                              {"broker_thread_us", round.thread_cpu_us},
                              {"process_us", round.cpu_us},
                              {"ping_p99_ms", round.ping_p99_ms},
                              {"ping_most_ms", round.ping_most_ms},
                              {"sent", round.sent},
                              {"received", round.received},
                              {"shed", round.shed},
                              {"aggregated", round.aggregated}});
  }
  json["complete"] = report.complete();
  return json.dump(2) + '\n';
}

}  // namespace bridge
