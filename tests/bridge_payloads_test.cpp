// What real devices publish, when the collection of real payloads is at hand: ${WEIR_PAYLOADS}, else
// shared/payloads beside the source tree. Small configurations (payload_configs/) turn it into the series a
// user of that device expects, and the default configuration reads all of it. Skipped, with a word about it,
// where the folder is absent.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bridge/number.h"
#include "tests/decode_fixture.h"
#include "tests/pipeline_fixture.h"

namespace {

using namespace std::chrono_literals;
using bridge::MessageOutcome;
using Texts = std::vector<std::string>;

struct Line {
  std::string topic;
  std::string payload;
};

std::filesystem::path folder() {
  const char* const given = std::getenv("WEIR_PAYLOADS");
  const std::filesystem::path path = given != nullptr
                                         ? std::filesystem::path(given)
                                         : std::filesystem::path(WEIR_SOURCE_DIR) / "../shared/payloads";
  if (std::filesystem::is_directory(path)) return path;
  std::printf("skipped: no real payloads at %s (set WEIR_PAYLOADS)\n", path.c_str());
  std::exit(77);
}

std::string bytes_of(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

std::vector<Line> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  REQUIRE_MESSAGE(in.good(), file.string());
  std::vector<Line> lines;
  for (std::string text; std::getline(in, text);) {
    if (text.empty()) continue;
    const nlohmann::json line = nlohmann::json::parse(text);
    const bool hex = line.contains("payload_hex");
    lines.push_back(
        {line.at("topic"), hex ? bytes_of(line.at("payload_hex")) : line.at("payload").get<std::string>()});
  }
  return lines;
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() == ".jsonl") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in.good(), path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string joined(const Texts& texts) {
  std::string out;
  for (const std::string& text : texts) out += text + "\n";
  return out;
}

// One ecosystem: its configuration, and payloads chosen by a text only they hold (or by "topic payload").
class Ecosystem {
 public:
  explicit Ecosystem(const std::string& name)
      : lines_(lines_of(folder() / (name + ".jsonl"))),
        feed_(
            read_file(std::filesystem::path(WEIR_SOURCE_DIR) / "tests/payload_configs" / (name + ".json"))) {}

  // The first such payload gives these windows: "topic start = mean", without the start where the payload
  // says no time.
  void check(std::string_view text, const Texts& expected) { check_from(text, "", expected); }
  // The same for a payload that was described without its topic.
  void check_from(std::string_view text, std::string_view topic, const Texts& expected) {
    CAPTURE(text);
    const auto line = std::find_if(lines_.begin(), lines_.end(), [&](const Line& l) {
      return l.payload.find(text) != std::string::npos || l.topic + " " + l.payload == text;
    });
    REQUIRE(line != lines_.end());
    const Texts seen = windows(topic.empty() ? line->topic : std::string(topic), line->payload);
    CHECK(joined(seen) == joined(expected));
    CHECK(test::adds_up(feed_.stats()));
  }
  void check_outcome(std::string_view text, MessageOutcome outcome) {
    const std::uint64_t before = feed_.messages(outcome);
    check(text, {});
    CHECK(feed_.messages(outcome) == before + 1);
  }

 private:
  Texts windows(const std::string& topic, const std::string& payload) {
    now_ += 24h;
    feed_.send(now_, topic, payload);
    feed_.tick(now_ + 2h);
    Texts out;
    for (const test::Published& published : feed_.take()) {
      const nlohmann::json result = nlohmann::json::parse(published.payload);
      if (!result.contains("mean")) continue;  // a flag
      std::string line = published.topic;
      const std::string start = result.at("start");
      if (start.substr(0, 4) != "2027") line += " " + start;  // in 2027 it arrives
      bridge::append_number(result.at("mean").get<double>(), line += " = ");
      out.push_back(line);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::vector<Line> lines_;
  test::Feed feed_;
  core::Duration now_ = 24h * 400;  // after `day`: the beginning of 2027
};

// The members of an object, and no element of an array, lead to a number along `pointer`.
bool names_a_number(const nlohmann::json& value, std::string_view pointer) {
  if (!value.is_object()) return false;
  return std::any_of(value.items().begin(), value.items().end(), [&](const auto& member) {
    std::string key;
    for (const char c : member.key()) key += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    if (pointer == key) return member.value().is_number();
    return pointer.substr(0, key.size() + 1) == key + "/" &&
           names_a_number(member.value(), pointer.substr(key.size() + 1));
  });
}

bool names_a_number_of_row(const nlohmann::json& document, std::string_view pointer) {
  if (!document.is_array()) return names_a_number(document, pointer);
  return std::any_of(document.begin(), document.end(),
                     [&](const nlohmann::json& row) { return names_a_number(row, pointer); });
}

}  // namespace

TEST_CASE(
    "the default configuration reads everything, accounts for it, and names nothing by an array index") {
  std::size_t messages = 0, readings = 0;
  test::Feed feed(R"({"streams":[{"from":"all/{device}/#"}]})");
  for (const std::filesystem::path& file : files()) {
    CAPTURE(file.string());
    decode_test::Subject subject{bridge::PayloadConfig{}};
    for (const Line& line : lines_of(file)) {
      CAPTURE(line.payload);
      const decode_test::Result result = subject.decode(line.payload);
      const nlohmann::json document = nlohmann::json::parse(line.payload, nullptr, false);
      for (const std::string& reading : result.readings) {
        const std::string field =
            reading.substr(reading.find(' ') + 1, reading.rfind('=') - reading.find(' ') - 1);
        CAPTURE(reading);
        CHECK((field == "bare" || names_a_number_of_row(document, field)));
      }
      // What is an object or an array is read exactly when another reader of JSON reads it.
      if (line.payload.find_first_not_of(" \t\r\n") != std::string::npos &&
          std::string_view("{[").find(line.payload[line.payload.find_first_not_of(" \t\r\n")]) !=
              std::string_view::npos) {
        CHECK((result.outcome == MessageOutcome::decoded) == !document.is_discarded());
      }
      readings += result.readings.size();
      feed.send(core::Duration{++messages}, "all/" + file.stem().string() + "/" + line.topic, line.payload);
    }
  }
  const bridge::Stats stats = feed.stats();
  const auto count = [&](MessageOutcome outcome) {
    return stats.messages[static_cast<std::size_t>(outcome)];
  };
  CHECK(test::adds_up(stats));
  CHECK(count(MessageOutcome::decoded) + count(MessageOutcome::ignored) + count(MessageOutcome::malformed) ==
        messages);
  MESSAGE(messages << " payloads, " << readings << " readings");
  CHECK(messages >= 100);
  CHECK(readings >= 100);
}

TEST_CASE("ecosystems: bare values") {
  Ecosystem bare("bare-values");
  bare.check("dht/livingroom/TEMPERATURE 20.0", {"derived/dht/livingroom/TEMPERATURE/1m = 20"});
  bare.check("zigbee/SensorGarten/temperature -1.17", {"derived/zigbee/SensorGarten/temperature/1m = -1.17"});
  bare.check("zigbee/SensorGarten/voltage 2895", {"derived/zigbee/SensorGarten/voltage/1m = 2895"});
  bare.check("smarthome/node/67161707004B1200/sensor/temperature/1026/value/actual 19.96",
             {"derived/smarthome/67161707004B1200/1026/temperature/1m = 19.96"});
  bare.check_outcome("smarthome/node/67161707004B1200/sensor/motion/1030/value/status IDLE",
                     MessageOutcome::unmatched);

  Ecosystem esphome("esphome");
  esphome.check("esphome/outdoor/sensor/temperature/state 20.0",
                {"derived/sensors/outdoor/temperature/1m = 20"});
  esphome.check("esphome/outdoor/binary_sensor/sunlight/state ON",
                {"derived/switches/outdoor/sunlight/on/1m = 1"});
  esphome.check("esp32-dht22/sensor/temperature/state 23.5",
                {"derived/plain/esp32-dht22/temperature/1m = 23.5"});
  esphome.check_outcome("esp32-dht22/status online", MessageOutcome::unmatched);

  Ecosystem homie("homie");
  homie.check("homie/super-car/engine/temperature 21.5",
              {"derived/homie/super-car/engine/temperature/1m = 21.5"});
  homie.check("homie/super-car/$stats/cputemp 48", {"derived/homie/super-car/$stats/cputemp/1m = 48"});
  homie.check_outcome("homie/super-car/$fw/version 1.0.0", MessageOutcome::malformed);

  Ecosystem shelly("shelly-gen1");
  shelly.check("shellies/shellyem3-485519D6FEC7/emeter/0/total 10533.1",
               {"derived/meters/shellyem3-485519D6FEC7/0/total/1m = 10533.1"});
  shelly.check("shellies/room/sensor/temperature 20.00", {"derived/sensors/room/temperature/1m = 20"});
  shelly.check("shellies/shelly1/relay/0 off", {"derived/relays/shelly1/0/on/1m = 0"});
  shelly.check("shellies/shellies/shellyem3/emeter/0/voltage 230.35",
               {"derived/doubled/shellyem3/0/voltage/1m = 230.35"});
  shelly.check_outcome("shellies/shelly1/online true", MessageOutcome::unmatched);

  Ecosystem solar("solar-assistant");
  solar.check("solar_assistant/inverter_1/battery_voltage/state 50.0",
              {"derived/solar/inverter_1/battery_voltage/1m = 50"});
  solar.check("solar_assistant/total/battery_state_of_charge/state 64",
              {"derived/solar/total/battery_state_of_charge/1m = 64"});

  Ecosystem deye("solar-misc");
  deye.check("deye/total_energy 36.5", {"derived/deye/total_energy/1m = 36.5"});
  deye.check("deye/dc/pv1/current 0.0", {"derived/strings/pv1/current/1m = 0"});

  Ecosystem broker("sys-topics");
  broker.check("$SYS/broker/messages/stored 51", {"derived/broker/stored/1m = 51"});
  broker.check("$SYS/broker/publish/bytes/received 166344411810",
               {"derived/traffic/received/1m = 166344411810"});
  broker.check_outcome("$SYS/broker/version mosquitto version 1.5.7", MessageOutcome::unmatched);

  Ecosystem meter("p1-dsmr");
  meter.check("sensors/power/p1meter/actual_consumption 313", {"derived/p1/actual_consumption/1m = 313"});
  meter.check("3382.357", {"derived/dsmr/electricity_delivered_1/value/1m 2021-12-16T09:40:00Z = 3382.357"});
  meter.check_outcome("dsmr/reading/electricity_delivered_1 ", MessageOutcome::ignored);
}

TEST_CASE("ecosystems: one object per device") {
  Ecosystem zigbee("zigbee2mqtt");
  zigbee.check("27.34", {"derived/zigbee/FRIENDLY_NAME/humidity/1m = 44.72",
                         "derived/zigbee/FRIENDLY_NAME/temperature/1m = 27.34"});
  zigbee.check("2022-10-11T21:45:07+01:00",
               {"derived/zigbee/Motion Sensor/battery/1m 2022-10-11T20:45:00Z = 100",
                "derived/zigbee/Motion Sensor/illuminance/1m 2022-10-11T20:45:00Z = 0",
                "derived/zigbee/Motion Sensor/illuminance_lux/1m 2022-10-11T20:45:00Z = 0",
                "derived/zigbee/Motion Sensor/temperature/1m 2022-10-11T20:45:00Z = 15.46"});
  zigbee.check("3502.77", {"derived/zigbee/0xf4ce361b0656e80e/energy/1m = 3502.77",
                           "derived/zigbee/0xf4ce361b0656e80e/power/1m = 0"});
  zigbee.check("\"temperature_sensitivity\"", {"derived/zigbee/0xa4c1383c7d3c4cb5/temperature/1m = 42.8"});
  zigbee.check_outcome("zigbee2mqtt/bridge/state online", MessageOutcome::unmatched);

  Ecosystem fiware("fiware-iotagent");
  fiware.check("34.2", {"derived/agent/redacted-apikey/sensor-temperatura-001/h/1m = 49.8",
                        "derived/agent/redacted-apikey/sensor-temperatura-001/t/1m = 34.2"});

  Ecosystem theengs("theengs");
  theengs.check("58:2D:34:33:AA:DF", {"derived/theengs/TheengsGateway/582D3433AADF/hum/1m = 61.4",
                                      "derived/theengs/TheengsGateway/582D3433AADF/tempc/1m = 26"});
  theengs.check("HHCCPOT002", {"derived/theengs/TheengsGateway/C47C8D6D0CD2/moi/1m = 3"});

  Ecosystem gateway("openmqttgateway");
  gateway.check("\"19.2\"", {"derived/ble/OpenMQTTGateway/4C33A6603C79/humidity/1m = 52.6",
                             "derived/ble/OpenMQTTGateway/4C33A6603C79/temperature/1m = 19.2"});
  gateway.check("21.51847", {"derived/ble/OpenMQTTGateway/45E174126E00/distance/1m = 21.51847"});
  gateway.check("\"55.3\"",
                {"derived/lora/OpenMQTTGateway_ESP32_LORA_TEST/AABBCCDDEEFF/rssi/1m = -16",
                 "derived/lora/OpenMQTTGateway_ESP32_LORA_TEST/AABBCCDDEEFF/temperature/1m = 55.3"});
  gateway.check("56.53052", {"derived/climate/OpenMQTTGateway/htu/hum/1m = 56.53052",
                             "derived/climate/OpenMQTTGateway/htu/tempc/1m = 25.34064"});
  gateway.check("27.8", {"derived/onewire/OpenMQTTGateway/0x0000000000000000/temp/1m = 27.8"});

  Ecosystem phones("owntracks");
  phones.check_from("101.15644836425781", "owntracks/ann/phone",
                    {"derived/phones/ann/phone/altitude/1m 2019-07-25T09:36:00Z = 10",
                     "derived/phones/ann/phone/battery/1m 2019-07-25T09:36:00Z = 64",
                     "derived/phones/ann/phone/pressure/1m 2019-07-25T09:36:00Z = 101.15644836425781"});

  Ecosystem azure("azure-iot");
  azure.check("1013.25",
              {"derived/azure/Device1/humidity/1m = 45.3", "derived/azure/Device1/temperature/1m = 24.5"});
  azure.check_from("2026-04-28T15:28:48.198Z", "devices/pi/messages/events/",  // two lines, 1.36 s apart
                   {"derived/azure/pi/humidity/1m 2026-04-28T15:28:00Z = 69.805",
                    "derived/azure/pi/temperature/1m 2026-04-28T15:28:00Z = 31.39"});

  Ecosystem domoticz("domoticz");
  domoticz.check("Cameretta", {"derived/domoticz/Cameretta/humidity/1m = 51.4",
                               "derived/domoticz/Cameretta/temperature/1m = 7.5"});
  domoticz.check_outcome("Light/Switch", MessageOutcome::ignored);

  Ecosystem weather("weewx-ecowitt");
  weather.check("outTemp_F", {"derived/weather/outdoor_c/1m = 21", "derived/weather/wind_dir/1m = 258"});
}

TEST_CASE("ecosystems: nested objects") {
  Ecosystem tasmota("tasmota");
  tasmota.check("\"SCD40\"", {"derived/tasmota/tasmota/SCD40.CarbonDioxide/1m 2023-05-28T20:04:00Z = 618",
                              "derived/tasmota/tasmota/SCD40.DewPoint/1m 2023-05-28T20:04:00Z = 15.8",
                              "derived/tasmota/tasmota/SCD40.Humidity/1m 2023-05-28T20:04:00Z = 61.1",
                              "derived/tasmota/tasmota/SCD40.Temperature/1m 2023-05-28T20:04:00Z = 23.8",
                              "derived/tasmota/tasmota/SCD40.eCO2/1m 2023-05-28T20:04:00Z = 623"});
  tasmota.check("3.423", {"derived/states/tasmota/power/1m 2019-10-31T11:14:00Z = 0",
                          "derived/states/tasmota/vcc/1m 2019-10-31T11:14:00Z = 3.423"});
  tasmota.check("\"Yesterday\":0.007",
                {"derived/meters/tasmota-E8A6E4/power/1m 2017-07-25T12:06:00Z = 0",
                 "derived/meters/tasmota-E8A6E4/total/1m 2017-07-25T12:06:00Z = 0.64"});

  Ecosystem replies("tasmota-result");
  replies.check(
      "Flora-6ab577",
      {"derived/snapshots/tasmota/StatusSNS.Flora-6ab577.Fertility/1m 2019-12-18T10:13:00Z = 0",
       "derived/snapshots/tasmota/StatusSNS.Flora-6ab577.Humidity/1m 2019-12-18T10:13:00Z = 0",
       "derived/snapshots/tasmota/StatusSNS.Flora-6ab577.Illuminance/1m 2019-12-18T10:13:00Z = 21",
       "derived/snapshots/tasmota/StatusSNS.Flora-6ab577.Temperature/1m 2019-12-18T10:13:00Z = 21.7",
       "derived/snapshots/tasmota/StatusSNS.MJ_HT_V1-3108be.Humidity/1m 2019-12-18T10:13:00Z = 56.1",
       "derived/snapshots/tasmota/StatusSNS.MJ_HT_V1-3108be.Temperature/1m 2019-12-18T10:13:00Z = 22.3"});
  replies.check("stat/GD-30W/POWER1 ON", {"derived/relays/GD-30W/power/1m = 1"});
  replies.check_outcome("\"BrGc\"", MessageOutcome::ignored);

  Ecosystem shelly("shelly-gen2");
  shelly.check("37.67",
               {"derived/events/shellyplus1-441793ab3fb4/temperature/1m 2024-02-17T14:25:00Z = 37.67"});
  shelly.check("\"state\":false",
               {"derived/events/shellyplus1-441793ab3fb4/input/1m 2024-02-17T14:27:00Z = 0"});
  shelly.check("-1899.8", {"derived/events/shellyemg3/current/1m 2026-09-07T22:43:00Z = 16.714",
                           "derived/events/shellyemg3/power/1m 2026-09-07T22:43:00Z = -1899.8"});
  shelly.check("\"voltage\":232.7", {"derived/status/plus1pm/switch:0/aenergy.total/1m = 0",
                                     "derived/status/plus1pm/switch:0/apower/1m = 0",
                                     "derived/status/plus1pm/switch:0/current/1m = 0",
                                     "derived/status/plus1pm/switch:0/temperature.tC/1m = 39.2",
                                     "derived/status/plus1pm/switch:0/voltage/1m = 232.7"});

  Ecosystem shadow("aws-iot-shadow");
  shadow.check_from("\"batPct\":100", "$aws/things/roomba/shadow/update",
                    {"derived/shadow/roomba/battery/1m = 100", "derived/shadow/roomba/bin_full/1m = 0",
                     "derived/shadow/roomba/missions/1m = 209"});
  shadow.check_from("\"temperature\":25", "$aws/things/t1/shadow/name/my-shadow/update",
                    {"derived/named_shadow/t1/my-shadow/state.reported.temperature/1m = 25"});

  Ecosystem thingpark("actility-thingpark");
  thingpark.check("0004A30B001A2B3C", {"derived/thingpark/0004A30B001A2B3C/temperature/1m = 23.5"});

  Ecosystem dragino("chirpstack-v3");
  dragino.check_from(
      "TempC_SHT", "application/7/device/a84041/event/up",
      {"derived/dragino/7/a84041/battery_v/1m = 3.04", "derived/dragino/7/a84041/humidity/1m = 34.5",
       "derived/dragino/7/a84041/probe/1m = 17.12", "derived/dragino/7/a84041/temperature/1m = 17.67"});
  dragino.check_from("\"rssi\":-63", "application/1/device/70b3d5499012e936/rx",
                     {"derived/signal/1/70b3d5499012e936/rssi/1m 2021-05-19T19:08:00Z = -63",
                      "derived/signal/1/70b3d5499012e936/snr/1m 2021-05-19T19:08:00Z = 7.8"});

  Ecosystem chirpstack("chirpstack-v4");
  chirpstack.check_from("\"uplinkId\"", "application/app/device/0101010101010101/event/up",
                        {"derived/lora/app/0101010101010101/rssi/1m 2022-07-18T09:34:00Z = -36",
                         "derived/lora/app/0101010101010101/snr/1m 2022-07-18T09:34:00Z = 10.5"});
  chirpstack.check_from("rxPacketsReceivedOk", "gateway/0016c001f153a14c/event/stats",
                        {"derived/gateways/0016c001f153a14c/emitted/1m 2022-08-03T14:37:00Z = 1",
                         "derived/gateways/0016c001f153a14c/received/1m 2022-08-03T14:37:00Z = 1"});

  Ecosystem ttn("ttn-v3");
  ttn.check("elsys5k-1", {"derived/ttn/london-02@ttn/elsys5k-1/uplink_message.decoded_payload.accMotion/1m "
                          "2020-04-03T14:35:00Z = 0",
                          "derived/ttn/london-02@ttn/elsys5k-1/uplink_message.decoded_payload.humidity/1m "
                          "2020-04-03T14:35:00Z = 32",
                          "derived/ttn/london-02@ttn/elsys5k-1/uplink_message.decoded_payload.light/1m "
                          "2020-04-03T14:35:00Z = 983",
                          "derived/ttn/london-02@ttn/elsys5k-1/uplink_message.decoded_payload.temperature/1m "
                          "2020-04-03T14:35:00Z = 30.6",
                          "derived/ttn/london-02@ttn/elsys5k-1/uplink_message.decoded_payload.vdd/1m "
                          "2020-04-03T14:35:00Z = 3550"});

  Ecosystem mesh("meshtastic");
  mesh.check("4.10599994659424",
             {"derived/mesh/EU_868/LongFast/!433b8cd8/1819523280/battery/1m 2026-09-06T04:30:00Z = 100",
              "derived/mesh/EU_868/LongFast/!433b8cd8/1819523280/voltage/1m 2026-09-06T04:30:00Z = "
              "4.10599994659424"});
  mesh.check_from("\"battery_level\":101", "msh/EU_868/2/json/LongFast/!a2e227d4",
                  {});  // mains, and no voltage
  mesh.check_outcome("Hello from JSON topic", MessageOutcome::ignored);
}

TEST_CASE("ecosystems: rows") {
  Ecosystem things("thingsboard-gateway");
  things.check("\"Device B\": [", {"derived/telemetry/Device A/humidity/1m 2017-01-01T00:00:00Z = 81",
                                   "derived/telemetry/Device A/temperature/1m 2017-01-01T00:00:00Z = 42.5",
                                   "derived/telemetry/Device B/humidity/1m 2017-01-01T00:00:00Z = 80",
                                   "derived/telemetry/Device B/temperature/1m 2017-01-01T00:00:00Z = 42"});
  things.check("SN-001", {"derived/single/SN-001/temperature/1m 2016-01-01T12:00:00Z = 36.6"});

  Ecosystem minew("ble-gateway-minew");
  minew.check("AC233FA018E7",
              {"derived/minew/ac233fc0380f/AC233FA018E7/battery/1m 2020-06-03T02:46:00Z = 100",
               "derived/minew/ac233fc0380f/AC233FA018E7/humidity/1m 2020-06-03T02:46:00Z = 53.55",
               "derived/minew/ac233fc0380f/AC233FA018E7/temperature/1m 2020-06-03T02:46:00Z = 24.24"});

  Ecosystem simatic("siemens-industrial-edge");
  simatic.check("0.02729782462120056",
                {"derived/simatic/s7c1/PLC_1/default/101/1m 2022-06-30T13:52:00Z = 3",
                 "derived/simatic/s7c1/PLC_1/default/102/1m 2022-06-30T13:52:00Z = 1091",
                 "derived/simatic/s7c1/PLC_1/default/103/1m 2022-06-30T13:52:00Z = 0",
                 "derived/simatic/s7c1/PLC_1/default/104/1m 2022-06-30T13:52:00Z = 0.02729782462120056"});

  Ecosystem senml("senml");
  senml.check_from("2001:db8::2/humidity", "senml/gw1",
                   {"derived/senml/gw1/2001:db8::1.humidity/1m 2011-10-31T16:27:00Z = 67",
                    "derived/senml/gw1/2001:db8::1.temperature/1m 2011-10-31T16:27:00Z = 12.3",
                    "derived/senml/gw1/2001:db8::2.humidity/1m 2011-10-31T16:27:00Z = 30",
                    "derived/senml/gw1/2001:db8::2.temperature/1m 2011-10-31T16:27:00Z = 25.2"});

  Ecosystem air("sensor-community");
  air.check_from("NRZ-2016-028", "luftdaten/bonn",
                 {"derived/air/bonn/_/P1/1m = 11.43", "derived/air/bonn/_/P2/1m = 6.25"});

  Ecosystem cameras("frigate");
  cameras.check("camera_fps",
                {"derived/cameras/back/camera_fps/1m = 5", "derived/cameras/back/detection_fps/1m = 1.5",
                 "derived/cameras/back/process_fps/1m = 5.1", "derived/cameras/back/skipped_fps/1m = 0"});

  Ecosystem opcua("opcua-pubsub-json");
  opcua.check("NodeMCU_AABBCC",
              {"derived/opcua/NodeMCU_AABBCC/1/adc/1m = 512", "derived/opcua/NodeMCU_AABBCC/1/coil_1/1m = 1",
               "derived/opcua/NodeMCU_AABBCC/1/temperature/1m = 255"});
  opcua.check_from("ua-keyframe", "opcua/json/data/p/g",
                   {"derived/writers/p/g/7/Payload.count/1m = 9.007199254740992e15"});

  Ecosystem corpus("json-corpus-telegraf");
  corpus.check_from("\"fertility\"", "flora/fern",
                    {"derived/plants/fern/fertility/1m 2019-04-20T07:29:00Z = 0",
                     "derived/plants/fern/light/1m 2019-04-20T07:29:00Z = 10118",
                     "derived/plants/fern/moisture/1m 2019-04-20T07:29:00Z = 5",
                     "derived/plants/fern/temperature/1m 2019-04-20T07:29:00Z = 23.4"});
  corpus.check_from(
      "inlet-1/temperature", "paths/line-3",
      {"derived/paths/line-3/inlet-1.temperature/1m 2023-09-25T21:57:00Z = 0.20791169081775931"});
  corpus.check_from("\"impression\"", "metrics/batch",
                    {"derived/metrics/1cbbb3796fc2/count/1m 2022-05-27T09:23:00Z = 5",
                     "derived/metrics/klaus/count/1m 2022-05-27T10:19:00Z = 42"});
}
