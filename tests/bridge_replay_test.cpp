// Same journal, same bytes: replaying gives identical files for any number of workers, queue and batch size.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bridge/commands.h"
#include "bridge/recording.h"
#include "tests/every_rule.h"
#include "tests/temp_folder.h"

namespace {

// A fleet with everything that makes order matter: many devices on one site series, devices that come for a
// while, late and repeated times, gaps, spikes, nulls, and arrays of values at one time and equally far
// apart.
std::string traffic(std::uint64_t seed, int messages) {
  std::mt19937_64 random{seed};
  auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::string lines;
  std::int64_t now_ms = 1'767'225'600'000 - 240'000;  // a day ends on the way
  const auto line = [&](const std::string& topic, const std::string& payload) {
    lines +=
        R"({"t":)" + std::to_string(now_ms) + R"(,"topic":")" + topic + R"(","payload":)" + payload + "}\n";
  };
  for (int i = 0; i < messages; ++i) {
    now_ms += below(80);
    if (below(150) == 0) now_ms += 30'000 + below(60'000);
    const std::int64_t device = below(20) == 0 ? 100 + i / 100 : std::min(below(8), below(8));
    std::int64_t time_ms = now_ms - below(300);
    if (below(20) == 0) time_ms -= below(20'000);
    if (below(300) == 0) time_ms += below(120'000);
    if (below(8) == 0) {
      const bool timed = below(2) == 0;
      std::string rows;
      for (std::int64_t row = 0, rows_end = 1 + below(40); row < rows_end; ++row) {
        const std::string value = std::to_string(static_cast<double>(below(1000)) / 64);
        rows += (row == 0 ? "" : ",") +
                (timed ? R"({"ts":)" + std::to_string(time_ms + 20 * row) + R"(,"x":)" + value + "}" : value);
      }
      line((timed ? "rows/" : "wave/") + std::to_string(device % 5), R"({"v":[)" + rows + "]}");
      continue;
    }
    const double value = 20.0 + static_cast<double>(below(1000)) / 100 + (below(300) == 0 ? 500 : 0);
    line("plant/" + std::to_string(device % 3) + "/" + std::to_string(device),
         R"({"ts":)" + std::to_string(time_ms) + R"(,"temperature":)" +
             (below(15) == 0 ? "null" : std::to_string(value)) + R"(,"humidity":)" +
             std::to_string(below(100)) + "}");
  }
  return lines;
}

// Every kind of window with every aggregate; every way to emit and to be empty among them.
std::string every_window() {
  std::string all;
  const std::string keys = "," + test::aggregate_keys(test::every_aggregate());
  for (std::string kind : test::every_kind()) {
    const auto is = [&](const char* name) {
      return kind.find(R"("name":")" + std::string{name}) != std::string::npos;
    };
    if (is("tumbling")) kind += R"(,"spread":"4s","empty":"last","kept":4)";
    if (is("hopping")) kind += R"(,"emit":"on_change","empty":"null","retention":"20s")";
    if (is("total")) kind += R"(,"emit":"2s","empty":"zero")";
    if (is("hours")) kind += R"(,"emit":"30s","empty":"zero","kept":16)";
    if (is("session") || is("hopping")) kind += R"(,"fields":["temperature"])";
    all += (all.empty() ? "" : ",") + kind + keys + "}";
  }
  return all;
}

std::string config(int queue, int batch, const char* series_ttl = "1m") {
  return R"({"aggregation":{"ring_buffer_size":)" + std::to_string(queue) + R"(,"batch_size":)" +
         std::to_string(batch) + R"(},"limits":{"series_ttl":")" + series_ttl + R"("},
    "streams":[{"name":"p","from":"plant/{site}/{device}","payload":{"time":"/ts"},"lateness":"2s","idle":"3s",
    "cadence":"learned","late_to":"late/{site}","flag_days_to":"days/{site}","windows":[)" +
         every_window() + R"(,
      {"name":"site","length":"15s","by":["site"],"aggregates":["count","stddev","rate","p90"]}],
    "detectors":[{"name":"hot","kind":"threshold","above":100,"clear":50},{"name":"odd","kind":"zscore","retain_to":"state/{site}/{device}/{field}"},
      {"name":"many","kind":"threshold","above":40,"on":"site.count","hold":"30s","flaps":3,"retain_to":"state/{site}/{field}"},
      {"name":"gone","kind":"silence","after":"20s"}]},
    {"name":"w","from":"wave/{device}","payload":{"each":"/v","fields":{"x":""}},"detectors":[],
      "windows":[{"name":"plain","length":"10s"}]},
    {"name":"r","from":"rows/{device}","payload":{"each":"/v","fields":{"x":"/x"},"time":"/ts"},"detectors":[],
      "windows":[{"name":"plain","length":"10s","aggregates":["count","sum","variance"]},
                 {"name":"rich","length":"1m","every":"10s","by":[]}]}]})";
}

// What a replay of this file writes.
std::string results(const test::TempFolder& folder, const std::string& recorded, const bridge::Config& parsed,
                    std::uint32_t workers) {
  static int runs = 0;
  bridge::ReplayOptions options;
  options.files = {recorded};
  const std::string name = "results" + std::to_string(++runs);
  options.out = folder.file(name);
  options.workers = workers;
  REQUIRE(bridge::replay(parsed, options) == 0);
  return folder.read(name);
}

}  // namespace

TEST_CASE("replay: identical files for any number of workers, any queue, any batch") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261123;
  INFO("WEIR_SEED=" << seed);
  test::TempFolder folder;
  const std::string recorded = folder.write("traffic.jsonl", traffic(seed, 1200));
  const std::string expected = results(folder, recorded, bridge::parse_config(config(4096, 500)), 0);
  CHECK(expected.size() > 4'000'000);
  // The smallest queue is one batch.
  for (const auto& [queue, batch] : {std::pair{4096, 500}, std::pair{512, 500}, std::pair{4096, 7},
                                     std::pair{8, 7}, std::pair{4096, 1}, std::pair{1, 1}}) {
    const bridge::Config parsed = bridge::parse_config(config(queue, batch));
    for (const std::uint32_t workers : {0U, 1U, 2U, 7U}) {
      if (workers == 0 && queue != 4096) continue;  // there is no queue
      CAPTURE(queue);
      CAPTURE(batch);
      CAPTURE(workers);
      CHECK((results(folder, recorded, parsed, workers) == expected));
    }
  }
  std::vector<std::string> parts{
      R"("window":"site")",  R"("window":"plain")",       R"("window":"rich")",
      R"("rev":2)",          R"("final":false)",          R"("count":0)",
      R"("mean":null)",      R"("approximate":true)",     R"({"topic":"late/)",
      R"({"topic":"days/)",  R"("final":true,"flags":[)", R"("final":false,"flags":[)",
      R"("detector":"hot")", R"("detector":"odd")",       R"("detector":"gone")",
      R"("state":"cleared")"};
  for (const std::string& kind : test::every_kind()) {
    const std::size_t name = kind.find(R"("name":")") + 8;
    parts.push_back(R"("window":")" + kind.substr(name, kind.find('"', name) - name) + '"');
  }
  for (const std::string& name : test::every_aggregate()) parts.push_back('"' + name + "\":");
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK((expected.find(part) != std::string::npos));
  }
  // Series are given up on the way, and begin anew.
  CHECK((results(folder, recorded, bridge::parse_config(config(4096, 500, "0s")), 0) != expected));
}

TEST_CASE("replay: a recording gives what the same messages as text give") {
  test::TempFolder folder;
  const std::string text = folder.write("traffic.jsonl", traffic(7, 500));
  const std::string recording = folder.file("traffic.rec");
  {
    bridge::RecordingWriter writer(recording);
    const auto reader = bridge::ReplayReader::open(text, {});
    bridge::ReplayReader::Record record;
    while (reader->next(record)) REQUIRE(writer.add(record.message));
    REQUIRE(writer.close());
  }
  const bridge::Config parsed = bridge::parse_config(config(4096, 500));
  const std::string expected = results(folder, text, parsed, 0);
  CHECK(expected.size() > 1000);
  CHECK((results(folder, recording, parsed, 0) == expected));
}
