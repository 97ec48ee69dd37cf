#include "bridge/rules.h"

#include <doctest/doctest.h>

#include "tests/config_equal.h"

using bridge::Config;
using bridge::Grouping;
using bridge::parse_config;
using bridge::Rules;
using bridge::StreamRules;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;
using Indices = std::vector<std::uint32_t>;

// "capture 0", "tag 1".
Strings sources(const Grouping& grouping) {
  Strings out;
  for (const bridge::KeySource& key : grouping.keys)
    out.push_back((key.tag ? "tag " : "capture ") + std::to_string(key.index));
  return out;
}

}  // namespace

TEST_CASE("a stream with defaults has one grouping and one plan") {
  const Config config =
      parse_config(R"({"streams":[{"from":"in/+/{site}/{device}/#","lateness":"7s","idle":"8s"}]})");
  const Rules rules(config);
  REQUIRE(rules.streams().size() == 1);
  const StreamRules& stream = *rules.streams()[0];
  CHECK(describe(*stream.config) == describe(config.streams[0]));
  CHECK(stream.pattern.filter() == "in/+/+/+/#");
  CHECK(stream.tag_names == Strings{});
  REQUIRE(stream.groupings.size() == 1);
  const Grouping& grouping = stream.groupings[0];
  CHECK(grouping.names == Strings{"site", "device"});
  CHECK(sources(grouping) == Strings{"capture 0", "capture 1"});
  CHECK_FALSE(grouping.has_tags);
  CHECK(grouping.by_field.empty());
  REQUIRE(grouping.other != nullptr);
  CHECK(grouping.plan_for("anything") == grouping.other);
  const core::Plan& plan = *grouping.other;
  CHECK(plan.stream == 0);
  CHECK(plan.grouping == 0);
  CHECK(plan.lateness == 7s);
  CHECK(plan.idle == 8s);
  CHECK(plan.window_rules == Indices{0});
  CHECK(plan.detector_rules == Indices{0});
  REQUIRE(plan.windows.size() == 1);
  CHECK(test::same(plan.windows[0], config.streams[0].windows[0].spec));
  REQUIRE(plan.detectors.size() == 1);
  CHECK(test::same(plan.detectors[0], config.streams[0].detectors[0].spec));
  CHECK(plan.state_bytes() > 0);
  CHECK(stream.window_groupings == Indices{0});
  REQUIRE(stream.window_topics.size() == 1);
  CHECK(stream.window_topics[0].widest_filter() == "derived/+/+/+/+/+");
  REQUIRE(stream.detectors.size() == 1);
  CHECK(stream.detectors[0].grouping == 0);
  CHECK_FALSE(stream.detectors[0].on);
  CHECK(stream.detectors[0].flag_topic.widest_filter() == "derived/+/+/+/+/flag/+");
  CHECK(stream.detectors[0].state_topic.parts().empty());
}

TEST_CASE("each distinct set of keys is a grouping; detectors belong to the first") {
  const Config config = parse_config(R"({"streams":[{"from":"x"},{
    "from": "in/{site}/{device}/{field}",
    "payload": {"each": {"at": "/rows", "as": "map"}, "tags": {"line": "/line"}},
    "windows": [
      {"name": "site", "length": "1m", "by": ["site"]},
      {"name": "all", "length": "1m", "by": ["key", "line", "device", "site"]},
      {"name": "line", "length": "1m", "by": ["line", "site"]},
      {"name": "line2", "length": "2m", "by": ["site", "line"]},
      {"name": "one", "length": "1m", "by": []}],
    "detectors": [{"kind": "zscore"}]}]})");
  const Rules rules(config);
  const StreamRules& stream = *rules.streams().at(1);
  CHECK(stream.pattern.names() == Strings{"site", "device", "field"});
  CHECK(stream.tag_names == Strings{"line", "key"});
  REQUIRE(stream.groupings.size() == 4);
  CHECK(stream.window_groupings == Indices{1, 0, 2, 2, 3});
  CHECK(stream.groupings[0].names == Strings{"site", "device", "line", "key"});  // {field} is no key
  CHECK(sources(stream.groupings[0]) == Strings{"capture 0", "capture 1", "tag 0", "tag 1"});
  CHECK(stream.groupings[0].has_tags);
  CHECK(stream.groupings[1].names == Strings{"site"});
  CHECK_FALSE(stream.groupings[1].has_tags);
  CHECK(stream.groupings[2].names == Strings{"line", "site"});
  CHECK(sources(stream.groupings[2]) == Strings{"tag 0", "capture 0"});
  CHECK(stream.groupings[2].has_tags);
  CHECK(stream.groupings[3].names == Strings{});

  const auto check = [&](std::uint32_t g, const Indices& windows, const Indices& detectors) {
    CAPTURE(g);
    const core::Plan* const plan = stream.groupings[g].plan_for("t");
    REQUIRE(plan != nullptr);
    CHECK(plan->stream == 1);
    CHECK(plan->grouping == g);
    CHECK(plan->window_rules == windows);
    CHECK(plan->detector_rules == detectors);
    CHECK(plan->windows.size() == windows.size());
    CHECK(plan->detectors.size() == detectors.size());
  };
  check(0, {1}, {0});
  check(1, {0}, {});
  check(2, {2, 3}, {});
  check(3, {4}, {});
}

TEST_CASE("rules for named fields make plans for these fields") {
  const Config config = parse_config(R"({"streams":[{
    "from": "in/{site}/{device}",
    "windows": [
      {"name": "w", "length": "1m"},
      {"name": "t", "length": "1m", "fields": ["temperature"]},
      {"name": "site", "length": "1m", "by": ["site"], "fields": ["power"]}],
    "detectors": [{"name": "hot", "kind": "threshold", "above": 1, "fields": ["temperature", "power"]}, {"kind": "silence", "after": "1m"}]}]})");
  const Rules rules(config);
  const StreamRules& stream = *rules.streams().at(0);
  REQUIRE(stream.groupings.size() == 2);
  const auto check = [&](std::size_t g, const char* field, const Indices& windows, const Indices& detectors) {
    CAPTURE(g);
    CAPTURE(field);
    const core::Plan* const plan = stream.groupings[g].plan_for(field);
    REQUIRE(plan != nullptr);
    CHECK(plan->window_rules == windows);
    CHECK(plan->detector_rules == detectors);
  };
  check(0, "temperature", {0, 1}, {0, 1});
  check(0, "power", {0}, {0, 1});
  check(0, "humidity", {0}, {1});
  check(1, "power", {2}, {});
  CHECK(stream.groupings[1].plan_for("temperature") == nullptr);
  CHECK(stream.groupings[1].plan_for("humidity") == nullptr);
}

TEST_CASE(
    "a detector of a window's values belongs to the window: its grouping, its fields, its place in the "
    "plan") {
  const Config config = parse_config(R"({"streams":[{
    "from": "in/{site}/{device}",
    "windows": [
      {"name": "w", "length": "1m", "fields": ["power"]},
      {"name": "x", "length": "1m", "aggregates": ["min", "p99.9"]},
      {"name": "site", "length": "1m", "by": ["site"]}],
    "detectors": [
      {"name": "p", "kind": "threshold", "above": 1, "on": "w.mean", "retain_to": "state/{detector}/{device}"},
      {"name": "q", "kind": "threshold", "above": 1, "on": "x.p99.9"},
      {"name": "s", "kind": "threshold", "above": 1, "on": "site.max", "fields": ["power"], "to": "f/{site}"},
      {"name": "plain", "kind": "zscore"}]}]})");
  const Rules rules(config);
  const StreamRules& stream = *rules.streams().at(0);
  REQUIRE(stream.groupings.size() == 2);
  const auto check = [&](std::size_t g, const char* field, const Indices& detectors, const Strings& on) {
    CAPTURE(g);
    CAPTURE(field);
    const core::Plan* const plan = stream.groupings[g].plan_for(field);
    REQUIRE(plan != nullptr);
    CHECK(plan->detector_rules == detectors);
    Strings seen;
    for (const core::DetectorSpec& spec : plan->detectors)
      seen.push_back(spec.on ? std::to_string(spec.on->window) + "." + std::to_string(spec.on->value)
                             : "samples");
    CHECK(seen == on);
    CHECK(plan->state_bytes() > 0);
  };
  check(0, "power", {0, 1, 3}, {"0.1", "1.1", "samples"});
  check(0, "humidity", {1, 3}, {"0.1", "samples"});  // without window w, x stands first
  check(1, "power", {2}, {"0.3"});
  check(1, "humidity", {}, {});
  CHECK(stream.detectors[2].grouping == 1);
  CHECK(stream.detectors[2].flag_topic.widest_filter() == "f/+");
  CHECK(stream.detectors[0].state_topic.widest_filter() == "state/+/+");
}

TEST_CASE("without a window or detector for it, a field enters no series") {
  const Config config = parse_config(
      R"({"streams":[{"from":"in/{device}","windows":[{"length":"1m","fields":["a"]}],"detectors":[]}]})");
  const Rules rules(config);
  const Grouping& grouping = rules.streams().at(0)->groupings.at(0);
  CHECK(grouping.plan_for("a") != nullptr);
  CHECK(grouping.plan_for("b") == nullptr);
}

TEST_CASE("an ignored stream has a pattern and nothing else") {
  const Config config =
      parse_config(R"({"streams":[{"name":"cut","from":"in/{x}/set","ignore":true},{"from":"in/{x}/#"}]})");
  const Rules rules(config);
  const StreamRules& cut = *rules.streams().at(0);
  CHECK(cut.pattern.filter() == "in/+/set");
  CHECK(cut.groupings.empty());
  CHECK(cut.window_topics.empty());
  CHECK(cut.detectors.empty());
  CHECK(rules.streams().at(1)->groupings.at(0).other->stream == 1);
}

TEST_CASE("names of templates") {
  CHECK(bridge::window_template_names({"b", "a"}) == Strings{"stream", "window", "field", "b", "a"});
  CHECK(bridge::flag_template_names({"b", "a"}) == Strings{"stream", "detector", "field", "b", "a"});
}
