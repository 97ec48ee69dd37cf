// weir inside a real Mosquitto: what comes out is what a replay of the same input gives; what the broker's
// thread may meet; reloads; the end. In a sanitizer build the broker runs with the sanitizer preloaded, for
// the plugin's sake.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "bridge/error.h"
#include "tests/json_schema.h"
#include "tests/mosquitto.h"
#include "tests/run_program.h"
#include "tests/temp_folder.h"

using namespace std::chrono_literals;
using bridge::LocalBroker;
using json_schema::Json;
using test::eventually;
using test::RawClient;
using test::Wire;

namespace {

bool require_plugin() {
  if (!std::string(WEIR_PLUGIN).empty()) return true;
  std::printf(
      "skipped: the plugin was not built, for want of mosquitto_plugin.h (Debian: apt install "
      "mosquitto-dev)\n");
  std::fflush(stdout);
  std::_Exit(77);
}
const bool have_all = test::require_mosquitto() && require_plugin();

int from_environment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// While it lives, programs that are started load the sanitizer the plugin was built with.
class Preloaded {
 public:
  Preloaded() {
    if (std::string(WEIR_PRELOAD).empty()) return;
    ::setenv("LD_PRELOAD", WEIR_PRELOAD, 1);
    const char* const asan = std::getenv("ASAN_OPTIONS");
    asan_ = asan == nullptr ? "" : asan;
    // The broker's own leaks are not ours.
    ::setenv("ASAN_OPTIONS", (asan_ + (asan_.empty() ? "" : ":") + "detect_leaks=0").c_str(), 1);
  }
  ~Preloaded() {
    ::unsetenv("LD_PRELOAD");
    if (!asan_.empty()) ::setenv("ASAN_OPTIONS", asan_.c_str(), 1);
  }

 private:
  std::string asan_;
};

std::string config(const std::string& streams, const std::string& more = "") {
  return R"({"broker": {"client_id": "weir"}, "http": {"listen": "127.0.0.1:0"}, )" + more +
         R"("status": {"topic": "status", "every": "1s"}, "streams": [)" + streams + "]}";
}

std::string stream(const std::string& name, const std::string& length = "10s", const std::string& more = "") {
  return R"({"name": ")" + name + R"(", "from": ")" + name +
         R"(/{device}", "payload": {"time": "/ts"}, "lateness": "10m", "idle": "2h", )" + more +
         R"("windows": [{"name": "w", "length": ")" + length + R"("}]})";
}

// A broker with the plugin in it. At the end it must go as a sound one does.
class Inside {
 public:
  explicit Inside(const std::string& weir, const std::string& options = "", const std::string& settings = "")
      : broker_({.settings = "plugin " + std::string(WEIR_PLUGIN) + "\nplugin_opt_config " +
                             folder_.write("weir.json", weir) + "\n" + options + settings}) {}
  ~Inside() {
    if (broker_.pid() != 0) stop();
  }
  void start() {
    const Preloaded preloaded;
    broker_.start();
  }
  void stop() {
    CHECK(broker_.stop() == 0);
    const std::string log = broker_.log();
    CAPTURE(log);
    CHECK(log.find("Sanitizer") == std::string::npos);
    CHECK(log.find("runtime error") == std::string::npos);
  }
  void configure(const std::string& weir) { folder_.write("weir.json", weir); }
  // Reloads, and waits for the broker's log to say how it went.
  void reload(const std::string& outcome) {
    const int before = logged(outcome);
    broker_.reload();
    REQUIRE(eventually([&] { return logged(outcome) > before; }));
  }
  // How often the broker's log says it. Only what is new in it is read: it grows long.
  [[nodiscard]] int logged(const std::string& text) {
    std::ifstream in(broker_.folder() + "/mosquitto.log");
    in.seekg(static_cast<std::streamoff>(log_.size()));
    log_.append(std::istreambuf_iterator<char>(in), {});
    auto& [from, count] = counted_[text];
    for (std::size_t at = log_.find(text, from); at != std::string::npos; at = log_.find(text, from)) {
      from = at + text.size();
      ++count;
    }
    if (log_.size() > from + text.size()) from = log_.size() - text.size();
    return count;
  }
  LocalBroker& broker() { return broker_; }
  [[nodiscard]] int port() const { return broker_.port(); }

 private:
  const test::TempFolder folder_;
  LocalBroker broker_;
  std::string log_;
  std::map<std::string, std::pair<std::size_t, int>> counted_;  // where to look on, and the number so far
};

constexpr const char* in_use = "the new configuration is in use";

Json next_status(RawClient& statuses) {
  static const json_schema::Schema schema =
      json_schema::Schema::from_file(std::string(WEIR_SOURCE_DIR) + "/schemas/status.schema.json");
  while (true) {
    Json status = Json::parse(statuses.next().payload);
    CHECK(schema.problems(status).empty());
    if (status["state"] == "online") return status;
  }
}

// The status in which so many messages have been received and all of them read.
Json settled(RawClient& statuses, std::uint64_t received) {
  while (true) {
    Json status = next_status(statuses);
    if (status["messages"]["received"].get<std::uint64_t>() >= received &&
        status["messages"]["in_flight"] == 0)
      return status;
  }
}

std::string reading(std::int64_t second, double value) {
  return R"({"ts":)" + std::to_string(second) + R"(,"v":)" + std::to_string(value) + "}";
}

const std::int64_t base = (std::time(nullptr) - 3600) / 60 * 60;

std::string connect_packet(const std::string& id, bool clean, const std::string& will_topic = "",
                           const std::string& will = "") {
  const char flags = static_cast<char>((clean ? 0x02 : 0) | (will_topic.empty() ? 0 : 0x04));
  std::string body = test::mqtt_text("MQTT") + '\x04' + flags + std::string(2, '\0') + test::mqtt_text(id);
  if (!will_topic.empty()) body += test::mqtt_text(will_topic) + test::mqtt_text(will);
  return test::mqtt_packet(0x10, body);
}

Wire connected(int port, const std::string& packet) {
  Wire wire = Wire::connect(port);
  wire.send(packet);
  REQUIRE(wire.read().type() == 2);
  return wire;
}

}  // namespace

TEST_CASE("what comes out is what a replay of the same input gives: windows and flags, by every QoS") {
  const std::string detectors =
      R"("detectors": [{"name": "hot", "kind": "threshold", "above": 40}, {"name": "odd", "kind": "zscore"}], )";
  const std::string text = config(stream("q0", "10s", detectors) + "," + stream("q1", "30s", detectors) +
                                  "," + stream("q2", "1m", detectors));
  Inside inside(text);
  inside.start();
  RawClient results(inside.port(), "results");
  results.subscribe("derived/#", 0);  // the broker sends all there is, at once
  RawClient statuses(inside.port(), "statuses");
  statuses.subscribe("status", 1);
  RawClient publisher(inside.port(), "publisher");

  std::string lines;
  std::uint32_t state = 20261127;
  std::uint64_t sent = 0;
  for (std::int64_t second = base; second < base + 300; ++second) {
    for (int device = 0; device < 3; ++device) {
      const int qos = static_cast<int>((second + device) % 3);
      state = state * 1664525 + 1013904223;
      const double value = (state >> 24 == 7 ? 50 : 20) + static_cast<double>(state >> 20 & 0xF) / 8;
      const std::string topic = "q" + std::to_string(qos) + "/d" + std::to_string(device);
      const std::string payload = reading(second, value);
      publisher.publish(topic, payload, qos, second % 10 == 0);  // to be kept is not to be old
      lines += R"({"t":)" + std::to_string(base + 3500) + R"(,"topic":")" + topic + R"(","payload":)" +
               payload + "}\n";
      ++sent;
    }
  }
  publisher.publish("elsewhere/d1", "{}", 1);
  publisher.flush();
  const Json status = settled(statuses, sent);
  CHECK(status["messages"]["received"] == sent);
  CHECK(status["messages"]["decoded"] == sent);

  inside.configure(config(stream("other")));
  inside.reload(in_use);  // the old one ends, as a replay does
  results.flush();
  std::multiset<std::string> got;
  while (results.pending()) {
    const RawClient::Received one = results.next();
    got.insert(one.topic + " " + one.payload);
  }

  const test::TempFolder folder;
  const test::Ran replay =
      test::run_weir({"replay", folder.write("weir.json", text), folder.write("in.jsonl", lines)});
  REQUIRE(replay.code == 0);
  std::multiset<std::string> expected;
  std::size_t flags = 0;
  for (std::size_t at = 0; at < replay.out.size();) {
    const std::size_t end = replay.out.find('\n', at);
    const std::string line = replay.out.substr(at, end - at);
    at = end + 1;
    const std::string topic = Json::parse(line)["topic"];
    const std::size_t payload = line.find(R"("payload":)") + 10;
    expected.insert(topic + " " + line.substr(payload, line.size() - payload - 1));
    if (topic.find("/flag/") != std::string::npos) ++flags;
  }
  CHECK(flags > 3);
  CHECK(expected.size() > 100);
  CHECK(got == expected);
}

TEST_CASE("consume: QoS 0 input that weir takes goes to nobody else; all the rest does") {
  for (const bool consume : {false, true}) {
    CAPTURE(consume);
    Inside inside(config(stream("in")), consume ? "plugin_opt_consume true\n" : "");
    inside.start();
    RawClient reader(inside.port(), "reader");
    reader.subscribe("#", 2);
    RawClient publisher(inside.port(), "publisher");
    publisher.publish("in/d1", "1", 0);
    publisher.publish("in/d1", "2", 1);
    publisher.publish("in/d1", "3", 2);
    publisher.publish("in/d1", "4", 0, true);
    publisher.publish("out/d1", "5", 0);
    publisher.flush();
    std::vector<std::string> got;
    while (got.empty() || got.back() != "5") {
      const RawClient::Received one = reader.next();
      if (one.topic.starts_with("in/") || one.topic.starts_with("out/")) got.push_back(one.payload);
    }
    CHECK(got == (consume ? std::vector<std::string>{"2", "3", "4", "5"}
                          : std::vector<std::string>{"1", "2", "3", "4", "5"}));
    CHECK(settled(reader, 0)["v"] == 1);
  }
}

TEST_CASE("what else the broker's thread meets: wills, $CONTROL, our own results, QoS 2 sent again") {
  Inside inside(config(stream("in", "1s") + R"(,{"name": "any", "from": "any/#"})"));
  inside.start();
  RawClient statuses(inside.port(), "statuses");
  statuses.subscribe("status", 1);
  RawClient reader(inside.port(), "reader");
  reader.subscribe("in/#", 1);
  RawClient publisher(inside.port(), "publisher");
  {
    // Mosquitto shows plugins no wills.
    const Wire dying = connected(inside.port(), connect_packet("dying", true, "in/dead", reading(base, 1)));
  }
  CHECK(reader.next().topic == "in/dead");
  publisher.publish("$CONTROL/weir", "x", 1);
  publisher.publish("$SYS/broker/uptime", "x", 0);
  publisher.publish("derived/in/d1/v/w", "forged", 1);
  publisher.publish("in/d1", reading(base, 1), 1);
  publisher.publish("in/d1", reading(base + 1200, 1),
                    1);  // closes the first window: a result of our own comes
  publisher.flush();
  CHECK(settled(statuses, 2)["messages"]["received"] == 2);

  // A resend of QoS 2 is shown twice, and with nothing that tells: it counts twice.
  const std::string body = test::mqtt_text("in/d2") + std::string("\0\7", 2) + reading(base, 5);
  {
    const Wire first = connected(inside.port(), connect_packet("twice", false));
    first.send(test::mqtt_packet(0x34, body));
    CHECK(first.read().type() == 5);
  }
  const Wire second = connected(inside.port(), connect_packet("twice", false));
  second.send(test::mqtt_packet(0x3C, body));
  CHECK(second.read().type() == 5);
  second.send(test::mqtt_packet(0x62, std::string("\0\7", 2)));
  CHECK(second.read().type() == 7);
  CHECK(settled(statuses, 4)["messages"]["received"] == 4);
}

TEST_CASE("hundreds of clients come, publish and drop") {
  const int clients = from_environment("WEIR_PLUGIN_CLIENTS", 300);
  Inside inside(config(stream("in")));
  inside.start();
  RawClient statuses(inside.port(), "statuses");
  statuses.subscribe("status", 1);
  std::uint64_t sent = 0;
  for (int round = 0; round * 50 < clients; ++round) {
    std::vector<Wire> wires;
    for (int i = 0; i < 50; ++i) {
      wires.push_back(connected(inside.port(), connect_packet("c" + std::to_string(i), i % 2 == 0)));
      const std::string body = test::mqtt_text("in/d" + std::to_string(i)) + reading(base + round, i);
      wires.back().send(test::mqtt_packet(0x30, body) + test::mqtt_packet(0xC0, ""));
      ++sent;
    }
    for (const Wire& wire : wires) CHECK(wire.read().type() == 13);
    for (std::size_t i = 0; i < wires.size(); i += 3) {
      wires[i].send("\x30\x7F\x00");  // half a message, and gone
    }
  }
  const Json status = settled(statuses, sent);
  CHECK(status["messages"]["received"] == sent);
  CHECK(status["messages"]["decoded"] == sent);
}

TEST_CASE("what is wrong at the start, the broker's log says, and the broker does not start") {
  const auto says = [](const std::string& weir, const std::string& options, const std::string& expected) {
    CAPTURE(expected);
    Inside inside(weir, options);
    std::string said;
    try {
      inside.start();
    } catch (const bridge::SetupError& error) {
      said = error.what();
    }
    CAPTURE(said);
    CHECK(said.find(expected) != std::string::npos);
  };
  says("{", "", "weir: config: ");
  says(R"({"streams": [{"from": "a/#", "lateness": 3}, {"from": "b/#", "qos": 7}]})", "",
       "weir: config: /streams/1/qos");
  says(config(stream("in")), "plugin_opt_consume perhaps\n", "weir: plugin_opt_consume: \"perhaps\"");
  says(config(stream("in")), "plugin_opt_file x\n", "weir: plugin_opt_file is no option; allowed are");
  says(R"({"http": {"listen": "127.0.0.1:99999"}, "streams": [{"from": "a/#"}]})", "", "127.0.0.1:99999");
}

TEST_CASE("per_listener_settings is refused") {
  const test::TempFolder folder;
  const std::string weir = folder.write("weir.json", config(stream("in")));
  const std::string user = ::geteuid() == 0 ? "user root\n" : "";  // else it could not read the folder
  const std::string conf = folder.write(
      "mosquitto.conf", "per_listener_settings true\n" + user + "listener 0 " + folder.file("socket") +
                            "\nplugin " + WEIR_PLUGIN + "\nplugin_opt_config " + weir + "\n");
  const Preloaded preloaded;
  const std::string command = LocalBroker::program() + " -c " + conf + " >" + folder.file("log") + " 2>&1";
  CHECK(std::system(command.c_str()) != 0);
  const std::string log = folder.read("log");
  CAPTURE(log);
  CHECK(log.find("per_listener_settings true: ") != std::string::npos);
}

TEST_CASE("reload: what is the same goes on, what is wrong is refused, what is new begins") {
  Inside inside(config(stream("in")));
  inside.start();
  RawClient results(inside.port(), "results");
  results.subscribe("derived/#", 1);
  RawClient statuses(inside.port(), "statuses");
  statuses.subscribe("status", 1);
  RawClient publisher(inside.port(), "publisher");
  publisher.publish("in/d1", reading(base, 1), 1);
  inside.reload("the configuration is the same");
  inside.configure("{");
  inside.reload("the old configuration stays");
  publisher.publish("in/d1", reading(base + 1, 2), 1);
  inside.configure(config(stream("new")));
  inside.reload(in_use);
  const RawClient::Received result = results.next();
  CHECK(result.topic == "derived/in/d1/v/w");
  CHECK(Json::parse(result.payload)["count"] == 2);
  CHECK(Json::parse(result.payload)["final"] == false);
  publisher.publish("in/d1", reading(base, 1), 1);
  publisher.publish("new/d1", reading(base, 1), 1);
  Json status = next_status(statuses);
  while (!status["streams"].contains("new") || status["messages"]["received"] != 3)
    status = next_status(statuses);
  CHECK_FALSE(status["streams"].contains("in"));
  // More than streams: as if weir had been started.
  inside.configure(config(stream("new"), R"("publish": {"qos": 0}, )"));
  inside.reload(in_use);
  publisher.publish("new/d1", reading(base, 1), 1);
  while (status["messages"]["received"] != 1) status = next_status(statuses);
}

TEST_CASE("reload: the windows of streams that are the same go on") {
  Inside inside(config(stream("a") + "," + stream("b")));
  inside.start();
  RawClient results(inside.port(), "results");
  results.subscribe("derived/#", 1);
  RawClient publisher(inside.port(), "publisher");
  for (const char* topic : {"a/d1", "b/d1"}) publisher.publish(topic, reading(base, 1), 1);
  inside.configure(config(stream("b", "20s") + "," + stream("a")));
  inside.reload("kept: a; reset: b");
  RawClient::Received result = results.next();
  CHECK(result.topic == "derived/b/d1/v/w");
  CHECK(Json::parse(result.payload)["final"] == false);
  publisher.publish("a/d1", reading(base + 1, 2), 1);
  publisher.publish("a/d1", reading(base + 10 + 600, 3), 1);  // the first window is over, lateness past
  result = results.next();
  CHECK(result.topic == "derived/a/d1/v/w");
  CHECK(Json::parse(result.payload)["count"] == 2);
  CHECK(Json::parse(result.payload)["final"] == true);
}

// Skipped under ThreadSanitizer, for whose sake they have (plugin_guest.cpp).
TEST_CASE("weir and the broker have no file in common but the standard ones" *
          doctest::skip(std::string_view(WEIR_PRELOAD).find("libtsan") != std::string_view::npos)) {
  Inside inside(config(stream("in")));
  inside.start();
  RawClient client(inside.port(), "client");
  const auto files = [](const std::filesystem::path& folder, std::set<std::string>& into) {
    for (const auto& one : std::filesystem::directory_iterator(folder)) {
      std::error_code gone;
      const std::string target = std::filesystem::read_symlink(one.path(), gone).string();
      if (!gone && std::stoi(one.path().filename()) > 2) into.insert(target);
    }
  };
  const std::filesystem::path process = "/proc/" + std::to_string(inside.broker().pid());
  std::set<std::string> of_broker, of_weir, common;
  files(process / "fd", of_broker);
  for (const auto& task : std::filesystem::directory_iterator(process / "task")) {
    if (task.path().filename() != process.filename()) files(task.path() / "fd", of_weir);
  }
  std::set_intersection(of_broker.begin(), of_broker.end(), of_weir.begin(), of_weir.end(),
                        std::inserter(common, common.end()));
  CHECK(of_broker.size() > 2);
  CHECK(of_weir.size() == 1);  // the socket that HTTP is heard on
  CHECK(common.empty());
}

TEST_CASE("loaded and unloaded, again and again") {
  const int cycles = from_environment("WEIR_PLUGIN_CYCLES", 5);
  Inside inside(config(stream("in")));
  for (int cycle = 0; cycle < cycles; ++cycle) {
    inside.start();
    RawClient publisher(inside.port(), "publisher");
    for (int i = 0; i < 20; ++i)
      publisher.publish("in/d" + std::to_string(i), reading(base + cycle, i), i % 3);
    inside.stop();  // results of it are still under way, or not
    CHECK(inside.logged("ended received=20 ") == cycle + 1);
  }
}

TEST_CASE("reloaded again and again under load: every message is counted once, the broker never falters") {
  const int cycles = from_environment("WEIR_PLUGIN_RELOADS", 20);
  Inside inside(config(stream("in", "1s")));
  inside.start();
  RawClient results(inside.port(), "results");
  results.subscribe("derived/+/+/+/w", 0);
  RawClient publisher(inside.port(), "publisher");
  int sent = 0;
  std::uint64_t counted = 0;
  const auto take = [&] {  // now and then, or the broker drops what waits for a slow reader
    results.flush();
    while (results.pending()) {
      const Json result = Json::parse(results.next().payload);
      if (result["rev"] == 1) counted += result["count"].get<std::uint64_t>();
    }
  };
  for (int cycle = 0; cycle < cycles; ++cycle) {
    // Now and then more than the stream differs: a new life.
    inside.configure(config(stream("in", cycle % 2 == 0 ? "2s" : "1s"),
                            cycle % 8 < 4 ? R"("publish": {"buffer": 50000}, )" : ""));
    const int before = inside.logged(in_use);
    inside.broker().reload();
    while (inside.logged(in_use) == before) {
      for (int i = 0; i < 50; ++i) publisher.publish("in/d" + std::to_string(i), reading(base + i, 1), 0);
      sent += 50;
      publisher.flush();
    }
    take();
  }
  inside.configure(config(stream("last")));
  inside.reload(in_use);
  take();
  CHECK(counted == static_cast<std::uint64_t>(sent));
}

// Skipped, and counted as skipped, in a sanitizer build: the bench starts its brokers without the sanitizer's
// library.
TEST_CASE("the bench measures it beside a plugin that does nothing" *
          doctest::skip(std::string_view(WEIR_PRELOAD) != "")) {
  const test::Ran bench = test::run_weir({"bench", "--level", "G", "--plugin", WEIR_PLUGIN, "--rounds", "1",
                                          "--duration", "1s", "--rate", "1000", "--devices", "100"});
  CAPTURE(bench.err);
  CHECK(bench.code == 0);
  CHECK(bench.out.find("every message sent was received") != std::string::npos);
  const test::Ran flags = test::run_weir({"bench", "--level", "G", "--flags", "--plugin", WEIR_PLUGIN,
                                          "--duration", "1s", "--rate", "100", "--devices", "10"});
  CAPTURE(flags.err);
  CHECK(flags.code == 0);
  CHECK(test::run_weir({"bench", "--level", "E", "--plugin", WEIR_PLUGIN}).code == 2);
}
