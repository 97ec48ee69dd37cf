// What programs like this one get wrong, each as a property that holds here: from the configuration and the
// payload to the message that is published. core_defects_test has those of the arithmetic.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/every_rule.h"
#include "tests/pipeline_fixture.h"

using namespace std::chrono_literals;
using test::Feed;

namespace {

// One stream of numbers with their times, by device.
std::string rules(const std::string& windows, const std::string& more = "") {
  return R"({"streams":[{"name":"s","from":"in/{device}","payload":{"time":"/t","fields":{"v":"/v"}},"lateness":"0s",)"
         R"("idle":"1h","detectors":[],"windows":[)" +
         windows + "]" + more + "}]}";
}

// The number of a member; nothing when it is not there.
std::optional<double> member(const test::Published& one, const std::string& name) {
  const std::string text = "\"" + name + "\":";
  const std::size_t at = one.payload.find(text);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(one.payload.c_str() + at + text.size(), nullptr);
}

std::string reading(core::Duration at, const std::string& value) {
  return R"({"t":)" + std::to_string((test::day + at).time_since_epoch() / 1ms) + R"(,"v":)" + value + "}";
}

// What is published of samples `step` apart from the start of the day, with values 1, 2, 3, ..., and at the
// end of input.
std::vector<test::Published> results(const std::string& config, int samples, core::Duration step = 1s) {
  Feed feed(config);
  for (int i = 0; i < samples; ++i) feed.send(i * step, "in/a", reading(i * step, std::to_string(i + 1)));
  feed.pipeline().engine().finish(feed.pipeline().edge().position());
  return feed.take();
}

double most_samples(const std::vector<test::Published>& all) {
  double most = 0;
  for (const test::Published& one : all) most = std::max(most, member(one, "count").value_or(0));
  return most;
}

}  // namespace

TEST_CASE("what is published is what came in, to the letter") {
  Feed feed(rules(R"({"length":"10s"})"));
  feed.send(1s, "in/a", reading(1s, "21.5"));
  feed.send(2s, "in/a", reading(2s, "22.5"));
  feed.send(11s, "in/a", reading(11s, "0"));
  CHECK(feed.take() ==
        std::vector<test::Published>{
            {"derived/s/a/v/10s",
             R"({"v":1,"stream":"s","window":"10s","device":"a","field":"v","start":"2026-01-01T00:00:00Z",)"
             R"("end":"2026-01-01T00:00:10Z","rev":1,"final":true,"count":2,"mean":22,"min":21.5,"max":22.5,)"
             R"("stddev":0.7071067811865476})"}});
}

TEST_CASE("all aggregates come in one message, each with the value it has alone") {
  const std::vector<std::string> names = test::every_aggregate();
  for (const std::string& kind : test::every_kind()) {
    CAPTURE(kind);
    const auto together = results(rules(kind + "," + test::aggregate_keys(names) + "}"), 40);
    REQUIRE(!together.empty());
    for (const std::string& name : names) {
      CAPTURE(name);
      const auto alone = results(rules(kind + "," + test::aggregate_keys({name}) + "}"), 40);
      REQUIRE(alone.size() == together.size());
      std::size_t told = 0;
      for (std::size_t i = 0; i < alone.size(); ++i) {
        CHECK(member(alone[i], name) == member(together[i], name));
        told += member(alone[i], name) ? 1U : 0U;
      }
      CHECK(told > 0);
    }
  }
}

TEST_CASE("a window is as long as the configuration says, of whatever kind") {
  for (const int n : {7, 20}) {
    const std::string size = std::to_string(n), twice = std::to_string(2 * n);
    const auto check = [&](const std::string& window, int expected, core::Duration step = 1s) {
      CAPTURE(window);
      CHECK(most_samples(results(rules(window), 150, step)) == expected);
    };
    check(R"({"length":")" + size + R"(s"})", n);
    check(R"({"length":")" + twice + R"(s","every":")" + size + R"(s"})", 2 * n);
    check(R"({"kind":"sliding","length":")" + size + R"(s"})", n);
    check(R"({"kind":"count","samples":)" + size + "}", n);
    check(R"({"kind":"count","samples":)" + twice + R"(,"step":)" + size + "}", 2 * n);
    check(R"({"kind":"count","samples":)" + size + R"(,"step":1})", n);
    const std::string begin = n == 7 ? "00:07" : "00:20";
    check(R"({"kind":"calendar","calendar":{"unit":"shifts","shifts":["00:00",")" + begin +
              R"("]},"fields":["v"]})",
          std::max(6 * n, 150 - 6 * n), 10s);

    // A total every n seconds: n more each time. A pause of n seconds ends a session, a shorter one does not.
    double before = 0;
    for (const test::Published& one :
         results(rules(R"({"kind":"cumulative","every":")" + size + R"(s"})"), 10 * n)) {
      CHECK(member(one, "count").value_or(0) - before == n);
      before = member(one, "count").value_or(0);
    }
    CHECK(before == 10 * n);
    const std::string session = rules(R"({"kind":"session","gap":")" + size + R"(s"})");
    CHECK(most_samples(results(session, 5, std::chrono::seconds{n} - 1ms)) == 5);
    CHECK(most_samples(results(session, 5, std::chrono::seconds{n} + 1ms)) == 1);
  }
}

TEST_CASE("a window of time from the configuration holds all samples of its time") {
  for (const char* window :
       {R"({"length":"10s"})", R"({"length":"10s","every":"5s"})",
        R"({"kind":"sliding","length":"10s","samples_max":5000})", R"({"kind":"cumulative","every":"10s"})",
        R"({"kind":"session","gap":"1s"})", R"({"kind":"calendar","calendar":{"unit":"hour"}})"}) {
    CAPTURE(window);
    CHECK(most_samples(results(rules(window), 1000, 10ms)) == 1000);
  }
}

TEST_CASE("device and field come from the topic, time from the payload, and a bare number is a payload") {
  Feed feed(R"({"streams":[
    {"name":"j","from":"j/{site}/{device}/#","payload":{"time":"/t"},"detectors":[],"windows":[{"length":"10s","aggregates":["sum"]}]},
    {"name":"n","from":"n/{site}/{device}/{field}","detectors":[],"windows":[{"length":"10s","aggregates":["sum"]}]}]})");
  // An hour late, two of one window and one of the next, and it counts when they were taken.
  feed.send(1h, "j/x/a/state", reading(8s, "1"));
  feed.send(1h, "j/x/a/state", reading(9s, "2"));
  feed.send(1h, "j/x/a/state", reading(30s, "4"));
  feed.send(1h, "n/x/a/temperature", "-21.5");
  feed.pipeline().engine().finish(feed.pipeline().edge().position());
  std::vector<std::string> said;
  for (const test::Published& one : feed.take()) {
    const std::size_t start = one.payload.find("\"start\":\"") + 9;
    said.push_back(one.topic + " " + one.payload.substr(start, 20) + " " +
                   std::to_string(member(one, "sum").value_or(0)));
  }
  std::sort(said.begin(), said.end());
  std::string lines;
  for (const std::string& line : said) lines += line + "\n";
  CHECK(lines ==
        "derived/j/x/a/v/10s 2026-01-01T00:00:00Z 3.000000\n"
        "derived/j/x/a/v/10s 2026-01-01T00:00:30Z 4.000000\n"
        "derived/n/x/a/temperature/10s 2026-01-01T01:00:00Z -21.500000\n");
}

TEST_CASE("a null and what no double holds are counted, and the numbers stay what they are") {
  Feed feed(rules(
      R"({"length":"10s","aggregates":["count","sum","mean","variance","min","max","first","last","p50",)"
      R"("null_count","null_rate"]})"));
  for (const char* value : {"null", "1", "1e999", "3", "-1e999", "null"}) {
    feed.send(1s, "in/a", reading(1s, value));
  }
  for (const char* value : {"NaN", "nan", "Infinity", "\"4\""}) feed.send(1s, "in/a", reading(1s, value));
  feed.send(10s, "in/a", reading(10s, "7"));
  const auto published = feed.take();
  REQUIRE(published.size() == 1);
  CHECK_MESSAGE(
      published[0].payload.ends_with(
          R"("count":2,"sum":4,"mean":2,"variance":2,"min":1,"max":3,"first":1,"last":3,"median":2,)"
          R"("null_count":2,"null_ratio":0.5})"),
      published[0].payload);
  CHECK(feed.samples(bridge::SampleOutcome::not_finite) == 2);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("zero is a value, and a limit at or below zero is a limit, from the configuration on") {
  Feed feed(rules(
      R"({"length":"10s","aggregates":["count","mean","min","max","median","p25","above_count","below_count","in_range_count"],)"
      R"("above":0,"below":-1,"range":[-1,0]})"));
  for (const char* value : {"0", "0.0", "-0", "5", "-2", "-1"}) feed.send(1s, "in/a", reading(1s, value));
  feed.send(10s, "in/a", reading(10s, "0"));
  const auto published = feed.take();
  REQUIRE(published.size() == 1);
  CHECK_MESSAGE(
      published[0].payload.ends_with(
          R"("count":6,"mean":0.3333333333333333,"min":-2,"max":5,"median":0,"p25":-0.75,"above_count":1,"below_count":1,)"
          R"("in_range_count":4})"),
      published[0].payload);
  for (const char* limit : {R"("above":0)", R"("above":-1)"}) {
    Feed flags(
        R"({"streams":[{"name":"s","from":"in/{device}","windows":[],"detectors":[{"kind":"threshold",)" +
        std::string{limit} + "}]}]}");
    flags.send(1s, "in/a", "-3");
    CHECK(flags.take().empty());
    flags.send(2s, "in/a", "1");
    CHECK(flags.take().size() == 1);
  }
}

TEST_CASE("with nothing configured the 10001st device gets results like the first") {
  constexpr std::size_t devices = 10'001;
  Feed feed(R"({"streams":[{"from":"in/{device}"}]})");
  for (std::size_t i = 0; i < devices; ++i) feed.send(1s, "in/" + std::to_string(i), "1");
  feed.pipeline().engine().finish(feed.pipeline().edge().position());
  std::map<std::string, int> topics;
  for (const test::Published& one : feed.take()) ++topics[one.topic];
  CHECK(topics.size() == devices);
  CHECK(topics["derived/in/10000/value/1m"] == 1);
}

TEST_CASE("a limit of 10001 devices lets 10001 in, wherever it stands") {
  for (const std::string config :
       {R"({"limits":{"series_max":10001},"streams":[{"from":"in/{device}","detectors":[]}]})",
        R"({"streams":[{"from":"in/{device}","series_max":10001,"detectors":[]}]})"}) {
    CAPTURE(config);
    Feed feed(config);
    for (int i = 0; i < 10'003; ++i) feed.send(1s, "in/" + std::to_string(i), "1");
    CHECK(feed.stats().series[0].count == 10'001);
    CHECK(feed.samples(bridge::SampleOutcome::series_limit) == 2);
  }
}

namespace {

// By topic, in order.
using ByTopic = std::map<std::string, std::vector<std::string>>;

struct Timed {
  core::Duration time;  // of the sample
  std::string topic, value;
};

std::vector<Timed> traffic(std::uint64_t seed, int messages) {
  std::mt19937_64 random{seed};
  std::vector<Timed> all;
  core::Duration now{};
  for (int i = 0; i < messages; ++i) {
    now += std::chrono::milliseconds{random() % 50};
    const core::Duration behind = std::chrono::milliseconds{random() % (random() % 10 == 0 ? 9000 : 500)};
    all.push_back({std::max(now - behind, core::Duration{0}), "in/" + std::to_string(random() % 8),
                   std::to_string(static_cast<double>(random() % 1000) / 8)});
  }
  return all;
}

// `pace`: when the i-th message arrives. `pause`: what the engine is told after each.
ByTopic published(const std::vector<Timed>& all, const std::function<core::Duration(std::size_t)>& pace,
                  const std::function<void(core::Engine&)>& pause) {
  std::string windows;
  for (const std::string& kind : test::every_kind()) windows += (windows.empty() ? "" : ",") + kind + "}";
  Feed feed(
      R"({"aggregation":{"shard_count":3,"batch_size":50,"ring_buffer_size":64},"streams":[{"name":"s",)"
      R"("from":"in/{device}","payload":{"time":"/t"},"lateness":"1s","idle":"30d","late_to":"late/{device}",)"
      R"("windows":[)" +
          windows + R"(],"detectors":[{"kind":"threshold","above":120},{"kind":"zscore"}]}]})",
      true);
  for (std::size_t i = 0; i < all.size(); ++i) {
    feed.send(pace(i), all[i].topic, reading(all[i].time, all[i].value));
    pause(feed.pipeline().engine());
  }
  feed.pipeline().engine().finish(feed.pipeline().edge().position());
  ByTopic result;
  for (const test::Published& one : feed.take()) result[one.topic].push_back(one.payload);
  return result;
}

}  // namespace

TEST_CASE("the same input gives the same results at any pace: there is no mode that load could switch") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261126;
  INFO("WEIR_SEED=" << seed);
  const std::vector<Timed> all = traffic(seed, 2000);
  const core::Duration end = 2000 * 50ms;
  const auto live = [&](std::size_t i) { return all[i].time + 1s; };
  const auto nothing = [](core::Engine&) {};
  const ByTopic expected = published(all, live, nothing);
  std::size_t lines = 0;
  for (const auto& [topic, payloads] : expected) lines += payloads.size();
  CHECK(lines > 4000);
  // The workers idle after each message, or now and then.
  CHECK((published(all, live, [](core::Engine& engine) { engine.settle(); }) == expected));
  std::mt19937_64 random{seed};
  CHECK((published(all, live, [&](core::Engine& engine) {
           if (random() % 3 == 0) engine.flush(core::FlushCause::interval);
           if (random() % 50 == 0) engine.settle();
         }) == expected));
  // A flood: all within 20 ms. A trickle: one a minute. Times are the payloads', so nothing is different.
  CHECK((published(
             all, [&](std::size_t i) { return end + i * 10us; }, nothing) == expected));
  CHECK((published(
             all, [&](std::size_t i) { return end + i * 1min; }, nothing) == expected));
}

TEST_CASE("a topic in steady use stays remembered and keeps its series, whoever comes and goes") {
  Feed feed(
      R"({"limits":{"series_max":10,"series_ttl":"16m"},"streams":[{"name":"s","from":"in/{device}","detectors":[],)"
      R"("windows":[{"kind":"cumulative","every":"1h","aggregates":["count"]}]}]})");
  std::uint64_t steady = 0, visitors = 0;
  feed.send(0s, "in/steady", "1");
  ++steady;
  for (core::Duration at{0}; at < 5h; at += 1min) {
    // First of all those who want its place.
    for (int i = 0; i < 12; ++i) feed.send(at, "in/visitor" + std::to_string(++visitors), "1");
    const std::uint64_t uncached = feed.stats().topics_uncached;
    const std::uint64_t refused = feed.samples(bridge::SampleOutcome::series_limit);
    feed.send(at + 1s, "in/steady", "1");
    ++steady;
    REQUIRE(feed.stats().topics_uncached == uncached);
    REQUIRE(feed.samples(bridge::SampleOutcome::series_limit) == refused);
  }
  const bridge::Stats stats = feed.stats();
  CHECK(stats.topics_uncached > visitors / 2);  // there never was room for all
  CHECK(stats.series_evicted > 9 * 10);         // and what there was has been given away again and again
  CHECK(stats.series[0].count <= 10);
  feed.pipeline().engine().finish(feed.pipeline().edge().position());
  double total = 0;
  for (const test::Published& one : feed.take()) {
    if (one.topic.find("/steady/") != std::string::npos) total = std::max(total, *member(one, "count"));
  }
  CHECK(total == static_cast<double>(steady));
}
