// The edge: from a message to samples of series, and the ledger that says what became of each.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <span>

#include "tests/pipeline_fixture.h"

using bridge::MessageOutcome;
using bridge::SampleOutcome;
using test::Feed;
using namespace std::chrono_literals;

namespace {

const char* const one_stream = R"({"streams":[{"name":"s","from":"in/{device}/#","payload":{"time":"/t"},
  "lateness":"1s","idle":"1s","future":"1m","detectors":[],
  "windows":[{"name":"w","length":"10s","retention":"0s","aggregates":["count","sum"]}]}]})";

std::string at(std::int64_t seconds, std::string_view rest) {
  return "{\"t\":" + std::to_string(test::day.time_since_epoch() / 1s + seconds) + "," + std::string{rest} +
         "}";
}

std::vector<std::string> topics(const std::vector<test::Published>& all) {
  std::vector<std::string> names;
  for (const test::Published& one : all) names.push_back(one.topic);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("every message and every sample ends in exactly one outcome") {
  Feed feed(one_stream);
  feed.send(1s, "in/a/x", at(1, R"("v":1)"));
  feed.send(2s, "in/a/x", at(2, R"("v":2,"w":3)"));
  feed.send(3s, "in/a/x", "{\"v\":");                  // malformed
  feed.send(3s, "out/a", at(3, R"("v":1)"));           // unmatched
  feed.send(3s, "in/a/x", "");                         // ignored: an empty payload
  feed.send(3s, "in/a/x", std::string(300'000, ' '));  // oversize
  feed.send(3s, std::string(2000, 'a'), "1");          // oversize: the topic
  bridge::Message retained;
  retained.arrival = test::day + 4s;
  retained.stale = true;
  feed.send(retained, "in/a/x", at(4, R"("v":9)"));  // retained
  feed.send(5s, "in/a/x", at(500, R"("v":1)"));      // future
  feed.send(6s, "in/a/x", at(6, R"("v":1e999)"));    // not finite
  feed.send(30s, "in/a/x", at(30, R"("v":5)"));      // closes the window of 0 to 10 s
  feed.send(31s, "in/a/x", at(3, R"("v":7)"));       // late
  bridge::Message repeated;
  repeated.arrival = test::day + 32s;
  repeated.qos = 1;
  repeated.packet_id = 7;
  feed.send(repeated, "in/a/x", at(32, R"("v":8)"));
  repeated.duplicate = true;
  feed.send(repeated, "in/a/x", at(32, R"("v":8)"));  // duplicate

  CHECK(feed.messages(MessageOutcome::decoded) == 7);
  CHECK(feed.messages(MessageOutcome::malformed) == 1);
  CHECK(feed.messages(MessageOutcome::unmatched) == 1);
  CHECK(feed.messages(MessageOutcome::ignored) == 1);
  CHECK(feed.messages(MessageOutcome::oversize) == 2);
  CHECK(feed.messages(MessageOutcome::retained) == 1);
  CHECK(feed.messages(MessageOutcome::duplicate) == 1);
  CHECK(feed.samples(SampleOutcome::aggregated) == 5);
  CHECK(feed.samples(SampleOutcome::future) == 1);
  CHECK(feed.samples(SampleOutcome::not_finite) == 1);
  CHECK(feed.samples(SampleOutcome::late) == 1);
  CHECK(feed.stats().samples == 8);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE(
    "a message that says it may be a repeat is one only when the same was taken under the same packet id") {
  Feed feed(one_stream);
  bridge::Message message;
  message.arrival = test::day + 1s;
  message.qos = 1;
  message.packet_id = 1;
  message.duplicate = true;
  feed.send(message, "in/a/x", "5");  // never seen before, in spite of the mark
  message.packet_id = 2;
  feed.send(message, "in/a/x", "5");  // same content, another packet: a sensor that does not change
  message.packet_id = 1;
  feed.send(message, "in/a/x", "6");  // same packet id, other content: the id is used again
  message.duplicate = false;
  feed.send(message, "in/a/x", "6");  // not marked: the broker is sure
  CHECK(feed.messages(MessageOutcome::decoded) == 4);
  message.duplicate = true;
  feed.send(message, "in/a/x", "6");
  CHECK(feed.messages(MessageOutcome::duplicate) == 1);
}

TEST_CASE("packet ids are a connection's own") {
  Feed feed(one_stream);
  bridge::Message message;
  message.arrival = test::day + 1s;
  message.qos = 1;
  message.packet_id = 1;
  const auto send = [&](int connection, bool duplicate) {
    message.connection = static_cast<std::uint8_t>(connection);
    message.duplicate = duplicate;
    feed.send(message, "in/a/x", "5");
  };
  send(0, false);
  send(1, true);  // the same id and content of another connection, and new in spite of the mark
  CHECK(feed.messages(MessageOutcome::decoded) == 2);
  send(2, false);
  // However many the others brought meanwhile.
  for (int i = 0; i < 5000; ++i) send(2, false);
  send(0, true);
  CHECK(feed.messages(MessageOutcome::duplicate) == 1);
  send(1, true);
  CHECK(feed.messages(MessageOutcome::duplicate) == 2);
}

TEST_CASE("a bare number is a field named by the rest of its topic") {
  Feed feed(one_stream);
  feed.send(1s, "in/a/temperature", "21.5");
  feed.send(1s, "in/a/room/humidity", "40");
  feed.send(1s, "in/b", "1");
  feed.tick(30s);
  CHECK(topics(feed.take()) == std::vector<std::string>{"derived/s/a/room.humidity/w",
                                                        "derived/s/a/temperature/w", "derived/s/b/value/w"});
}

TEST_CASE("payload times that cannot be believed give way to the arrival, and are counted") {
  Feed feed(one_stream);
  feed.send(1s, "in/a/x", R"({"t":1.61,"v":1})");                    // a clock that was never set
  feed.send(2s, "in/a/x", R"({"t":"2000-01-01T00:00:10Z","v":2})");  // another
  feed.send(3s, "in/a/x", R"({"t":"soon","v":3})");                  // no time at all
  CHECK(feed.stats().implausible_times == 2);
  CHECK(feed.stats().bad_times == 1);
  feed.tick(30s);
  const auto published = feed.take();
  REQUIRE(published.size() == 1);
  CHECK(published[0].payload.find("\"count\":3,\"sum\":6") != std::string::npos);
}

TEST_CASE("an array of values is as many samples, at one time or equally far apart") {
  const std::string rules =
      R"({"streams":[{"name":"s","from":"in/{device}","lateness":"0s","idle":"0s","detectors":[],
    "payload":{"each":"/v","fields":{"x":"/x"},"time":"/t"},
    "windows":[{"name":"w","length":"10s","retention":"0s","aggregates":["count","sum","min","max","last"]}]},
    {"name":"p","from":"plain/{device}","lateness":"0s","idle":"0s","detectors":[],"payload":{"each":"/v","fields":{"x":""}},
    "windows":[{"name":"w","length":"10s","retention":"0s","aggregates":["count","sum","min","max","variance"]}]}]})";
  const auto check = [&](const std::string& topic, const std::vector<std::string>& payloads,
                         const std::string& expected) {
    Feed feed(rules);
    for (const std::string& payload : payloads) feed.send(5s, topic, payload);
    feed.tick(30s);
    const auto published = feed.take();
    REQUIRE(published.size() == 1);
    CHECK_MESSAGE(published[0].payload.find(expected) != std::string::npos, published[0].payload);
    CHECK(test::adds_up(feed.stats()));
  };
  std::string numbers = "1";
  for (int i = 2; i <= 100; ++i) numbers += "," + std::to_string(i);
  const std::string hundred = R"({"v":[)" + numbers + "]}";
  // The second finds its pane and goes to the kernel; the first begins the series.
  check("plain/a", {hundred, hundred},
        R"("count":200,"sum":10100,"min":1,"max":100,"variance":837.4371859296482)");
  check("plain/a", {R"({"v":[1,2,3,4,5,6,7,null,8,9]})"}, R"("count":9,"sum":45,"min":1,"max":9)");
  std::string rows;
  for (int i = 0; i < 20; ++i) {
    rows += (i == 0 ? "" : ",") + std::string(R"({"t":)") + std::to_string(1'700'000'000 + i / 10) + "." +
            std::to_string(i % 10) + R"(,"x":)" + std::to_string(i) + "}";
  }
  check("in/a", {R"({"v":[)" + rows + "]}"}, R"("count":20,"sum":190,"min":0,"max":19,"last":19)");
}

TEST_CASE("beyond series_max new series are counted and the known ones go on") {
  Feed feed(R"({"limits":{"series_max":2},"streams":[{"name":"s","from":"in/{device}","detectors":[]}]})");
  for (int round = 0; round < 3; ++round) {
    feed.send(1s, "in/a", "1");
    feed.send(1s, "in/b", "1");
    feed.send(1s, "in/c", "1");
  }
  CHECK(feed.samples(SampleOutcome::aggregated) == 6);
  CHECK(feed.samples(SampleOutcome::series_limit) == 3);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("a number that feeds two groupings is two samples") {
  Feed feed(
      R"({"streams":[{"name":"s","from":"{site}/{device}","lateness":"0s","idle":"0s","detectors":[],"windows":[
    {"name":"d","length":"10s","aggregates":["count"]},
    {"name":"all","length":"10s","by":["site"],"aggregates":["count","sum"]}]}]})");
  feed.send(1s, "x/a", "1");
  feed.send(1s, "x/b", "2");
  feed.send(1s, "y/a", "4");
  CHECK(feed.stats().samples == 6);
  feed.tick(20s);
  CHECK(topics(feed.take()) == std::vector<std::string>{"derived/s/x/a/value/d", "derived/s/x/b/value/d",
                                                        "derived/s/x/value/all", "derived/s/y/a/value/d",
                                                        "derived/s/y/value/all"});
}

TEST_CASE("nulls are samples of the windows that count them, and of no others") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{device}","lateness":"0s","idle":"1s","detectors":[],
    "payload":{"fields":{"v":{"at":"/v","null":[-127]},"w":"/w"}},
    "windows":[{"name":"n","length":"10s","fields":["v"],"aggregates":["count","null_count","null_ratio"]},
               {"name":"m","length":"10s","by":[],"aggregates":["count"]}]}]})");
  feed.send(1s, "in/a", R"({"v":1,"w":null})");
  feed.send(2s, "in/a", R"({"v":null,"w":2})");
  feed.send(3s, "in/a", R"({"v":-127})");
  feed.send(4s, "in/a", R"({"v":5})");
  feed.send(5s, "in/b", R"({"v":null})");  // a series that begins with it
  const bridge::Stats before = feed.stats();
  CHECK(before.samples == 8);  // v: 5 to "n", 2 to "m"; w: 1 to "m"
  CHECK(before.no_readings == 1);
  CHECK(test::adds_up(before));
  feed.tick(1min);
  std::vector<std::string> payloads;
  for (const test::Published& one : feed.take()) {
    payloads.push_back(one.topic + one.payload.substr(one.payload.find(R"(,"count")")));
  }
  std::sort(payloads.begin(), payloads.end());
  CHECK(payloads == std::vector<std::string>{R"(derived/s/a/v/n,"count":2,"null_count":2,"null_ratio":0.5})",
                                             R"(derived/s/b/v/n,"count":0,"null_count":1,"null_ratio":1})",
                                             R"(derived/s/v/m,"count":2})", R"(derived/s/w/m,"count":1})"});
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("nulls of fields that no number has named count for nothing") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{device}","lateness":"0s","idle":"1s","detectors":[],
    "windows":[{"name":"n","length":"10s","aggregates":["null_count"]}]}]})");
  feed.send(1s, "in/a", R"({"v":null,"x":"text"})");
  CHECK(feed.stats().samples == 0);
  CHECK(feed.stats().no_readings == 1);
  feed.send(2s, "in/a", R"({"v":1,"x":null})");
  feed.send(3s, "in/a", R"({"v":null})");
  CHECK(feed.stats().samples == 2);
  CHECK(feed.stats().no_readings == 2);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("group values that join to the same text stay apart") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{one}/{two}","detectors":[]}]})");
  feed.send(1s, "in/a:b/c", "1");
  feed.send(1s, "in/a/b:c", "2");
  CHECK(feed.stats().series[0].count == 2);
}

TEST_CASE("tags of the payload make series") {
  Feed feed(
      R"({"streams":[{"name":"s","from":"in","payload":{"tags":{"line":"/line"},"fields":{"v":"/v"}},"lateness":"0s","idle":"0s",
    "detectors":[],"windows":[{"name":"w","length":"10s","aggregates":["sum"]}]}]})");
  feed.send(1s, "in", R"({"line":"A","v":1})");
  feed.send(1s, "in", R"({"line":"B","v":2})");
  feed.send(2s, "in", R"({"line":"A","v":4})");
  feed.tick(20s);
  const auto published = feed.take();
  REQUIRE(published.size() == 2);
  CHECK(published[0].topic == "derived/s/A/v/w");
  CHECK(published[0].payload.find("\"sum\":5") != std::string::npos);
  CHECK(published[1].topic == "derived/s/B/v/w");
}

TEST_CASE("retained: seed makes the series known and counts no sample; accept counts it") {
  auto feed_with = [](const char* policy) {
    return std::make_unique<Feed>(R"({"streams":[{"name":"s","from":"in/{d}","retained":")" +
                                  std::string{policy} + R"("}]})");
  };
  bridge::Message message;
  message.arrival = test::day;
  message.stale = true;
  auto seeded = feed_with("seed");
  seeded->send(message, "in/a", "1");
  CHECK(seeded->messages(MessageOutcome::retained) == 1);
  CHECK(seeded->stats().series[0].count == 1);
  CHECK(seeded->stats().samples == 0);
  auto accepted = feed_with("accept");
  accepted->send(message, "in/a", "1");
  CHECK(accepted->samples(SampleOutcome::aggregated) == 1);
}

TEST_CASE("names that look alike in a topic are counted") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{d}"}]})");
  feed.send(1s, "in/a", R"({"x.y":1})");
  CHECK(feed.stats().name_collisions == 0);
  feed.send(1s, "in/a", R"({"x":{"y":2}})");
  CHECK(feed.stats().name_collisions == 1);
  CHECK(feed.stats().series[0].count == 2);
}

// Known and new topics, repeats, and all that can be wrong, in any order.
std::vector<std::pair<bridge::Message, std::string>> mixed_messages(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<std::pair<bridge::Message, std::string>> all;
  for (std::size_t i = 0; i < count; ++i) {
    bridge::Message message;
    message.arrival = test::day + 20ms * i;
    message.qos = static_cast<std::uint8_t>(random() % 2);
    message.packet_id = static_cast<std::uint16_t>(random() % 8);
    message.duplicate = random() % 3 == 0;
    message.stale = random() % 20 == 0;
    const std::string device = std::to_string(random() % 10 == 0 ? random() % 1000 : random() % 20);
    const std::string number = std::to_string(random() % 3);
    const std::string payloads[] = {number,
                                    at(static_cast<std::int64_t>(i / 50), "\"v\":" + number),
                                    "{\"v\":" + number + ",\"w\":null}",
                                    "{\"v\":",
                                    "{\"v\":1e999}",
                                    ""};
    all.emplace_back(message,
                     (random() % 10 == 0 ? "out/" : "in/") + device + "/x\n" + payloads[random() % 6]);
  }
  return all;
}

TEST_CASE("messages taken at once are taken as one by one") {
  const std::uint64_t seed = 20260104;
  MESSAGE("seed " << seed);
  auto messages = mixed_messages(seed, 3000);
  std::vector<bridge::Message> all;
  for (auto& [message, text] : messages) {
    const std::size_t topic = text.find('\n'), payload = text.size() - topic - 1;
    text.append(bridge::payload_padding, '}');
    const std::string_view view = text;
    message.topic = view.substr(0, topic);
    message.payload = view.substr(topic + 1, payload);
    all.push_back(message);
  }
  std::optional<std::vector<test::Published>> expected;
  for (const std::size_t at_once : {1U, 2U, 7U, 128U, 3000U}) {
    CAPTURE(at_once);
    Feed feed(one_stream);
    for (std::size_t i = 0; i < all.size(); i += at_once) {
      feed.pipeline().edge().take(std::span(all).subspan(i, std::min(at_once, all.size() - i)));
    }
    CHECK(feed.pipeline().edge().position() == all.size());
    const std::vector<test::Published> published = feed.take();
    if (!expected) expected = published;
    CHECK(expected->size() > 200);
    CHECK(published == *expected);
    for (const MessageOutcome outcome :
         {MessageOutcome::decoded, MessageOutcome::unmatched, MessageOutcome::ignored,
          MessageOutcome::retained, MessageOutcome::duplicate, MessageOutcome::malformed}) {
      CHECK(feed.messages(outcome) > 0);
    }
  }
}

TEST_CASE("endless new topics do not use memory without end") {
  Feed feed(R"({"limits":{"series_max":10},"streams":[{"name":"s","from":"in/{d}","detectors":[]}]})");
  for (int i = 0; i < 1000; ++i) feed.send(1s, "in/" + std::to_string(i), "1");
  CHECK(feed.samples(SampleOutcome::aggregated) == 10);
  CHECK(feed.samples(SampleOutcome::series_limit) == 990);
  CHECK(feed.stats().topics_uncached == 990);
  CHECK(test::adds_up(feed.stats()));
}
