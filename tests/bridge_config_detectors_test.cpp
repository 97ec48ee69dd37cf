// Detectors as they are configured: every key of every kind, what is said against wrong ones, and where their
// flags go.
#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/error.h"
#include "tests/config_equal.h"
#include "tests/json_schema.h"
#include "tests/pipeline_fixture.h"

using bridge::Config;
using bridge::DetectorConfig;
using bridge::parse_config;
using json_schema::Json;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

// The names of two keys, and three windows: of both keys, of one, and one that speaks early.
std::string stream(const std::string& detectors, const std::string& more = "") {
  return R"({"streams":[{"from":"in/{site}/{device}","windows":[{"name":"1m","length":"1m","aggregates":["avg","p99.9"]},
    {"name":"site","length":"5m","by":["site"],"fields":["t","u"]},{"name":"early","length":"1m","emit":"10s"}],
    "detectors":[)" +
         detectors + "]" + more + "}]}";
}

DetectorConfig detector(const std::string& keys) {
  const Config config = parse_config(stream("{" + keys + "}"));
  CHECK(test::same(parse_config(bridge::describe(config)), config));
  return config.streams.at(0).detectors.at(0);
}

template <typename Spec>
bool is(const DetectorConfig& config, const Spec& spec) {
  const auto* own = std::get_if<Spec>(&config.spec.kind);
  return own != nullptr && test::same_kind(*own, spec);
}

const json_schema::Schema& schema() {
  static const auto made =
      json_schema::Schema::from_file(std::string{WEIR_SOURCE_DIR} + "/schemas/config.schema.json");
  return made;
}

// What the loader says, without the place of the detector.
std::string problems(const std::string& text) {
  try {
    static_cast<void>(parse_config(text));
    return {};
  } catch (const bridge::SetupError& error) {
    std::string words = error.what();
    const std::string place = "config: /streams/0/detectors/0/";
    for (std::size_t at = words.find(place); at != std::string::npos; at = words.find(place))
      words.erase(at, place.size());
    return words;
  }
}

}  // namespace

TEST_CASE("every key of every kind of detector reaches its member") {
  CHECK(is(detector(R"("kind":"threshold","below":1,"clear":2)"), core::ThresholdSpec{{}, 1, 2}));
  CHECK(is(detector(R"("kind":"range","low":-1,"high":5,"margin":0.5)"), core::RangeSpec{-1, 5, 0.5}));
  CHECK(is(detector(R"("kind":"rate_of_change","rise":2,"fall":3,"per":"1m","clear":0.5)"),
           core::RateOfChangeSpec{2, 3, 1min, 0.5}));
  const std::string learning = R"(,"raise":9,"clear":2,"warmup":8,"memory":10,"deviation_min":0.5)";
  core::ZscoreSpec zscore{{9, 2, 8, 10, 0.5}};
  CHECK(is(detector(R"("kind":"zscore")" + learning), zscore));
  CHECK(is(detector(R"("kind":"mad","raise":9,"clear":2,"samples":5,"deviation_min":0.5)"),
           core::MadSpec{9, 2, 5, 0.5}));
  CHECK(is(detector(R"("kind":"iqr","raise":9,"clear":2,"samples":255)"), core::IqrSpec{9, 2, 255}));
  core::EwmaSpec ewma;
  static_cast<core::LearningSpec&>(ewma) = zscore;
  ewma.weight = 0.5;
  CHECK(is(detector(R"("kind":"ewma","weight":0.5)" + learning), ewma));
  core::CusumSpec cusum;
  static_cast<core::LearningSpec&>(cusum) = zscore;
  cusum.slack = 2;
  CHECK(is(detector(R"("kind":"cusum","slack":2)" + learning), cusum));
  core::PageHinkleySpec page_hinkley;
  static_cast<core::LearningSpec&>(page_hinkley) = zscore;
  page_hinkley.slack = 2;
  CHECK(is(detector(R"("kind":"page_hinkley","slack":2)" + learning), page_hinkley));
  CHECK(is(detector(R"("kind":"flatline","after":"5m","tolerance":0.5,"samples":3)"),
           core::FlatlineSpec{5min, 0.5, 3}));
  CHECK(is(detector(R"("kind":"silence","after":"5m")"), core::SilenceSpec{.after = 5min}));
  CHECK(is(detector(R"("kind":"silence","after":"learned","factor":3,"least":"1m")"),
           core::SilenceSpec{0s, 3, 1min}));
  core::SeasonalSpec seasonal;
  seasonal.raise = 9;
  seasonal.clear = 2;
  seasonal.memory = 10;
  seasonal.deviation_min = 0.5;
  seasonal.period = core::SeasonalSpec::Period::week;
  seasonal.parts = 168;
  CHECK(is(
      detector(
          R"("kind":"seasonal","period":"week","parts":168,"raise":9,"clear":2,"memory":10,"deviation_min":0.5)"),
      seasonal));
  core::PeersSpec peers;
  static_cast<core::LearningSpec&>(peers) = zscore;
  peers.members = 5;
  const DetectorConfig group = detector(R"("kind":"peers","by":["site"],"members":5)" + learning);
  CHECK(is(group, peers));
  CHECK(group.by == Strings{"site"});
  CHECK(detector(R"("kind":"peers","by":[])").by.empty());
  CHECK(is(detector(R"("kind":"auto")"), core::AutoSpec{}));
}

TEST_CASE("without its keys a kind has the defaults of its spec") {
  CHECK(is(detector(R"("kind":"ewma")"), core::EwmaSpec{}));
  CHECK(is(detector(R"("kind":"cusum")"), core::CusumSpec{}));
  CHECK(is(detector(R"("kind":"page_hinkley")"), core::PageHinkleySpec{}));
  CHECK(is(detector(R"("kind":"mad")"), core::MadSpec{}));
  CHECK(is(detector(R"("kind":"iqr")"), core::IqrSpec{}));
  CHECK(is(detector(R"("kind":"seasonal")"), core::SeasonalSpec{}));
  CHECK(is(detector(R"("kind":"silence","after":"learned")"), core::SilenceSpec{}));
  const DetectorConfig plain = detector(R"("kind":"auto")");
  CHECK(plain.spec.name == "auto");
  CHECK(test::same(plain.spec.life, core::LifeSpec{}));
  CHECK(plain.on.empty());
  CHECK(plain.to.empty());
  CHECK(plain.retain_to.empty());
}

TEST_CASE("keys of all kinds") {
  const DetectorConfig all = detector(
      R"("name":"n","kind":"auto","fields":["t"],"severity":"info","for":"1s","hold":"2s","flaps":3,"flap_within":"4s",)"
      R"("on":"1m.p99.9","to":"a/{site}/{device}/{detector}","retain_to":"b/{site}/{device}/{field}")");
  CHECK(all.spec.name == "n");
  CHECK(all.fields == Strings{"t"});
  CHECK(all.spec.severity == core::Severity::info);
  CHECK(test::same(all.spec.life, core::LifeSpec{1s, 2s, 3, 4s}));
  CHECK(all.on == "1m.p99.9");
  CHECK_FALSE(all.spec.on);  // the rules know which plan has it
  CHECK(all.to == "a/{site}/{device}/{detector}");
  CHECK(all.retain_to == "b/{site}/{device}/{field}");
  const DetectorConfig silence = detector(R"("kind":"silence","after":"1m","retain_to":"b/{device}")");
  CHECK(test::same(silence.spec.life, core::LifeSpec{}));
}

TEST_CASE("a value of a window is found by the window's name and the aggregate's") {
  const Config config = parse_config(R"({"streams":[{"from":"in/{d}","windows":[
    {"name":"a","length":"1m","aggregates":["count","p99.9"]},{"name":"a.p99","length":"2m","aggregates":["p9"]},
    {"name":"1.5m","length":"90s","aggregates":["mean"]}]}]})");
  const auto find = [&](const char* on) -> std::string {
    const auto value = bridge::find_value(config.streams[0], on);
    return value ? std::to_string(value->window) + '.' + std::to_string(value->value) : "none";
  };
  CHECK(find("a.count") == "0.0");
  CHECK(find("a.p99.9") == "0.1");
  CHECK(find("a.p99.p9") == "1.0");
  CHECK(find("1.5m.mean") == "2.0");
  CHECK(find("1.5m.avg") == "2.0");
  for (const char* const none : {"", ".", "a", "a.", "a.mean", "a.p99.90x", "b.count", "count", ".count"})
    CHECK(find(none) == "none");
}

TEST_CASE("flags of a window with fewer keys have a topic of its own, unless flags_to fits it") {
  const auto to = [](const std::string& keys, const std::string& more = "") {
    return parse_config(stream(R"({"kind":"threshold","above":1,)" + keys + "}", more))
        .streams[0]
        .detectors[0]
        .to;
  };
  CHECK(to(R"("on":"site.mean")") == "derived/{stream}/{site}/{field}/flag/{detector}");
  CHECK(to(R"("on":"1m.mean")") == "");
  CHECK(to(R"("on":"site.mean","to":"x/{site}")") == "x/{site}");
  CHECK(to(R"("on":"site.mean")", R"(,"flags_to":"flags/{site}/{field}")") == "");
  CHECK(to(R"("on":"site.mean")", R"(,"flags_to":"flags/{device}/{field}")") ==
        "derived/{stream}/{site}/{field}/flag/{detector}");
}

TEST_CASE("what is wrong with a detector of a kind") {
  const auto check = [](const std::string& keys, const std::string& words) {
    CAPTURE(keys);
    CHECK(problems(stream("{" + keys + "}")) == words);
  };
  check(R"("kind":"range","high":1)", "low: missing; write the lowest value that is as it should be");
  check(R"("kind":"range","low":"1","high":0)", R"(low: "1": must be a number)");
  check(R"("kind":"range","low":1,"high":1)", "low: 1 is not allowed; choose less than high 1");
  check(R"("kind":"range","low":0,"high":1,"margin":0.5)",
        "margin: 0.5 is not allowed; choose 0 to less than half of what lies between low and high");
  check(R"("kind":"rate_of_change")", "rise: is missing, and so is fall; give at least one of them");
  check(R"("kind":"rate_of_change","rise":1,"per":"0s")",
        "per: 0s is not allowed; choose above 0s and at most 3660d");
  check(R"("kind":"mad","samples":256)", "samples: 256: must be a whole number, 5 to 255");
  check(R"("kind":"iqr","memory":10)",
        "memory: unknown key; Allowed here: name, kind, fields, severity, raise, clear, samples, for, hold, "
        "flaps, flap_within, on, to, retain_to");
  check(R"("kind":"ewma","weight":1)", "weight: 1 is not allowed; choose a number between 0 and 1");
  check(R"("kind":"cusum","slack":0)", "slack: 0 is not allowed; choose a number above 0");
  check(R"("kind":"flatline")", "after: missing; write how long a value may stay as it is, as \"10m\"");
  check(
      R"("kind":"flatline","after":5)",
      "after: 5: has no unit; write a time with its unit (ns, us, ms, s, m, h, d), as \"10s\" or \"250ms\"");
  check(R"("kind":"silence","after":"known")",
        R"(after: "known": must be "learned", or a time above 0s with its unit, as "10s")");
  check(R"("kind":"silence","after":"0s")",
        R"(after: "0s": must be "learned", or a time above 0s with its unit, as "10s")");
  check(R"("kind":"silence","after":"1m","factor":3)",
        R"(factor: has no effect unless after is "learned"; leave it out)");
  check(R"("kind":"silence","after":"learned","factor":1)",
        "factor: 1 is not allowed; choose above 1, up to 1000000");
  check(R"("kind":"silence","after":"1m","hold":"1s")",
        "hold: has no meaning for a silence; a sample ends it");
  check(R"("kind":"silence","after":"1m","on":"1m.mean")",
        "on: has no meaning for a silence; it waits for samples");
  check(R"("kind":"seasonal","period":"month")", R"(period: "month": must be "day" or "week")");
  check(R"("kind":"seasonal","warmup":8)",
        "warmup: unknown key; Allowed here: name, kind, fields, severity, period, "
        "parts, raise, clear, memory, deviation_min, for, hold, flaps, flap_within, on, to, retain_to");
  check(R"("kind":"auto","flaps":1001)", "flaps: 1001: must be a whole number, 0 to 1000");
  check(R"("kind":"auto","raise":3)",
        "raise: unknown key; Allowed here: name, kind, fields, severity, season, for, hold, flaps, "
        "flap_within, on, "
        "to, retain_to");
}

TEST_CASE("what is wrong with a group of peers") {
  const auto check = [](const std::string& keys, const std::string& words) {
    CAPTURE(keys);
    CHECK(problems(stream(R"({"kind":"peers",)" + keys + "}")) == words);
  };
  check(R"("members":3)",
        R"(by: missing; write which keys a group has in common, as ["site"]; []: one group of all)");
  check(R"("by":["device","site"])",
        R"(by: leaves no key that tells the members of a group apart; keys here: "site", "device")");
  check(R"("by":["line"])",
        R"(by/0: "line": is neither captured by "from" nor a tag; known here: "site", "device")");
  check(R"("by":["site","site"])", R"(by/1: "site": stands twice; keep one of them)");
  check(R"("by":["site"],"on":"site.mean")", "on: has no meaning for peers; they compare samples");
  CHECK(problems(R"({"streams":[{"from":"in","detectors":[{"kind":"peers","by":[]}]}]})") ==
        "by: leaves no key that tells the members of a group apart; keys here: none");
}

TEST_CASE("what is wrong with the value of a window") {
  const auto check = [](const std::string& keys, const std::string& words) {
    CAPTURE(keys);
    CHECK(problems(stream(R"({"kind":"auto",)" + keys + "}")) == words);
  };
  const std::string none =
      "must be the name of one of the stream's windows, a point and an aggregate; windows here: \"1m\", "
      "\"site\", \"early\"";
  check(R"("on":"2m.mean")", R"(on: "2m.mean": )" + none);
  check(R"("on":"1m")", R"(on: "1m": )" + none);
  check(
      R"("on":"")",
      R"(on: "": must be a window's name, a point and an aggregate, as "1m.mean"; leave it out for samples)");
  check(R"("on":1)", "on: 1: must be a string");
  check(R"("on":"1m.min")",
        R"(on: "1m.min": window "1m" makes no "min"; add it there, or choose one of "mean", "p99.9")");
  check(
      R"("on":"early.mean")",
      R"(on: "early.mean": the first result of each window is judged, which "emit" of window "early" makes one that is not final; leave that out)");
  check(R"("on":"site.mean","fields":["t","v"])",
        R"(fields/1: "v": is no field of window "site"; known there: "t", "u")");
  check(R"("on":"site.mean","fields":["u"])", "");
}

TEST_CASE("what is wrong with the topics of a detector") {
  const auto check = [](const std::string& keys, const std::string& words) {
    CAPTURE(keys);
    CHECK(problems(stream(R"({"kind":"auto",)" + keys + "}")) == words);
  };
  check(R"("to":"")", R"(to: "": must be a topic; leave it out for the default)");
  check(R"("retain_to":"")", R"(retain_to: "": must be a topic; leave it out to publish no states)");
  check(R"("to":"a/{window}")",
        R"(to: "a/{window}" has {window}; known here: {stream}, {detector}, {field}, {site}, {device})");
  check(R"("on":"site.mean","retain_to":"a/{device}")",
        R"(retain_to: "a/{device}" has {device}; known here: {stream}, {detector}, {field}, {site})");
  const std::string loop =
      R"(: would be read again by subscription "in/+/+" of stream "in"; use another prefix)";
  check(R"("to":"in/{site}/{device}")", R"(to: "in/{site}/{device}")" + loop);
  check(R"("retain_to":"in/{detector}/{device}")", R"(retain_to: "in/{detector}/{device}")" + loop);
  const std::string replaced = "; results would replace each other, so tell their topics apart, as with ";
  check(
      R"("to":"derived/{stream}/{site}/{device}/{field}/1m")",
      R"(to: "derived/{stream}/{site}/{device}/{field}/1m": gives the same topics as /streams/0/windows/0/to)" +
          replaced + "flag/{detector}");
  check(
      R"("retain_to":"derived/{stream}/{site}/{device}/{field}/1m")",
      R"(retain_to: "derived/{stream}/{site}/{device}/{field}/1m": gives the same topics as /streams/0/windows/0/to)" +
          replaced + "state/{detector}");
  check(
      R"("retain_to":"derived/in/{site}/{device}/{field}/flag/auto")",
      R"(retain_to: "derived/in/{site}/{device}/{field}/flag/auto": gives the same topics as /streams/0/flags_to)" +
          replaced + "state/{detector}");
  check(R"("to":"x/{device}","retain_to":"x/{device}")",
        R"(retain_to: "x/{device}": gives the same topics as /streams/0/detectors/0/to)" + replaced +
            "state/{detector}");
  // Flags may share topics; states may not.
  check(R"("to":"x/{device}"},{"name":"b","kind":"auto","to":"x/{device}")", "");
  check(
      R"("retain_to":"x/{device}"},{"name":"b","kind":"auto","retain_to":"x/{device}")",
      R"(config: /streams/0/detectors/1/retain_to: "x/{device}": gives the same topics as /streams/0/detectors/0/retain_to)" +
          replaced + "state/{detector}");
}

TEST_CASE("loader and schema agree on detectors") {
  const auto check = [](const std::string& keys, bool fine) {
    CAPTURE(keys);
    const std::string text = stream("{" + keys + "}");
    CHECK(problems(text).empty() == fine);
    CHECK(schema().accepts(Json::parse(text)) == fine);
    if (fine) CHECK(schema().accepts(Json::parse(bridge::describe(parse_config(text)))));
  };
  check(R"("kind":"range","low":1,"high":2)", true);
  check(R"("kind":"range","low":1)", false);
  check(R"("kind":"range","low":1,"high":2,"margin":-1)", false);
  check(R"("kind":"rate_of_change","fall":1)", true);
  check(R"("kind":"rate_of_change")", false);
  check(R"("kind":"rate_of_change","rise":0)", false);
  check(R"("kind":"rate_of_change","rise":1,"clear":1)", true);
  check(R"("kind":"rate_of_change","rise":1,"clear":1.5)", false);
  check(R"("kind":"mad")", true);
  check(R"("kind":"mad","samples":4)", false);
  check(R"("kind":"mad","warmup":30)", false);
  check(R"("kind":"iqr","deviation_min":1)", false);
  check(R"("kind":"ewma","weight":0)", false);
  check(R"("kind":"cusum","slack":0.5)", true);
  check(R"("kind":"page_hinkley","slack":-1)", false);
  check(R"("kind":"flatline","after":"1m")", true);
  check(R"("kind":"flatline")", false);
  check(R"("kind":"silence","after":"learned","least":"1m")", true);
  check(R"("kind":"silence","after":"1m","least":"1m")", false);
  check(R"("kind":"silence","after":"1m","for":"0s")", false);
  check(R"("kind":"silence","after":"1m","flaps":3)", false);
  check(R"("kind":"seasonal","period":"week","parts":336)", true);
  check(R"("kind":"seasonal","parts":3)", false);
  check(R"("kind":"seasonal","warmup":30)", false);
  check(R"("kind":"peers","by":["site"])", true);
  check(R"("kind":"peers")", false);
  check(R"("kind":"peers","by":"site")", false);
  check(R"("kind":"peers","by":[],"members":2)", false);
  check(R"("kind":"auto")", true);
  check(R"("kind":"auto","raise":6)", false);
  check(R"("kind":"auto","hold":"1m","for":"1m","flaps":0,"flap_within":"0s")", true);
  check(R"("kind":"auto","flaps":-1)", false);
  check(R"("kind":"auto","on":"1m.p99.9")", true);
  check(R"("kind":"auto","on":"mean")", false);
  check(R"("kind":"auto","to":"a/+")", false);
  check(R"("kind":"auto","retain_to":"a/#")", false);
}

TEST_CASE("from the configuration on: a limit on what a window says, and how its flag stands") {
  test::Feed feed(R"({"streams":[{"from":"in/{site}/{device}","lateness":"0s","idle":"1s",
    "windows":[{"name":"1m","length":"1m","by":["site"],"aggregates":["count","mean"],"to":"w/{site}"}],
    "detectors":[{"name":"high","kind":"threshold","on":"1m.mean","above":10,"to":"flag/{site}/{field}",
                  "retain_to":"state/{site}/{field}"},
                 {"name":"top","kind":"threshold","above":100}]}]})");
  // One high sample does not make a high minute; two minutes are high, one is not.
  const double minutes[][2] = {{-85, 95}, {20, 1}, {18, 19}, {1, 2}};
  const auto reading = [](double value) { return Json{{"t", value}}.dump(); };
  for (int minute = 0; minute < 4; ++minute) {
    feed.send(minute * 60s + 10s, "in/s/a", reading(minutes[minute][0]));
    feed.send(minute * 60s + 20s, "in/s/b", reading(minutes[minute][1]));
  }
  feed.tick(10min);
  std::vector<test::Published> flags, states;
  for (const test::Published& one : feed.take()) {
    if (one.topic.starts_with("flag/")) flags.push_back(one);
    if (one.topic.starts_with("state/")) states.push_back(one);
    CHECK(one.retain == one.topic.starts_with("state/"));
    CHECK(one.topic.find("top") == std::string::npos);
  }
  REQUIRE(flags.size() == 2);
  CHECK(flags[0].topic == "flag/s/t");
  CHECK(flags[0].payload ==
        R"({"v":1,"id":"in/high/s/t/1767225720000","state":"raised","detector":"high","kind":"threshold",)"
        R"("severity":"warning","window":"1m","aggregate":"mean","site":"s","field":"t",)"
        R"("time":"2026-01-01T00:02:00Z","value":10.5,"high":10,"score":1,"since":"2026-01-01T00:02:00Z"})");
  const Json cleared = Json::parse(flags[1].payload);
  CHECK(cleared.at("state") == "cleared");
  CHECK(cleared.at("id") == Json::parse(flags[0].payload).at("id"));
  CHECK(cleared.at("time") == "2026-01-01T00:04:00Z");
  CHECK(cleared.at("value") == 1.5);
  REQUIRE(states.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(states[i].topic == "state/s/t");
    CHECK(states[i].payload == flags[i].payload);
  }
}
