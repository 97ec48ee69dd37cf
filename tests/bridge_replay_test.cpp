// Same journal, same bytes: replaying gives identical files for any number of workers, queue and batch size.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "bridge/commands.h"
#include "bridge/recording.h"
#include "tests/temp_folder.h"

namespace {

// A fleet with everything that makes order matter: many devices on one site series, late and repeated times,
// gaps, spikes.
std::string traffic(std::uint64_t seed, int messages) {
  std::mt19937_64 random{seed};
  auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::string lines;
  std::int64_t now_ms = 1'767'225'600'000;
  for (int i = 0; i < messages; ++i) {
    now_ms += below(40);
    if (below(500) == 0) now_ms += 30'000 + below(60'000);
    const std::int64_t device = std::min(below(40), below(40));
    std::int64_t time_ms = now_ms - below(300);
    if (below(20) == 0) time_ms -= below(20'000);
    if (below(300) == 0) time_ms += below(120'000);
    const double value = 20.0 + static_cast<double>(below(1000)) / 100 + (below(300) == 0 ? 500 : 0);
    lines += R"({"t":)" + std::to_string(now_ms) + R"(,"topic":"plant/)" + std::to_string(device % 3) + "/" +
             std::to_string(device) + R"(","payload":{"ts":)" + std::to_string(time_ms) +
             R"(,"temperature":)" + std::to_string(value) + R"(,"humidity":)" + std::to_string(below(100)) +
             "}}\n";
  }
  return lines;
}

std::string config(int queue, int batch) {
  return R"({"aggregation":{"ring_buffer_size":)" + std::to_string(queue) + R"(,"batch_size":)" +
         std::to_string(batch) + R"(},
    "streams":[{"name":"p","from":"plant/{site}/{device}","payload":{"time":"/ts"},"lateness":"2s","idle":"3s","windows":[
      {"name":"10s","length":"10s"},
      {"name":"1m","length":"1m","every":"10s","retention":"20s","aggregates":["count","sum","mean","variance","range","first","last","delta"]},
      {"name":"site","length":"15s","by":["site"],"aggregates":["count","stddev"]}],
    "detectors":[{"name":"hot","kind":"threshold","above":100,"clear":50},{"name":"odd","kind":"zscore"},
      {"name":"gone","kind":"silence","after":"20s"}]}]})";
}

}  // namespace

TEST_CASE("replay: identical files for any number of workers, any queue, any batch") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261123;
  CAPTURE(seed);
  test::TempFolder folder;
  const std::string recorded = folder.write("traffic.jsonl", traffic(seed, 12'000));
  std::string expected;
  int runs = 0;
  for (const auto& [queue, batch] : {std::pair{4096, 500}, std::pair{1, 1}, std::pair{4096, 1}}) {
    const bridge::Config parsed = bridge::parse_config(config(queue, batch));
    for (const std::uint32_t workers : {0U, 1U, 2U, 7U}) {
      CAPTURE(queue);
      CAPTURE(batch);
      CAPTURE(workers);
      bridge::ReplayOptions options;
      options.files = {recorded};
      const std::string name = std::to_string(++runs);
      options.out = folder.file(name);
      options.workers = workers;
      REQUIRE(bridge::replay(parsed, options) == 0);
      const std::string results = folder.read(name);
      if (expected.empty()) expected = results;
      CHECK(results.size() > 1'000'000);
      CHECK((results == expected));
    }
  }
  for (const std::string part :
       {"\"window\":\"10s\"", "\"window\":\"1m\"", "\"window\":\"site\"", "\"rev\":2", "\"detector\":\"hot\"",
        "\"detector\":\"odd\"", "\"detector\":\"gone\"", "\"state\":\"cleared\""}) {
    CAPTURE(part);
    CHECK((expected.find(part) != std::string::npos));
  }
}

TEST_CASE("replay: a recording gives what the same messages as text give") {
  test::TempFolder folder;
  const std::string text = folder.write("traffic.jsonl", traffic(7, 2000));
  const std::string recording = folder.file("traffic.rec");
  {
    bridge::RecordingWriter writer(recording);
    const auto reader = bridge::ReplayReader::open(text, {});
    bridge::ReplayReader::Record record;
    while (reader->next(record)) REQUIRE(writer.add(record.message));
    REQUIRE(writer.close());
  }
  const bridge::Config parsed = bridge::parse_config(config(4096, 500));
  for (const auto& [from, to] : {std::pair{text, "a"}, std::pair{recording, "b"}}) {
    bridge::ReplayOptions options;
    options.files = {from};
    options.out = folder.file(to);
    REQUIRE(bridge::replay(parsed, options) == 0);
  }
  CHECK(folder.read("a").size() > 1000);
  CHECK((folder.read("a") == folder.read("b")));
}
