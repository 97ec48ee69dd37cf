// Which series are in use: they come while there is room, and go when they have had no sample for series_ttl.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "bridge/commands.h"
#include "bridge/offenders.h"
#include "tests/pipeline_fixture.h"
#include "tests/temp_folder.h"

using bridge::Offender;
using bridge::Offenders;
using bridge::SampleOutcome;
using test::Feed;
using namespace std::chrono_literals;

namespace {

std::string config(const std::string& limits, const std::string& stream) {
  return R"({"limits":{)" + limits + R"(},"streams":[{"name":"s","from":"in/{site}/{device}",)" + stream +
         R"("idle":"30d","detectors":[],"windows":[{"name":"w","length":"1h","aggregates":["count"]}]}]})";
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("who has no sample for series_ttl goes: its open window is emitted, and it begins anew") {
  Feed feed(config(R"("series_ttl":"16m")", ""));
  feed.send(10s, "in/a/1", "1");
  feed.send(10s, "in/a/2", "1");
  for (int minute = 1; minute <= 19; ++minute) {
    feed.send(minute * 1min, "in/a/2", "1");  // the same route, each minute
    feed.tick(minute * 1min + 59s);
    if (minute < 16) CHECK(feed.stats().series[0].count == 2);
  }
  CHECK(feed.stats().series[0].count == 1);
  CHECK(feed.stats().series_evicted == 1);
  std::vector<test::Published> out = feed.take();
  REQUIRE(out.size() == 1);
  CHECK(out[0].topic == "derived/s/a/1/value/w");
  CHECK(has(out[0].payload, R"("count":1)"));
  CHECK(has(out[0].payload, R"("rev":1)"));
  CHECK(has(out[0].payload, R"("final":false)"));

  feed.send(21min, "in/a/1", "1");
  feed.send(22min, "in/a/1", "1");
  CHECK(feed.stats().series[0].count == 2);
  feed.send(2h, "in/a/1", "1");
  out = feed.take();
  const auto again = std::find_if(out.begin(), out.end(), [](const test::Published& one) {
    return one.topic == "derived/s/a/1/value/w";
  });
  REQUIRE(again != out.end());
  CHECK(has(again->payload, R"("count":2)"));
  CHECK(has(again->payload, R"("rev":1)"));
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("who comes back before it was found to be gone begins anew all the same") {
  Feed feed(config(R"("series_ttl":"16m")", ""));
  feed.send(10s, "in/a/1", "1");
  feed.send(10h, "in/a/1", "1");  // no tick in between
  CHECK(feed.stats().series_evicted == 1);
  CHECK(feed.stats().series[0].count == 1);
  const auto out = feed.take();
  REQUIRE(out.size() == 1);
  CHECK(has(out[0].payload, R"("final":false)"));
}

TEST_CASE("0s: series stay for ever") {
  Feed feed(config(R"("series_ttl":"0s")", ""));
  feed.send(10s, "in/a/1", "1");
  feed.tick(100 * 24h);
  feed.tick(200 * 24h);
  CHECK(feed.stats().series_evicted == 0);
  CHECK(feed.stats().series[0].count == 1);
}

TEST_CASE("a place that is free again goes to who knocks next") {
  Feed feed(config(R"("series_ttl":"16m","series_max":2)", ""));
  feed.send(10s, "in/a/1", "1");
  feed.send(10s, "in/a/2", "1");
  feed.send(10s, "in/a/3", "1");
  CHECK(feed.samples(SampleOutcome::series_limit) == 1);
  for (int minute = 1; minute < 40; ++minute) feed.send(minute * 1min, "in/a/2", "1");
  CHECK(feed.stats().series[0].count == 1);
  feed.send(40min, "in/a/3", "1");
  CHECK(feed.stats().series[0].count == 2);
  CHECK(feed.samples(SampleOutcome::series_limit) == 1);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("a topic that was turned away is let in as soon as a place is free") {
  Feed feed(config(R"("series_ttl":"16m","series_max":2)", ""));
  feed.send(10s, "in/a/1", "1");
  for (int tenth = 1; tenth < 300; ++tenth) {
    feed.send(tenth * 6s, "in/a/2", "1");
    feed.send(tenth * 6s, "in/a/3", "1");  // turned away again and again, by the same route
    const bridge::Stats stats = feed.stats();
    if (stats.series_evicted == 0) {
      CHECK(feed.samples(SampleOutcome::series_limit) == static_cast<std::uint64_t>(tenth));
    } else {
      CHECK(stats.series[0].count == 2);
    }
  }
  CHECK(feed.stats().series_evicted == 1);
  CHECK(feed.samples(SampleOutcome::series_limit) < 180);  // 18 minutes
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("a stream has a limit of its own, and says what it turned away") {
  Feed feed(R"({"streams":[{"name":"s","from":"in/{site}/{device}","series_max":3,"detectors":[]},
                           {"name":"t","from":"out/{device}","detectors":[]}]})");
  for (int round = 0; round < 5; ++round) {
    for (int device = 0; device < 10; ++device) {
      feed.send(1s, (device < 8 ? "in/a/" : "in/b/") + std::to_string(device), "1");
      feed.send(1s, "out/" + std::to_string(device), "1");
    }
  }
  const bridge::Stats stats = feed.stats();
  CHECK(stats.series[0].count == 3);
  CHECK(stats.series[1].count == 10);
  CHECK(feed.samples(SampleOutcome::series_limit) == 35);
  REQUIRE(stats.series_overflow.size() == 2);
  CHECK(stats.series_overflow[0].stream == "s");
  CHECK(stats.series_overflow[0].offender.key == "site");
  CHECK(stats.series_overflow[0].offender.value == "a");
  CHECK(stats.series_overflow[0].offender.samples == 25);
  CHECK(stats.series_overflow[1].offender.value == "b");
  CHECK(stats.series_overflow[1].offender.samples == 10);
  CHECK(test::adds_up(stats));
}

TEST_CASE("offenders: whoever is more than a sixteenth is named, with no less than it did") {
  std::mt19937 random(3);
  Offenders offenders;
  std::map<std::string, std::uint64_t> truth;
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto dice = random() % 10;
    const std::string name = dice < 4   ? std::string(300, 'x')
                             : dice < 6 ? "y"
                                        : std::to_string(random() % 5000);
    ++truth[name.substr(0, 256)];
    offenders.add("device", name);
  }
  const std::vector<Offender> top = offenders.top(2);
  REQUIRE(top.size() == 2);
  CHECK(top[0].value == std::string(256, 'x'));
  CHECK(top[1].value == "y");
  for (const Offender& one : top) {
    CHECK(one.key == "device");
    CHECK(one.samples >= truth[one.value]);
    CHECK(one.samples <= truth[one.value] + count / 16);
  }
}

TEST_CASE("memory stays, however many devices come and go") {
  Feed feed(R"({"limits":{"series_ttl":"1m","series_max":100000},
    "streams":[{"name":"s","from":"in/{device}","detectors":[],"windows":[{"name":"w","length":"10s"}]}]})");
  const core::SeriesTable& table = feed.pipeline().table();
  std::size_t bytes = 0;
  std::uint32_t ids = 0;
  for (int i = 0; i < 20'000; ++i) {
    feed.send(i * 100ms, "in/" + std::to_string(i), "1");
    if (i % 1000 == 999) (void)feed.take();
    if (i == 3000) {
      bytes = table.bytes();
      ids = table.ids();
    }
  }
  CHECK(table.size() < 800);  // a minute and an eighth, and less than a step more
  CHECK(table.ids() <= ids + 50);
  CHECK(table.bytes() < bytes + 8192);
  CHECK(feed.stats().series_evicted > 19'000);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE(
    "replay: devices that come and go, and too many of them: the same bytes for any number of workers") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261126;
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::string lines;
  std::int64_t now_ms = 1'767'225'600'000;
  for (int i = 0; i < 8'000; ++i) {
    now_ms += below(100) == 0 ? below(20'000) : below(60);
    const std::int64_t device = i / 100 + below(40) * below(8);
    lines += R"({"t":)" + std::to_string(now_ms) + R"(,"topic":"in/)" + std::to_string(device % 5) + "/" +
             std::to_string(device) + R"(","payload":{"line":)" + std::to_string(device % 7) + R"(,"a":)" +
             std::to_string(below(1000)) + (below(3) == 0 ? R"(,"b":1}})" : "}}") + "\n";
  }
  test::TempFolder folder;
  const std::string recorded = folder.write("traffic.jsonl", lines);
  std::string expected;
  int runs = 0;
  for (const char* const sizes :
       {R"("ring_buffer_size":4096,"batch_size":500)", R"("ring_buffer_size":4,"batch_size":2)"}) {
    const bridge::Config parsed = bridge::parse_config(std::string{R"({"aggregation":{)"} + sizes + R"(},
      "limits":{"series_ttl":"1m","series_max":400},
      "streams":[{"name":"p","from":"in/{site}/{device}","series_max":380,"payload":{"tags":{"line":"/line"}},
        "idle":"5m","detectors":[{"name":"odd","kind":"zscore","warmup":8}],
        "windows":[{"name":"10s","length":"10s","by":["site","device"]},{"name":"5m","length":"5m"},
                   {"name":"all","length":"10s","by":[]}]}]})");
    for (const std::uint32_t workers : {0U, 1U, 2U, 7U}) {
      CAPTURE(sizes);
      CAPTURE(workers);
      bridge::ReplayOptions options;
      options.files = {recorded};
      const std::string name = std::to_string(++runs);
      options.out = folder.file(name);
      options.workers = workers;
      REQUIRE(bridge::replay(parsed, options) == 0);
      const std::string results = folder.read(name);
      if (expected.empty()) expected = results;
      CHECK(results.size() > 100'000);
      CHECK((results == expected));
    }
  }
  CHECK(has(expected, "\"window\":\"5m\""));
  CHECK((expected.find("\"final\":false") < expected.size() / 2));  // long before the end of all input
}
