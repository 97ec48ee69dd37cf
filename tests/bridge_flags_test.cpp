// Flags through the whole path: devices against their group, devices that were never seen, and what is not
// flagged while nothing can be heard.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "bridge/recording.h"
#include "bridge/replay_reader.h"
#include "tests/pipeline_fixture.h"
#include "tests/temp_folder.h"

using namespace std::chrono_literals;
using test::Feed;

namespace {

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string peers_config(int shards) {
  return R"({"aggregation":{"shard_count":)" + std::to_string(shards) + R"(},
    "streams":[{"name":"s","from":"in/{site}/{device}","windows":[{"name":"w","length":"1h"}],
      "detectors":[{"name":"apart","kind":"peers","by":["site"],"for":"2m"}]}]})";
}

// Eight devices at two sites; the weather of site a makes a jump, and a3 leaves its group for a while.
std::vector<test::Published> group_of_eight(int shards) {
  Feed feed(peers_config(shards), shards > 1);
  std::mt19937_64 random{20261127};
  const auto noise = [&] { return static_cast<double>(random() % 1000) / 1000; };
  for (int minute = 0; minute < 600; ++minute) {
    for (int device = 0; device < 8; ++device) {
      const bool a = device < 4;
      const double weather = a && minute >= 300 ? 50 : 10;
      const double alone = device == 3 && minute >= 400 && minute < 450 ? 12 : 0;
      const std::string topic = std::string("in/") + (a ? "a/" : "b/") + std::to_string(device);
      feed.send(minute * 1min + device * 1s, topic, std::to_string(weather + 3 * device + noise() + alone));
    }
  }
  CHECK(test::adds_up(feed.stats()));
  std::vector<test::Published> flags = feed.take();
  std::erase_if(flags, [](const test::Published& one) { return !has(one.topic, "/flag/"); });
  return flags;
}

}  // namespace

TEST_CASE(
    "peers: one device that leaves its group is flagged, a group that moves is not; for any number of "
    "workers") {
  const auto flags = group_of_eight(1);
  REQUIRE(flags.size() == 2);
  CHECK(flags[0].topic == "derived/s/a/3/value/flag/apart");
  CHECK(has(flags[0].payload, R"("state":"raised")"));
  CHECK(has(flags[0].payload, R"("kind":"peers")"));
  CHECK(has(flags[0].payload, R"("expected":)"));
  CHECK(has(flags[0].payload, R"("time":"2026-01-01T06:4)"));
  CHECK(has(flags[1].payload, R"("state":"cleared")"));
  CHECK(has(flags[1].payload, R"("time":"2026-01-01T07:3)"));
  for (const int shards : {2, 7}) CHECK(group_of_eight(shards) == flags);
}

TEST_CASE("silence: an expected device is flagged before it was ever seen, and stays expected") {
  Feed feed(R"({"limits":{"series_ttl":"16m"},"streams":[{"name":"s","from":"in/{device}","windows":[],
    "detectors":[{"name":"gone","kind":"silence","after":"3m","fields":["t"],"expect":["d1","d2"]}]}]})");
  feed.tick(0s);
  feed.send(1min, "in/d1", R"({"t":1})");
  for (int minute = 2; minute < 8; ++minute) feed.send(minute * 1min, "in/d1", R"({"t":1})");
  auto flags = feed.take();
  REQUIRE(flags.size() == 1);
  CHECK(flags[0].topic == "derived/s/d2/t/flag/gone");
  CHECK(has(flags[0].payload, R"("state":"raised")"));
  CHECK(has(flags[0].payload, R"("since":"2026-01-01T00:00:00Z")"));
  CHECK(has(flags[0].payload, R"("time":"2026-01-01T00:03:00Z")"));
  for (int minute = 8; minute < 200; ++minute) feed.send(minute * 1min, "in/d1", R"({"t":1})");
  CHECK(feed.take().empty());  // neither given up nor flagged anew
  CHECK(feed.stats().series[0].count == 2);
  feed.send(200min, "in/d2", R"({"t":1})");
  flags = feed.take();
  REQUIRE(flags.size() == 1);
  CHECK(has(flags[0].payload, R"("state":"cleared")"));
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("silence: nothing is silent while nothing can be heard") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{device}","windows":[],
    "detectors":[{"name":"gone","kind":"silence","after":"3m"}]}]})");
  for (int device = 0; device < 50; ++device) feed.send(0s, "in/" + std::to_string(device), "1");
  feed.pipeline().edge().take_link(false, test::day + 1min);
  feed.tick(1h);
  CHECK(feed.take().empty());
  feed.pipeline().edge().take_link(true, test::day + 2h);
  feed.tick(2h + 2min);
  CHECK(feed.take().empty());
  feed.send(2h + 2min, "in/7", "1");
  feed.tick(2h + 4min);
  CHECK(feed.take().size() == 49);
}

TEST_CASE("a recording holds when nothing could be heard") {
  const test::TempFolder folder;
  const std::string path = folder.file("links.rec");
  bridge::RecordingWriter writer(path);
  bridge::Message message;
  message.arrival = test::day;
  message.topic = "t";
  REQUIRE(writer.add(message));
  REQUIRE(writer.add_link(false, test::day + 1s));
  REQUIRE(writer.add_tick(test::day + 2s));
  REQUIRE(writer.add_link(true, test::day + 3s));
  REQUIRE(writer.close());
  const auto reader = bridge::ReplayReader::open(path, {});
  std::vector<bridge::ReplayReader::Kind> kinds;
  bridge::ReplayReader::Record record;
  for (int second = 0; reader->next(record); ++second) {
    CHECK(record.message.arrival == test::day + second * 1s);
    kinds.push_back(record.kind);
  }
  using Kind = bridge::ReplayReader::Kind;
  CHECK(kinds == std::vector{Kind::message, Kind::link_down, Kind::tick, Kind::link_up});
  CHECK(reader->skipped() == 0);
}
