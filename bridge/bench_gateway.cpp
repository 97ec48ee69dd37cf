// Level G. Processes: the bench (one thread: steers, observes), a broker, a generator, and one subject at a time. All are started
// anew for each round but the broker; whatever happens they end with the bench.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bridge/bench_child.h"
#include "bridge/bench_generator.h"
#include "bridge/bench_load.h"
#include "bridge/bench_null.h"
#include "bridge/bench_observer.h"
#include "bridge/bench_report.h"
#include "bridge/error.h"
#include "bridge/run.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t packets_built = 100'000;
// As fast as it goes: messages that may be sent and not yet handled. Half of what the broker holds before it drops
// (max_queued_messages), and more than is handled between two looks.
constexpr std::uint64_t outstanding_max = 50'000;
constexpr int look_ms = 50;
constexpr Clock::duration warm_up = seconds{2};
constexpr Clock::duration start_within = seconds{20};
constexpr Clock::duration stuck_after = seconds{4};      // without a message more, what is missing is lost
constexpr Clock::duration results_within = seconds{20};  // of the last message: the window, its idle time, and publishing
constexpr const char* root = "bench";
constexpr const char* subject_id = "bench-subject";

struct Interrupted {};

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

// What is measured: a process that takes the messages of the bench.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Child& child() = 0;
  // Subscribed: what is sent from now on reaches it.
  [[nodiscard]] virtual bool ready() = 0;
  // Messages it has handled so far.
  [[nodiscard]] virtual std::uint64_t handled() = 0;
  virtual void add_to(GatewayRound& round) = 0;
  [[nodiscard]] virtual std::string log() const { return {}; }
};

class NullSubject final : public Subject {
 public:
  explicit NullSubject(const BrokerConfig& broker)
      : child_(Child::of([this, &broker] { return null_subscriber(broker, std::string(root) + "/+/telemetry", *counters_); })) {}

  Child& child() override { return child_; }
  bool ready() override { return counters_->subscribed.load(); }
  std::uint64_t handled() override { return counters_->received.load(); }
  void add_to(GatewayRound& round) override { round.received = handled(); }

 private:
  Shared<NullCounters> counters_;
  Child child_;
};

class WeirSubject final : public Subject {
 public:
  WeirSubject(const BenchOptions& options, const BrokerConfig& broker, const Folder& folder)
      : port_(wire::free_port()), log_(folder.file("weir.log")), child_(start(options, broker, folder)) {}

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
  std::string log() const override { return last_lines(log_); }

 private:
  Child start(const BenchOptions& options, const BrokerConfig& broker, const Folder& folder) const {
    const std::string config = folder.file("weir.json");
    const std::string rest = R"("broker": {"url": ")" + broker.url + R"(", "client_id": ")" + broker.client_id +
                             R"("}, "http": {"listen": "127.0.0.1:)" + std::to_string(port_) + R"("}, "log": {"level": "warn"}, )";
    write_file(config, bench_config(root, options.fields, options.discover, rest));
    return Child::of({options.program, "run", config}, log_);
  }
  [[nodiscard]] std::string metrics() const { return wire::http_get(port_, "/metrics"); }
  static std::uint64_t count(const std::string& text, std::string_view prefix) {
    return static_cast<std::uint64_t>(metric_sum(text, prefix));
  }

  int port_;
  std::string log_;
  Child child_;
};

// Mosquitto on a free port.
class Broker {
 public:
  explicit Broker(const Folder& folder) : port_(wire::free_port()), log_(folder.file("mosquitto.log")), child_(start(folder)) {}

  Child& child() { return child_; }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] BrokerConfig config() const {
    BrokerConfig config;
    config.url = "mqtt://127.0.0.1:" + std::to_string(port_);
    config.client_id = subject_id;
    return config;
  }
  // Connects as soon as it listens.
  std::unique_ptr<Observer> observe() {
    for (const auto deadline = Clock::now() + start_within;; std::this_thread::sleep_for(milliseconds{20})) {
      try {
        return std::make_unique<Observer>(port_);
      } catch (const std::runtime_error&) {
        if (!child_.runs() || Clock::now() > deadline) throw std::runtime_error("bench: Mosquitto does not start: " + last_lines(log_));
      }
    }
  }

 private:
  [[nodiscard]] Child start(const Folder& folder) const {
    const char* const program = "/usr/sbin/mosquitto";
    if (::access(program, X_OK) != 0) throw SetupError("bench: level G needs Mosquitto: install the package mosquitto");
    const std::string config = folder.file("mosquitto.conf");
    write_file(config, "listener " + std::to_string(port_) + " 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n" +
                           "sys_interval 1\npersistence false\nlog_type error\nlog_dest stderr\n");
    return Child::of({program, "-c", config}, log_);
  }

  int port_;
  std::string log_;
  Child child_;
};

// What is read at both ends of the measured part.
struct Mark {
  Clock::time_point time;
  std::uint64_t handled = 0;
  core::Duration subject{}, broker{}, generator{};
};

class GatewayBench {
 public:
  explicit GatewayBench(const BenchOptions& options)
      : options_(options),
        duration_(parse_duration(options.duration).value()),
        load_(wire_load(wire::Protocol::v5, root, options.devices, packets())),
        broker_(folder_),
        observer_(broker_.observe()) {}

  GatewayReport run() {
    GatewayReport report;
    report.terms = {"G", options_.devices, options_.fields, options_.discover, std::uint64_t{options_.devices} * options_.fields,
                    format_duration(bench_window), std::thread::hardware_concurrency(), options_.rate};
    report.duration_seconds = std::chrono::duration<double>(duration_).count();
    try {
      for (std::uint32_t i = 0; i < options_.rounds; ++i) {
        if (options_.subject != "weir") report.rounds.push_back(round("null", i));
        if (options_.subject != "null") report.rounds.push_back(round("weir", i));
      }
    } catch (const Interrupted&) {
      report.interrupted = true;
    }
    return report;
  }

 private:
  [[nodiscard]] std::size_t packets() const {
    return std::max<std::size_t>(packets_built / options_.devices, 1) * options_.devices;
  }

  GatewayRound round(const std::string& name, std::uint32_t number) {
    (void)std::fprintf(stderr, "bench: round %u of %u: %s\n", number + 1, options_.rounds, name.c_str());
    GatewayRound round;
    round.subject = name;
    observer_->refresh();
    const ResultTally before = observer_->tally();
    Shared<GeneratorFlow> flow;
    const BrokerConfig broker = broker_.config();
    const std::unique_ptr<Subject> subject = start(name, broker);
    Child generator = Child::of([&] { return generate(broker_.port(), load_, options_.rate, *flow); });

    steer(*subject, *flow, Clock::now() + warm_up);
    flow->late_ns = 0;
    const Mark begin = mark(*subject, generator);
    steer(*subject, *flow, begin.time + duration_);
    const Mark end = mark(*subject, generator);
    fill(begin, end, round);
    round.late_ms = static_cast<double>(flow->late_ns.load()) / 1e6;

    finish(*subject, *flow);
    round.sent = flow->sent.load();
    if (name == "weir") await_results(before.samples + round.sent * options_.fields);
    subject->add_to(round);
    round.resident_bytes = subject->child().resident_bytes_peak();
    (void)subject->child().stop(seconds{10});
    observer_->refresh();
    const ResultTally& after = observer_->tally();
    round.broker_dropped = after.dropped - before.dropped;
    round.results = after.results - before.results;
    round.result_samples = after.samples - before.samples;
    round.revisions = after.revisions - before.revisions;
    // Its session goes: a connection under its name that ends without one.
    const wire::Connection last(broker_.port(), wire::Protocol::v5, subject_id);
    return round;
  }

  std::unique_ptr<Subject> start(const std::string& name, const BrokerConfig& broker) {
    std::unique_ptr<Subject> subject;
    if (name == "null") {
      subject = std::make_unique<NullSubject>(broker);
    } else {
      subject = std::make_unique<WeirSubject>(options_, broker, folder_);
    }
    for (const auto deadline = Clock::now() + start_within; !subject->ready();) {
      watch();
      if (!subject->child().runs() || Clock::now() > deadline) {
        throw std::runtime_error("bench: the " + name + " subject does not start: " + subject->log());
      }
    }
    return subject;
  }

  void watch() {
    observer_->watch(look_ms);
    if (StopSignal::set()) throw Interrupted{};
  }

  // Until `end`: lets the generator send what the subject can take.
  void steer(Subject& subject, GeneratorFlow& flow, Clock::time_point end) {
    while (Clock::now() < end) {
      if (options_.rate == 0) flow.allowed.store(subject.handled() + outstanding_max);
      watch();
      if (!subject.child().runs()) throw std::runtime_error("bench: the subject has ended: " + subject.log());
    }
  }

  Mark mark(Subject& subject, const Child& generator) {
    Mark mark;
    mark.handled = subject.handled();
    mark.time = Clock::now();
    mark.subject = subject.child().cpu();
    mark.broker = broker_.child().cpu();
    mark.generator = generator.cpu();
    return mark;
  }

  static void fill(const Mark& begin, const Mark& end, GatewayRound& round) {
    const double messages = static_cast<double>(end.handled - begin.handled);
    const auto each = [&](core::Duration from, core::Duration to) { return static_cast<double>((to - from).count()) / 1e3 / messages; };
    round.seconds = std::chrono::duration<double>(end.time - begin.time).count();
    round.rate = messages / round.seconds;
    round.cpu_us = each(begin.subject, end.subject);
    round.broker_cpu_us = each(begin.broker, end.broker);
    round.generator_cpu_us = each(begin.generator, end.generator);
  }

  // The generator sends no more; the subject handles what is under way.
  void finish(Subject& subject, GeneratorFlow& flow) {
    flow.ends.store(true);
    while (!flow.ended.load()) watch();
    std::uint64_t handled = subject.handled();
    for (auto moved = Clock::now(); handled < flow.sent.load() && Clock::now() - moved < stuck_after;) {
      watch();
      const std::uint64_t now = subject.handled();
      if (now != handled) moved = Clock::now();
      handled = now;
    }
  }

  void await_results(std::uint64_t samples) {
    const auto deadline = Clock::now() + results_within;
    while (observer_->tally().samples < samples && Clock::now() < deadline) watch();
  }

  const StopSignal signal_;
  const BenchOptions options_;
  const core::Duration duration_;
  const WireLoad load_;
  const Folder folder_;
  Broker broker_;
  std::unique_ptr<Observer> observer_;
};

}  // namespace

GatewayReport bench_gateway(const BenchOptions& options) { return GatewayBench(options).run(); }

}  // namespace bridge
