// Several connections to a real Mosquitto, one of them lost: every message counts once, and a replay of what
// was recorded gives the same bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "bridge/journal.h"
#include "bridge/mqtt_client.h"
#include "tests/client_under_test.h"
#include "tests/live_program.h"
#include "tests/mosquitto.h"
#include "tests/relay.h"
#include "tests/run_program.h"
#include "tests/temp_folder.h"

using bridge::LocalBroker;
using test::eventually;
using test::LiveProgram;
using test::RawClient;
using Json = nlohmann::json;

namespace {

const bool have_broker = test::require_mosquitto();

const char* client() { return test::native() ? "native" : "paho"; }

std::string stream(const std::string& name) {
  return R"({"name": ")" + name + R"(", "from": ")" + name + R"(/{device}", "qos": 1, "lateness": "0s",
    "payload": {"fields": {"v": "/v"}}, "detectors": [
      {"name": "high", "kind": "threshold", "above": 90, "clear": 50}, {"name": "gone", "kind": "silence", "after": "1s"}],
    "windows": [{"name": "1s", "length": "1s", "aggregates": ["count", "sum", "min", "max", "first", "last", "p95"]},
      {"name": "site", "kind": "count", "samples": 7, "by": [], "aggregates": ["sum", "first", "last"]}]})";
}

// The next status of which `wanted` holds, of those that come within two minutes.
Json status_with(RawClient& reader, const std::function<bool(const Json&)>& wanted) {
  Json status;
  for (int i = 0; i < 120; ++i) {
    status = Json::parse(reader.next().payload);
    if (status["state"] == "online" && wanted(status)) return status;
  }
  FAIL("no such status; the last: ", status.dump());
  return {};
}

// What ends with the input is unfinished, and told by a replay alone.
bool is_final(const Json& result) { return !result.contains("final") || result["final"] == true; }

struct Results {
  std::vector<std::string> final;            // topic, payload; sorted
  std::map<std::string, double> count, sum;  // of the windows by time, by device, unfinished ones too
};

void take(Results& results, const std::string& topic, const std::string& payload) {
  const Json json = Json::parse(payload);
  if (is_final(json)) results.final.push_back(topic + " " + payload);
  if (json.value("window", "") != "1s") return;
  results.count[json["device"]] += json["count"].get<double>();
  results.sum[json["device"]] += json["sum"].get<double>();
}

Results replayed(const std::string& config, const std::string& recording) {
  const test::Ran ran = test::run_weir({"replay", config, recording});
  REQUIRE(ran.code == 0);
  Results results;
  std::istringstream out(ran.out);
  for (std::string line; std::getline(out, line);) {
    const std::size_t at = line.find(R"("payload":)");
    REQUIRE(at != std::string::npos);
    take(results, Json::parse(line)["topic"], line.substr(at + 10, line.size() - at - 11));
  }
  std::ranges::sort(results.final);
  return results;
}

void check_one_lost(const std::string& share) {
  CAPTURE(share);
  LocalBroker broker({false, true, "max_queued_messages 100000"});
  broker.start();
  test::Relay relay(broker.port());
  const test::TempFolder folder;
  RawClient results(broker.port(), "results");
  results.subscribe("derived/#");  // QoS 0: all of it stands before the answer to flush()
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  const std::string config = R"({"broker": {"url": ")" + relay.url() + R"(", "client": ")" + client() +
                             R"(", "connections": 3, "share": ")" + share + R"("},
    "status": {"topic": "status", "every": "1s"}, "http": {"listen": ""}, "streams": [)" +
                             stream("a") + "," + stream("b") + "," + stream("c") + "]}";
  LiveProgram weir(config, folder.file("recording"));
  const Json first = status_with(statuses, [](const Json& one) { return one["subscribed"] == true; });
  RawClient outages(broker.port(), "outages");
  outages.subscribe("status/flag/link", 1);
  CHECK(first["connects"] == 3);
  CHECK(first["disconnects"] == 0);

  // Every device has its values, every value one message.
  constexpr int messages = 3000;
  std::map<std::string, double> count, sum;
  RawClient publisher(broker.port(), "publisher");
  for (int i = 0; i < messages; ++i) {
    const std::string topic = std::string(1, "abc"[i % 3]) + "/d" + std::to_string(i % 15);
    const int value = i % 101;
    count[topic.substr(2)] += 1;
    sum[topic.substr(2)] += value;
    publisher.publish(topic, R"({"v":)" + std::to_string(value) + "}", 1);
    if (i == 1000) relay.mute("weir-2");
    if (i == 1500) {
      // It has answered what the broker never heard of: that comes again.
      REQUIRE(eventually([&] { return relay.lost("weir-2") > 0; }));
      REQUIRE(relay.cut("weir-2"));
    }
  }
  const Json end = status_with(statuses, [&](const Json& one) {
    return one["messages"]["decoded"] == messages && one["messages"]["in_flight"] == 0 &&
           one["connected"] == true && one["subscribed"] == true;
  });
  CHECK(end["connects"] == 4);
  CHECK(end["disconnects"] == 1);
  CHECK(end["messages"]["duplicate"].get<int>() > 0);
  CHECK(end["messages"]["received"].get<int>() == messages + end["messages"]["duplicate"].get<int>());
  CHECK(end["samples"]["total"] == 2 * messages);
  // One outage, told when it was over: while one connection was away, the link was down.
  CHECK(Json::parse(outages.next().payload)["state"] == "cleared");
  outages.flush();
  CHECK_FALSE(outages.pending());

  CHECK(weir.stop() == 0);
  results.flush();
  Results live;
  while (results.pending()) {
    const RawClient::Received message = results.next();
    take(live, message.topic, message.payload);
  }
  std::ranges::sort(live.final);
  const Results again = replayed(folder.write("c.json", config), folder.file("recording"));
  CHECK(again.count == count);
  CHECK(again.sum == sum);
  CHECK(live.final.size() > 3 * (messages / 21));  // besides windows by time and flags
  REQUIRE(live.final.size() == again.final.size());
  for (std::size_t i = 0; i < live.final.size(); ++i) REQUIRE(live.final[i] == again.final[i]);
}

}  // namespace

TEST_CASE("filters split over three connections, one lost: every message counts once, a replay is the same") {
  check_one_lost("");
}

TEST_CASE("three connections share every filter, one lost: every message counts once, a replay is the same") {
  check_one_lost("g");
}

TEST_CASE("filters that move to other connections: nothing is missed, and nothing counts twice afterwards") {
  LocalBroker broker;
  broker.start();
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  RawClient publisher(broker.port(), "publisher");
  const auto config = [&](const std::string& connections) {
    return R"({"broker": {"url": ")" + broker.url() + R"(", "client": ")" + client() + R"(", )" +
           connections +
           R"(}, "status": {"topic": "status", "every": "1s"}, "http": {"listen": ""}, "streams": [)" +
           stream("a") + "," + stream("b") + "," + stream("c") + "]}";
  };
  const auto publish = [&](int times) {
    for (int i = 0; i < 3 * times; ++i)
      publisher.publish(std::string(1, "abc"[i % 3]) + "/d", R"({"v":)" + std::to_string(i) + "}", 1);
  };
  struct Life {
    const char* connections;
    int left;  // filters that a connection has no more
  };
  bool first = true;
  for (const Life life : {Life{R"("connections": 1)", 0}, Life{R"("connections": 3)", 2},
                          Life{R"("connections": 3, "share": "g")", 3}}) {
    CAPTURE(life.connections);
    if (!first) publish(5);  // kept by the sessions of the life before
    LiveProgram weir(config(life.connections));
    (void)status_with(statuses, [](const Json& one) { return one["subscribed"] == true; });
    REQUIRE(eventually([&] { return weir.logged("unsubscribed what the configuration") == life.left; }));
    publish(7);
    const int expected = first ? 21 : 36;
    const Json end = status_with(statuses, [&](const Json& one) {
      return one["messages"]["decoded"] >= expected && one["messages"]["in_flight"] == 0;
    });
    CHECK(end["messages"]["received"] == expected);
    CHECK(weir.stop() == 0);
    first = false;
  }
}

TEST_CASE("a recorder beside a bridge that shares takes nothing from it, and records every message once") {
  LocalBroker broker;
  broker.start();
  const test::TempFolder folder;
  RawClient statuses(broker.port(), "statuses");
  statuses.subscribe("status", 1);
  const std::string config = R"({"broker": {"url": ")" + broker.url() + R"(", "client": ")" + client() +
                             R"(", "connections": 2, "share": "g"},
    "status": {"topic": "status", "every": "1s"}, "http": {"listen": ""}, "streams": [)" +
                             stream("a") + "]}";
  LiveProgram weir(config);
  (void)status_with(statuses, [](const Json& one) { return one["subscribed"] == true; });
  LiveProgram recorder(config, folder.file("recording"), LiveProgram::Command::record);
  REQUIRE(eventually([&] { return recorder.logged("mqtt: connected") == 2; }));
  RawClient publisher(broker.port(), "publisher");
  int sent = 0;
  const auto publish = [&] { publisher.publish("a/d", "{\"v\":" + std::to_string(sent++) + "}", 1); };
  const auto last = [&] { return "{\"v\":" + std::to_string(sent - 1) + "}"; };
  // Until both connections of the recorder have it.
  REQUIRE(eventually([&] {
    publish();
    const std::string before = last();
    publish();
    const std::string recording = folder.read("recording");
    return recording.find(before) != std::string::npos && recording.find(last()) != std::string::npos;
  }));
  const int begin = sent;
  for (int i = 0; i < 50; ++i) publish();
  REQUIRE(eventually([&] { return folder.read("recording").find(last()) != std::string::npos; }));
  CHECK(recorder.stop() == 0);
  const Json end = status_with(statuses, [&](const Json& one) {
    return one["messages"]["decoded"] >= sent && one["messages"]["in_flight"] == 0;
  });
  CHECK(end["messages"]["received"] == sent);
  const std::string recording = folder.read("recording");
  for (int i = begin; i < sent; ++i) {
    const std::string payload = "{\"v\":" + std::to_string(i) + "}";
    CAPTURE(payload);
    const std::size_t at = recording.find(payload);
    REQUIRE(at != std::string::npos);
    CHECK(recording.find(payload, at + 1) == std::string::npos);
  }
}

TEST_CASE("No Local is asked for, but with a shared subscription, where MQTT 5 forbids it") {
  using namespace std::string_literals;
  for (const std::string share : {"", "g"}) {
    CAPTURE(share);
    std::mutex mutex;
    std::vector<std::string> subscribes;
    test::ScriptedBroker broker(
        {test::mqtt_packet(0x20, "\x00\x00\x00"s), [&](const test::Wire::Packet& packet) {
           if (packet.type() != 8) return ""s;
           const std::lock_guard lock(mutex);
           subscribes.push_back(packet.body);
           return test::mqtt_packet(0x90, packet.body.substr(0, 2) + "\x00\x01"s);
         }});
    bridge::MqttClientSpec spec;
    spec.broker.url = broker.url();
    spec.broker.client = test::client_under_test();
    spec.broker.share = share;
    spec.subscriptions = {{"in/+", 1, false}};
    bridge::Journal journal(1 << 20);
    bridge::MqttClient client(spec, &journal);
    client.start();
    REQUIRE(eventually([&] { return client.state().subscribed; }));
    const std::lock_guard lock(mutex);
    REQUIRE(subscribes.size() == 1);
    // QoS 1, no retained messages; 4: No Local.
    const std::string expected =
        share.empty() ? test::mqtt_text("in/+") + '\x25' : test::mqtt_text("$share/g/in/+") + '\x21';
    CHECK(subscribes[0].substr(3) == expected);
  }
}
