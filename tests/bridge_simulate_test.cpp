// The fleet's model: the same seed gives the same bytes, the truth says exactly what was done to the
// readings, and the numbers look like what was asked for.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "bridge/commands.h"
#include "bridge/error.h"
#include "bridge/fleet.h"
#include "bridge/timestamp.h"

namespace {

using namespace bridge;
using namespace std::chrono_literals;
using nlohmann::json;

core::Time at(std::int64_t seconds) { return core::Time{std::chrono::seconds{seconds}}; }

FleetSpec small_spec() {
  FleetSpec spec;
  spec.devices = 10;
  spec.rate = 1;
  spec.start = at(1'763'881'200);  // 2025-11-23T07:00:00Z
  spec.duration = 10min;
  spec.seed = 7;
  spec.fields = {parse_field_shape("temperature=21,4,0.3"), parse_field_shape("humidity=48,8,1,2")};
  spec.faults = {3, 2, 2, 2, 2};
  return spec;
}

std::string everything(const Fleet& fleet) {
  std::string all;
  std::string payload;
  for (std::uint64_t index = 0; index < fleet.messages(); ++index) {
    if (fleet.payload(index, payload)) all += fleet.topic(index) + ' ' + payload + '\n';
  }
  for (const Fault& fault : fleet.faults()) all += fleet.truth_json(fault) + '\n';
  return all;
}

std::string problem_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const SetupError& error) {
    return error.what();
  }
  return "no problem";
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a field shape is read, or the problem named") {
  const auto check = [](std::string_view text, double mean, double amplitude, double noise, double spread) {
    CAPTURE(text);
    const FieldShape shape = parse_field_shape(text);
    CHECK(shape.name == text.substr(0, text.find('=')));
    CHECK(shape.mean == mean);
    CHECK(shape.amplitude == amplitude);
    CHECK(shape.noise == noise);
    CHECK(shape.spread == spread);
  };
  check("temperature=21,4,0.3", 21, 4, 0.3, 0.6);
  check("p=-1e3,0,0", -1000, 0, 0, 0);
  check("a.b-c_9=1,2,3,4", 1, 2, 3, 4);

  const auto fails = [](const std::string& text) {
    CAPTURE(text);
    const std::string problem = problem_of([&] { (void)parse_field_shape(text); });
    CHECK(problem.starts_with("simulate: field \"" + text + "\": allowed is name=mean,amplitude,noise"));
  };
  fails("");
  fails("temperature");
  fails("=1,2,3");
  fails("t=");
  fails("t=1,2");
  fails("t=1,2,3,4,5");
  fails("t=1,2,3,");
  fails("t=1,2,x");
  fails("t=1,2,-3");
  fails("t=1,-2,3");
  fails("t=nan,2,3");
  fails("t=inf,2,3");
  fails("a b=1,2,3");
  fails("ts=1,2,3");
}

TEST_CASE("a fleet that makes no sense is refused by name") {
  const auto check = [](const std::function<void(FleetSpec&)>& change, const std::string& expected) {
    FleetSpec spec = small_spec();
    change(spec);
    const std::string problem = problem_of([&] { const Fleet fleet(spec); });
    CAPTURE(problem);
    CHECK(problem.starts_with("simulate: "));
    CHECK(problem.find(expected) != std::string::npos);
  };
  check([](FleetSpec& s) { s.devices = 0; }, "devices 0: allowed is 1 to 1000000");
  check([](FleetSpec& s) { s.devices = 1'000'001; }, "devices 1000001");
  check([](FleetSpec& s) { s.sites = 11; }, "sites 11");
  check([](FleetSpec& s) { s.rate = 0; }, "rate 0.0");
  check([](FleetSpec& s) { s.rate = std::nan(""); }, "rate nan");
  check([](FleetSpec& s) { s.fields.clear(); }, "number of fields 0");
  check([](FleetSpec& s) { s.fields.push_back(s.fields[0]); }, "field \"temperature\" is given twice");
  check([](FleetSpec& s) { s.duration = 0s; }, "duration in seconds 0.0");
  check([](FleetSpec& s) { s.duration = 9s; }, "messages per device");
  check([](FleetSpec& s) { s.start = core::time_max; }, "start in nanoseconds");
  check([](FleetSpec& s) { s.topic = "sensors/telemetry"; }, "has no {device}");
  check([](FleetSpec& s) { s.faults[0] = 5000; },
        "5008 faults do not fit into 10 devices with 600 messages each");
}

TEST_CASE("the same seed gives the same bytes, another seed gives others") {
  const std::string first = everything(Fleet(small_spec()));
  CHECK(first == everything(Fleet(small_spec())));
  FleetSpec other = small_spec();
  other.seed = 8;
  CHECK(first != everything(Fleet(other)));
}

TEST_CASE("the bytes of a seed are these, on every machine") {
  FleetSpec spec = small_spec();
  spec.devices = 3;
  spec.sites = 2;
  spec.topic = "site/{site}/device/{device}/telemetry";
  spec.faults = {};
  const Fleet fleet(spec);
  std::string payload;
  REQUIRE(fleet.payload(0, payload));
  CHECK(fleet.topic(0) == "site/s1/device/d1/telemetry");
  CHECK(payload == R"({"ts":1763881200000,"temperature":18.82,"humidity":44.7})");
  REQUIRE(fleet.payload(1799, payload));
  CHECK(fleet.topic(1799) == "site/s1/device/d3/telemetry");
  CHECK(payload == R"({"ts":1763881799666,"temperature":19.29,"humidity":45.8})");
}

TEST_CASE("devices are spread evenly over the interval, in order") {
  FleetSpec spec = small_spec();
  spec.rate = 2;
  spec.devices = 4;
  spec.faults = {};
  const Fleet fleet(spec);
  REQUIRE(fleet.messages() == 4 * 1200);
  for (std::uint64_t index = 0; index < fleet.messages(); ++index) {
    REQUIRE(fleet.time(index) == spec.start + 125ms * static_cast<std::int64_t>(index));
  }
}

TEST_CASE("without noise and spread a value is the mean and the daily wave") {
  FleetSpec spec;
  spec.devices = 1;
  spec.sites = 1;
  spec.rate = 1.0 / 60;
  spec.start = at(1'763'856'000);  // midnight
  spec.duration = 24h;
  spec.fields = {parse_field_shape("t=20,5,0,0")};
  const Fleet fleet(spec);
  REQUIRE(fleet.messages() == 1440);
  double lowest = 100;
  double highest = -100;
  std::uint64_t minute_of_highest = 0;
  double sum = 0;
  for (std::uint64_t minute = 0; minute < 1440; ++minute) {
    const double value = *fleet.value(0, 0, minute);
    sum += value;
    lowest = std::min(lowest, value);
    if (value > highest) minute_of_highest = minute;
    highest = std::max(highest, value);
  }
  CHECK(highest == doctest::Approx(25).epsilon(1e-4));
  CHECK(lowest == doctest::Approx(15).epsilon(1e-4));
  CHECK(sum / 1440 == doctest::Approx(20).epsilon(1e-4));
  CHECK(std::abs(static_cast<double>(minute_of_highest) - 15 * 60) <= 31);
}

TEST_CASE("noise and offsets have the deviation that was asked for") {
  FleetSpec spec;
  spec.devices = 2000;
  spec.rate = 1;
  spec.start = at(1'763'881'200);
  spec.duration = 100s;
  spec.fields = {parse_field_shape("t=50,0,0.5,3")};
  const Fleet fleet(spec);
  double offsets = 0, offsets_squared = 0, noise_squared = 0;
  for (std::uint32_t device = 0; device < spec.devices; ++device) {
    double mean = 0;
    for (std::uint64_t round = 0; round < 100; ++round) mean += *fleet.value(device, 0, round) / 100;
    for (std::uint64_t round = 0; round < 100; ++round)
      noise_squared += std::pow(*fleet.value(device, 0, round) - mean, 2) / 99;
    offsets += mean - 50;
    offsets_squared += (mean - 50) * (mean - 50);
  }
  // 2000 draws of deviation 3: the mean's own deviation is 0.067, that of the deviation 0.047. Five of each.
  CHECK(std::abs(offsets / 2000) < 0.34);
  CHECK(std::abs(std::sqrt(offsets_squared / 2000) - 3) < 0.24);
  // 198,000 degrees of freedom: 0.5 to 0.0008. Five of these.
  CHECK(std::abs(std::sqrt(noise_squared / 2000) - 0.5) < 0.004);
}

TEST_CASE("the truth is what was done to the readings, no more and no less") {
  const Fleet fleet(small_spec());
  const FleetSpec spec = small_spec();
  REQUIRE(fleet.faults().size() == 11);
  std::array<std::uint32_t, 5> kinds{};
  std::set<std::pair<std::uint32_t, std::uint64_t>> faulty;
  for (const Fault& fault : fleet.faults()) {
    const std::string truth = fleet.truth_json(fault);
    CAPTURE(truth);
    ++kinds[static_cast<std::size_t>(fault.kind)];
    CHECK(fault.first >= 150);  // the clean quarter
    CHECK(fault.last <= 599);
    for (std::uint64_t round = fault.first; round < fault.last; ++round) {
      REQUIRE(faulty.insert({fault.device, round}).second);  // no two faults on one device at one time
      const auto value = fleet.value(fault.device, fault.field, round);
      const double healthy = fleet.healthy(fault.device, fault.field, round);
      const auto length = static_cast<double>(fault.last - fault.first);
      const auto step = static_cast<double>(round - fault.first + 1);
      switch (fault.kind) {
        case FaultKind::silence:
          CHECK(!value);
          break;
        case FaultKind::flatline:
          CHECK(*value == *fleet.value(fault.device, fault.field, fault.first));
          break;
        case FaultKind::drift:
          CHECK(*value == doctest::Approx(healthy + fault.magnitude * step / length));
          break;
        case FaultKind::spike:
        case FaultKind::shift:
          CHECK(*value == healthy + fault.magnitude);
          break;
      }
      if (fault.kind != FaultKind::silence) {
        CHECK(*fleet.value(fault.device, 1 - fault.field, round) ==
              fleet.healthy(fault.device, 1 - fault.field, round));
      }
    }
    if (fault.kind == FaultKind::spike) CHECK(fault.last == fault.first + 1);
    if (fault.kind != FaultKind::spike) CHECK(fault.last - fault.first >= 60);
    if (fault.kind == FaultKind::spike)
      CHECK(std::abs(fault.magnitude) >= 15 * spec.fields[fault.field].noise);
    if (fault.kind == FaultKind::shift)
      CHECK(std::abs(fault.magnitude) >= 10 * spec.fields[fault.field].noise);
  }
  CHECK(kinds == spec.faults);
  for (std::uint32_t device = 0; device < spec.devices; ++device) {
    for (std::uint64_t round = 0; round < 600; ++round) {
      if (faulty.contains({device, round})) continue;
      for (std::uint32_t field = 0; field < 2; ++field)
        REQUIRE(fleet.value(device, field, round) == fleet.healthy(device, field, round));
    }
  }
}

TEST_CASE("faults spread over the fleet before a device gets a second one") {
  FleetSpec spec = small_spec();
  spec.faults = {2, 2, 2, 2, 2};
  const Fleet fleet(spec);
  std::set<std::uint32_t> devices;
  for (const Fault& fault : fleet.faults()) devices.insert(fault.device);
  CHECK(devices.size() == 10);
}

TEST_CASE("a truth line says where, when and how much, in the payloads' milliseconds") {
  FleetSpec spec = small_spec();
  spec.rate = 3;  // an interval that is no whole number of milliseconds
  const Fleet fleet(spec);
  for (const Fault& fault : fleet.faults()) {
    const json truth = json::parse(fleet.truth_json(fault));
    CAPTURE(truth.dump());
    CHECK(truth["kind"] == fault_kind_names[static_cast<std::size_t>(fault.kind)]);
    CHECK(truth["device"] == fleet.device_name(fault.device));
    CHECK(truth["site"] == fleet.site_name(fault.device));
    CHECK(truth.contains("field") == (fault.kind != FaultKind::silence));
    CHECK(truth.contains("magnitude") == (fault.magnitude != 0));
    const auto start = time_of_text(truth["start"].get<std::string>(), TimeUnit::automatic);
    const auto end = time_of_text(truth["end"].get<std::string>(), TimeUnit::automatic);
    CHECK(start < end);
    std::string payload;
    const std::uint64_t first = fault.first * spec.devices + fault.device;
    if (fleet.payload(first, payload))
      CHECK(json::parse(payload)["ts"] == start.time_since_epoch() / 1ms);
    else
      CHECK(fault.kind == FaultKind::silence);
  }
}

TEST_CASE("payloads are JSON with as many digits as the noise deserves") {
  const auto check = [](const std::string& shape, std::size_t digits) {
    CAPTURE(shape);
    FleetSpec spec = small_spec();
    spec.fields = {parse_field_shape(shape)};
    const Fleet fleet(spec);
    std::string payload;
    REQUIRE(fleet.payload(0, payload));
    REQUIRE(json::parse(payload).size() == 2);
    const std::size_t point = payload.find('.');
    CHECK((point == std::string::npos ? 0 : payload.size() - 2 - point) == digits);
  };
  check("t=21,4,0.3", 2);
  check("t=21,4,1", 1);
  check("t=1000,4,25", 0);
  check("t=0.001,0,0.00001", 6);
  check("t=5,0,0", 3);
}

TEST_CASE("written to a file: one line per message, the truth beside it, twice the same") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("weir-simulate-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  SimulateOptions options;
  options.out = folder / "a.jsonl";
  options.truth = folder / "a.truth";
  options.devices = 5;
  options.duration = "2m";
  options.start = "2026-11-23T07:00:00Z";
  options.faults = {"spike=1,silence=1", "shift=1"};
  REQUIRE(simulate(options) == 0);
  const std::string first = read(options.out);
  const std::string truth = read(options.truth);
  options.out = folder / "b.jsonl";
  REQUIRE(simulate(options) == 0);
  CHECK(first == read(options.out));
  CHECK(truth == read(options.truth));
  std::filesystem::remove_all(folder);

  std::multiset<std::string> kinds;
  std::int64_t silent = 0;
  std::istringstream truths(truth);
  for (std::string line; std::getline(truths, line);) {
    const json one = json::parse(line);
    kinds.insert(one["kind"].get<std::string>());
    if (one["kind"] == "silence") {
      silent = (time_of_text(one["end"].get<std::string>(), TimeUnit::automatic) -
                time_of_text(one["start"].get<std::string>(), TimeUnit::automatic)) /
               1s;
    }
  }
  CHECK(kinds == std::multiset<std::string>{"shift", "silence", "spike"});

  std::int64_t last = 0;
  std::int64_t count = 0;
  std::istringstream lines(first);
  for (std::string line; std::getline(lines, line); ++count) {
    const json message = json::parse(line);
    CHECK(message["t"].get<std::int64_t>() >= last);
    CHECK(message["t"] == message["payload"]["ts"]);
    last = message["t"].get<std::int64_t>();
  }
  CHECK(count == 5 * 120 - silent);
}

TEST_CASE("simulate refuses options that contradict each other or say nothing") {
  const auto check = [](const std::function<void(SimulateOptions&)>& change, const std::string& expected) {
    SimulateOptions options;
    change(options);
    const std::string problem = problem_of([&] { (void)simulate(options); });
    CAPTURE(problem);
    CHECK(problem.find(expected) != std::string::npos);
  };
  check([](SimulateOptions&) {}, "name one place for the messages");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.broker = "mqtt://127.0.0.1";
      },
      "name one place for the messages");
  check(
      [](SimulateOptions& o) {
        o.broker = "mqtt://127.0.0.1";
        o.start = "2026-11-23";
      },
      "--start goes with --out");
  check(
      [](SimulateOptions& o) {
        o.broker = "mqtt://127.0.0.1";
        o.ca = "ca.pem";
      },
      "--ca has no effect without TLS");
  check(
      [](SimulateOptions& o) {
        o.broker = "mqtts://127.0.0.1";
        o.ca = "/no/such/ca.pem";
      },
      "/no/such/ca.pem");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.devices = 3;
        o.sites = 4;
      },
      "sites");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.qos = 3;
      },
      "qos 3: allowed is 0, 1 or 2");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.duration = "60";
      },
      "duration \"60\"");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.start = "noon";
      },
      "start \"noon\"");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.faults = {"spike"};
      },
      "fault \"spike\": allowed is kind=count");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.faults = {"quake=1"};
      },
      "fault \"quake=1\"");
  check(
      [](SimulateOptions& o) {
        o.out = "x";
        o.faults = {"spike=-1"};
      },
      "fault \"spike=-1\"");
  check([](SimulateOptions& o) { o.out = "/no/such/folder/x"; },
        "cannot write messages to \"/no/such/folder/x\"");
}
