#include "bridge/bench_subject.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "bridge/bench_null.h"
#include "bridge/bench_observer.h"
#include "bridge/loopback.h"
#include "bridge/wire_sender.h"

namespace bridge {
namespace {

// A folder that goes with its owner.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("bench: cannot make a folder " + name);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("bench: cannot write " + path);
}

std::string last_lines(const std::string& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  constexpr std::size_t most = 2000;
  return text.size() > most ? text.substr(text.size() - most) : text;
}

class NullSubject final : public Subject {
 public:
  explicit NullSubject(const BrokerConfig& broker)
      : child_(Child::of([this, &broker] {
          const std::string filter = std::string(bench_root) + "/+/telemetry";
          return broker.client == Client::native ? null_reader(broker, filter, *counters_)
                                                 : null_subscriber(broker, filter, *counters_);
        })) {}

  Child& child() override { return child_; }
  bool ready() override { return counters_->subscribed.load(); }
  std::uint64_t handled() override { return counters_->received.load(); }
  void add_to(GatewayRound& round) override { round.received = handled(); }
  std::string log() const override { return {}; }

 private:
  Shared<NullCounters> counters_;
  Child child_;
};

class WeirSubject final : public Subject {
 public:
  WeirSubject(const BenchOptions& options, const BrokerConfig& broker, const std::string& streams)
      : port_(free_port()), child_(start(options, broker, streams)) {}

  Child& child() override { return child_; }
  bool ready() override { return !wire::http_get(port_, "/readyz").empty(); }
  std::uint64_t handled() override { return count(metrics(), R"(weir_messages_total{outcome="decoded"})"); }
  void add_to(GatewayRound& round) override {
    const std::string text = metrics();
    round.received = count(text, "weir_messages_received_total ");
    round.decoded = count(text, R"(weir_messages_total{outcome="decoded"})");
    round.samples = count(text, "weir_samples_entered_total ");
    round.aggregated = count(text, R"(weir_samples_total{outcome="aggregated"})");
    round.made = count(text, "weir_windows_total{");
  }
  std::string log() const override { return last_lines(folder_.file("weir.log")); }

 private:
  [[nodiscard]] Child start(const BenchOptions& options, const BrokerConfig& broker,
                            const std::string& streams) const {
    const std::string config = folder_.file("weir.json");
    const std::string rest = R"("broker": {"url": ")" + broker.url + R"(", "client_id": ")" +
                             broker.client_id + R"(", "client": ")" + options.client +
                             R"("}, "http": {"listen": "127.0.0.1:)" + std::to_string(port_) +
                             R"("}, "log": {"level": "warn"}, )";
    write_file(config, streams.empty() ? bench_config(bench_root, options.fields, options.discover, rest)
                                       : '{' + rest + streams + '}');
    return Child::of({options.program, "run", config}, folder_.file("weir.log"));
  }
  [[nodiscard]] std::string metrics() const { return wire::http_get(port_, "/metrics"); }
  static std::uint64_t count(const std::string& text, std::string_view prefix) {
    return static_cast<std::uint64_t>(metric_sum(text, prefix));
  }

  const Folder folder_;
  const int port_;
  Child child_;
};

}  // namespace

WireLoad gateway_load(std::uint32_t devices) {
  constexpr std::size_t messages = 100'000;
  const std::size_t passes = std::max<std::size_t>(messages / devices, 1);
  return wire_load(wire::Protocol::v5, bench_root, devices, passes * devices);
}

BrokerConfig subject_broker(const BenchOptions& options, std::string url) {
  BrokerConfig broker;
  broker.url = std::move(url);
  broker.client_id = bench_subject;
  broker.client = options.client == "native" ? Client::native : Client::paho;
  return broker;
}

std::unique_ptr<Subject> null_subject(const BrokerConfig& broker) {
  return std::make_unique<NullSubject>(broker);
}

std::unique_ptr<Subject> weir_subject(const BenchOptions& options, const BrokerConfig& broker,
                                      const std::string& streams) {
  return std::make_unique<WeirSubject>(options, broker, streams);
}

}  // namespace bridge
