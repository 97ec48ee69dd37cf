// What replay tells beside results: every judgement as a line, charts as a page, and what two configurations
// flag differently.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "bridge/chart_page.h"
#include "bridge/commands.h"
#include "bridge/flag_match.h"
#include "bridge/rules.h"
#include "tests/json_schema.h"
#include "tests/run_program.h"
#include "tests/xml_check.h"

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using bridge::FlagSpan;
using test::TempFolder;

constexpr std::int64_t day_ms = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

std::string line(std::int64_t at_ms, const std::string& topic, double value) {
  return Json{{"t", day_ms + at_ms}, {"topic", topic}, {"payload", {{"t", value}}}}.dump() + '\n';
}

std::string hot(const std::string& limits) {
  return R"({"streams":[{"name":"climate","from":"a/{device}","windows":[],"detectors":[
    {"name":"hot","kind":"threshold",)" +
         limits + "}]}]}";
}

struct Written {
  std::string scores;
  std::string plot;
  std::string out;
};

// What a replay writes.
Written replayed(const std::string& config, const std::string& traffic, std::uint32_t workers,
                 const std::string& scores = "scores.jsonl", std::size_t plot_series = 50) {
  const TempFolder folder;
  bridge::ReplayOptions options;
  options.files = {folder.write("in.jsonl", traffic)};
  options.scores = folder.file(scores);
  options.plot = folder.file("plot.html");
  options.out = folder.file("out");
  options.plot_series = plot_series;
  options.workers = workers;
  REQUIRE(bridge::replay(bridge::parse_config(config), options) == 0);
  return {folder.read(scores), folder.read("plot.html"), folder.read("out")};
}

// Devices that come and go, of two streams, with spikes, shifts and silence.
std::string traffic(int messages) {
  std::mt19937_64 random{20261123};
  std::string lines;
  std::int64_t now = 0;
  for (int i = 0; i < messages; ++i) {
    now += static_cast<std::int64_t>(random() % 200);
    const std::uint64_t device =
        random() % 20 == 0 ? 100 + static_cast<std::uint64_t>(i) / 200 : random() % 9;
    const double value = 20 + static_cast<double>(random() % 1000) / 1000 + (random() % 200 == 0 ? 90 : 0);
    lines += line(now, (device % 4 == 0 ? "b/x/" : "a/") + std::to_string(device), value);
  }
  return lines;
}

constexpr const char* both_streams = R"({"limits":{"series_ttl":"1m"},"streams":[
  {"name":"climate","from":"a/{device}","windows":[{"length":"10s"}],"detectors":[
    {"name":"hot","kind":"threshold","above":100,"clear":50},
    {"name":"odd","kind":"zscore","warmup":8,"severity":"critical"},
    {"name":"gone","kind":"silence","after":"5s"}]},
  {"name":"power","from":"b/{up}/{device}","windows":[],"detectors":[{"name":"odd","kind":"zscore","warmup":8}]}]})";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

FlagSpan span(const std::string& series, int raised_s, int ended_s) {
  const core::Time day{std::chrono::milliseconds{day_ms}};
  FlagSpan span;
  span.series = series;
  span.id = series + '/' + std::to_string(raised_s);
  span.raised = day + std::chrono::seconds{raised_s};
  if (ended_s >= 0) span.ended = day + std::chrono::seconds{ended_s};
  return span;
}

// "s:0 20|5; :|7" and so on: of each match its series, and where the flags of A and B were raised.
std::string matched(const std::vector<FlagSpan>& a, const std::vector<FlagSpan>& b) {
  std::string text;
  for (const bridge::FlagMatch& match : bridge::match_flags(a, b)) {
    text += text.empty() ? "" : "; ";
    for (const FlagSpan* flag : match.a) text += flag->id + ' ';
    text += '|';
    for (const FlagSpan* flag : match.b) text += ' ' + flag->id;
  }
  return text;
}

}  // namespace

TEST_CASE("scores: a line for every judgement, as JSON and as CSV") {
  const std::string in = line(0, "a/d1", 70) + line(1000, "a/d1", 85.5) + line(2000, "a/d,\"2", 90) +
                         line(2500, "a/d1", 77.5) + line(3000, "a/d1", 60);
  const std::string config = hot(R"("above":80,"clear":75)");
  CHECK(
      replayed(config, in, 0).scores ==
      R"({"time":"2026-01-01T00:00:00Z","stream":"climate","device":"d1","field":"t","detector":"hot","value":70,"score":0,"state":"quiet","up":false,"high":80}
{"time":"2026-01-01T00:00:01Z","stream":"climate","device":"d1","field":"t","detector":"hot","value":85.5,"score":1,"state":"fire","up":true,"high":80}
{"time":"2026-01-01T00:00:02Z","stream":"climate","device":"d,\"2","field":"t","detector":"hot","value":90,"score":1,"state":"fire","up":true,"high":80}
{"time":"2026-01-01T00:00:02.500Z","stream":"climate","device":"d1","field":"t","detector":"hot","value":77.5,"score":0.5,"state":"between","up":true,"high":80}
{"time":"2026-01-01T00:00:03Z","stream":"climate","device":"d1","field":"t","detector":"hot","value":60,"score":0,"state":"quiet","up":false,"high":80}
)");
  CHECK(replayed(config, in, 0, "scores.csv").scores ==
        R"(time,stream,device,field,detector,value,score,state,up,expected,low,high
2026-01-01T00:00:00Z,climate,d1,t,hot,70,0,quiet,false,,,80
2026-01-01T00:00:01Z,climate,d1,t,hot,85.5,1,fire,true,,,80
2026-01-01T00:00:02Z,climate,"d,""2",t,hot,90,1,fire,true,,,80
2026-01-01T00:00:02.500Z,climate,d1,t,hot,77.5,0.5,between,true,,,80
2026-01-01T00:00:03Z,climate,d1,t,hot,60,0,quiet,false,,,80
)");
}

TEST_CASE("scores: CSV has a column for every key of any stream that has detectors") {
  const std::string csv =
      replayed(both_streams, line(0, "a/d1", 1) + line(0, "b/x/d2", 2), 0, "scores.csv").scores;
  CHECK(csv == R"(time,stream,device,key_up,field,detector,value,score,state,up,expected,low,high
2026-01-01T00:00:00Z,climate,d1,,t,hot,1,0,quiet,false,,,100
2026-01-01T00:00:00Z,climate,d1,,t,odd,1,0,warming,false,,,
2026-01-01T00:00:00Z,power,d2,x,t,odd,2,0,warming,false,,,
)");
}

TEST_CASE("scores and charts: the same bytes for any number of workers, and the results are what they were") {
  const std::string in = traffic(4000);
  const Written expected = replayed(both_streams, in, 0);
  const Written csv = replayed(both_streams, in, 0, "scores.csv");
  CHECK(count(csv.scores, "\n") == count(expected.scores, "\n") + 1);
  for (const std::uint32_t workers : {1U, 2U, 7U}) {
    CAPTURE(workers);
    const Written same = replayed(both_streams, in, workers);
    CHECK((same.scores == expected.scores));
    CHECK((same.plot == expected.plot));
    CHECK((same.out == expected.out));
    CHECK((replayed(both_streams, in, workers, "scores.csv").scores == csv.scores));
  }
  const TempFolder folder;
  bridge::ReplayOptions plain;
  plain.files = {folder.write("in.jsonl", in)};
  plain.out = folder.file("out");
  REQUIRE(bridge::replay(bridge::parse_config(both_streams), plain) == 0);
  CHECK((folder.read("out") == expected.out));
}

TEST_CASE("scores: every line is valid, and a flag is up where the results say so") {
  const auto schema =
      json_schema::Schema::from_file(std::string{WEIR_SOURCE_DIR} + "/schemas/score.schema.json");
  const Written written = replayed(both_streams, traffic(1500), 0);
  std::istringstream lines(written.scores);
  std::map<std::string, std::size_t> states;
  std::map<std::string, bool> up;
  std::size_t raised = 0;
  for (std::string text; std::getline(lines, text);) {
    const Json score = Json::parse(text);
    CAPTURE(text);
    CHECK(schema.accepts(score));
    ++states[score["state"]];
    bool& before = up[score["stream"].get<std::string>() + '/' + score["device"].get<std::string>() + '/' +
                      score["detector"].get<std::string>()];
    if (score["up"] && !before) ++raised;
    before = score["up"];
  }
  CHECK(states["warming"] > 0);
  CHECK(states["quiet"] > 0);
  CHECK(states["fire"] > 0);
  const std::size_t silences = count(written.out, R"("state":"raised","detector":"gone")");
  CHECK(silences > 0);
  CHECK(count(written.out, R"("state":"raised")") - silences == raised);
}

TEST_CASE("nobody explains what nobody asked about") {
  const bridge::Config config = bridge::parse_config(both_streams);
  const auto reports = [](const bridge::Rules& rules) {
    return rules.streams()[0]->groupings[0].other->reports_scores;
  };
  CHECK_FALSE(reports(bridge::Rules(config)));
  CHECK(reports(bridge::Rules(config, true)));
}

TEST_CASE("a track keeps spikes in bounded memory") {
  bridge::Track track;
  const core::Time day{std::chrono::milliseconds{day_ms}};
  const auto add = [&](core::Duration at, double value, core::Condition condition, double score) {
    const core::Verdict verdict{
        .condition = condition, .score = score, .expected = 1, .low = 0, .high = value};
    track.add({0, day + at, value, verdict, false});
  };
  add(0s, 1, core::Condition::warming, 0);
  for (int i = 1; i <= 1'000'000; ++i) {
    const bool spike = i == 777'777;
    add(i * 10ms, spike ? -500 : 2 + i % 3, core::Condition::quiet, spike ? 0.9 : 0.1);
  }
  CHECK(track.columns().size() <= bridge::Track::columns_max);
  CHECK(track.columns().size() >= bridge::Track::columns_max / 3);
  CHECK(track.warm() == day + 10ms);
  std::size_t spikes = 0;
  for (std::size_t i = 0; i < track.columns().size(); ++i) {
    const bridge::Column& column = track.columns()[i];
    CHECK(column.max <= 4);
    if (i != 0) CHECK(column.time > track.columns()[i - 1].time);
    if (column.min != -500) continue;
    ++spikes;
    CHECK(column.time == day + 777'777 * 10ms);
    CHECK(column.score == 0.9);
    CHECK(column.high == -500);
  }
  CHECK(spikes == 1);
}

TEST_CASE("few values keep their own times, however unevenly they come") {
  bridge::Track track;
  const core::Time day{std::chrono::milliseconds{day_ms}};
  const core::Verdict verdict{};
  for (int i = 0; i < 40; ++i) track.add({0, day + core::Duration{1LL << i}, 1.0 * i, verdict, false});
  REQUIRE(track.columns().size() == 40);
  CHECK(track.columns()[39].time == day + core::Duration{1LL << 39});
}

TEST_CASE("the page is well-formed, whatever devices are called, and says why something was flagged") {
  std::string in;
  for (int i = 0; i < 60; ++i) {
    const std::string device = i % 2 == 0 ? "d1" : R"(<script>alert('1')<\/script>&\"\u0085)";
    in += R"({"t":)" + std::to_string(day_ms + i * 1000) + R"(,"topic":"a/)" + device +
          R"(","payload":{"t\u0001<b>":)" + std::to_string(i == 41 ? 95.5 : 20 + i % 3) + "}}\n";
  }
  const std::string config =
      R"({"streams":[{"name":"c<&>\"","from":"a/{device...}","windows":[],"detectors":[
        {"name":"odd<b>","kind":"zscore","warmup":8,"severity":"critical"},
        {"name":"gone","kind":"silence","after":"1500ms"}]}]})";
  const std::string page = replayed(config, in, 0).plot;
  CHECK(test::XmlCheck(page).problem() == "");
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("<b>") == std::string::npos);
  CHECK(page.find("&lt;script&gt;alert(&#39;1&#39;)") != std::string::npos);
  CHECK(page.find("value 95.5, expected ") != std::string::npos);
  CHECK(page.find("class=\"flag critical\"") != std::string::npos);
  CHECK(page.find("<title>odd&lt;b&gt; since 2026-01-01T00:00:41Z") != std::string::npos);
  CHECK(page.find("class=\"band\"") != std::string::npos);
  CHECK(page.find("class=\"warming\"") != std::string::npos);
  CHECK(page.find("http://") == page.find("http://www.w3.org/1999/xhtml"));
  CHECK(count(page, "://") == 1);
}

TEST_CASE("the page shows flagged series first, so many of them, and stays small") {
  std::string in;
  for (int i = 0; i < 3000; ++i) {
    for (int device = 0; device < 8; ++device) {
      in += line(i * 1000, "a/d" + std::to_string(device), device == 6 && i % 100 == 50 ? 99 : i % 7);
    }
  }
  const std::string page = replayed(hot(R"("above":80)"), in, 2, "scores.csv", 3).plot;
  CHECK(test::XmlCheck(page).problem() == "");
  CHECK(page.find("8 series judged, 3 shown, 5 left out") != std::string::npos);
  CHECK(page.find("<bdi>d6</bdi>") < page.find("<bdi>d0</bdi>"));
  CHECK(page.find("<bdi>d1</bdi>") != std::string::npos);
  CHECK(page.find("<bdi>d2</bdi>") == std::string::npos);
  CHECK(page.find("30 flags") != std::string::npos);
  CHECK(page.size() < 3 * 60'000);
}

TEST_CASE("charts of extreme, equal, lone and no values are well-formed") {
  const auto check = [](const std::string& in, const std::string& config) {
    const std::string page = replayed(config, in, 0).plot;
    CHECK(test::XmlCheck(page).problem() == "");
    CHECK(page.find("nan") == std::string::npos);
    CHECK(page.find("inf\"") == std::string::npos);
    CHECK(page.find("inf ") == std::string::npos);
  };
  const std::string config = hot(R"("above":80)");
  check("", config);
  check(line(0, "a/d", 5), config);
  check(line(0, "a/d", 5) + line(0, "a/d", 5), config);
  check(line(0, "a/d", 0) + line(1, "a/d", 0), config);
  check(line(0, "a/d", 1.7e308) + line(1, "a/d", -1.7e308), config);
  check(line(0, "a/d", 5e-324) + line(86'400'000LL * 4000, "a/d", 0), config);
  check(line(0, "a/d", 1e15) + line(1, "a/d", 1e15 + 0.125), config);
  check(
      line(0, "a/d", 1) + line(60'000, "a/e", 1),
      R"({"streams":[{"from":"a/{d}","windows":[],"detectors":[{"name":"gone","kind":"silence","after":"5s"}]}]})");
}

TEST_CASE("flags match where their series is one and their times overlap") {
  CHECK(matched({}, {}) == "");
  CHECK(matched({span("s", 0, 10)}, {}) == "s/0 |");
  CHECK(matched({}, {span("s", 0, 10)}) == "| s/0");
  CHECK(matched({span("s", 0, 10)}, {span("s", 5, 15)}) == "s/0 | s/5");
  CHECK(matched({span("s", 0, 10)}, {span("t", 5, 15)}) == "s/0 |; | t/5");
  CHECK(matched({span("s", 0, 10)}, {span("s", 10, 15)}) == "s/0 |; | s/10");
  CHECK(matched({span("s", 3, 3)}, {span("s", 3, 9)}) == "s/3 | s/3");
  CHECK(matched({span("s", 3, 3)}, {span("s", 3, 3)}) == "s/3 | s/3");
  // One that is still up overlaps with all that follow.
  CHECK(matched({span("s", 0, -1)}, {span("s", 500, 501), span("s", 600, 601)}) == "s/0 | s/500 s/600");
  // A chain is one match; what lies apart is another. Matches come by time, not by series.
  CHECK(matched({span("s", 0, 10), span("s", 20, 30), span("s", 50, 60)}, {span("s", 5, 25)}) ==
        "s/0 s/20 | s/5; s/50 |");
  CHECK(matched({span("s", 9, 10)}, {span("t", 5, 6)}) == "| t/5; s/9 |");
}

TEST_CASE("flags are read from results: raised, cleared, still up, given up") {
  bridge::Outbox outbox(1 << 20);
  const auto push = [&](const std::string& id, const char* state, int second) {
    const std::string payload = R"({"v":1,"id":")" + id + R"(","state":")" + state +
                                R"(","time":"2026-01-01T00:00:)" + std::to_string(second) +
                                R"(Z","value":48.2,"expected":21.4,"low":20.1,"high":22.75,"score":0.998})";
    REQUIRE(outbox.push({0, 0, "topic", payload}));
  };
  REQUIRE(outbox.push({0, 0, "topic", R"({"v":1,"stream":"s","window":"1m"})"}));
  push("s/odd/d%2F1/t/1", "raised", 10);
  push("s/odd/d2/t/1", "flapping", 11);
  push("s/odd/d%2F1/t/1", "cleared", 12);
  push("s/odd/d3/t/1", "raised", 13);
  push("s/odd/d3/t/2", "raised", 17);
  bridge::FlagSpans spans;
  spans.take({&outbox});
  const std::vector<FlagSpan> all = spans.finish();
  REQUIRE(all.size() == 4);
  CHECK(outbox.front() == nullptr);
  CHECK(all[0].id == "s/odd/d%2F1/t/1");
  CHECK(all[0].series == "s/odd/d%2F1/t");
  CHECK(all[0].rule == "s/odd");
  CHECK(*all[0].ended - all[0].raised == 2s);
  CHECK(all[0].cleared);
  CHECK(all[0].why == "value 48.2, expected 21.4 (20.1 to 22.75), score 0.998");
  CHECK_FALSE(all[1].ended);
  CHECK(*all[2].ended == all[3].raised);
  CHECK_FALSE(all[2].cleared);
  CHECK_FALSE(all[3].ended);
}

TEST_CASE("diff says what two configurations flag differently") {
  const TempFolder folder;
  std::string in;
  const std::vector<double> values{20, 85, 85, 20, 20, 70, 70, 70, 20, 95};
  for (std::size_t i = 0; i < values.size(); ++i)
    in += line(static_cast<std::int64_t>(i) * 1000, "a/d1", values[i]);
  const std::string recorded = folder.write("monday.jsonl", in);
  const std::string a = folder.write("a.json", hot(R"("above":80)"));
  const std::string b = folder.write("b.json", hot(R"("above":60,"for":"1s")"));
  const test::Ran text = test::run_weir({"diff", a, b, recorded});
  CAPTURE(text.err);
  CHECK(text.code == 0);
  CHECK(text.out == R"(only A raises: 1
  2026-01-01T00:00:09Z  still up  climate/hot/d1/t/1767225609000
      value 95, expected at most 80, score 1

only B raises: 1
  2026-01-01T00:00:06Z  up 2s  climate/hot/d1/t/1767225605000
      value 70, expected at most 60, score 1

both raise: 1
  A 2026-01-01T00:00:01Z  up 2s  climate/hot/d1/t/1767225601000
        value 85, expected at most 80, score 1
  B 2026-01-01T00:00:02Z  up 1s  climate/hot/d1/t/1767225601000
        value 85, expected at most 60, score 1

  only A    only B      both  detector
         1         1         1  climate/hot
)");
  const test::Ran json = test::run_weir({"diff", "--json", a, b, recorded, "--workers", "2"});
  CHECK(json.code == 0);
  CHECK(
      json.out ==
      R"({"raised_by":"both","detector":"climate/hot","a":[{"id":"climate/hot/d1/t/1767225601000","raised":"2026-01-01T00:00:01Z","cleared":"2026-01-01T00:00:03Z","why":"value 85, expected at most 80, score 1"}],"b":[{"id":"climate/hot/d1/t/1767225601000","raised":"2026-01-01T00:00:02Z","cleared":"2026-01-01T00:00:03Z","why":"value 85, expected at most 60, score 1"}]}
{"raised_by":"b","detector":"climate/hot","a":[],"b":[{"id":"climate/hot/d1/t/1767225605000","raised":"2026-01-01T00:00:06Z","cleared":"2026-01-01T00:00:08Z","why":"value 70, expected at most 60, score 1"}]}
{"raised_by":"a","detector":"climate/hot","a":[{"id":"climate/hot/d1/t/1767225609000","raised":"2026-01-01T00:00:09Z","why":"value 95, expected at most 80, score 1"}],"b":[]}
{"summary":"climate/hot","only_a":1,"only_b":1,"both":1}
)");
  CHECK(test::run_weir({"diff", a, a, recorded}).out.find("only A raises: 0\n\nonly B raises: 0\n") == 0);
  CHECK(test::run_weir({"diff", a, b, "-"}).code == 2);
}
