// Flags beside a real Mosquitto that goes away for a while: no device is silent while weir cannot hear, the
// outage is told once, and a replay of what came tells the same, byte for byte.
#include <doctest/doctest.h>

#include <map>
#include <sstream>

#include "bridge/timestamp.h"
#include "tests/json_schema.h"
#include "tests/live_program.h"
#include "tests/mosquitto.h"
#include "tests/run_program.h"
#include "tests/temp_folder.h"

using namespace std::chrono_literals;
using bridge::LocalBroker;
using json_schema::Json;
using test::eventually;
using test::LiveProgram;
using test::RawClient;

namespace {

const bool have_broker = test::require_mosquitto();

// Payloads by topic, in order.
using Published = std::map<std::string, std::vector<std::string>>;

std::string config(const LocalBroker& broker) {
  return R"({"broker": {"url": ")" + broker.url() + R"(", "client_id": "weir"}, "http": {"listen": ""},
    "status": {"topic": "status", "every": "1s"},
    "streams": [{"name": "s", "from": "in/{device}", "qos": 1, "lateness": "0s", "idle": "1s", "windows": [{"length": "1s"}], "detectors": [
      {"name": "hot", "kind": "threshold", "above": 50}, {"name": "gone", "kind": "silence", "after": "3s"}]}]})";
}

core::Time time_in(const Json& message, const char* member) {
  return bridge::time_of_text(message[member].get<std::string>(), bridge::TimeUnit::automatic);
}

class Observer {
 public:
  Observer(const LocalBroker& broker, Published& published)
      : client_(broker.port(), "results", {}, false), published_(published) {}
  void subscribe() {
    client_.subscribe("derived/#", 1);
    client_.subscribe("status/flag/link", 1);
  }
  Json await(const std::string& topic) {
    while (true) {
      const RawClient::Received message = client_.next();
      note(message);
      if (message.topic == topic) return Json::parse(message.payload);
    }
  }
  void take_all() {
    client_.flush();
    while (client_.pending()) note(client_.next());
  }

 private:
  // What the broker had not seen acknowledged when it went comes again.
  void note(const RawClient::Received& message) {
    if (!message.topic.starts_with("derived/")) return;
    auto& payloads = published_[message.topic];
    if (payloads.empty() || payloads.back() != message.payload) payloads.push_back(message.payload);
  }
  RawClient client_;
  Published& published_;
};

Published replay(const std::string& config, const std::string& recording) {
  const test::Ran ran = test::run_weir({"replay", config, recording});
  REQUIRE(ran.code == 0);
  Published published;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) {
    const Json one = Json::parse(line);
    published[one["topic"]].push_back(line);
  }
  return published;
}

}  // namespace

TEST_CASE(
    "a broker that is away: no device is silent meanwhile, the outage is told, and a replay tells the same") {
  LocalBroker broker;
  broker.start();
  const test::TempFolder folder;
  Published live;
  std::optional<Observer> observer(std::in_place, broker, live);
  observer->subscribe();
  LiveProgram weir(config(broker), folder.file("recording"));
  {
    RawClient statuses(broker.port(), "statuses");
    statuses.subscribe("status", 1);
    while (Json::parse(statuses.next().payload)["subscribed"] != true) {
    }
  }
  {
    RawClient devices(broker.port(), "devices");
    for (const char* value : {"10", "60"}) devices.publish("in/d1", value, 1);
    devices.publish("in/d2", "1", 1);
  }
  CHECK(observer->await("derived/s/d1/value/flag/hot")["state"] == "raised");
  broker.stop();
  REQUIRE(eventually([&] { return weir.logged("connection lost") == 1; }));
  const auto away_until = std::chrono::steady_clock::now() + 4s;
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > away_until; }));
  broker.start();
  observer.emplace(broker, live);
  const Json outage = observer->await("status/flag/link");
  CHECK(json_schema::Schema::from_file(WEIR_SOURCE_DIR "/schemas/flag.schema.json").problems(outage).empty());
  CHECK(outage["state"] == "cleared");
  CHECK(time_in(outage, "time") - time_in(outage, "since") >= 3s);
  for (const char* device : {"d1", "d2"}) {
    const Json gone = observer->await(std::string("derived/s/") + device + "/value/flag/gone");
    CHECK(gone["state"] == "raised");
    CHECK(time_in(gone, "time") - time_in(outage, "time") >= 2900ms);
  }
  CHECK(weir.stop() == 0);
  observer->take_all();

  const Published replayed = replay(folder.write("weir.json", config(broker)), folder.file("recording"));
  CHECK(replayed.size() == live.size());
  for (const auto& [topic, payloads] : live) {
    CAPTURE(topic);
    const auto at = replayed.find(topic);
    REQUIRE(at != replayed.end());
    REQUIRE(at->second.size() == payloads.size());
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      CHECK(at->second[i] == R"({"topic":")" + topic + R"(","payload":)" + payloads[i] + "}");
    }
  }
}
