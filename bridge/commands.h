// Commands: one function per subcommand of `weir`, in one file each. They return the exit code (0 done, 1
// failed while running) or throw SetupError (main prints it, exit code 2). Main thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/replay_reader.h"

namespace bridge {

struct RunOptions {
  std::string record;
};  // --record FILE: also write what arrives
// `load` gives the configuration, at the start and at every SIGHUP.
int run(const std::function<Config()>& load, const RunOptions& options);

int check(const Config& config);

struct ReplayOptions {
  std::vector<std::string> files;
  CsvOptions csv;
  // Where results go: "-" is standard output. Default: there, or nowhere where scores or a plot are asked
  // for.
  std::optional<std::string> out;
  std::string scores;  // file for every judgement: CSV where it ends in .csv, else JSON lines ("-" too)
  std::string plot;    // file for a page of charts
  std::size_t plot_series = 50;  // on it, at most
  std::uint32_t workers = 1;     // 0: in place
};
int replay(const Config& config, const ReplayOptions& options);

struct DiffOptions {
  std::vector<std::string> files;
  CsvOptions csv;
  bool json = false;          // print JSON lines in place of text
  std::uint32_t workers = 1;  // 0: in place
};
int diff(const Config& a, const Config& b, const DiffOptions& options);

struct RecordOptions {
  std::string file;
  std::string duration;
};
int record(const Config& config, const RecordOptions& options);

struct SimulateOptions {
  std::string broker;  // url; or
  std::string out;     // JSON lines file ("-": standard output)
  std::string username, password_file;
  std::string ca;                                    // of an mqtts:// broker; empty: the system's
  std::string topic = "sensors/{device}/telemetry";  // {device}, {site}
  std::uint32_t devices = 20;
  std::uint32_t sites = 0;  // 0: four, or one per device where there are fewer
  double rate = 1;          // messages per second and device
  std::string duration = "60s";
  std::uint64_t seed = 1;
  std::vector<std::string> fields;  // "name=mean,daily amplitude,noise[,spread]"; none: temperature, humidity
  std::vector<std::string> faults;  // "spike=3": how many of a kind; also "spike=3,silence=1"
  std::string truth;                // file for what was injected
  int qos = 1;
  std::string start;  // for files: ISO time of the first message; default now
};
int simulate(const SimulateOptions& options);

struct BenchOptions {
  // K: samples into windows; E: recorded bytes to results, in one process; G: through a Mosquitto of its own
  std::string level = "E";
  std::uint32_t devices = 10'000;  // 1 to 1000000, a topic each
  std::uint32_t fields = 0;  // numbers of each message that make a series: 1 to 4; 0: four at E, one at G
  bool discover = false;     // no `fields` in the configuration: every number, found by weir (means four)
  std::uint64_t messages = 1'000'000;  // E: of a round, 1 to 1000000000
  std::uint32_t keys = 6'000'000;      // K: the most series, 1000 to 100000000
  std::uint64_t samples = 4'000'000;   // K: of a round, 100000 to 1000000000
  std::uint32_t rounds =
      0;                   // 1 to 1000; 0: nine at K, five at E, three at G, one at G from a duration of 30s
  std::uint32_t rate = 0;  // messages per second, up to 10000000. G: sent at that rate, 0: as fast as it
                           // goes; E: of event time, 0: 100000
  std::string fleet;       // E: "6000000x1s": devices and the time between two points of each, by the clock
  bool sweep = false;      // E: every key of `aggregation` over its values
  bool flags = false;      // what detectors find and what they raise for nothing, in place of a speed
  std::uint32_t points = 10;               // fleet, sweep: a device gathers for a message, 1 to 1000
  std::uint32_t workers = 1;               // fleet: 1 to 1024
  std::string duration = "10s";            // G: of the measured part of a round; fleet: 1s to 24h
  std::string subject = "both";            // G: null, weir or both
  std::string client = "native";           // G: native or paho; the yardstick goes with it
  bool direct = false;                     // G: fed by the bench's own sender, without a broker
  std::string plugin;                      // G: weir inside the broker, this file
  bool doorbell = true;                    // of the plugin
  bool json = false;                       // print one JSON object in place of the table
  std::string program = "/proc/self/exe";  // G: the weir that is measured
};
int bench(const BenchOptions& options);

}  // namespace bridge
