// The whole of weir beside a real Mosquitto: what is published, byte for byte where it can be; the ledger;
// ten restarts.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "bridge/wire_sender.h"
#include "tests/client_under_test.h"
#include "tests/json_schema.h"
#include "tests/live_program.h"
#include "tests/mosquitto.h"
#include "tests/run_program.h"
#include "tests/temp_folder.h"

using namespace std::chrono_literals;
using bridge::LocalBroker;
using json_schema::Json;
using json_schema::Schema;
using test::eventually;
using test::LiveProgram;
using test::RawClient;

namespace {

const bool have_broker =
    test::require_mosquitto() && test::require_program("mosquitto_pub", "mosquitto-clients");

const Schema& schema(const std::string& name) {
  static std::map<std::string, Schema> read;
  const auto at = read.find(name);
  if (at != read.end()) return at->second;
  return read
      .emplace(name, Schema::from_file(std::string(WEIR_SOURCE_DIR) + "/schemas/" + name + ".schema.json"))
      .first->second;
}

Json checked(const std::string& text, const std::string& schema_name) {
  const Json value = Json::parse(text);
  const std::vector<std::string> problems = schema(schema_name).problems(value);
  CHECK_MESSAGE(problems.empty(), schema_name, ": ", text, problems.empty() ? "" : problems.front());
  return value;
}

std::string config(const LocalBroker& broker, const std::string& streams, const std::string& more = "") {
  return R"({"broker": {"url": ")" + broker.url() + R"(", "client_id": "weir", "client": ")" +
         (test::native() ? "native" : "paho") +
         R"("}, "http": {"listen": "127.0.0.1:0"},
    "status": {"topic": "status", "every": "1s"}, )" +
         more + R"("streams": [)" + streams + "]}";
}

// The next status message of which `wanted` holds, of the few hundred that may come before.
Json status_with(RawClient& reader, const std::function<bool(const Json&)>& wanted) {
  for (int i = 0; i < 600; ++i) {
    const Json status = checked(reader.next().payload, "status");
    if (status["state"] == "online" && wanted(status)) return status;
  }
  FAIL("no such status");
  return {};
}

bool ready(const Json& status) { return status["connected"] == true && status["subscribed"] == true; }

std::uint64_t sum_without(const Json& counts, const char* total) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counts.items()) {
    if (name != total) sum += count.get<std::uint64_t>();
  }
  return sum;
}

std::string iso(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

struct Sample {
  std::int64_t second;
  double value;
};

// count, mean, min, max, stddev (n - 1) of the samples in [start, end), in two passes over long doubles.
Json reference(const std::vector<Sample>& samples, std::int64_t start, std::int64_t end) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    if (sample.second >= start && sample.second < end) values.push_back(sample.value);
  }
  if (values.empty()) return {};
  const auto n = static_cast<long double>(values.size());
  long double sum = 0;
  for (const double value : values) sum += value;
  long double squares = 0;
  for (const double value : values) squares += (value - sum / n) * (value - sum / n);
  Json result{{"count", values.size()},
              {"mean", static_cast<double>(sum / n)},
              {"min", *std::ranges::min_element(values)},
              {"max", *std::ranges::max_element(values)}};
  if (values.size() > 1) result["stddev"] = static_cast<double>(std::sqrt(squares / (n - 1)));
  return result;
}

// Which series a sample enters, and what the window's messages say of it.
struct Rule {
  std::string window;
  std::int64_t length;
  std::int64_t every;
  bool by_device;
};
const Rule tumbling{"10s", 10, 10, true};
const Rule hopping{"30s", 30, 10, false};

using Messages = std::map<std::string, Json>;  // by topic and start

void expect(Messages& all, const Rule& rule, const std::string& stream, const std::string& site,
            const std::string& device, const std::string& field, const std::vector<Sample>& samples,
            std::int64_t base, std::int64_t seconds) {
  for (std::int64_t start = base - rule.length + rule.every; start < base + seconds; start += rule.every) {
    Json message = reference(samples, start, start + rule.length);
    if (message.is_null()) continue;
    message.update({{"v", 1},
                    {"stream", stream},
                    {"window", rule.window},
                    {"site", site},
                    {"field", field},
                    {"start", iso(start)},
                    {"end", iso(start + rule.length)},
                    {"rev", 1},
                    {"final", true}});
    if (rule.by_device) message["device"] = device;
    const std::string topic = "derived/" + stream + "/" + site + "/" + (rule.by_device ? device + "/" : "") +
                              field + "/" + rule.window;
    all[topic + " " + iso(start)] = message;
  }
}

}  // namespace

TEST_CASE(
    "known samples give exactly the expected messages: QoS 0, 1, 2; tumbling, hopping; two fields; two "
    "group-bys") {
  constexpr std::int64_t seconds = 120;
  const std::int64_t base = (std::time(nullptr) - 7200) / 60 * 60;
  LocalBroker broker;
  broker.start();
  RawClient results(broker.port(), "results");
  results.subscribe("derived/#", 2);
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);

  std::string streams;
  for (const char* qos : {"0", "1", "2"}) {
    streams += (streams.empty() ? "" : ",") + std::string(R"({"name": "q)") + qos + R"(", "from": "q)" + qos +
               R"(/{site}/{device}", "qos": )" + qos + R"(,
      "payload": {"fields": {"temperature": "/temperature", "humidity": "/env/humidity"}, "time": "/ts"},
      "lateness": "10m", "idle": "2h", "detectors": [], "windows": [
        {"name": "10s", "length": "10s", "by": ["site", "device"], "aggregates": ["count", "mean", "min", "max", "stddev"]},
        {"name": "30s", "kind": "hopping", "length": "30s", "every": "10s", "by": ["site"],
         "aggregates": ["count", "mean", "min", "max", "stddev"]}]})";
  }
  LiveProgram weir(config(broker, streams));
  (void)status_with(statuses, ready);

  const test::TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> devices{{"s1", "d1"}, {"s1", "d2"}, {"s2", "d3"}};
  Messages expected;
  std::uint32_t state = 20261123;  // of the values; any number would do
  const auto value = [&](double middle) {
    state = state * 1664525 + 1013904223;
    return middle + static_cast<double>(state >> 16) / 100 - 327;  // two decimals, now and then negative
  };
  std::vector<std::string> publish;
  std::vector<std::string> close;
  for (const char* qos : {"0", "1", "2"}) {
    const std::string stream = std::string("q") + qos;
    std::map<std::string, std::map<std::string, std::vector<Sample>>> by_site;
    for (const auto& [site, device] : devices) {
      std::map<std::string, std::vector<Sample>> by_field;
      std::string lines;
      for (std::int64_t second = base; second < base + seconds; ++second) {
        char line[200];
        std::snprintf(line, sizeof line, R"({"ts": %lld, "temperature": %.2f, "env": {"humidity": %.2f}})",
                      static_cast<long long>(second), value(20), value(1e6));
        lines += std::string(line) + "\n";
        const Json sent = Json::parse(line);
        by_field["temperature"].push_back({second, sent["temperature"]});
        by_field["humidity"].push_back({second, sent["env"]["humidity"]});
      }
      for (const auto& [field, samples] : by_field) {
        expect(expected, tumbling, stream, site, device, field, samples, base, seconds);
        auto& all = by_site[site][field];
        all.insert(all.end(), samples.begin(), samples.end());
      }
      const std::string name = stream + "-" + device;
      const std::string command = "mosquitto_pub -p " + std::to_string(broker.port()) + " -q " + qos +
                                  " -t " + stream + "/" + site + "/" + device;
      publish.push_back(command + " -l < " + folder.write(name, lines));
      // A sample much later moves the watermark: everything before it closes.
      close.push_back(command + " -m '{\"ts\": " + std::to_string(base + 3600) +
                      ", \"temperature\": 0, \"env\": {\"humidity\": 0}}'");
    }
    for (const auto& [site, by_field] : by_site) {
      for (const auto& [field, samples] : by_field)
        expect(expected, hopping, stream, site, "", field, samples, base, seconds);
    }
  }
  CHECK(expected.size() == 3 * (3 * 2 * 12 + 2 * 2 * 14));
  for (const auto& commands : {publish, close}) {
    for (const std::string& command : commands) REQUIRE(std::system(command.c_str()) == 0);
  }

  Messages got;
  const auto take = [&] {
    const RawClient::Received message = results.next();
    const Json result = checked(message.payload, "window");
    if (result["final"] != true) return;  // of the samples that closed the rest, when weir ends
    CHECK_FALSE(message.retained);
    CHECK(got.emplace(message.topic + " " + result["start"].get<std::string>(), result).second);
  };
  while (got.size() < expected.size()) take();
  CHECK(weir.stop() == 0);
  results.flush();
  while (results.pending()) take();
  for (const auto& [key, message] : expected) {
    CAPTURE(key);
    REQUIRE(got.contains(key));
    CHECK(got[key] == message);
  }
  CHECK(got.size() == expected.size());
}

TEST_CASE("the ledger adds up, exactly") {
  const std::int64_t now = std::time(nullptr);
  const std::int64_t base = (now - 1200) / 60 * 60;
  LocalBroker broker;
  broker.start();
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  {
    // A session that keeps for us what the next configuration knows nothing of.
    LiveProgram before(config(broker, R"({"from": "old/{device}"})"));
    (void)status_with(statuses, ready);
    CHECK(before.stop() == 0);
  }
  RawClient publisher(broker.port(), "publisher");
  const auto publish = [&](const std::string& topic, const std::string& payload, int times,
                           bool retain = false) {
    for (int i = 0; i < times; ++i) publisher.publish(topic, payload, 1, retain);
  };
  const auto telemetry = [](std::int64_t second, const std::string& value) {
    return R"({"type": "telemetry", "ts": )" + std::to_string(second) + R"(, "v": )" + value + "}";
  };
  publish("old/d1", telemetry(base, "1"), 6);  // unmatched
  for (const char* device : {"k1", "k2", "k3"})
    publish("in/" + std::string(device), telemetry(base, "1"), 1, true);

  LiveProgram weir(config(
      broker,
      R"({"name": "in", "from": "in/{device}", "retained": "seed", "lateness": "0s", "idle": "2h", "detectors": [],
      "payload": {"fields": {"v": "/v"}, "time": "/ts", "when": {"/type": "telemetry"}},
      "windows": [{"length": "10s", "aggregates": ["count"]}]})",
      R"("limits": {"payload_bytes_max": 200},)"));
  // The retained ones come after SUBACK: in their time.
  (void)status_with(statuses,
                    [](const Json& status) { return ready(status) && status["messages"]["retained"] == 3; });

  for (int i = 0; i < 50; ++i)
    publish("in/d" + std::to_string(i % 5), telemetry(base + i, std::to_string(i)), 1);
  publish("in/d1", R"({"type": "telemetry", "v": )", 7);              // malformed
  publish("in/d1", telemetry(base, "1") + std::string(200, ' '), 4);  // oversize
  publish("in/d1", R"({"type": "answer", "v": 1})", 5);               // ignored
  publish("in/d1", "", 1);                                            // ignored
  publish("in/late", telemetry(base, "1"), 1);
  publish("in/late", telemetry(base + 100, "1"), 1);
  publish("in/late", telemetry(base + 5, "1"), 2);      // late
  publish("in/future", telemetry(now + 3600, "1"), 3);  // future
  publish("in/d1", telemetry(base + 60, "1e999"), 2);   // not finite

  const Json status = status_with(statuses, [](const Json& one) {
    return one["messages"]["received"] == 85 && one["messages"]["in_flight"] == 0 &&
           one["samples"]["in_flight"] == 0;
  });
  CHECK(status["messages"] == Json{{"received", 85},
                                   {"decoded", 59},
                                   {"unmatched", 6},
                                   {"ignored", 6},
                                   {"retained", 3},
                                   {"duplicate", 0},
                                   {"malformed", 7},
                                   {"oversize", 4},
                                   {"shed", 0},
                                   {"in_flight", 0}});
  CHECK(status["samples"] == Json{{"total", 59},
                                  {"aggregated", 52},
                                  {"late", 2},
                                  {"future", 3},
                                  {"not_finite", 2},
                                  {"series_limit", 0},
                                  {"in_flight", 0}});
  CHECK(sum_without(status["messages"], "received") == 85);
  CHECK(sum_without(status["samples"], "total") == 59);

  const std::string metrics = bridge::wire::http_get(weir.http_port(), "/metrics");
  for (const auto& [outcome, count] : status["messages"].items()) {
    if (outcome == "received" || outcome == "in_flight") continue;
    const std::string line =
        "weir_messages_total{outcome=\"" + outcome + "\"} " + std::to_string(count.get<int>()) + "\n";
    CHECK_MESSAGE(metrics.find(line) != std::string::npos, line);
  }
  CHECK(metrics.find("weir_messages_received_total 85\n") != std::string::npos);
  CHECK(weir.stop() == 0);
}

TEST_CASE("ten restarts of the broker while everybody publishes: seen in status, log and metrics") {
  LocalBroker broker({false, true, "autosave_interval 1"});
  broker.start();
  LiveProgram weir(config(broker, R"({"name": "in", "from": "in/{device}", "lateness": "0s", "detectors": [],
      "payload": {"fields": {"v": "/v"}, "time": "/ts"}, "windows": [{"length": "1s", "aggregates": ["count"]}]})"));
  const int http = weir.http_port();
  REQUIRE(http != 0);
  std::jthread publisher([&](const std::stop_token& stop) {
    for (std::uint64_t i = 0; !stop.stop_requested();) {
      try {
        RawClient raw(broker.port(), "publisher");
        for (; !stop.stop_requested(); ++i) {
          const std::string second = std::to_string(std::time(nullptr));
          raw.publish("in/d" + std::to_string(i % 50), R"({"ts": )" + second + R"(, "v": 1})", 1);
          // A weir that is slow, as under ThreadSanitizer, is asked slowly: no broker's queue shall fill.
          if (i % 20 == 0) (void)bridge::wire::http_get(http, "/metrics");
        }
      } catch (const std::runtime_error&) {
        std::this_thread::yield();  // the broker is away
      }
    }
  });

  for (std::uint64_t round = 0; round <= 10; ++round) {
    CAPTURE(round);
    RawClient statuses(broker.port(), "statuses");
    statuses.subscribe("status", 1);
    const Json status =
        status_with(statuses, [&](const Json& one) { return ready(one) && one["connects"] == round + 1; });
    CHECK(status["disconnects"] == round);
    CHECK_FALSE(status.contains("last_error"));
    CHECK(status["broker"] == "127.0.0.1:" + std::to_string(broker.port()));
    CHECK(weir.logged(" mqtt: connected ") == static_cast<int>(round) + 1);
    REQUIRE(eventually([&] { return !bridge::wire::http_get(http, "/readyz").empty(); }));
    const std::uint64_t received = status["messages"]["received"];
    (void)status_with(statuses, [&](const Json& one) { return one["messages"]["received"] > received; });
    if (round == 10) break;
    broker.kill();
    REQUIRE(eventually([&] { return bridge::wire::http_get(http, "/readyz").empty(); }));
    CHECK(eventually([&] { return weir.logged(" mqtt: connection lost ") == static_cast<int>(round) + 1; }));
    CHECK(bridge::wire::http_get(http, "/metrics").find("weir_broker_connected 0\n") != std::string::npos);
    broker.start();
  }
  publisher.request_stop();
  publisher.join();
  const std::string metrics = bridge::wire::http_get(http, "/metrics");
  for (const char* line : {"weir_broker_connected 1\n", "weir_broker_subscribed 1\n",
                           "weir_broker_connects_total 11\n", "weir_broker_disconnects_total 10\n"}) {
    CHECK_MESSAGE(metrics.find(line) != std::string::npos, line);
  }
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  const Json end = status_with(statuses, [](const Json& one) {
    return one["messages"]["in_flight"] == 0 &&
           sum_without(one["messages"], "received") == one["messages"]["received"] &&
           sum_without(one["samples"], "total") == one["samples"]["total"];
  });
  // The broker sends again what it had not seen acknowledged when it was killed.
  CHECK(end["messages"]["decoded"].get<std::uint64_t>() + end["messages"]["duplicate"].get<std::uint64_t>() ==
        end["messages"]["received"]);
  CHECK(end["samples"]["total"] == end["messages"]["decoded"]);
  CHECK(end["publish"]["dropped"] == 0);
  CHECK(weir.stop() == 0);
}

TEST_CASE("SIGHUP: streams come, go and change, and the windows of the others go on") {
  LocalBroker broker;
  broker.start();
  const auto stream = [](const std::string& name, const std::string& more = "") {
    return R"({"name": ")" + name + R"(", "from": ")" + name + R"(/{device}", "qos": 1, "windows": [
      {"name": "four", "kind": "count", "samples": 4, "aggregates": ["count", "sum"]}])" +
           more + "}";
  };
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  RawClient results(broker.port(), "results");
  results.subscribe("derived/#", 1);
  RawClient publisher(broker.port(), "publisher");
  const auto next_result = [&] {
    const RawClient::Received result = results.next();
    return std::pair(result.topic, checked(result.payload, "window"));
  };
  const auto publish = [&](const std::string& name, int times) {
    for (; times > 0; --times) publisher.publish(name + "/d", R"({"v": 1})", 1);
  };
  LiveProgram weir(config(broker, stream("a") + "," + stream("b") + "," + stream("c")));
  (void)status_with(statuses, ready);
  for (const char* name : {"a", "b", "c"}) publish(name, 2);
  (void)status_with(statuses, [](const Json& status) { return status["samples"]["aggregated"] == 6; });

  const std::string changed = stream("d") + "," + stream("b", R"(, "lateness": "7s")") + "," + stream("a");
  weir.reload(config(broker, changed), "reload: the new configuration is in use");
  CHECK(weir.logged("in use kept=a reset=b new=d gone=c") == 1);
  std::set<std::string> unfinished;
  for (int i = 0; i < 2; ++i) {
    const auto [topic, result] = next_result();
    unfinished.insert(topic);
    CHECK(result["final"] == false);
    CHECK(result["count"] == 2);
  }
  CHECK(unfinished == std::set<std::string>{"derived/b/d/v/four", "derived/c/d/v/four"});
  REQUIRE(eventually([&] { return weir.logged("unsubscribed what the configuration has no more") == 1; }));
  for (const char* name : {"a", "b"}) publish(name, 2);
  publish("c", 5);
  publish("d", 4);
  std::map<std::string, Json> finished;
  for (int i = 0; i < 2; ++i) finished.insert(next_result());
  for (const char* topic : {"derived/a/d/v/four", "derived/d/d/v/four"}) {
    CAPTURE(topic);
    REQUIRE(finished.contains(topic));
    CHECK(finished[topic]["count"] == 4);
  }
  const auto counted = [](const Json& status) { return status["samples"]["aggregated"] == 14; };
  const Json after = status_with(statuses, counted);
  CHECK(after["messages"]["received"] == 14);  // none of "c"
  CHECK(after["connects"] == 1);
  CHECK(after["streams"].size() == 3);

  weir.reload(config(broker, changed), "reload: the configuration is the same");
  weir.reload("{", "reload: the old configuration stays");
  weir.reload(config(broker, changed, R"("limits": {"series_max": 7}, "publish": {"qos": 0}, )"),
              "it also differs in limits, publish: end weir and start it again for that");
  publish("b", 2);
  CHECK(next_result().second["count"] == 4);
  CHECK(weir.stop() == 0);
}

TEST_CASE("SIGHUP again and again under load: a stream that stays misses nothing and counts nothing twice") {
  LocalBroker broker;
  broker.start();
  const auto streams = [](int reload) {
    const std::string other = R"({"from": "other)" + std::to_string(reload % 3) + R"(/{device}", "qos": 2})";
    const std::string stays = R"({"name": "stays", "from": "stays/{device}", "qos": 1})";
    return reload % 2 == 0 ? stays + "," + other : other + "," + stays;
  };
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  LiveProgram weir(config(broker, streams(0)));
  (void)status_with(statuses, ready);
  std::atomic<bool> enough{false};
  int sent = 0;
  std::thread publisher([&] {
    RawClient client(broker.port(), "publisher");
    for (; !enough; ++sent) client.publish("stays/d" + std::to_string(sent % 5), R"({"v": 1})", 1);
  });
  for (int reload = 1; reload <= 20; ++reload)
    weir.reload(config(broker, streams(reload)), "reload: the new configuration is in use");
  enough = true;
  publisher.join();
  const Json end = status_with(
      statuses, [&](const Json& status) { return status["samples"]["aggregated"].get<int>() >= sent; });
  CHECK(sent > 0);
  CHECK(end["messages"]["received"] == sent);
  CHECK(end["samples"]["aggregated"] == sent);
  CHECK(weir.logged("kept=stays") == 20);
  CHECK(weir.stop() == 0);
}

TEST_CASE("a recording has what came while it was made, and nothing that came before") {
  LocalBroker broker;
  broker.start();
  const test::TempFolder folder;
  const auto publish = [&](const std::string& text) {
    const std::string command =
        "mosquitto_pub -p " + std::to_string(broker.port()) + " -q 1 -t in/d1 -m " + text;
    REQUIRE(std::system(command.c_str()) == 0);
  };
  const auto record = [&](const std::string& name, const std::string& message) {
    LiveProgram recorder(config(broker, R"({"from": "in/{device}", "qos": 1})"), folder.file(name),
                         LiveProgram::Command::record);
    REQUIRE(eventually([&] {
      publish(message);  // until it listens
      return folder.read(name).find(message) != std::string::npos;
    }));
    CHECK(recorder.stop() == 0);
    return folder.read(name);
  };
  publish("too-early");
  const std::string first = record("first", "one");
  publish("nobody-listens");
  const std::string second = record("second", "two");
  CHECK(first.find("too-early") == std::string::npos);
  for (const char* text : {"one", "nobody-listens"}) {
    CAPTURE(text);
    CHECK(second.find(text) == std::string::npos);
  }
}

TEST_CASE("whatever weir says, the password is not in it") {
  const test::TempFolder folder;
  REQUIRE(std::system(
              ("mosquitto_passwd -b -c " + folder.file("passwords") + " weir right-secret").c_str()) == 0);
  LocalBroker broker({false, false, "password_file " + folder.file("passwords")});
  broker.start();
  for (const std::string secret : {"right-secret", "wrong-secret"}) {
    CAPTURE(secret);
    LiveProgram weir(R"({"log": {"level": "debug"}, "broker": {"url": ")" + broker.url() +
                     R"(", "username": "weir", "password_file": ")" +
                     folder.write("password", secret + "\n") +
                     R"("}, "http": {"listen": "127.0.0.1:0"}, "streams": [{"from": "in/{device}"}]})");
    const bool right = secret == "right-secret";
    REQUIRE(eventually([&] { return weir.logged(right ? " mqtt: connected " : "not authorised") > 0; }));
    const int port = weir.http_port();
    for (const char* path : {"/metrics", "/readyz"}) {
      CHECK(bridge::wire::http_get(port, path).find(secret) == std::string::npos);
    }
    CHECK(weir.stop() == 0);
    CHECK(weir.logged(secret) == 0);
  }
}

TEST_CASE("the same input gives the same messages over either MQTT client, and replayed from a file") {
  const test::TempFolder folder;
  const std::string streams = R"({"name": "s", "from": "in/{device}", "qos": 1,
    "payload": {"fields": {"value": "/v"}, "time": "/ts"}, "lateness": "5s", "idle": "2h", "detectors": [
      {"name": "high", "kind": "threshold", "above": 90, "clear": 50}], "windows": [
      {"name": "10s", "length": "10s", "by": ["device"],
       "aggregates": ["count", "mean", "min", "max", "stddev", "p95", "first", "last"]}]})";
  const std::int64_t base = (std::time(nullptr) - 7200) / 60 * 60;
  std::string lines;
  std::vector<std::pair<std::string, std::string>> sent;
  std::uint32_t state = 20261127;
  for (std::int64_t second = base; second < base + 120; ++second) {
    for (const char* device : {"a", "b"}) {
      state = state * 1664525 + 1013904223;
      sent.emplace_back(std::string("in/") + device, R"({"ts":)" + std::to_string(second) + R"(,"v":)" +
                                                         std::to_string((state >> 16) % 100) + "}");
      lines += R"({"t":")" + iso(second) + R"(","topic":")" + sent.back().first + R"(","payload":)" +
               sent.back().second + "}\n";
    }
  }
  // What ends with the input may be told in another order or unfinished: only what is final counts.
  const auto keep = [](std::vector<std::string>& all, const std::string& topic, const std::string& payload) {
    const Json json = Json::parse(payload);
    if (json.contains("final") && json["final"] != true) return;
    all.push_back(topic + " " + payload);
  };
  const auto live = [&](const char* client) {
    LocalBroker broker;
    broker.start();
    RawClient results(broker.port(), "results");
    results.subscribe("derived/#");  // QoS 0: all of it stands before the answer to flush()
    RawClient statuses(broker.port(), "statuses");
    statuses.subscribe("status", 1);
    const std::string text = R"({"broker": {"url": ")" + broker.url() + R"(", "client": ")" + client +
                             R"("}, "status": {"topic": "status", "every": "1s"}, "http": {"listen": ""},
      "streams": [)" + streams +
                             "]}";
    LiveProgram weir(text);
    (void)status_with(statuses, ready);
    RawClient publisher(broker.port(), "publisher");
    for (const auto& [topic, payload] : sent) publisher.publish(topic, payload, 1);
    (void)status_with(statuses, [&](const Json& status) {
      return status["messages"]["decoded"].get<std::uint64_t>() == sent.size();
    });
    CHECK(weir.stop() == 0);
    results.flush();
    std::vector<std::string> all;
    while (results.pending()) {
      const RawClient::Received message = results.next();
      keep(all, message.topic, message.payload);
    }
    std::ranges::sort(all);
    return all;
  };
  const std::vector<std::string> paho = live("paho");
  CHECK(paho.size() > 30);
  CHECK(live("native") == paho);
  const test::Ran ran = test::run_weir({"replay", folder.write("c.json", R"({"streams": [)" + streams + "]}"),
                                        folder.write("in.jsonl", lines)});
  REQUIRE(ran.code == 0);
  std::vector<std::string> replayed;
  std::istringstream out(ran.out);
  for (std::string line; std::getline(out, line);) {
    const std::size_t at = line.find(R"("payload":)");
    REQUIRE(at != std::string::npos);
    const Json json = Json::parse(line);
    keep(replayed, json["topic"], line.substr(at + 10, line.size() - at - 11));
  }
  std::ranges::sort(replayed);
  CHECK(replayed == paho);
}
