// Results to topics and JSON: exact bytes.
#include "bridge/encode.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/config.h"
#include "core/accumulator.h"

namespace {

using namespace std::chrono_literals;

constexpr core::Time seven{std::chrono::seconds{1'795'417'200}};  // 2026-11-23T07:00:00Z

struct Published {
  std::string topic, payload;
};

// Everything an encoder needs for one configuration.
class Bench {
 public:
  explicit Bench(std::string_view config, std::size_t outbox_bytes = 1 << 20)
      : config_(bridge::parse_config(config)),
        rules_(config_),
        outbox_(outbox_bytes),
        encoder_(rules_, table_, outbox_) {}

  // The series of these keys in a grouping of a stream.
  core::SeriesId series(std::vector<std::string_view> key, std::string_view field, std::size_t grouping = 0,
                        std::size_t stream = 0) {
    const core::Plan* plan = rules_.streams()[stream]->groupings[grouping].plan_for(field);
    REQUIRE(plan != nullptr);
    return table_.intern(*plan, key, field).value();
  }
  Published window(core::SeriesId series, const std::vector<double>& values, std::uint32_t window = 0,
                   core::Time start = seven, std::uint32_t rev = 1, bool final = true) {
    const core::Accumulator accumulator(table_.plan(series).windows[window]);
    std::vector<std::uint64_t> state(accumulator.bytes() / 8);
    auto* const bytes = reinterpret_cast<std::byte*>(state.data());
    for (const double value : values) accumulator.add(bytes, {seven, value}, nullptr);
    std::vector<double> made(accumulator.size());
    accumulator.values(bytes, {start, start + 1min, 0s}, made);
    return result(series, {window, start, start + 1min, rev, final, values.size(), made});
  }
  Published result(core::SeriesId series, const core::WindowResult& result) {
    encoder_.window(7, series, result);
    return take();
  }
  Published late(core::SeriesId series, const core::Point& point, core::Time watermark) {
    encoder_.late(7, series, point, watermark);
    return take();
  }
  Published flag(core::SeriesId series, const core::FlagChange& change) {
    encoder_.flag(7, series, change);
    return take();
  }
  bridge::Encoder& encoder() { return encoder_; }
  bridge::Outbox& outbox() { return outbox_; }

 private:
  Published take() {
    const bridge::Result* result = outbox_.front();
    REQUIRE(result != nullptr);
    CHECK(result->cause == 7);
    Published published{std::string(result->topic), std::string(result->payload)};
    outbox_.pop();
    CHECK(outbox_.front() == nullptr);
    return published;
  }

  bridge::Config config_;
  bridge::Rules rules_;
  core::SeriesTable table_{1000};
  bridge::Outbox outbox_;
  bridge::Encoder encoder_;
};

constexpr std::string_view climate = R"({
  "streams": [ {
    "name": "climate",
    "from": "site/{site}/device/{device}/telemetry",
    "windows": [
      { "name": "1m", "length": "1m", "aggregates": ["count", "mean", "min", "max", "stddev"] },
      { "name": "all", "length": "1m", "by": ["device", "site"], "to": "out/{device}/{site}/{window}/{field}",
        "aggregates": ["count", "sum", "mean", "variance", "stddev", "min", "max", "range", "first", "last", "delta"] },
      { "name": "per site", "length": "1m", "by": ["site"], "aggregates": ["mean"] } ],
    "detectors": [
      { "name": "overheat", "kind": "threshold", "above": 80, "clear": 75, "severity": "critical" },
      { "name": "odd", "kind": "zscore" },
      { "name": "gone", "kind": "silence", "after": "3m", "severity": "info" } ]
  } ] })";

std::uint64_t seed() {
  const char* given = std::getenv("WEIR_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

}  // namespace

TEST_CASE("a window's topic and payload") {
  Bench bench(climate);
  const auto series = bench.series({"s1", "d7"}, "temperature");
  const Published published = bench.window(series, {20.5, 21.5, 22.5});
  CHECK(published.topic == "derived/climate/s1/d7/temperature/1m");
  CHECK(published.payload ==
        R"({"v":1,"stream":"climate","window":"1m","site":"s1","device":"d7","field":"temperature",)"
        R"("start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z","rev":1,"final":true,)"
        R"("count":3,"mean":21.5,"min":20.5,"max":22.5,"stddev":1})");
}

TEST_CASE("a result that does not exist is left out, and times have the digits they need") {
  Bench bench(climate);
  const auto series = bench.series({"s1", "d7"}, "temperature");
  CHECK(
      bench.window(series, {1e21}, 0, seven + 250ms, 4'000'000'000, false).payload ==
      R"({"v":1,"stream":"climate","window":"1m","site":"s1","device":"d7","field":"temperature",)"
      R"("start":"2026-11-23T07:00:00.250Z","end":"2026-11-23T07:01:00.250Z","rev":4000000000,"final":false,)"
      R"("count":1,"mean":1e21,"min":1e21,"max":1e21})");
}

TEST_CASE("keys and aggregates come in the order of the configuration") {
  Bench bench(climate);
  const Published published = bench.window(bench.series({"s1", "d7"}, "t"), {2, 1, 4}, 1);
  CHECK(published.topic == "out/d7/s1/all/t");
  CHECK(
      published.payload ==
      R"({"v":1,"stream":"climate","window":"all","device":"d7","site":"s1","field":"t",)"
      R"("start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z","rev":1,"final":true,)"
      R"("count":3,"sum":7,"mean":2.3333333333333335,"variance":2.3333333333333335,"stddev":1.5275252316519468,)"
      R"("min":1,"max":4,"range":3,"first":2,"last":4,"delta":2})");
}

TEST_CASE("aggregates bear their own names, and a sketch says so") {
  Bench bench(R"({"streams": [ {"name": "s", "from": "x/{d}", "windows": [
    {"length": "1m", "aggregates": ["avg", "p50", "p99.90", "p5", "change_rate", "distinct"]}]} ]})");
  const std::vector<double> values{1.5, 2, 3, 0, -0.25, 7};
  const std::string head =
      R"({"v":1,"stream":"s","window":"1m","d":"a","field":"f","start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z",)"
      R"("rev":1,"final":true,"mean":1.5,"median":2,"p99.9":3,"p5":0,"change_ratio":-0.25,"distinct":7)";
  const auto series = bench.series({"a"}, "f");
  core::WindowResult result{0, seven, seven + 1min, 1, true, 9, values};
  CHECK(bench.result(series, result).payload == head + "}");
  result.approximate = true;
  CHECK(bench.result(series, result).payload == head + R"(,"approximate":true})");
}

TEST_CASE("what does not exist is left out, or null where the window says so") {
  Bench bench(R"({"streams": [ {"name": "s", "from": "x/{d}", "windows": [
    {"length": "1m", "empty": "null", "aggregates": ["count", "mean", "p95"]}]} ]})");
  const std::vector<double> values{0, NAN, NAN};
  const std::string head =
      R"({"v":1,"stream":"s","window":"1m","d":"a","field":"f","start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z",)"
      R"("rev":1,"final":true,"count":0)";
  const auto series = bench.series({"a"}, "f");
  core::WindowResult result{0, seven, seven + 1min, 1, true, 0, values};
  CHECK(bench.result(series, result).payload == head + "}");
  result.nulls = true;
  CHECK(bench.result(series, result).payload == head + R"(,"mean":null,"p95":null})");
}

TEST_CASE("a late sample's topic and payload") {
  Bench bench(
      R"({"streams": [ {"name": "s", "from": "x/{a}/{watermark}", "late_to": "late/{stream}/{a}/{field}",
    "windows": [{"length": "1m"}, {"length": "2m", "by": ["a"]}]} ]})");
  const Published own = bench.late(bench.series({"1/2", "w"}, "t"), {seven, -2.5}, seven + 1500ms);
  CHECK(own.topic == "late/s/1.2/t");
  CHECK(
      own.payload ==
      R"({"v":1,"stream":"s","a":"1/2","key_watermark":"w","field":"t","time":"2026-11-23T07:00:00Z","value":-2.5,)"
      R"("watermark":"2026-11-23T07:00:01.500Z"})");
  const Published null = bench.late(bench.series({"1"}, "t", 1), {seven, NAN}, seven);
  CHECK(null.topic == "late/s/1/t");
  CHECK(null.payload ==
        R"({"v":1,"stream":"s","a":"1","field":"t","time":"2026-11-23T07:00:00Z","value":null,)"
        R"("watermark":"2026-11-23T07:00:00Z"})");
}

TEST_CASE("another grouping has its own keys") {
  Bench bench(climate);
  const Published published = bench.window(bench.series({"s1"}, "t", 1), {5}, 0);
  CHECK(published.topic == "derived/climate/s1/t/per site");
  CHECK(published.payload ==
        R"({"v":1,"stream":"climate","window":"per site","site":"s1","field":"t",)"
        R"("start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z","rev":1,"final":true,"mean":5})");
}

TEST_CASE("a flag's topic and payload") {
  Bench bench(climate);
  const auto series = bench.series({"s1", "d7"}, "temperature");
  const core::FlagChange raise{
      0,   core::FlagState::raised, seven + 34567ms, seven + 4567ms, 82.5, std::nullopt, std::nullopt, 80.0,
      0.75};
  const Published raised = bench.flag(series, raise);
  CHECK(raised.topic == "derived/climate/s1/d7/temperature/flag/overheat");
  CHECK(
      raised.payload ==
      R"({"v":1,"id":"climate/overheat/s1/d7/temperature/1795417204567","state":"raised","detector":"overheat",)"
      R"("kind":"threshold","severity":"critical","site":"s1","device":"d7","field":"temperature",)"
      R"("time":"2026-11-23T07:00:34.567Z","value":82.5,"high":80,"score":0.75,"since":"2026-11-23T07:00:04.567Z"})");
  core::FlagChange clear = raise;
  clear.state = core::FlagState::cleared;
  clear.time = seven + 2min;
  clear.score = 0;
  CHECK(
      bench.flag(series, clear).payload ==
      R"({"v":1,"id":"climate/overheat/s1/d7/temperature/1795417204567","state":"cleared","detector":"overheat",)"
      R"("kind":"threshold","severity":"critical","site":"s1","device":"d7","field":"temperature",)"
      R"("time":"2026-11-23T07:02:00Z","value":82.5,"high":80,"score":0,"since":"2026-11-23T07:00:04.567Z"})");
  const Published odd =
      bench.flag(series, {1, core::FlagState::raised, seven, seven, 48.2, 21.4, 20.1, 22.7, 0.998});
  CHECK(odd.topic == "derived/climate/s1/d7/temperature/flag/odd");
  CHECK(odd.payload ==
        R"({"v":1,"id":"climate/odd/s1/d7/temperature/1795417200000","state":"raised","detector":"odd",)"
        R"("kind":"zscore","severity":"warning","site":"s1","device":"d7","field":"temperature",)"
        R"("time":"2026-11-23T07:00:00Z","value":48.2,"expected":21.4,"low":20.1,"high":22.7,"score":0.998,)"
        R"("since":"2026-11-23T07:00:00Z"})");
  CHECK(bench.flag(series, {2, core::FlagState::raised, seven + 3min, seven, {}, {}, {}, {}, 1}).payload ==
        R"({"v":1,"id":"climate/gone/s1/d7/temperature/1795417200000","state":"raised","detector":"gone",)"
        R"("kind":"silence","severity":"info","site":"s1","device":"d7","field":"temperature",)"
        R"("time":"2026-11-23T07:03:00Z","score":1,"since":"2026-11-23T07:00:00Z"})");
}

TEST_CASE("a flag of a window's value has the keys of the window, and says which value it is") {
  Bench bench(R"({"streams": [ {"name": "s", "from": "in/{site}/{aggregate}",
    "windows": [{"name": "w", "length": "1m"}, {"name": "per site", "length": "1m", "by": ["site"], "aggregates": ["avg", "p99.9"]}],
    "detectors": [{"name": "all", "kind": "threshold", "above": 1, "on": "w.max"},
                  {"name": "high", "kind": "threshold", "above": 1, "on": "per site.p99.9"},
                  {"name": "mean", "kind": "threshold", "above": 1, "on": "per site.avg"}]} ]})");
  const core::FlagChange change{0, core::FlagState::flapping, seven, seven, 3.0, {}, {}, 1.0, 1};
  const Published site = bench.flag(bench.series({"a"}, "t", 1), change);
  CHECK(site.topic == "derived/s/a/t/flag/high");
  CHECK(site.payload ==
        R"({"v":1,"id":"s/high/a/t/1795417200000","state":"flapping","detector":"high","kind":"threshold",)"
        R"("severity":"warning","window":"per site","aggregate":"p99.9","site":"a","field":"t",)"
        R"("time":"2026-11-23T07:00:00Z","value":3,"high":1,"score":1,"since":"2026-11-23T07:00:00Z"})");
  core::FlagChange mean = change;
  mean.detector = 1;
  CHECK(bench.flag(bench.series({"a"}, "t", 1), mean)
            .payload.find(R"("window":"per site","aggregate":"mean","site")") != std::string::npos);
  const Published all = bench.flag(bench.series({"a", "b"}, "t"), change);
  CHECK(all.topic == "derived/s/a/b/t/flag/all");
  CHECK(all.payload.find(R"("window":"w","aggregate":"max","site":"a","key_aggregate":"b","field":"t")") !=
        std::string::npos);
}

TEST_CASE("how a flag stands is published too, to be retained") {
  Bench bench(R"({"streams": [ {"name": "s", "from": "x/{d}", "detectors": [
    {"name": "a", "kind": "threshold", "above": 1, "to": "flags/{detector}/{d}", "retain_to": "state/{d}/{field}/{detector}"},
    {"name": "b", "kind": "threshold", "above": 1}]} ]})");
  const auto series = bench.series({"a/b"}, "t");
  for (const auto state : {core::FlagState::raised, core::FlagState::cleared}) {
    bench.encoder().flag(7, series, {0, state, seven, seven, 3.0, {}, {}, 1.0, 1});
    const bridge::Result event = *bench.outbox().front();
    const std::string topic{event.topic}, payload{event.payload};
    CHECK(topic == "flags/a/a.b");
    CHECK_FALSE(event.retain);
    bench.outbox().pop();
    const bridge::Result* const kept = bench.outbox().front();
    REQUIRE(kept != nullptr);
    CHECK(kept->topic == "state/a.b/t/a");
    CHECK(kept->payload == payload);
    CHECK(kept->retain);
    bench.outbox().pop();
  }
  CHECK(bench.encoder().flags(0, 0, true) == 1);
  CHECK(bench.flag(series, {1, core::FlagState::raised, seven, seven, 3.0, {}, {}, 1.0, 1}).topic ==
        "derived/s/a.b/t/flag/b");
}

TEST_CASE("a bound beyond a double is left out") {
  Bench bench(climate);
  const std::string payload =
      bench
          .flag(bench.series({"s", "d"}, "t"),
                {1, core::FlagState::raised, seven, seven, 1e308, 0.0, -INFINITY, INFINITY, 1})
          .payload;
  CHECK(payload.find("\"low\"") == std::string::npos);
  CHECK(payload.find("\"high\"") == std::string::npos);
  CHECK(nlohmann::json::accept(payload));
}

TEST_CASE("ids of different flags differ") {
  const auto id = [](Bench& bench, core::SeriesId series, core::Time since, std::uint32_t detector = 0) {
    return nlohmann::json::parse(
               bench.flag(series, {detector, core::FlagState::raised, seven, since, {}, {}, {}, {}, 1})
                   .payload)
        .at("id")
        .get<std::string>();
  };
  Bench bench(climate);
  CHECK(id(bench, bench.series({"a/b", "c"}, "t"), seven) == "climate/overheat/a%2Fb/c/t/1795417200000");
  CHECK(id(bench, bench.series({"a", "b/c"}, "t"), seven) == "climate/overheat/a/b%2Fc/t/1795417200000");
  CHECK(id(bench, bench.series({"a%2Fb", "c"}, "t"), seven) == "climate/overheat/a%252Fb/c/t/1795417200000");
  CHECK(id(bench, bench.series({"", "ä"}, "x/y"), seven) == "climate/overheat//ä/x%2Fy/1795417200000");
  CHECK(id(bench, bench.series({"\xff\n", "\x7f"}, ""), seven) ==
        "climate/overheat/%FF%0A/%7F//1795417200000");
  CHECK(id(bench, bench.series({"a", "b"}, "t"), seven + 1ns) ==
        "climate/overheat/a/b/t/1795417200000.000001");
  CHECK(id(bench, bench.series({"a", "b"}, "t"), seven + 999'999ns) ==
        "climate/overheat/a/b/t/1795417200000.999999");
  CHECK(id(bench, bench.series({"a", "b"}, "t"), core::time_min) == "climate/overheat/a/b/t/0");
  // Two streams with the same keys and the same detector.
  Bench two(R"({"streams": [ {"name": "x", "from": "x/{d}"}, {"name": "y", "from": "y/{d}"} ]})");
  CHECK(id(two, two.series({"d"}, "t", 0, 0), seven) == "x/odd/d/t/1795417200000");
  CHECK(id(two, two.series({"d"}, "t", 0, 1), seven) == "y/odd/d/t/1795417200000");
}

TEST_CASE("keys that are named like a member, or hold what topics cannot") {
  Bench bench(R"({"streams": [ {"name": "s", "from": "x/{time}/{key_time}/{mean}/{other}",
                "windows": [{"length": "1m", "aggregates": ["mean"]}]} ]})");
  const auto series = bench.series({"a/b", "+", "", "q\"\n"}, "f/g");
  const Published window = bench.window(series, {1});
  CHECK(window.topic == "derived/s/a.b/_/_/q\"_/f.g/1m");
  CHECK(
      window.payload ==
      R"({"v":1,"stream":"s","window":"1m","key_time":"a/b","key_key_time":"+","key_mean":"","other":"q\"\n","field":"f/g",)"
      R"("start":"2026-11-23T07:00:00Z","end":"2026-11-23T07:01:00Z","rev":1,"final":true,"mean":1})");
  const std::string flag =
      bench.flag(series, {0, core::FlagState::raised, seven, seven, {}, {}, {}, {}, 1}).payload;
  CHECK(flag.find(R"("key_time":"a/b","key_key_time":"+","key_mean":"","other":"q\"\n","field":"f/g")") !=
        std::string::npos);
}

TEST_CASE("names of key members are never alike") {
  const auto check = [](std::string_view name, std::string_view expected) {
    CHECK(bridge::key_member(name) == expected);
  };
  check("device", "device");
  check("key", "key");
  check("key_", "key_");
  check("key_device", "key_device");
  for (const char* fixed :
       {"v",        "stream",    "window",      "field",     "start", "end",      "rev",  "final",
        "id",       "aggregate", "state",       "detector",  "kind",  "severity", "time", "value",
        "expected", "low",       "high",        "score",     "since", "count",    "sum",  "mean",
        "variance", "stddev",    "min",         "max",       "range", "first",    "last", "delta",
        "p95",      "median",    "approximate", "watermark", "gap",   "flags"}) {
    check(fixed, std::string("key_") + fixed);
    check(std::string("key_") + fixed, std::string("key_key_") + fixed);
    check(std::string("key_key_") + fixed, std::string("key_key_key_") + fixed);
  }
  std::set<std::string> seen;
  for (const std::string name : {"time", "x", "value", "key_x"}) {
    std::string prefixed = name;
    for (int i = 0; i < 5; ++i, prefixed = "key_" + prefixed) {
      if (name == "key_x" && i == 4) break;
      seen.insert(bridge::key_member(prefixed));
    }
  }
  // x with 0 to 4 prefixes, and key_x with 0 to 3, are the same five names.
  CHECK(seen.size() == 15);
}

TEST_CASE("results are counted by stream and rule") {
  Bench bench(R"({"streams": [ {"name": "no", "from": "no/#", "ignore": true},
    {"name": "s", "from": "x/{d}", "windows": [{"name": "a", "length": "1m"}, {"name": "b", "length": "2m"}],
     "detectors": [{"name": "hot", "kind": "threshold", "above": 1}, {"name": "gone", "kind": "silence", "after": "1m"}]} ]})");
  const auto series = bench.series({"d"}, "t", 0, 1);
  bench.window(series, {1}, 1);
  bench.window(series, {1}, 1);
  bench.window(series, {1}, 0);
  bench.flag(series, {1, core::FlagState::raised, seven, seven, {}, {}, {}, {}, 1});
  bench.flag(series, {1, core::FlagState::cleared, seven, seven, {}, {}, {}, {}, 1});
  bench.flag(series, {1, core::FlagState::raised, seven, seven, {}, {}, {}, {}, 1});
  const bridge::Encoder& encoder = bench.encoder();
  CHECK(encoder.windows(1, 0) == 1);
  CHECK(encoder.windows(1, 1) == 2);
  CHECK(encoder.flags(1, 0, true) == 0);
  CHECK(encoder.flags(1, 1, true) == 2);
  CHECK(encoder.flags(1, 1, false) == 1);
}

TEST_CASE("JSON strings") {
  const auto check = [](std::string_view text, const std::string& expected) {
    std::string out = "x";
    bridge::append_json_string(text, out);
    CHECK(out == "x" + expected);
  };
  check("", R"("")");
  check("plain / text", R"("plain / text")");
  check("\"\\\b\f\n\r\t", R"("\"\\\u0008\u000c\n\r\t")");
  check(std::string_view("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\"");
  check("Straße 😀", "\"Straße 😀\"");
  const std::string bad = "\xEF\xBF\xBD";
  check(
      "a\xff"
      "b",
      "\"a" + bad + "b\"");
  check("\xc3", "\"" + bad + "\"");                      // cut off
  check("\xc0\xaf", "\"" + bad + bad + "\"");            // overlong
  check("\xed\xa0\x80", "\"" + bad + bad + bad + "\"");  // surrogate
  check("\xf4\x90\x80\x80", "\"" + bad + bad + bad + bad + "\"");
}

TEST_CASE("whatever the bytes, the string is JSON; and valid text comes back") {
  CAPTURE(seed());
  std::mt19937_64 random(seed());
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 30, ' ');
    for (char& c : text) c = static_cast<char>(random() % 3 == 0 ? random() : random() % 128);
    std::string out;
    bridge::append_json_string(text, out);
    REQUIRE(nlohmann::json::accept(out));
    const nlohmann::json strict(text);
    // nlohmann writes only what is valid UTF-8; what it can write must come back.
    std::string written;
    try {
      written = strict.dump();
    } catch (const nlohmann::json::exception&) {
      CHECK(out.find("\xEF\xBF\xBD") != std::string::npos);
      continue;
    }
    CHECK(nlohmann::json::parse(out).get<std::string>() == text);
  }
}
