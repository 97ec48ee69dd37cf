// The command line. The one place that turns options into calls, SetupErrors into exit code 2, and prints
// what went wrong.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "bridge/commands.h"
#include "bridge/config.h"
#include "bridge/error.h"

namespace {

using namespace bridge;

constexpr int wrong_usage = 2;
constexpr int failed = 1;

// A configuration comes from a file, or from the smallest options that make one.
struct ConfigOptions {
  std::string path;
  std::string from;
  std::string broker;
  std::string username;
  std::string password_file;

  void add_to(CLI::App& app) {
    auto* file = app.add_option("config", path, "Configuration file (JSON, comments allowed)");
    auto* pattern =
        app.add_option("--from", from, "No file: take this topic pattern, with defaults for all else");
    file->excludes(pattern);
    app.add_option("--broker", broker,
                   "Broker, instead of the configuration's: mqtt://host[:port] or mqtts://...");
    app.add_option("--username", username, "User name, instead of the configuration's");
    app.add_option("--password-file", password_file,
                   "File whose first line is the password, instead of the configuration's");
  }

  [[nodiscard]] Config load() const {
    if (path.empty() && from.empty()) {
      throw SetupError("a configuration is needed: name a file, or give --from 'sensors/{device}/#'");
    }
    Config config = path.empty() ? config_from_pattern(from) : load_config(path);
    if (!broker.empty()) config.broker.url = broker;
    if (!username.empty()) config.broker.username = username;
    if (!password_file.empty()) {
      config.broker.password_file = password_file;
      config.broker.password_env.clear();
    }
    return config;
  }
};

CLI::App* command(CLI::App& app, const char* name, const char* what, const char* example) {
  CLI::App* sub = app.add_subcommand(name, what);
  sub->footer(std::string{"Example:\n  "} + example);
  return sub;
}

struct Commands {
  std::function<int()> chosen;
  ConfigOptions config;
  RunOptions run;
  ReplayOptions replay;
  DiffOptions diff;
  RecordOptions record;
  SimulateOptions simulate;
  BenchOptions bench;

  void add_run(CLI::App& app) {
    CLI::App* sub = command(app, "run", "Run the bridge beside a broker",
                            "weir run --from 'sensors/{device}/#' --broker mqtt://localhost");
    config.add_to(*sub);
    sub->add_option("--record", run.record, "Also write what arrives to this file (it must not exist)");
    sub->callback([this] { chosen = [this] { return bridge::run([this] { return config.load(); }, run); }; });
  }
  void add_check(CLI::App& app) {
    CLI::App* sub = command(app, "check",
                            "Validate a configuration; print what it means: topics, memory, effective values",
                            "weir check weir.json");
    config.add_to(*sub);
    sub->callback([this] { chosen = [this] { return bridge::check(config.load()); }; });
  }
  void add_replay(CLI::App& app) {
    CLI::App* sub =
        command(app, "replay", "Run recorded traffic through a configuration: results as JSON lines",
                "weir replay weir.json monday.rec\n  weir replay --from 'line/{device}' "
                "--csv-topic 'line/{machine}' --csv-time timestamp data.csv\n  "
                "weir replay weir.json monday.rec --scores scores.csv --plot monday.html");
    sub->add_option("files", replay_arguments,
                    "CONFIG FILE...; without CONFIG where --from is given. '-' is standard input")
        ->required();
    sub->add_option("--from", config.from,
                    "No configuration file: take this topic pattern, with defaults for all else");
    add_reading(*sub, replay.csv, replay.workers);
    sub->add_option("--out", replay.out,
                    "File for results (it must not exist); '-' is standard output, the default unless "
                    "--scores or --plot is given");
    sub->add_option("--scores", replay.scores,
                    "File for what every detector says about every value: CSV if it ends in .csv, else "
                    "JSON lines; '-' is standard output");
    sub->add_option("--plot", replay.plot,
                    "File for an HTML page that shows values, what was expected, and flags");
    sub->add_option("--plot-series", replay.plot_series, "Most series on the page; flagged ones come first")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    sub->callback([this] { chosen = [this] { return replay_files(); }; });
  }
  void add_diff(CLI::App& app) {
    CLI::App* sub = command(app, "diff", "What two configurations flag differently in recorded traffic",
                            "weir diff weir.json tuned.json monday.rec");
    sub->add_option("a", diff_paths[0], "Configuration A")->required();
    sub->add_option("b", diff_paths[1], "Configuration B")->required();
    sub->add_option("files", diff.files, "Recorded files")->required();
    add_reading(*sub, diff.csv, diff.workers);
    sub->add_flag("--json", diff.json, "Print JSON lines");
    sub->callback([this] {
      chosen = [this] { return bridge::diff(load_config(diff_paths[0]), load_config(diff_paths[1]), diff); };
    });
  }
  // How recorded files are read, and by how many.
  static void add_reading(CLI::App& app, CsvOptions& csv, std::uint32_t& workers) {
    app.add_option("--csv-topic", csv.topic, "Topic of a CSV row; {column} is replaced by the row's value");
    app.add_option("--csv-time", csv.time, "Name of the CSV column that holds the time (default: the first)");
    app.add_option("--workers", workers, "Worker threads; 0: none. The results are the same for any number")
        ->check(CLI::Range(0, 1024))
        ->capture_default_str();
  }
  void add_record(CLI::App& app) {
    CLI::App* sub = command(app, "record", "Write what arrives to a recording",
                            "weir record weir.json monday.rec --duration 1h");
    sub->add_option("config", config.path, "Configuration file")->required();
    sub->add_option("file", record.file, "Recording to write (it must not exist)")->required();
    sub->add_option("--duration", record.duration, "Stop after this time (30s, 5m, 1h); default: on Ctrl-C");
    sub->add_option("--broker", config.broker, "Broker, instead of the configuration's");
    sub->callback([this] { chosen = [this] { return bridge::record(config.load(), record); }; });
  }
  void add_simulate(CLI::App& app);
  void add_bench(CLI::App& app);

  int replay_files() {
    replay.files = replay_arguments;
    if (config.from.empty()) {
      config.path = replay.files.front();
      replay.files.erase(replay.files.begin());
      if (replay.files.empty())
        throw SetupError(
            "replay: name the recorded files after the configuration: weir replay weir.json FILE...");
    }
    return bridge::replay(config.load(), replay);
  }

  std::vector<std::string> replay_arguments;
  std::array<std::string, 2> diff_paths;
};

void Commands::add_simulate(CLI::App& app) {
  CLI::App* sub = command(app, "simulate", "A fleet of devices with seeded anomalies, to a broker or a file",
                          "weir simulate --broker mqtt://localhost --devices 100 --duration 5m --fault "
                          "spike=10 --truth truth.jsonl");
  SimulateOptions& s = simulate;
  sub->add_option("--broker", s.broker, "Publish to this broker: mqtt://host[:port] or mqtts://...");
  sub->add_option("--out", s.out, "Write JSON lines for `weir replay` instead ('-': standard output)");
  sub->add_option("--username", s.username, "User name at the broker");
  sub->add_option("--password-file", s.password_file, "File whose first line is the password");
  sub->add_option("--ca", s.ca,
                  "PEM file of the authorities an mqtts:// broker may have; default: the system's");
  sub->add_option("--topic", s.topic, "Topic; {device} and {site} are filled in")->capture_default_str();
  sub->add_option("--devices", s.devices, "Devices")->capture_default_str();
  sub->add_option("--sites", s.sites,
                  "Sites the devices are spread over; 0: four, or one per device if fewer")
      ->capture_default_str();
  sub->add_option("--rate", s.rate, "Messages per second and device")->capture_default_str();
  sub->add_option("--duration", s.duration, "How long")->capture_default_str();
  sub->add_option("--seed", s.seed, "Same seed, same fleet and faults")->capture_default_str();
  sub->add_option("--field", s.fields, "name=mean,daily amplitude,noise; may be repeated");
  sub->add_option("--fault", s.faults,
                  "kind=how many: spike, drift, flatline, silence, shift; may be repeated");
  sub->add_option("--truth", s.truth, "Write what was injected to this file, as JSON lines");
  sub->add_option("--qos", s.qos, "0, 1 or 2")->check(CLI::Range(0, 2))->capture_default_str();
  sub->add_option("--start", s.start, "Time of the first message (ISO 8601), with --out; default: now");
  sub->callback([this] { chosen = [this] { return bridge::simulate(simulate); }; });
}

void Commands::add_bench(CLI::App& app) {
  CLI::App* sub =
      command(app, "bench", "What this machine can do, as ratios to yardsticks that run beside it",
              "weir bench --level E\n  weir bench --fleet 600000x100ms --duration 60s\n  "
              "weir bench --level G --rate 100000 --duration 60s");
  sub->add_option("--level", bench.level,
                  "K: samples into windows. E: recorded bytes to results. G: through a real broker")
      ->check(CLI::IsMember({"K", "E", "G"}))
      ->capture_default_str();
  sub->add_option("--devices", bench.devices, "Devices, one topic each")->capture_default_str();
  sub->add_option("--fields", bench.fields, "Numbers per message that enter series")->capture_default_str();
  sub->add_option("--keys", bench.keys, "Most series (K)")->capture_default_str();
  sub->add_option("--samples", bench.samples, "Samples per round (K)")->capture_default_str();
  sub->add_option("--messages", bench.messages, "Messages per round (E)")->capture_default_str();
  sub->add_option("--rounds", bench.rounds, "Rounds; medians are printed")->capture_default_str();
  sub->add_option("--rate", bench.rate, "Messages per second (G); 0: as fast as it goes")
      ->capture_default_str();
  sub->add_option(
      "--fleet", bench.fleet,
      "Offer a fleet's points by the clock (E): devices x time between two points, as 6000000x1s");
  sub->add_option("--plugin", bench.plugin, "weir_mosquitto.so: weir inside the broker (G)")
      ->check(CLI::ExistingFile);
  sub->add_flag("--no-doorbell{false}", bench.doorbell, "The plugin does not wake an idle broker (G)");
  sub->add_flag("--sweep", bench.sweep, "Every key of `aggregation` over its values (E)");
  sub->add_flag("--flags", bench.flags,
                "What detectors find in a fleet with faults, and raise for nothing; with level G: how soon a "
                "flag reaches a subscriber at half of what is carried, or at --rate");
  sub->add_option("--points", bench.points, "Points that a device gathers for a message (fleet, sweep)")
      ->capture_default_str();
  sub->add_option("--workers", bench.workers, "Workers (fleet)")->capture_default_str();
  sub->add_option("--duration", bench.duration, "Length of a round (G, fleet)")->capture_default_str();
  sub->add_option("--client", bench.client, "weir's MQTT client (G): paho or native")->capture_default_str();
  sub->add_flag("--direct", bench.direct, "From the bench's own sender, without a broker (G)");
  sub->add_flag("--json", bench.json, "Print JSON");
  sub->callback([this] { chosen = [this] { return bridge::bench(bench); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"weir: MQTT telemetry to rolling aggregates and explained anomaly flags", "weir"};
  app.set_version_flag("--version", "weir " WEIR_VERSION);
  app.require_subcommand(1);
  Commands commands;
  commands.add_run(app);
  commands.add_check(app);
  commands.add_replay(app);
  commands.add_diff(app);
  commands.add_record(app);
  commands.add_simulate(app);
  commands.add_bench(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : wrong_usage;
  }
  try {
    return commands.chosen();
  } catch (const SetupError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return wrong_usage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir: stopped by an unexpected error: %s\n", error.what());
    return failed;
  }
}
