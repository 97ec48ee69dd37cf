// What is published and its schemas fit each other, both ways: examples and real output are accepted, and
// examples with one thing wrong are refused. The schema of the configuration has a test of its own.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bridge/session_filters.h"
#include "bridge/status.h"
#include "tests/json_schema.h"
#include "tests/pipeline_fixture.h"

namespace {

using Json = nlohmann::json;
using json_schema::Schema;
using namespace std::chrono_literals;

const std::filesystem::path folder = std::filesystem::path(WEIR_SOURCE_DIR) / "schemas";

Schema schema(const std::string& name) {
  return Schema::from_file((folder / (name + ".schema.json")).string());
}

std::string first_problem(const Schema& against, const Json& value) {
  const auto problems = against.problems(value);
  return problems.empty() ? "" : problems[0];
}

struct Example {
  std::string name;
  std::string text;
};

// The examples of one kind: files whose name begins with it.
std::vector<Example> examples(const std::string& kind) {
  std::vector<Example> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "examples")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kind + "-")) continue;
    std::ifstream in(entry.path());
    std::string text;
    std::getline(in, text);
    all.push_back({name, text});
  }
  return all;
}

// Two objects that differ only in the order of members are equal to Json and not to readers of a log; the
// order is checked elsewhere.
Json with(Json value, const std::string& pointer, const Json& replacement) {
  value[Json::json_pointer(pointer)] = replacement;
  return value;
}

// Of messages, and of the lines of a replay.
const std::vector<std::string> kinds{"window", "flag",          "flag_day", "late",
                                     "status", "subscriptions", "score"};

bridge::Stats some_stats() {
  bridge::Stats stats;
  stats.version = "0.1.0";
  stats.client_id = "weir";
  stats.broker = "localhost:1883";
  stats.started = test::day;
  stats.now = test::day + 10min;
  stats.connected = stats.subscribed = true;
  stats.series = {{"s", "", 3, 0}, {"t \"x\"", "", 0, 0}};
  stats.windows = {{"s", "1m", 4, 0}};
  stats.flags = {{"s", "odd", 2, 1}};
  return stats;
}

constexpr std::string_view config = R"({
  "streams": [ { "name": "climate", "from": "site/{site}/{time}/telemetry",
    "payload": { "tags": { "line": "/line" }, "time": "/ts" }, "lateness": "1s",
    "late_to": "late/{stream}/{field}", "flag_days_to": "days/{stream}/{field}",
    "windows": [ { "name": "10s", "length": "10s", "retention": "1m",
                   "aggregates": ["count", "sum", "mean", "variance", "stddev", "min", "max", "range", "first", "last", "delta"] },
                 { "name": "site", "length": "20s", "every": "10s", "by": ["site"] },
                 { "name": "all", "length": "1m", "empty": "null", "retention": "0s", "kept": 8, "cadence": "1s", "half_life": "5s",
                   "above": 20.5, "below": 20.1, "range": [20.2, 20.3],
                   "aggregates": ["count", "cv", "change_ratio", "rate", "increase", "slope", "median", "p99.9", "distinct", "mode",
                                  "time_weighted_mean", "integral", "ewma", "null_count", "null_ratio", "above_count",
                                  "below_count", "in_range_count", "outlier_count"] },
                 { "kind": "sliding", "length": "5s" }, { "kind": "count", "samples": 7 }, { "kind": "session", "gap": "30s" },
                 { "kind": "cumulative", "every": "10s", "emit": "on_change" },
                 { "kind": "calendar", "calendar": { "unit": "hour", "zone": "Asia/Kolkata" }, "empty": "zero" } ],
    "detectors": [ { "name": "hot", "kind": "threshold", "above": 80, "clear": 75, "severity": "critical" },
                   { "name": "odd", "kind": "zscore", "warmup": 8 },
                   { "name": "high", "kind": "threshold", "above": 20, "on": "site.max", "retain_to": "state/{site}/{field}" },
                   { "name": "often", "kind": "threshold", "above": 20.5, "flaps": 2, "flap_within": "1h" },
                   { "name": "gone", "kind": "silence", "after": "30s" } ] } ] })";

// A day in the life of two series: ordinary values, a spike, a late sample, silence.
std::vector<test::Published> real_output() {
  test::Feed feed(config);
  std::mt19937_64 random(1);
  const auto send = [&](int second, double value, const std::string& device) {
    const Json payload{{"t", value}, {"line", "l\n1"}, {"ts", 1'767'225'600 + second}};
    feed.send(std::chrono::seconds(second), "site/s1/" + device + "/telemetry", payload.dump());
  };
  for (int second = 0; second < 120; ++second) {
    send(second, 20 + static_cast<double>(random() % 1000) / 1000, "d1");
    if (second == 60) send(second, 95.5, "d1");
    if (second == 90) send(55, 21.25, "d1");
    if (second < 20) send(second, -1e-7 * second, "d 2");
  }
  feed.tick(25h);
  return feed.take();
}

}  // namespace

TEST_CASE("examples are valid, compact, and read by no other schema") {
  for (const std::string& kind : kinds) {
    const auto all = examples(kind);
    REQUIRE(all.size() >= 2);
    for (const auto& example : all) {
      CAPTURE(example.name);
      const Json value = Json::parse(example.text);
      CHECK(first_problem(schema(kind), value) == "");
      CHECK(nlohmann::ordered_json::parse(example.text).dump().size() <= example.text.size() + 4);
      for (const std::string& other : kinds) {
        if (other != kind) CHECK_FALSE(schema(other).accepts(value));
      }
    }
  }
}

TEST_CASE("every example has a schema") {
  for (const auto& entry : std::filesystem::directory_iterator(folder / "examples")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    CHECK(std::filesystem::exists(folder / (name.substr(0, name.find('-')) + ".schema.json")));
  }
}

TEST_CASE("without a required member, an example is refused") {
  for (const std::string kind : {"window", "flag", "flag_day", "late", "subscriptions", "score"}) {
    const Schema against = schema(kind);
    for (const auto& example : examples(kind)) {
      const Json value = Json::parse(example.text);
      for (const std::string name : against.root().at("required")) {
        CAPTURE(example.name);
        CAPTURE(name);
        Json without = value;
        REQUIRE(without.erase(name) == 1);
        CHECK_FALSE(against.accepts(without));
      }
    }
  }
  const Schema against = schema("status");
  for (const auto& example : examples("status")) {
    const Json value = Json::parse(example.text);
    for (const auto& [name, member] : value.items()) {
      CAPTURE(example.name);
      CAPTURE(name);
      Json without = value;
      without.erase(name);
      CHECK(against.accepts(without) == (name == "last_error"));
      if (!member.is_object() || name == "streams") continue;
      for (const auto& [inner, ignored] : member.items()) {
        CAPTURE(inner);
        Json less = value;
        less[name].erase(inner);
        CHECK_FALSE(against.accepts(less));
      }
    }
  }
}

TEST_CASE("with a member of another type, an example is refused") {
  // No member may be an array, and none that is a number, a text or a boolean may be another of the three.
  // Null may be what does not exist: aggregates and the value of a late sample.
  const auto may_be_null = [](const std::string& kind, const std::string& member) {
    return (kind == "window" && member != "count" && core::find_aggregate(member)) ||
           (kind == "late" && member == "value");
  };
  for (const std::string& kind : kinds) {
    const Schema against = schema(kind);
    for (const auto& example : examples(kind)) {
      const Json value = Json::parse(example.text);
      const Json flat = value.flatten();
      for (const auto& [pointer, member] : flat.items()) {
        if (member.is_null()) continue;  // an empty object, or what does not exist
        for (const Json& other : {Json("text"), Json(1.5), Json(true), Json(nullptr), Json::array()}) {
          if (other.type() == member.type() || (other.is_number() && member.is_number())) continue;
          if (other.is_null() && may_be_null(kind, pointer.substr(1))) continue;
          CAPTURE(example.name);
          CAPTURE(pointer);
          CAPTURE(other.dump());
          CHECK_FALSE(against.accepts(with(value, pointer, other)));
        }
      }
    }
  }
}

TEST_CASE("wrong values are refused") {
  const auto refused = [](const std::string& kind, const std::string& name, const std::string& pointer,
                          const Json& bad) {
    CAPTURE(pointer);
    CAPTURE(bad.dump());
    for (const auto& example : examples(kind)) {
      if (example.name != name) continue;
      const Json value = Json::parse(example.text);
      REQUIRE(schema(kind).accepts(value));
      CHECK_FALSE(schema(kind).accepts(with(value, pointer, bad)));
      return;
    }
    FAIL("no example " << name);
  };
  const auto window = [&](const std::string& pointer, const Json& bad) {
    refused("window", "window-1m.json", pointer, bad);
  };
  window("/v", 2);
  window("/stream", "");
  window("/rev", 0);
  window("/rev", 1.5);
  window("/count", -1);
  window("/count", nullptr);
  window("/stddev", -1);
  window("/start", "2026-11-23 07:00:00Z");
  window("/start", "2026-11-23T07:00:00");
  window("/start", "2026-11-23T07:00:00.5Z");
  window("/end", "2026-11-23T08:00:00+01:00");
  window("/approximate", false);
  window("/p95", "21");
  window("/p05", 21);
  window("/p101", 21);
  window("/p99.90", 21);
  window("/avg", 21);
  window("/completeness", 1.5);
  window("/null_count", 0.5);
  window("/a key", "x");
  window("/7", "x");
  const auto flag = [&](const std::string& pointer, const Json& bad) {
    refused("flag", "flag-raised.json", pointer, bad);
  };
  flag("/v", 0);
  flag("/state", "open");
  flag("/kind", "odd");
  flag("/window", "1m");
  refused("flag", "flag-window-value.json", "/aggregate", 1);
  flag("/severity", "fatal");
  flag("/score", 1.01);
  flag("/score", -0.1);
  flag("/id", "overheat");
  flag("/id", "climate/overheat/s1/d7/temperature/now");
  flag("/since", "1795417204567");
  flag("/threshold", 80);
  const auto flag_day = [&](const std::string& pointer, const Json& bad) {
    refused("flag_day", "flag_day-whole.json", pointer, bad);
  };
  flag_day("/v", 2);
  flag_day("/start", "2026-11-23");
  flag_day("/flags", Json::array());
  flag_day("/flags/0/raised", -1);
  flag_day("/flags/0/raised", 0.5);
  flag_day("/flags/0/seconds", -1);
  flag_day("/flags/0/seconds", 86'401);
  flag_day("/flags/0/more", 1);
  flag_day("/count", 1);
  const auto late = [&](const std::string& pointer, const Json& bad) {
    refused("late", "late-sample.json", pointer, bad);
  };
  late("/v", 2);
  late("/time", "2026-11-23");
  late("/watermark", 5);
  late("/count", 1);
  const auto score = [&](const std::string& pointer, const Json& bad) {
    refused("score", "score-fire.json", pointer, bad);
  };
  score("/time", "2026-11-23");
  score("/stream", "");
  score("/score", 1.01);
  score("/state", "raised");
  score("/up", "true");
  score("/threshold", 80);
  const auto status = [&](const std::string& pointer, const Json& bad) {
    refused("status", "status-online.json", pointer, bad);
  };
  status("/state", "offline");
  status("/state", "starting");
  status("/messages/received", -1);
  status("/messages/lost", 1);
  status("/samples/late", 0.5);
  status("/streams/climate/series", -1);
  status("/streams/climate/flags/odd/raised", "1");
  status("/more", 1);
  refused("status", "status-offline.json", "/state", "online");
  refused("status", "status-offline.json", "/connected", false);
}

TEST_CASE("what the engine publishes is valid") {
  const Schema window = schema("window");
  const Schema flag = schema("flag");
  const Schema day = schema("flag_day");
  const Schema late = schema("late");
  std::size_t days = 0, flags = 0, flapping = 0, of_windows = 0, states = 0, revisions = 0, lates = 0,
              approximate = 0, nulls = 0;
  std::map<std::string, std::size_t> windows;
  for (const auto& published : real_output()) {
    CAPTURE(published.payload);
    const Json value = Json::parse(published.payload);
    if (value.contains("flags")) {
      ++days;
      CHECK(first_problem(day, value) == "");
      CHECK_FALSE(flag.accepts(value));
    } else if (value.contains("id")) {
      ++flags;
      if (value.at("state") == "flapping") ++flapping;
      if (value.contains("aggregate")) ++of_windows;
      if (published.retain) ++states;
      CHECK(first_problem(flag, value) == "");
      CHECK_FALSE(window.accepts(value));
    } else if (value.contains("watermark")) {
      ++lates;
      CHECK(first_problem(late, value) == "");
      CHECK_FALSE(window.accepts(value));
    } else {
      ++windows[value.at("window")];
      if (value.at("rev") > 1) ++revisions;
      if (value.contains("approximate")) ++approximate;
      if (value.contains("median") && value.at("median").is_null()) ++nulls;
      CHECK(first_problem(window, value) == "");
      CHECK_FALSE(flag.accepts(value));
    }
  }
  // All that the schemas tell of has happened.
  CHECK(windows["10s"] + windows["site"] > 20);
  for (const char* const name : {"all", "sliding-5s", "count-7", "session-30s", "total-10s", "hour"}) {
    CAPTURE(name);
    CHECK(windows[name] > 0);
  }
  CHECK(revisions > 0);
  CHECK(approximate > 0);
  CHECK(nulls > 0);
  CHECK(lates > 0);
  CHECK(days > 0);
  CHECK(flags >= 4);
  CHECK(flapping > 0);
  CHECK(states > 0);
  CHECK(of_windows == 2 * states);
}

TEST_CASE("the status is valid, and its ledger is whole") {
  const Schema against = schema("status");
  bridge::Stats stats = some_stats();
  CHECK(first_problem(against, Json::parse(bridge::status_json(stats))) == "");
  CHECK(first_problem(against, Json::parse(bridge::status_json(bridge::Stats{}))) !=
        "");  // no client id, no version
  stats.last_error = "refused \"\xff\"\n";
  const Json text = Json::parse(bridge::status_json(stats));
  CHECK(first_problem(against, text) == "");
  CHECK(text["last_error"] == "refused \"\xEF\xBF\xBD\"\n");
  CHECK(bridge::offline_json("weir") == R"({"v":1,"state":"offline","client_id":"weir"})");
  CHECK(first_problem(against, Json::parse(bridge::offline_json("we\"ir"))) == "");
}

TEST_CASE("the example of a status is what is written for its numbers") {
  bridge::Stats stats = some_stats();
  stats.started = core::Time{std::chrono::seconds{1'795'417'200}};
  stats.now = stats.started + 10min;
  stats.connects = 2;
  stats.disconnects = 1;
  stats.last_error = "connection refused";
  stats.received = 120;
  stats.messages = {110, 3, 0, 2, 0, 1, 0, 0};
  stats.messages_in_flight = 4;
  stats.samples = 443;
  stats.samples_by = {430, 6, 1, 1, 3};
  stats.samples_in_flight = 2;
  stats.bad_times = 1;
  stats.published = 40;
  stats.publish_held = 2;
  stats.journal_bytes = 262'144;
  stats.state_bytes = 18'432;
  stats.series_evicted = 5;
  stats.series_overflow = {{"climate", {"site", "north", 3}}};
  stats.series = {{"climate", "", 32, 0}};
  stats.windows = {{"climate", "1m", 40, 0}};
  stats.flags = {{"climate", "overheat", 1, 1}, {"climate", "odd", 0, 0}};
  for (const auto& example : examples("status")) {
    if (example.name == "status-online.json") CHECK(bridge::status_json(stats) == example.text);
    if (example.name == "status-offline.json") CHECK(bridge::offline_json("weir") == example.text);
  }
}

TEST_CASE("what the session has subscribed is written as in the examples, and read again") {
  const Schema against = schema("subscriptions");
  for (const auto& example : examples("subscriptions")) {
    CAPTURE(example.name);
    const auto filters = bridge::read_session_filters(example.text);
    REQUIRE(filters);
    CHECK(bridge::session_filters_json(*filters) == example.text);
  }
  const bridge::Filters odd{"", "a\n\"b\"/+", "a\xff"};
  const std::string text = bridge::session_filters_json(odd);
  CHECK(bridge::read_session_filters(text) == bridge::Filters{"", "a\n\"b\"/+", "a\xEF\xBF\xBD"});
  CHECK(bridge::read_session_filters(R"({"v":1,"filters":["b","a","b"],"more":1})") ==
        bridge::Filters{"a", "b"});
  CHECK(first_problem(against, Json::parse(bridge::session_filters_json({}))) == "");
  CHECK(bridge::session_filters_topic("weir/x/status") == "weir/x/status/subscriptions");
  CHECK(bridge::session_filters_topic("weir/x/status", 1) == "weir/x/status/subscriptions/2");
  for (const std::string_view wrong :
       {"", "x", "null", "[]", "{}", R"({"v":1})", R"({"filters":["a"]})", R"({"v":2,"filters":["a"]})",
        R"({"v":1,"filters":"a"})", R"({"v":1,"filters":[1]})", R"({"v":1,"filters":["a"]} x)",
        R"({"v":1,"filters":["a")", "{\"v\":1,\"filters\":[\"\xff\"]}"}) {
    CAPTURE(wrong);
    CHECK_FALSE(bridge::read_session_filters(wrong));
  }
}
