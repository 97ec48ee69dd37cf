// weir simulate: a fleet (fleet.h) written to a file for replay, or published to a broker on schedule.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <unistd.h>

#include "bridge/arrival_clock.h"
#include "bridge/commands.h"
#include "bridge/encode.h"
#include "bridge/error.h"
#include "bridge/fleet.h"
#include "bridge/log.h"
#include "bridge/mqtt_client.h"
#include "bridge/run.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

using Steady = std::chrono::steady_clock;
using core::Time;

void add_faults(std::string_view text, FleetSpec& spec) {
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    const std::string_view kind = one.substr(0, equals);
    const std::string digits(equals == std::string_view::npos ? "" : one.substr(equals + 1));
    std::size_t at = 0;
    while (at < fault_kind_names.size() && fault_kind_names[at] != kind) ++at;
    const bool number =
        !digits.empty() && digits.size() <= 6 && digits.find_first_not_of("0123456789") == std::string::npos;
    if (at == fault_kind_names.size() || !number) {
      throw SetupError(
          "simulate: fault \"" + std::string(one) +
          "\": allowed is kind=count with spike, drift, flatline, silence or shift, such as spike=3");
    }
    spec.faults[at] += static_cast<std::uint32_t>(std::stoul(digits));
  }
}

FleetSpec fleet_spec(const SimulateOptions& options) {
  FleetSpec spec;
  spec.topic = options.topic;
  spec.devices = options.devices;
  spec.sites = options.sites != 0 ? options.sites : std::min<std::uint32_t>(4, options.devices);
  spec.rate = options.rate;
  spec.seed = options.seed;
  for (const std::string& field : options.fields) spec.fields.push_back(parse_field_shape(field));
  if (spec.fields.empty())
    spec.fields = {parse_field_shape("temperature=21,4,0.3"), parse_field_shape("humidity=48,8,1")};
  for (const std::string& fault : options.faults) add_faults(fault, spec);
  const auto duration = parse_duration(options.duration);
  if (!duration)
    throw SetupError("simulate: duration \"" + options.duration +
                     "\": allowed is a number and a unit, such as 90s, 10m or 24h");
  spec.duration = *duration;
  spec.start = std::chrono::ceil<std::chrono::seconds>(system_now());
  if (!options.start.empty()) spec.start = time_of_text(options.start, TimeUnit::automatic);
  if (spec.start == core::no_time)
    throw SetupError("simulate: start \"" + options.start +
                     "\": allowed is a time such as 2026-11-23T07:00:00Z");
  return spec;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File create(const std::string& path, const char* what) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file)
    throw SetupError("simulate: cannot write " + std::string(what) + " \"" + path +
                     "\"; name a file in a folder that exists and is yours");
  return file;
}

bool write(std::FILE* file, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), file) == text.size();
}

int failed_to_write(const std::string& path) {
  log(Level::error, "simulate", "cannot write, is the disk full?", {{"file", path}});
  return 1;
}

// False when the file could not be written to its end.
bool write_truth(const Fleet& fleet, std::FILE* file) {
  bool good = true;
  for (const Fault& fault : fleet.faults()) good = good && write(file, fleet.truth_json(fault) + '\n');
  return good && std::fflush(file) == 0;
}

bool write_messages(const Fleet& fleet, std::FILE* file) {
  std::string payload;
  std::string line;
  for (std::uint64_t index = 0; index < fleet.messages() && !StopSignal::set(); ++index) {
    if (!fleet.payload(index, payload)) continue;
    line = "{\"t\":" +
           std::to_string(
               std::chrono::floor<std::chrono::milliseconds>(fleet.time(index)).time_since_epoch().count());
    line += ",\"topic\":";
    append_json_string(fleet.topic(index), line);
    line += ",\"payload\":" + payload + "}\n";
    if (!write(file, line)) return false;
  }
  return std::fflush(file) == 0;
}

// Publishes a fleet on schedule (open loop: what is late is sent as soon as it can be, and its delay is
// reported). A message that the connection cannot take for five seconds is given up, as a device without
// storage would.
class Sending {
 public:
  Sending(const Fleet& fleet, MqttClient& client, int qos) : fleet_(fleet), client_(client), qos_(qos) {}

  // True when everything due was delivered.
  bool run() {
    const Steady::time_point start = Steady::now() + (fleet_.time(0) - system_now());
    for (std::uint64_t index = 0; index < fleet_.messages() && !StopSignal::set(); ++index) {
      const Steady::time_point due = start + (fleet_.time(index) - fleet_.time(0));
      wait_until(due);
      if (StopSignal::set()) break;
      if (!fleet_.payload(index, publication_.payload)) {
        ++silent_;
        continue;
      }
      publication_.topic = fleet_.topic(index);
      publication_.qos = qos_;
      send(due);
    }
    for (const auto end = Steady::now() + std::chrono::seconds(10); under_way_ > 0 && Steady::now() < end;)
      pause(std::chrono::milliseconds(5));
    lost_ += under_way_;
    return refused_ + lost_ + unsent_ == 0;
  }

  void report() const {
    std::printf(
        "simulate: sent %llu, acknowledged %llu, refused %llu, lost %llu, not sent %llu, silent %llu, "
        "longest delay %lld ms\n",
        sent_, acknowledged_, refused_, lost_, unsent_, silent_,
        static_cast<long long>(std::chrono::floor<std::chrono::milliseconds>(longest_delay_).count()));
    std::fflush(stdout);
  }

 private:
  void wait_until(Steady::time_point due) {
    while (!StopSignal::set() && Steady::now() < due)
      pause(std::min<Steady::duration>(due - Steady::now(), std::chrono::milliseconds(5)));
  }

  void pause(Steady::duration most) {
    Sink::Completion completion{};
    while (client_.completed(completion)) {
      --under_way_;
      if (completion.ended == Sink::Ended::acknowledged) ++acknowledged_;
      if (completion.ended == Sink::Ended::refused) ++refused_;
      if (completion.ended == Sink::Ended::lost) ++lost_;
    }
    std::this_thread::sleep_for(most);
  }

  void send(Steady::time_point due) {
    while (!StopSignal::set()) {
      const Sink::Accepted accepted = client_.publish(publication_, sent_);
      const Steady::duration delay = Steady::now() - due;
      if (accepted == Sink::Accepted::later && delay < std::chrono::seconds(5)) {
        pause(std::chrono::milliseconds(1));
        continue;
      }
      count(accepted, delay);
      return;
    }
  }

  void count(Sink::Accepted accepted, Steady::duration delay) {
    if (accepted == Sink::Accepted::later) {
      ++unsent_;
      log_throttled(Level::warn, "simulate", "given up after five seconds",
                    {{"reason", client_.state().connected ? "the broker is slow" : "not connected"}});
      return;
    }
    ++sent_;
    longest_delay_ = std::max(longest_delay_, delay);
    if (accepted == Sink::Accepted::refused) ++refused_;
    if (accepted == Sink::Accepted::pending) ++under_way_;
  }

  const Fleet& fleet_;
  MqttClient& client_;
  const int qos_;
  Publication publication_;
  unsigned long long sent_ = 0, acknowledged_ = 0, refused_ = 0, lost_ = 0, unsent_ = 0, silent_ = 0,
                     under_way_ = 0;
  Steady::duration longest_delay_{0};
};

MqttClientSpec client_spec(const SimulateOptions& options) {
  MqttClientSpec spec;
  spec.broker.url = options.broker;
  spec.broker.client_id = "weir-simulate-" + std::to_string(getpid());
  spec.broker.username = options.username;
  spec.broker.password_file = options.password_file;
  spec.broker.tls.ca = options.ca;
  spec.broker.session_expiry = core::Duration{0};
  return spec;
}

// False when the broker does not answer within ten seconds.
bool connected(MqttClient& client, const std::string& url) {
  client.start();
  const auto end = Steady::now() + std::chrono::seconds(10);
  while (!client.state().connected && Steady::now() < end && !StopSignal::set())
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (client.state().connected) return true;
  log(Level::error, "simulate",
      "no connection within ten seconds; check the address, that the broker runs, and the password",
      {{"broker", url}, {"error", client.state().last_error}});
  return false;
}

int publish_fleet(const SimulateOptions& options, FleetSpec spec, std::FILE* truth) {
  MqttClient client(client_spec(options), nullptr);
  if (!connected(client, options.broker)) return 1;
  spec.start = std::chrono::ceil<std::chrono::seconds>(system_now());
  const Fleet fleet(spec);
  if (truth != nullptr && !write_truth(fleet, truth)) return failed_to_write(options.truth);
  Sending sending(fleet, client, options.qos);
  const bool delivered = sending.run();
  client.stop();
  sending.report();
  return delivered ? 0 : 1;
}

int write_fleet(const SimulateOptions& options, const Fleet& fleet, std::FILE* truth) {
  const File out = options.out == "-" ? nullptr : create(options.out, "messages to");
  if (truth != nullptr && !write_truth(fleet, truth)) return failed_to_write(options.truth);
  return write_messages(fleet, out ? out.get() : stdout) ? 0 : failed_to_write(options.out);
}

}  // namespace

int simulate(const SimulateOptions& options) {
  if (options.broker.empty() == options.out.empty()) {
    throw SetupError(
        "simulate: name one place for the messages: --broker mqtt://localhost:1883, or --out FILE (- for "
        "standard output)");
  }
  if (!options.broker.empty() && !options.start.empty()) {
    throw SetupError("simulate: --start goes with --out; what is published to a broker begins now");
  }
  if (!options.ca.empty() && !options.broker.starts_with("mqtts://")) {
    throw SetupError("simulate: --ca has no effect without TLS; give --broker mqtts://..., or leave it out");
  }
  if (options.qos < 0 || options.qos > 2)
    throw SetupError("simulate: qos " + std::to_string(options.qos) + ": allowed is 0, 1 or 2");
  const FleetSpec spec = fleet_spec(options);
  const Fleet fleet(spec);  // everything is checked before a file is created or a broker is asked
  const StopSignal stop_signal;
  const File truth = options.truth.empty() ? nullptr : create(options.truth, "the truth to");
  return options.broker.empty() ? write_fleet(options, fleet, truth.get())
                                : publish_fleet(options, spec, truth.get());
}

}  // namespace bridge
