#include "bridge/config.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "bridge/check.h"
#include "bridge/error.h"
#include "bridge/zone.h"
#include "tests/config_equal.h"
#include "tests/json_schema.h"
#include "tests/temp_folder.h"

using bridge::Config;
using bridge::parse_config;
using bridge::SetupError;
using core::Duration;
using json_schema::Json;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

std::string file_text(const std::string& path) {
  std::ifstream in(std::string{WEIR_SOURCE_DIR} + "/" + path);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

const json_schema::Schema& schema() {
  static const json_schema::Schema made =
      json_schema::Schema::from_file(std::string{WEIR_SOURCE_DIR} + "/schemas/config.schema.json");
  return made;
}

Json json_of(const std::string& text) { return Json::parse(text, nullptr, true, true); }

// Shown as text when a comparison fails.
struct Lines {
  Strings all;
  Lines(Strings lines) : all(std::move(lines)) {}
  Lines(std::initializer_list<std::string> lines) : all(lines) {}
  bool operator==(const Lines&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Lines& lines) {
    for (const std::string& line : lines.all) out << '\n' << line;
    return out;
  }
};

// What the loader says against a text, line by line; empty when it takes it.
Lines problems(const std::string& text) {
  try {
    static_cast<void>(parse_config(text));
    return {};
  } catch (const SetupError& error) {
    std::istringstream in(error.what());
    Strings lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
}

// One stream with these further keys.
std::string stream(const std::string& keys) { return R"({"streams":[{"from":"in/{device}")" + keys + "}]}"; }
// The smallest good configuration with this section.
std::string with(const std::string& section) {
  return R"({"streams":[{"from":"in/{device}"}],)" + section + "}";
}

const std::string good = R"({"streams":[{"from":"sensors/{device}/#"}]})";

// A window of panes by length; `retention` zero: `every`.
core::WindowSpec by_length(std::string name, Duration length, Duration every, Duration offset = 0s,
                           Duration retention = 0s) {
  core::WindowSpec spec;
  spec.name = std::move(name);
  spec.kind = every == length ? core::WindowKind::tumbling : core::WindowKind::hopping;
  spec.length = length;
  spec.every = every;
  spec.offset = offset;
  spec.retention = retention == 0s ? every : retention;
  return spec;
}

bridge::DetectorConfig detector(std::string name, core::DetectorSpec::Kind kind,
                                core::Severity severity = core::Severity::warning, Strings fields = {}) {
  bridge::DetectorConfig made;
  made.spec.name = std::move(name);
  made.spec.kind = kind;
  made.spec.severity = severity;
  made.fields = std::move(fields);
  return made;
}

std::vector<core::Aggregate> aggregates(std::initializer_list<const char*> names) {
  std::vector<core::Aggregate> all;
  for (const char* const name : names) all.push_back(core::find_aggregate(name).value());
  return all;
}

}  // namespace

TEST_CASE("the smallest file has every default") {
  const Config config = parse_config(good);
  CHECK(config.broker.url == "mqtt://localhost:1883");
  CHECK(config.broker.keep_alive == 30s);
  CHECK(config.aggregation.ring_buffer_size == 4096);
  CHECK(config.http.listen == "127.0.0.1:9641");
  REQUIRE(config.streams.size() == 1);
  const bridge::StreamConfig& stream = config.streams[0];
  CHECK(stream.name == "sensors");
  CHECK(stream.flags_to == "derived/{stream}/{device}/{field}/flag/{detector}");
  CHECK(stream.payload.exclude == bridge::housekeeping());
  REQUIRE(stream.windows.size() == 1);
  CHECK(test::same(stream.windows[0].spec, by_length("1m", 1min, 1min)));
  CHECK(stream.windows[0].by == Strings{"device"});
  CHECK(stream.windows[0].to == "derived/{stream}/{device}/{field}/{window}");
  REQUIRE(stream.detectors.size() == 1);
  CHECK(test::same(stream.detectors[0].spec, detector("odd", core::AutoSpec{}).spec));
  CHECK(test::same(config, bridge::config_from_pattern("sensors/{device}/#")));
}

const std::string every_key = R"({
  "broker": {"url": "mqtts://[::1]:8884", "client_id": "w 1", "username": "u", "password_file": "p",
             "tls": {"ca": "a", "cert": "c", "key": "k"}, "protocol": 4, "keep_alive": "1m", "session_expiry": "1d",
             "receive_maximum": 7, "client": "paho", "read_interval": "2ms", "connections": 3},
  "aggregation": {"shard_count": 3, "batch_size": 64, "flush_interval": "1.5ms", "ring_buffer_size": 128, "when_full": "shed"},
  "limits": {"series_max": 2147483648, "series_ttl": "3m", "journal_bytes": 1099511627776, "payload_bytes_max": 10, "topic_bytes_max": 11},
  "streams": [
    {"name": "replies", "from": "site/+/reply", "ignore": true},
    {"name": "climate", "from": "site/{site}/{device}", "ignore": false, "qos": 2, "retained": "seed", "series_max": 9,
     "payload": {"format": "jsonl", "when": {"/type": "a\"\\ü", "/n": 2, "/x": 1.5, "/t": true, "/z": null},
       "each": {"at": "/rows", "as": "columns"},
       "fields": {"temperature": "/t", "all": "", "power": {"at": "/p~1q", "strings": "number", "number_from": "bool",
         "map": {"ON": 1, "OFF": 0}, "null": [-127, 85], "scale": 0.1, "offset": 2, "range": [-40, 125]}},
       "tags": {"line": "/line", "area": "/a/b"}, "time": ["/ts", "/Time"], "time_unit": "ms"},
     "lateness": "1s", "future": "2s", "idle": "3s", "cadence": "learned", "late_to": "late/{site}/{line}/{field}",
     "windows": [{"name": "w", "kind": "hopping", "length": "1m", "every": "10s", "offset": "2s", "retention": "5s",
                  "emit": "on_change", "empty": "null", "spread": "9s", "by": ["line", "site"], "fields": ["power"], "aggregates": ["avg", "last"],
                  "to": "out/{site}/{line}/{field}/{window}"},
                 {"length": "5m", "every": "1m"}],
     "detectors": [{"name": "hot", "kind": "threshold", "fields": ["temperature"], "above": 80, "clear": 75, "for": "30s",
                    "severity": "critical"},
                   {"kind": "threshold", "below": -1.5},
                   {"name": "z", "kind": "zscore", "raise": 5, "clear": 2, "warmup": 8, "memory": 9, "deviation_min": 0.25,
                    "for": "1s"},
                   {"kind": "silence", "after": "3m", "severity": "info"}],
     "flags_to": "flags/{site}/{device}/{line}/{area}/{detector}", "flag_days_to": "days/{stream}/{site}/{field}"},
    {"from": "rows/{device}", "retained": "accept",
     "payload": {"each": {"at": "", "as": "map"}, "name": "/n", "value": {"at": "/v", "strings": "number"}, "include": ["a*"],
                 "exclude": [], "time": "/t", "time_unit": "ns"}, "windows": [], "detectors": [{"kind": "zscore"}]},
    {"from": "kinds/{device}", "windows": [
       {"kind": "sliding", "length": "1m", "samples_max": 77, "aggregates": ["p50", "mode"]},
       {"kind": "count", "samples": 100, "aggregates": ["p99.9", "distinct"], "error": 0.02, "kept": 5},
       {"kind": "count", "samples": 100, "step": 1, "cadence": "2s"},
       {"kind": "session", "gap": "30s", "aggregates": ["above_count", "below_count", "in_range_count"], "above": 5, "below": -5,
        "range": [-1, 1]},
       {"kind": "cumulative", "every": "10s", "empty": "last", "emit": "2s", "spread": "1s", "offset": "3s",
        "aggregates": ["ewma", "integral", "rate"], "half_life": "7s", "hold": "8s", "interpolate": "linear"},
       {"kind": "calendar", "calendar": {"unit": "week", "week_start": "sunday", "day_start": "06:30", "zone": "Europe/Berlin"},
        "aggregates": ["outlier_count"], "outliers": "mad"},
       {"kind": "calendar", "calendar": {"unit": "shifts", "shifts": ["06:00", "14:00", "22:00"]}, "retention": "2h"},
       {"kind": "calendar", "calendar": {"unit": "hour"}, "empty": "zero"}], "detectors": []}],
  "publish": {"qos": 2, "retain": true, "buffer": 5, "max_rate": 6},
  "status": {"topic": "up/{client_id}", "every": "1m"},
  "http": {"listen": ""},
  "log": {"level": "debug", "format": "json"}
})";

TEST_CASE("every key of the broker, the engine and the outputs reaches its member") {
  const Config config = parse_config(every_key);
  CHECK(test::same(config.broker, {"mqtts://[::1]:8884",
                                   "w 1",
                                   "u",
                                   "p",
                                   "",
                                   {"a", "c", "k"},
                                   4,
                                   1min,
                                   24h,
                                   7,
                                   bridge::Client::paho,
                                   2ms,
                                   3,
                                   ""}));
  CHECK(parse_config(with(R"("broker":{"share":"g 1"})")).broker.share == "g 1");
  CHECK(test::same(config.aggregation, {3, 64, 1500us, 128, bridge::WhenFull::shed}));
  CHECK(test::same(config.limits, {2147483648U, 3min, 1099511627776U, 10, 11}));
  CHECK(test::same(config.publish, {2, true, 5, 6}));
  CHECK(test::same(config.status, {"up/{client_id}", 1min}));
  CHECK(config.http.listen == "");
  CHECK(config.log.level == "debug");
  CHECK(config.log.format == "json");
}

TEST_CASE("a number of `when` is one number however it is written, and survives describe") {
  const auto written = [](const std::string& number) {
    const Config config =
        parse_config(R"({"streams":[{"from":"a/{d}","payload":{"when":{"/n":)" + number + "}}}]}");
    CHECK(test::same(config, parse_config(bridge::describe(config))));
    return config.streams[0].payload.when.at("/n");
  };
  CHECK(written("5555555555277.77776") == "5555555555277.777");  // fuzzing found: was kept as written
  CHECK(written("1.50e0") == "1.5");
  CHECK(written("-0.0") == "0");
  CHECK(written("1e300") == "1e300");
  CHECK(written("9007199254740993") == "9007199254740993");  // no double is: compared digit by digit
  CHECK(written("18446744073709551615") == "18446744073709551615");
  CHECK(written("-9223372036854775808") == written("-9.223372036854775808e18"));
}

TEST_CASE("every key of a stream reaches its member") {
  const Config config = parse_config(every_key);
  REQUIRE(config.streams.size() == 4);
  const bridge::StreamConfig& ignored = config.streams[0];
  CHECK(ignored.name == "replies");
  CHECK(ignored.ignore);
  CHECK(ignored.windows.empty());
  CHECK(ignored.detectors.empty());

  const bridge::StreamConfig& climate = config.streams[1];
  CHECK(climate.name == "climate");
  CHECK(climate.from == "site/{site}/{device}");
  CHECK_FALSE(climate.ignore);
  CHECK(climate.qos == 2);
  CHECK(climate.retained == bridge::Retained::seed);
  CHECK(climate.series_max == 9);
  CHECK(config.streams[2].series_max == 2147483648U);
  CHECK(climate.lateness == 1s);
  CHECK(climate.future == 2s);
  CHECK(climate.idle == 3s);
  CHECK(climate.cadence == Duration{0});
  CHECK(climate.late_to == "late/{site}/{line}/{field}");
  CHECK(climate.flags_to == "flags/{site}/{device}/{line}/{area}/{detector}");
  CHECK(climate.flag_days_to == "days/{stream}/{site}/{field}");
  const bridge::PayloadConfig& payload = climate.payload;
  CHECK(payload.format == bridge::Format::jsonl);
  CHECK(payload.when ==
        std::map<std::string, std::string>{
            {"/type", R"("a\"\\ü")"}, {"/n", "2"}, {"/x", "1.5"}, {"/t", "true"}, {"/z", "null"}});
  CHECK(payload.each->at == "/rows");
  CHECK(payload.each->as == bridge::EachAs::columns);
  const std::vector<bridge::FieldConfig> fields{
      {"temperature", "/t", false, false, {}, {}, 1, 0, {}},
      {"all", "", false, false, {}, {}, 1, 0, {}},
      {"power", "/p~1q", true, true, {{"ON", 1}, {"OFF", 0}}, {-127, 85}, 0.1, 2, {{-40, 125}}}};
  CHECK(test::same(payload.fields, fields));
  CHECK(payload.tags ==
        std::vector<std::pair<std::string, std::string>>{{"line", "/line"}, {"area", "/a/b"}});
  CHECK(payload.time == Strings{"/ts", "/Time"});
  CHECK(payload.time_unit == bridge::TimeUnit::ms);

  std::vector<bridge::WindowConfig> windows{
      {by_length("w", 1min, 10s, 2s, 5s), {"line", "site"}, {"power"}, "out/{site}/{line}/{field}/{window}"},
      {by_length("5m-1m", 5min, 1min),
       {"site", "device", "line", "area"},
       {},
       "derived/{stream}/{site}/{device}/{line}/{area}/{field}/{window}"}};
  windows[0].spec.emit = core::Emit::on_change;
  windows[0].spec.empty = core::Empty::null;
  windows[0].spec.spread = 9s;
  windows[0].spec.aggregates = aggregates({"mean", "last", "completeness", "gap"});
  windows[1].spec.aggregates = aggregates({"count", "mean", "min", "max", "stddev", "completeness", "gap"});
  CHECK(test::same(climate.windows, windows));
  using core::Severity;
  std::vector<bridge::DetectorConfig> detectors{
      detector("hot", core::ThresholdSpec{80, {}, 75}, Severity::critical, {"temperature"}),
      detector("threshold", core::ThresholdSpec{{}, -1.5, {}}),
      detector("z", core::ZscoreSpec{{5, 2, 8, 9, 0.25}}),
      detector("silence", core::SilenceSpec{.after = 3min}, Severity::info)};
  detectors[0].spec.life.least = 30s;
  detectors[2].spec.life.least = 1s;
  CHECK(test::same(climate.detectors, detectors));
}

TEST_CASE("rows of names and values, maps and globs reach their members") {
  const Config config = parse_config(every_key);
  const bridge::StreamConfig& rows = config.streams.at(2);
  CHECK(rows.name == "rows");
  CHECK(rows.retained == bridge::Retained::accept);
  CHECK(rows.payload.each->at == "");
  CHECK(rows.payload.each->as == bridge::EachAs::map);
  CHECK(rows.payload.name_at == "/n");
  CHECK(rows.payload.value_at == "/v");
  CHECK(rows.payload.value_as.strings);
  CHECK(rows.payload.value_as.at == "");
  CHECK(rows.payload.include == Strings{"a*"});
  CHECK(rows.payload.exclude.empty());
  CHECK(rows.payload.time == Strings{"/t"});
  CHECK(rows.windows.empty());
  CHECK(rows.flags_to == "derived/{stream}/{device}/{key}/{field}/flag/{detector}");
  CHECK(bridge::series_keys(rows) == Strings{"device", "key"});
}

TEST_CASE("every key of every kind of window reaches its member, and the others have their defaults") {
  const Config config = parse_config(every_key);
  const auto& windows = config.streams.at(3).windows;
  REQUIRE(windows.size() == 8);
  const auto check = [&](std::size_t i, const core::WindowSpec& expected) {
    CAPTURE(i);
    CHECK(test::same(windows[i].spec, expected));
  };
  using core::WindowKind;
  const auto of = [](WindowKind kind, const char* name) {
    core::WindowSpec spec;
    spec.kind = kind;
    spec.name = name;
    return spec;
  };
  core::WindowSpec sliding = of(WindowKind::sliding, "sliding-1m");
  sliding.length = 1min;
  sliding.samples_max = 77;
  sliding.aggregates = aggregates({"median", "mode"});
  check(0, sliding);
  core::WindowSpec count = of(WindowKind::count, "count-100");
  count.samples = count.step = 100;
  count.aggregates = aggregates({"p99.9", "distinct"});
  count.error = 0.02;
  count.kept = 5;
  check(1, count);
  core::WindowSpec each = of(WindowKind::count, "count-100-1");
  each.samples = 100;
  each.step = 1;
  each.cadence = 2s;
  each.aggregates = aggregates({"count", "mean", "min", "max", "stddev", "completeness", "gap"});
  check(2, each);
  core::WindowSpec session = of(WindowKind::session, "session-30s");
  session.gap = 30s;
  session.aggregates = aggregates({"above_count", "below_count", "in_range_count"});
  session.above = 5;
  session.below = -5;
  session.range = {-1, 1};
  check(3, session);
  core::WindowSpec total = of(WindowKind::cumulative, "total-10s");
  total.every = total.retention = 10s;
  total.offset = 3s;
  total.spread = 1s;
  total.emit = core::Emit::every;
  total.emit_every = 2s;
  total.empty = core::Empty::last;
  total.aggregates = aggregates({"ewma", "integral", "rate"});
  total.half_life = 7s;
  total.hold = 8s;
  total.linear = true;
  check(4, total);
  core::WindowSpec week = of(WindowKind::calendar, "week");
  week.retention = 7 * 24h;
  week.aggregates = aggregates({"outlier_count"});
  week.outliers = core::Outliers::mad;
  week.calendar =
      core::CalendarSpec{core::CalendarUnit::week, {}, 390min, 7, bridge::load_zone("Europe/Berlin")};
  check(5, week);
  core::WindowSpec shifts = of(WindowKind::calendar, "shifts");
  shifts.retention = 2h;
  shifts.calendar = core::CalendarSpec{
      core::CalendarUnit::shifts, {360min, 840min, 1320min}, 0min, 1, bridge::load_zone("UTC")};
  check(6, shifts);
  core::WindowSpec hour = of(WindowKind::calendar, "hour");
  hour.retention = 1h;
  hour.empty = core::Empty::zero;
  hour.calendar = core::CalendarSpec{core::CalendarUnit::hour, {}, 0min, 1, bridge::load_zone("UTC")};
  check(7, hour);
}

TEST_CASE("the retention of calendar windows is one period") {
  const auto retention = [](const std::string& calendar) {
    return parse_config(stream(R"(,"windows":[{"kind":"calendar","calendar":)" + calendar + "}]"))
        .streams[0]
        .windows[0]
        .spec.retention;
  };
  CHECK(retention(R"({"unit":"hour"})") == 1h);
  CHECK(retention(R"({"unit":"day"})") == 24h);
  CHECK(retention(R"({"unit":"month"})") == 31 * 24h);
  CHECK(retention(R"({"unit":"shifts","shifts":["06:00"]})") == 1h);
}

TEST_CASE("a cadence of the stream is one of every window that has none of its own") {
  const auto specs = [](const std::string& keys) {
    std::vector<core::WindowSpec> all;
    const Config config = parse_config(stream(keys));
    for (const auto& window : config.streams[0].windows) all.push_back(window.spec);
    return all;
  };
  const auto both = aggregates({"completeness", "gap"});
  const auto windows = specs(
      R"(,"cadence":"5s","windows":[{"length":"1m","aggregates":["gap","mean"]},{"length":"2m","cadence":"learned","aggregates":["max"]}])");
  CHECK(windows[0].cadence == 5s);
  CHECK(windows[0].aggregates == aggregates({"gap", "mean", "completeness"}));
  CHECK(windows[1].cadence == 0s);
  CHECK(windows[1].aggregates == aggregates({"max", "completeness", "gap"}));
  CHECK(specs(R"(,"cadence":"5s")")[0].cadence == 5s);
  // Asked for without one, it is learned, and adds nothing.
  CHECK(specs(R"(,"windows":[{"length":"1m","aggregates":["completeness"]}])")[0].aggregates ==
        aggregates({"completeness"}));
}

TEST_CASE("names follow from the topic, and are made unique") {
  const Config config = parse_config(
      R"({"streams":[{"from":"a/1"},{"from":"{x}/b c/1/2/3/4/5/6"},{"from":"+/2"},
    {"name":"a-2","from":"x"},{"from":"/a/{field}/3"},{"from":"{x}/+/+/+/+/+/+/+/+"}]})");
  Strings names;
  for (const bridge::StreamConfig& one : config.streams) names.push_back(one.name);
  CHECK(Lines(names) == Lines{"a", "b c", "2", "a-2", "a-3", "stream"});
  CHECK(config.streams[4].windows[0].by ==
        Strings{});  // {field} names the field of bare values and is no key
  CHECK(config.streams[4].windows[0].to == "derived/{stream}/{field}/{window}");
}

TEST_CASE("what is wrong with one key is said with its pointer, the value, and what to do") {
  const auto check = [](const std::string& text, const Lines& expected) {
    CAPTURE(text);
    CHECK(problems(text) == expected);
  };
  const std::string unit = "a time with its unit (ns, us, ms, s, m, h, d), as \"10s\" or \"250ms\"";

  // structure
  check("[]", {"config: (the whole file): an empty array: must be an object"});
  check("{}",
        {R"(config: /streams: missing; write at least one, as "streams": [{"from": "sensors/{device}/#"}])"});
  check(R"({"streams":[]})",
        {R"(config: /streams: an empty array: needs at least one, as [{"from": "sensors/{device}/#"}])"});
  check(R"({"streams":{"from":"a"}})", {"config: /streams: an object: must be an array"});
  check(R"({"streams":[{}]})",
        {R"(config: /streams/0/from: missing; write which topics are read, as "sensors/{device}/#")"});
  check(R"({"streams":["a"]})", {"config: /streams/0: \"a\": must be an object"});
  check(with(R"("limit":{})"), {"config: /limit: unknown key; did you mean \"limits\"? Allowed here: broker, "
                                "aggregation, limits, streams, publish, status, "
                                "http, log"});
  check(with(R"("a/b~c\u0001":1)"), {"config: /a~1b~0c?: unknown key; Allowed here: broker, aggregation, "
                                     "limits, streams, publish, status, http, log"});
  check(with(R"("publish":{"qos":1,"retain":true,"qos":2})"),
        {"config: /publish/qos: stands twice in its object; keep one of them"});
  check(stream(R"(,"lateness":"1s","lateness":"2s")"),
        {"config: /streams/0/lateness: stands twice in its object; keep one of them"});

  // types
  check(with(R"("publish":{"qos":"1"})"), {"config: /publish/qos: \"1\": must be a whole number, 0 to 2"});
  check(with(R"("publish":{"qos":3})"), {"config: /publish/qos: 3: must be a whole number, 0 to 2"});
  check(with(R"("publish":{"qos":-1})"), {"config: /publish/qos: -1: must be a whole number, 0 to 2"});
  check(with(R"("publish":{"buffer":1.5})"),
        {"config: /publish/buffer: 1.5: must be a whole number, 1 to 10000000"});
  check(with(R"("publish":{"retain":1})"), {"config: /publish/retain: 1: must be true or false"});
  check(with(R"("publish":[])"), {"config: /publish: an empty array: must be an object"});
  check(with(R"("log":{"level":"warning"})"),
        {R"(config: /log/level: "warning": must be "debug", "info", "warn" or "error")"});
  check(with(R"("log":{"level":null})"),
        {R"(config: /log/level: null: must be "debug", "info", "warn" or "error")"});
  check(with(R"("status":{"every":10})"), {"config: /status/every: 10: has no unit; write " + unit});
  check(with(R"("status":{"every":"10"})"), {"config: /status/every: \"10\": must be " + unit});
  check(with(R"("status":{"every":"0.5s"})"), {"config: /status/every: \"0.5s\": must be 1s to 1h"});
  check(with(R"("status":{"every":true})"), {"config: /status/every: true: must be " + unit});
  check(with(R"("aggregation":{"flush_interval":"11s"})"),
        {"config: /aggregation/flush_interval: \"11s\": must be 0s to 10s"});
  check(with(R"("limits":{"series_max":0})"),
        {"config: /limits/series_max: 0: must be a whole number, 1 to 2147483648"});
  check(with(R"("limits":{"series_max":2147483649})"),
        {"config: /limits/series_max: 2147483649: must be a whole number, 1 to 2147483648"});
  check(with(R"("limits":{"series_ttl":"59s"})"),
        {"config: /limits/series_ttl: 59s: must be 1m or longer, or 0s for never"});
  check(with(R"("limits":{"series_ttl":"3661d"})"),
        {"config: /limits/series_ttl: \"3661d\": must be 0s to 3660d"});
  check(with(R"("limits":{"series_ttl":"0s"})"), {});
  check(with(R"("limits":{"journal_bytes":1e300})"),
        {"config: /limits/journal_bytes: 1e300: must be a whole number, 1048576 to 1099511627776"});
  check(with(R"("limits":{"topic_bytes_max":65536})"),
        {"config: /limits/topic_bytes_max: 65536: must be a whole number, 1 to 65535"});
  check(with(R"("http":{"listen":"127.0.0.1\u0007:1"})"),
        {"config: /http/listen: \"127.0.0.1?:1\": holds a control character; take it out"});
}

TEST_CASE("what is wrong with the broker and the engine") {
  const auto check = [](const std::string& text, const Lines& expected) {
    CAPTURE(text);
    CHECK(problems(with(text)) == expected);
  };
  const std::string url = "must be mqtt://host, mqtt://host:1883, mqtts://host or mqtts://host:8883";
  check(R"("broker":{"url":"localhost"})", {"config: /broker/url: \"localhost\": " + url});
  check(R"("broker":{"url":"tcp://localhost:1883"})",
        {"config: /broker/url: \"tcp://localhost:1883\": " + url + "; for tcp:// write mqtt://"});
  check(R"("broker":{"url":"ssl://h"})",
        {"config: /broker/url: \"ssl://h\": " + url + "; for ssl:// write mqtts://"});
  for (const std::string bad : {"mqtt://", "mqtt://:1883", "mqtt://h:", "mqtt://h:0", "mqtt://h:65536",
                                "mqtt://h:1x", "mqtt://h/path", "mqtt://h h", "mqtt://[::1", "mqtt://::1",
                                "mqtt://[]", "mqtt://[::1]1883", "mqtt://h:1:2"}) {
    check(R"("broker":{"url":")" + bad + R"("})", {"config: /broker/url: \"" + bad + "\": " + url});
  }
  for (const std::string fine : {"mqtt://h", "mqtts://h:1", "mqtt://[fe80::1%eth0]:1883",
                                 "mqtt://10.0.0.1:65535", "mqtt://my_host-1.lan"}) {
    check(R"("broker":{"url":")" + fine + R"("})", {});
  }
  check(R"("broker":{"url":"mqtt://user:geheim@host"})",
        {"config: /broker/url: holds a user or password; use username and password_file or password_env"});
  check(R"("broker":{"password":"geheim"})", {"config: /broker/password: does not belong into this file; put "
                                              "it into a file and name that in password_file, or into the "
                                              "environment and name the variable in password_env"});
  check(R"("broker":{"password_file":"a","password_env":"B"})",
        {"config: /broker/password_env: \"B\": there is a password_file too; keep one of them"});
  check(R"("broker":{"password_env":"B","protocol":4})",
        {"config: /broker/username: missing; MQTT 3.1.1 takes no password without it"});
  check(R"("broker":{"password_env":"B"})", {});
  check(R"("broker":{"tls":{"ca":"a.pem"}})", {"config: /broker/tls/ca: \"a.pem\": has no effect without "
                                               "TLS; make broker.url mqtts://, or leave it out"});
  check(R"("broker":{"url":"mqtts://h","tls":{"cert":"a.pem"}})",
        {"config: /broker/tls/cert: \"a.pem\": needs \"key\" beside it"});
  check(R"("broker":{"url":"mqtts://h","tls":{"key":"a.pem"}})",
        {"config: /broker/tls/key: \"a.pem\": needs \"cert\" beside it"});
  check(R"("broker":{"url":"mqtts://h","tls":{"cafile":"a"}})",
        {"config: /broker/tls/cafile: unknown key; Allowed here: ca, cert, key"});
  check(R"("broker":{"protocol":3})", {"config: /broker/protocol: 3: must be 5 (MQTT 5) or 4 (MQTT 3.1.1)"});
  check(R"("broker":{"protocol":"5"})",
        {"config: /broker/protocol: \"5\": must be 5 (MQTT 5) or 4 (MQTT 3.1.1)"});
  check(R"("broker":{"keep_alive":"0s"})", {"config: /broker/keep_alive: \"0s\": must be 1s to 18h"});
  check(R"("broker":{"keep_alive":"1500ms"})",
        {"config: /broker/keep_alive: 1500ms: must be whole seconds, as MQTT has no smaller unit"});
  check(R"("broker":{"session_expiry":"366d"})",
        {"config: /broker/session_expiry: \"366d\": must be 0s to 365d"});
  check(R"("broker":{"receive_maximum":0})",
        {"config: /broker/receive_maximum: 0: must be a whole number, 1 to 65535"});
  check(R"("broker":{"client":"mosquitto"})",
        {"config: /broker/client: \"mosquitto\": must be \"paho\" or \"native\""});
  check(R"("broker":{"read_interval":"101ms"})",
        {"config: /broker/read_interval: \"101ms\": must be 0s to 100ms"});
  for (const char* count : {"0", "9", "-1", "1.5"}) {
    check(R"("broker":{"connections":)" + std::string(count) + "}",
          {"config: /broker/connections: " + std::string(count) + ": must be a whole number, 1 to 8"});
  }
  check(R"("broker":{"connections":8,"share":"g"})", {});
  CHECK(
      problems(R"({"broker":{"connections":2},"streams":[{"from":"weir/{a}/status/subscriptions/{b}"}]})") ==
      Lines{"config: /status/topic: \"weir/{client_id}/status\": would be read again by subscription "
            "\"weir/+/status/subscriptions/+\" of stream \"weir\"; use another prefix"});
  for (const char* group : {"a/b", "+", "a#"}) {
    check(R"("broker":{"share":")" + std::string(group) + "\"}",
          {"config: /broker/share: \"" + std::string(group) +
           "\": must be fit for one topic level: without \"/\", \"+\" and \"#\""});
  }
  check(R"("broker":{"share":"g","protocol":4})",
        {"config: /broker/share: \"g\": MQTT 3.1.1 has no shared subscriptions; make broker.protocol 5, or "
         "leave it out"});
  check(R"("broker":{"client_id":""})",
        {"config: /broker/client_id: \"\": must not be empty: the broker keeps our session under it"});
  check(R"("broker":{"client_id":"a/b"})", {"config: /broker/client_id: \"a/b\": must be fit for one topic "
                                            "level: without \"/\", \"+\" and \"#\""});
  check(R"("aggregation":{"ring_buffer_size":5000})",
        {"config: /aggregation/ring_buffer_size: 5000: must be a power of two; choose 4096 or 8192"});
  check(R"("aggregation":{"ring_buffer_size":256})",
        {"config: /aggregation/ring_buffer_size: 256: must be at least batch_size 500; a batch must fit into "
         "the queue"});
  check(R"("aggregation":{"batch_size":4097})", {"config: /aggregation/ring_buffer_size: 4096: must be at "
                                                 "least batch_size 4097; a batch must fit into the queue"});
  check(R"("aggregation":{"shard_count":1025})",
        {"config: /aggregation/shard_count: 1025: must be a whole number, 0 to 1024"});
  // Two messages, with 160 bytes of the journal's own for each, fill 64 MiB to the last byte.
  check(R"("limits":{"payload_bytes_max":33553248})", {});
  check(R"("limits":{"payload_bytes_max":33553249})",
        {"config: /limits/payload_bytes_max: 33553249: journal_bytes 67108864 must hold two messages of this "
         "size; choose at most 33553248, or journal_bytes of at least 134217728"});
  check(R"("limits":{"payload_bytes_max":33553249,"journal_bytes":134217728})", {});
  // Each connection has its part, and there are none without a filter.
  check(R"("broker":{"connections":2},"limits":{"payload_bytes_max":33553248})", {});
  check(R"("broker":{"connections":2,"share":"g"},"limits":{"payload_bytes_max":33553248})",
        {"config: /limits/payload_bytes_max: 33553248: journal_bytes 67108864 must hold two messages of this "
         "size for each of 2 connections; choose at most 16776032, or journal_bytes of at least 134217728"});
  check(
      R"("broker":{"connections":3,"share":"g"},"limits":{"journal_bytes":1572863})",
      {"config: /limits/journal_bytes: 1572863: must be at least 1572864, which is two blocks for each of 3 "
       "connections"});
  check(R"("limits":{"payload_bytes_max":500000,"journal_bytes":1048576,"topic_bytes_max":65535})",
        {"config: /limits/payload_bytes_max: 500000: journal_bytes 1048576 must hold two messages of this "
         "size; choose at most 458593, or journal_bytes of at least 2097152"});
  const std::string listen = "must be address:port, as \"127.0.0.1:9641\" or \"[::]:9641\"; \"\" for no HTTP";
  for (const std::string bad :
       {"9641", ":9641", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "http://127.0.0.1:1", "[::]"}) {
    check(R"("http":{"listen":")" + bad + R"("})", {"config: /http/listen: \"" + bad + "\": " + listen});
  }
  check(R"("http":{"listen":"[::]:0"})", {});
  check(R"("http":{"listen":"localhost:9641"})", {});
  check(R"("status":{"topic":"weir/{stream}"})",
        {"config: /status/topic: \"weir/{stream}\" has {stream}; known here: {client_id}"});
  check(R"("status":{"topic":"in/{client_id}"})",
        {"config: /status/topic: \"in/{client_id}\": would be read again by subscription \"in/+\" of stream "
         "\"in\"; use another prefix"});
  // What we have subscribed is written beside it.
  check(R"("status":{"topic":"in"})",
        {"config: /status/topic: \"in\": would be read again by subscription \"in/+\" of stream "
         "\"in\"; use another prefix"});
}

TEST_CASE("what is wrong with a payload") {
  const auto check = [](const std::string& payload, const Lines& expected) {
    CAPTURE(payload);
    CHECK(problems(stream(R"(,"payload":)" + payload)) == expected);
  };
  const std::string at = "config: /streams/0/payload";
  const std::string pointer =
      "must be a JSON pointer, \"/key\" or \"/key/inner key\" (a \"/\" inside a key is ~1, a \"~\" is ~0)";
  check(R"({"format":"csv"})", {at + R"(/format: "csv": must be "json", "jsonl" or "number")"});
  check(R"({"time_zone":"UTC"})",
        {at + R"(/time_zone: unknown key; Allowed here: format, when, each, fields, )"
              "name, value, include, exclude, tags, time, time_unit"});
  check(R"({"fields":{"t":"temperature"}})",
        {at + "/fields/t: \"temperature\": " + pointer + "; did you mean \"/temperature\"?"});
  check(R"({"fields":{"t":"/a~2"}})", {at + "/fields/t: \"/a~2\": " + pointer});
  check(R"({"fields":{"t":5}})",
        {at + R"(/fields/t: 5: must be a JSON pointer ("/temperature") or an object with "at")"});
  check(R"({"fields":{"t":{}}})",
        {at + R"(/fields/t/at: missing; write where the value is, as {"at": "/temperature"})"});
  check(
      R"({"fields":{}})",
      {at +
       R"(/fields: is empty; name fields, as {"temperature": "/temperature"}, or leave it out for every number)"});
  check(R"({"fields":{"":"/a"}})", {at + "/fields/: a field's name must have 1 to 256 bytes"});
  check(R"({"fields":{"t":{"at":"/a","kind":"gauge"}}})",
        {at + "/fields/t/kind: unknown key; Allowed here: at, strings, number_from, map, null, scale, "
              "offset, range"});
  check(R"({"fields":{"t":{"at":"/a","strings":true}}})",
        {at + R"(/fields/t/strings: true: must be "number")"});
  check(R"({"fields":{"t":{"at":"/a","number_from":"text"}}})",
        {at + R"(/fields/t/number_from: "text": must be "bool")"});
  check(R"({"fields":{"t":{"at":"/a","map":{}}}})",
        {at + R"(/fields/t/map: is empty; write texts and their numbers, as {"ON": 1, "OFF": 0})"});
  check(R"({"fields":{"t":{"at":"/a","map":{"ON":"1"}}}})",
        {at + R"(/fields/t/map/ON: "1": must be a number)"});
  check(R"({"fields":{"t":{"at":"/a","null":[1,null]}}})", {at + "/fields/t/null/1: null: must be a number"});
  check(R"({"fields":{"t":{"at":"/a","null":85}}})", {at + "/fields/t/null: 85: must be an array"});
  check(R"({"fields":{"t":{"at":"/a","scale":0}}})",
        {at + "/fields/t/scale: 0 would make every value the same; choose another, or leave it out"});
  check(R"({"fields":{"t":{"at":"/a","range":[1]}}})",
        {at + "/fields/t/range: an array of 1: must be [low, high]"});
  check(R"({"fields":{"t":{"at":"/a","range":[2,1]}}})",
        {at + "/fields/t/range: low 2 is not below high 1; put the lower one first"});
  check(R"({"each":5})",
        {at + R"(/each: 5: must be a JSON pointer ("/readings") or {"at": "/readings", "as": "array"})"});
  check(R"({"each":{"as":"map"}})",
        {at + R"(/each/at: missing; write where the rows are, as {"at": "/readings"})"});
  check(R"({"each":{"at":"/a","as":"rows"}})",
        {at + R"(/each/as: "rows": must be "array", "map" or "columns")"});
  check(R"({"when":{"type":1}})", {at + R"(/when/type: "type": must be a JSON pointer, as "/type")"});
  check(R"({"when":{"/type":[1]}})",
        {at + "/when/~1type: an array of 1: must be a string, a number, true, false or null"});
  check(R"({"when":{"/n":123456789012345678901}})",
        {at + "/when/~1n: 123456789012345678901: must be a finite number, and of at most 64 bits where it is "
              "an integer"});
  check(R"({"name":"/n"})",
        {at + R"(/name: needs "value" beside it: rows that are name/value pairs have both)"});
  check(R"({"value":"/v"})",
        {at + R"(/value: needs "name" beside it: rows that are name/value pairs have both)"});
  check(R"({"name":"","value":"/v"})",
        {at + R"(/name: "": must be the pointer of a key in the row, as "/n")"});
  check(
      R"({"fields":{"a":"/a"},"name":"/n","value":"/v","include":["*"],"exclude":[]})",
      {at + R"(/include: has no effect beside "fields", which says what is taken; leave it out)",
       at + R"(/exclude: has no effect beside "fields", which says what is taken; leave it out)",
       at + R"(/name: has no effect beside "fields": a row is either name and value or fields; leave it out)",
       at +
           R"(/value: has no effect beside "fields": a row is either name and value or fields; leave it out)"});
  check(R"({"include":[]})",
        {at + "/include: an empty array: would take nothing; leave it out for everything"});
  check(R"({"include":"*"})", {at + R"(/include: "*": must be an array)"});
  check(R"({"exclude":[1]})", {at + "/exclude/0: 1: must be a string"});
  check(R"({"format":"number","time":"/ts"})",
        {at + R"(/time: has no effect with format "number": the payload is one number; leave it out)"});
  check(R"({"format":"number","fields":{"t":""}})", {});
  check(R"({"format":"number","fields":{"t":"/a"}})",
        {at + R"(/fields: "/a": with format "number" the payload itself is the value; write "")"});
  check(R"({"format":"number","fields":{"t":"","u":""}})",
        {at + "/fields: with format \"number\" there is one value; name one field"});
  check(R"({"tags":{"1a":"/a"}})", {at + "/tags/1a: a tag's name is made of letters, digits and _, not "
                                         "beginning with a digit; write another name"});
  check(R"({"tags":{"field":"/a"}})",
        {at + "/tags/field: {field} stands for something else in topics; give the tag another name"});
  check(R"({"tags":{"device":"/a"}})",
        {at + "/tags/device: is captured from the topic too; give one of them another name"});
  check(
      R"({"tags":{"key":"/a"},"each":{"at":"","as":"map"}})",
      {at +
       R"(/each: gives each row the tag "key", which there is already; give the other capture or tag another name)"});
  check(R"({"tags":{"a":1}})", {at + "/tags/a: 1: must be a string"});
  check(R"({"time":[1]})", {at + "/time/0: 1: must be a string"});
  check(R"({"time_unit":"sec"})", {at + R"(/time_unit: "sec": must be "auto", "s", "ms", "us" or "ns")"});
}

TEST_CASE("what is wrong with a window or a detector") {
  const auto check = [](const std::string& keys, const Lines& expected) {
    CAPTURE(keys);
    CHECK(problems(stream("," + keys)) == expected);
  };
  const std::string aggregates =
      R"("count", "sum", "mean", "variance", "stddev", "cv", "min", "max", "range", "first", "last", "delta", )"
      R"("change_ratio", "rate", "increase", "slope", "median", "distinct", "mode", "time_weighted_mean", "integral", )"
      R"("ewma", "null_count", "null_ratio", "completeness", "gap", "above_count", "below_count", "in_range_count", )"
      R"("outlier_count", "avg", "average", "std", "change", "change_rate", "null_rate", "volatility" or "pNN.N")";
  const std::string window = "config: /streams/0/windows/0", detector = "config: /streams/0/detectors/0";
  check(R"("windows":[{}])", {window + "/length: missing; write how long the window is, as \"1m\""});
  check(R"("windows":[{"length":"10s","every":"3s"}])",
        {window + "/every: 3s does not divide length 10s; choose 2500ms or 5s"});
  check(
      R"("windows":[{"length":"1m","kind":"tumbling","every":"10s"}])",
      {window +
       R"(/kind: "tumbling" contradicts every 10s and length 1m; leave "every" out, or make it "hopping")"});
  check(
      R"("windows":[{"length":"1m","kind":"hopping"}])",
      {window +
       R"(/kind: "hopping" needs an "every" that is shorter than length 1m; add one, or make it "tumbling")"});
  check(
      R"("windows":[{"size":"1m","kind":"slide"}])",
      {window +
       R"(/kind: "slide": must be "tumbling", "hopping", "sliding", "count", "session", "cumulative" or "calendar")"});
  check(R"("windows":[{"length":"1m","by":["site"]}])",
        {window + R"(/by/0: "site": is neither captured by "from" nor a tag; known here: "device")"});
  check(R"("windows":[{"length":"1m","by":["device","device"]}])",
        {window + R"(/by/1: "device": stands twice; keep one of them)"});
  check(R"("windows":[{"length":"1m","by":["field"]}])",
        {window + R"(/by/0: "field": is neither captured by "from" nor a tag; known here: "device")"});
  check(R"("windows":[{"length":"1m","aggregates":[]}])",
        {window + "/aggregates: an empty array: must name at least one of " + aggregates});
  check(R"("windows":[{"length":"1m","aggregates":["mean","avg"]}])",
        {window + R"(/aggregates/1: "avg": stands twice (as "mean"); keep one of them)"});
  for (const std::string bad : {"p100.1", "p99.99999", "p05", "p-1"}) {
    check(R"("windows":[{"length":"1m","aggregates":[")" + bad + R"("]}])",
          {window + R"(/aggregates/0: ")" + bad + R"(": must be one of )" + aggregates});
  }
  check(R"("windows":[{"length":"1m","aggregates":["median","p50"]}])",
        {window + R"(/aggregates/1: "p50": stands twice (as "median"); keep one of them)"});
  check(R"("windows":[{"length":"1m","aggregates":["stdev"]}])",
        {window + R"(/aggregates/0: "stdev": must be one of )" + aggregates + R"(; did you mean "stddev"?)"});
  check(R"("windows":[{"length":"1m","fields":[]}])",
        {window + "/fields: an empty array: would take no field; leave it out for all fields"});
  check(
      R"("payload":{"fields":{"temperature":"/t"}},"windows":[{"length":"1m","fields":["temprature"]}])",
      {window +
       R"(/fields/0: "temprature": is no field of the payload; did you mean "temperature"?; known here: "temperature")"});
  check(R"("windows":[{"length":"1m"},{"length":"60s"}])",
        {"config: /streams/0/windows/1/name: \"1m\": is the name of /streams/0/windows/0 too; give each a "
         "\"name\" of its own",
         "config: /streams/0/windows/1/to: \"derived/{stream}/{device}/{field}/{window}\": gives the same "
         "topics as /streams/0/windows/0/to; "
         "results would replace each other, so tell their topics apart, as with {window}"});
  check(R"("windows":[{"length":"1m","name":"a/b"}])",
        {window + R"(/name: "a/b": must be fit for one topic level: without "/", "+" and "#")"});
  check(R"("windows":[{"length":"1m","name":""}])",
        {window + R"(/name: "": must not be empty; leave it out for the default)"});
  check(R"("windows":[{"length":"1m","to":""}])",
        {window + R"(/to: "": must be a topic; leave it out for the default)"});
  check(R"("windows":[{"length":"1m","to":"out/{site}"}])",
        {window + R"(/to: "out/{site}" has {site}; known here: {stream}, {window}, {field}, {device})"});
  check(R"("windows":[{"length":"1m","by":[],"to":"out/{device}"}])",
        {window + R"(/to: "out/{device}" has {device}; known here: {stream}, {window}, {field})"});
  check(
      R"("windows":[{"length":"1m","emits":"on_close"}])",
      {window +
       "/emits: unknown key; did you mean \"emit\"? Allowed here: name, kind, length, every, offset, "
       "retention, emit, empty, spread, by, fields, aggregates, above, below, range, outliers, error, kept, "
       "half_life, hold, interpolate, cadence, to"});
  check(R"("windows":[],"detectors":[])", {"config: /streams/0: has neither windows nor detectors and would "
                                           "do nothing; give it one, or \"ignore\": true"});

  check(R"("detectors":[{}])",
        {detector + R"(/kind: missing; choose one, as "auto", "threshold" or "silence")"});
  check(
      R"("detectors":[{"kind":"z-score"}])",
      {detector +
       R"(/kind: "z-score": must be "threshold", "range", "rate_of_change", "zscore", "mad", "iqr", "ewma", )"
       R"("cusum", "page_hinkley", "flatline", "silence", "seasonal", "peers" or "auto")"});
  check(R"("detectors":[{"kind":"threshold"}])",
        {detector + "/above: is missing, and so is below; a threshold needs one of them"});
  check(R"("detectors":[{"kind":"threshold","above":80,"clear":85}])",
        {detector + "/clear: 85 lies beyond above 80; choose at most 80"});
  check(R"("detectors":[{"kind":"threshold","above":"80"}])",
        {detector + R"(/above: "80": must be a number)",
         detector + "/above: is missing, and so is below; a threshold needs one of them"});
  check(R"("detectors":[{"kind":"threshold","above":1,"after":"3m"}])",
        {detector +
         "/after: unknown key; Allowed here: name, kind, fields, severity, above, below, clear, for, hold, "
         "flaps, flap_within, on, to, retain_to"});
  check(R"("detectors":[{"kind":"silence"}])",
        {detector + R"(/after: missing; write how long a series may say nothing, as "3m", or "learned")"});
  check(R"("detectors":[{"kind":"silence","after":"3m","for":"1s"}])",
        {detector + "/for: has no meaning for a silence; choose a longer after instead"});
  check(R"("detectors":[{"kind":"zscore","warmup":7}])",
        {detector + "/warmup: 7: must be a whole number, 8 to 1000000"});
  check(R"("detectors":[{"kind":"zscore","raise":3}])",
        {detector + "/clear: 3 is not allowed; choose less than raise 3"});
  check(R"("detectors":[{"kind":"zscore","severity":"high"}])",
        {detector + R"(/severity: "high": must be "info", "warning" or "critical")"});
  check(R"("detectors":[{"kind":"zscore"},{"kind":"zscore"}])",
        {"config: /streams/0/detectors/1/name: \"zscore\": is the name of /streams/0/detectors/0 too; give "
         "each a \"name\" of its own"});
}

TEST_CASE("what is wrong with a window of a kind") {
  const auto check = [](const std::string& keys, const Lines& expected) {
    CAPTURE(keys);
    Strings lines;
    for (const std::string& line : expected.all) lines.push_back("config: /streams/0/windows/0/" + line);
    CHECK(problems(stream(R"(,"windows":[{)" + keys + "}]")) == Lines(lines));
  };
  const auto meaningless = [](const std::string& key, const std::string& kind, const std::string& kinds) {
    return key + ": has no meaning for a " + kind + " window, only for " + kinds +
           R"(; leave it out, or choose another "kind")";
  };
  const std::string by_time = "tumbling, hopping, cumulative and calendar";
  check(R"("kind":"sliding")", {R"(length: missing; write how long the window is, as "1m")"});
  check(R"("kind":"sliding","length":"1m","every":"1s","emit":5,"retention":"1s")",
        {meaningless("every", "sliding", "tumbling, hopping and cumulative"),
         meaningless("retention", "sliding", "tumbling, hopping, session, cumulative and calendar"),
         meaningless("emit", "sliding", by_time)});
  check(R"("kind":"sliding","length":"1m","samples_max":0)",
        {"samples_max: 0: must be a whole number, 1 to 1000000"});
  check(R"("length":"1m","samples":5,"gap":"1s")",
        {meaningless("samples", "tumbling", "count"), meaningless("gap", "tumbling", "session")});
  check(R"("kind":"count")", {"samples: missing; write how many samples the window takes, as 100"});
  check(R"("kind":"count","samples":10,"step":4)",
        {"step: 4 does not divide samples 10; choose 1, 10 or a divisor between them"});
  check(R"("kind":"count","samples":10,"length":"1m","empty":"zero")",
        {meaningless("length", "count", "tumbling, hopping and sliding"),
         meaningless("empty", "count", by_time)});
  check(R"("kind":"session")", {R"(gap: missing; write how long a pause ends the session, as "30s")"});
  check(R"("kind":"session","gap":"1s","retention":"1h")",
        {"gap: 1s is not allowed; choose a longer one, or a shorter lateness (5s) and retention (1h): "
         "together they may "
         "span at most 61 gaps"});
  check(R"("kind":"cumulative")", {R"(every: missing; write how often there is a result, as "1m")"});
  check(R"("kind":"cumulative","every":"10s","offset":"10s","spread":"11s")",
        {"offset: 10s is not allowed; choose 0s or more and less than every 10s",
         "spread: 11s is not allowed; choose 0s or more and less than every 10s"});
  check(R"("kind":"calendar")",
        {R"(calendar: missing; write which periods, as {"unit": "day", "zone": "Europe/Berlin"})"});
  check(R"("kind":"calendar","calendar":"day")", {R"(calendar: "day": must be an object)"});
  check(R"("kind":"calendar","calendar":{"unit":"year","shifts":["06:00"]})",
        {R"(calendar/unit: "year": must be "hour", "day", "week", "month" or "shifts")"});
  check(R"("kind":"calendar","calendar":{"unit":"shifts"})",
        {"calendar/shifts: none given; list the times of day at which shifts begin, such as 06:00, 14:00, "
         "22:00"});
  check(R"("kind":"calendar","calendar":{"unit":"shifts","shifts":["06:00","6:30","24:00"]})",
        {R"(calendar/shifts/1: "6:30": must be a time of day, "00:00" to "23:59")",
         R"(calendar/shifts/2: "24:00": must be a time of day, "00:00" to "23:59")"});
  check(R"("kind":"calendar","calendar":{"unit":"shifts","shifts":["06:00","05:00"]})",
        {"calendar/shifts: 05:00 does not come after 06:00; list each start once, in ascending order"});
  check(R"("kind":"calendar","calendar":{"unit":"day","week_start":"sunday","zone":"Mars/Base"})",
        {"calendar/zone: \"Mars/Base\" is no time zone of this system; use an IANA name as in "
         "/usr/share/zoneinfo, for "
         "example Europe/Berlin or UTC (if that folder is missing, install tzdata)",
         "calendar/week_start: only weeks have one; leave it out"});
  check(
      R"("length":"1m","emit":"sometimes")",
      {R"(emit: "sometimes": must be "on_close", "on_change", or a time above 0s with its unit, as "10s")"});
  check(R"("length":"1m","cadence":"0s")",
        {R"(cadence: "0s": must be "learned", or a time above 0s with its unit, as "10s")"});
  check(
      R"("length":"1m","above":1,"error":0.01)",
      {R"(above: has no effect without "above_count" among the aggregates; add that, or leave it out)",
       R"(error: has no effect without a percentile or "outlier_count" among the aggregates; add that, or leave it out)"});
  check(
      R"("kind":"sliding","length":"1m","aggregates":["p95"],"kept":5)",
      {"kept: has no effect in a window that moves with every sample: its results are exact; leave it out"});
  check(R"("length":"1m","aggregates":["p95"],"error":0.2,"kept":1025)",
        {"kept: 1025: must be a whole number, 0 to 1024", "error: 0.2 is not allowed; choose 0.0005 to 0.1"});
  check(R"("length":"1m","aggregates":["above_count","in_range_count"],"range":[2,1])",
        {"above: is missing; above_count needs it",
         "range: the first of 2, 1 must not be larger than the second"});
  check(R"("length":"1m","aggregates":["in_range_count"],"range":[1])",
        {"range: an array of 1: must be [low, high]"});
  check(R"("kind":"session","gap":"1m","aggregates":["ewma"])", {"half_life: is missing; ewma needs it"});
}

TEST_CASE("what is wrong with a topic for late samples") {
  const auto check = [](const std::string& keys, const Lines& expected) {
    CAPTURE(keys);
    CHECK(problems(R"({"streams":[{"from":"in/{a}/{b}",)" + keys + "}]}") == expected);
  };
  const std::string at = "config: /streams/0/late_to: ";
  check(R"("late_to":"late/{stream}/{a}/{b}/{field}")", {});
  check(R"("late_to":"")", {at + R"("": must be a topic; leave it out to publish no late samples)"});
  check(R"("late_to":"late/{a}/{b}","windows":[{"length":"1m","by":["b"]},{"length":"2m"}])",
        {at + R"("late/{a}/{b}" has {a}; known here: {stream}, {field}, {b})"});
  check(
      R"("late_to":"in/{a}/{field}")",
      {at +
       R"("in/{a}/{field}": would be read again by subscription "in/+/+" of stream "in"; use another prefix)"});
  check(
      R"("late_to":"o/{a}/1m","windows":[{"length":"1m","to":"o/{a}/{window}"}])",
      {at +
       R"("o/{a}/1m": gives the same topics as /streams/0/windows/0/to; results would replace each other, so tell )"
       "their topics apart"});
  check(R"("late_to":"late","windows":[])", {at + "has no effect without windows; leave it out"});
}

TEST_CASE("what is wrong with a topic for days of flags") {
  const auto check = [](const std::string& keys, const Lines& expected) {
    CAPTURE(keys);
    CHECK(problems(R"({"streams":[{"from":"in/{a}/{b}",)" + keys + "}]}") == expected);
  };
  const std::string at = "config: /streams/0/flag_days_to: ";
  check(R"("flag_days_to":"days/{stream}/{a}/{b}/{field}")", {});
  check(R"("flag_days_to":"")", {at + R"("": must be a topic; leave it out to publish no days of flags)"});
  check(R"("flag_days_to":"days/{detector}")",
        {at + R"("days/{detector}" has {detector}; known here: {stream}, {field}, {a}, {b})"});
  // The keys that all detectors have, those of windows that they judge among them.
  const std::string on = R"("windows":[{"name":"w","length":"1m","by":["b"]}],"flags_to":"f/{b}/{detector}",)"
                         R"("detectors":[{"kind":"auto"},{"kind":"threshold","above":1,"on":"w.mean"}])";
  check(R"("flag_days_to":"days/{b}",)" + on, {});
  check(R"("flag_days_to":"days/{a}/{b}",)" + on,
        {at + R"("days/{a}/{b}" has {a}; known here: {stream}, {field}, {b})"});
  check(R"("flag_days_to":"in/{a}/{field}")",
        {at + R"("in/{a}/{field}": would be read again by subscription "in/+/+" of stream "in"; use another )"
              "prefix"});
  check(
      R"("flag_days_to":"o/{a}/odd","flags_to":"o/{a}/{detector}")",
      {at + R"("o/{a}/odd": gives the same topics as /streams/0/flags_to; results would replace each other, )"
            "so tell their topics apart"});
  check(R"("flag_days_to":"days","detectors":[])", {at + "has no effect without detectors; leave it out"});
}

TEST_CASE("loops, overlaps and names among streams") {
  const auto check = [](const std::string& streams, const Lines& expected) {
    CAPTURE(streams);
    CHECK(problems(R"({"streams":[)" + streams + "]}") == expected);
  };
  const std::string off = R"(,"detectors":[])";
  check(R"({"name":"p","from":"plant/#","windows":[{"length":"1m","to":"plant/{field}/avg"}])" + off + "}",
        {"config: /streams/0/windows/0/to: \"plant/{field}/avg\": would be read again by subscription "
         "\"plant/#\" of stream \"p\"; "
         "use another prefix"});
  check(R"({"from":"{x}/+/+/temperature/#"})",
        {"config: /streams/0/windows/0/to: \"derived/{stream}/{x}/{field}/{window}\": would be read again by "
         "subscription "
         "\"+/+/+/temperature/#\" of stream \"temperature\"; use another prefix",
         "config: /streams/0/flags_to: \"derived/{stream}/{x}/{field}/flag/{detector}\": would be read again "
         "by subscription "
         "\"+/+/+/temperature/#\" of stream \"temperature\"; use another prefix"});
  // What is fixed in a template counts: the stream's and the window's name, and the text around a name does
  // not.
  check(R"({"name":"a","from":"out/b/#","windows":[{"length":"1m","to":"out/{stream}/{field}"}])" + off + "}",
        {});
  check(R"({"name":"b","from":"out/b/#","windows":[{"length":"1m","to":"out/{stream}/{field}"}])" + off + "}",
        {"config: /streams/0/windows/0/to: \"out/{stream}/{field}\": would be read again by subscription "
         "\"out/b/#\" of stream \"b\"; "
         "use another prefix"});
  // A name may stand for a level that begins with "$", whatever MQTT says of wildcards.
  check(
      R"({"name":"s","from":"$SYS/#"},{"name":"x","from":"in/{x}/y","windows":[{"length":"1m","to":"{x}/out"}])" +
          off + "}",
      {"config: /streams/1/windows/0/to: \"{x}/out\": would be read again by subscription \"$SYS/#\" of "
       "stream \"s\"; use another prefix"});
  check(R"({"from":"a/+/c"},{"from":"a/b/{x}"})",
        {"config: /streams/1/from: \"a/b/+\" of stream \"a-2\" and \"a/+/c\" of stream \"a\" take the same "
         "topics; a topic belongs to one "
         "stream, so make one of them narrower, or one \"ignore\": true before the other"});
  check(R"({"name":"cut","from":"a/b/+","ignore":true},{"from":"a/+/c"})", {});
  check(R"({"from":"a/+/c"},{"name":"cut","from":"a/b/+","ignore":true})",
        {"config: /streams/1/from: \"a/b/+\" of stream \"cut\" and \"a/+/c\" of stream \"a\" take the same "
         "topics; put the ignored stream "
         "before the other"});
  check(R"({"name":"cut","from":"a/#","ignore":true},{"from":"a/+/c"})",
        {"config: /streams/1/from: \"a/+/c\" of stream \"a\" and \"a/#\" of stream \"cut\": the second, "
         "which is ignored, takes everything; "
         "make it narrower"});
  check(R"({"name":"x","from":"a/#","ignore":true},{"name":"y","from":"a/+/c","ignore":true},{"from":"b"})",
        {});
  check(R"({"name":"x","from":"a/#","ignore":true,"windows":[],"qos":1},{"from":"b"})",
        {"config: /streams/0/qos: has no effect in an ignored stream; leave it out",
         "config: /streams/0/windows: has no effect in an ignored stream; leave it out"});
  check(
      R"({"name":"x","from":"a"},{"name":"x","from":"b"})",
      {"config: /streams/1/name: \"x\": is the name of /streams/0 too; give each stream a name of its own"});
  check(R"({"from":"a/b+"})", {"config: /streams/0/from: \"a/b+\" has a wildcard inside level \"b+\"; a "
                               "wildcard must be a whole level"});
  check(R"({"from":""})",
        {R"(config: /streams/0/from: "": must be a topic or pattern, as "sensors/{device}/#")"});
  check(R"({"from":"a/{stream}"})", {"config: /streams/0/from: captures {stream}, which stands for something "
                                     "else in topics; give it another name"});
  check(
      R"({"from":"a/{x}","windows":[{"name":"p","length":"1m","to":"o/{x}"},{"name":"q","length":"2m","to":"o/{x}"}])" +
          off + "}",
      {"config: /streams/0/windows/1/to: \"o/{x}\": gives the same topics as /streams/0/windows/0/to; "
       "results would replace each other, so "
       "tell their topics apart, as with {window}"});
  check(
      R"({"from":"a/{x}","windows":[{"name":"p","length":"1m","to":"o/{x}/p"},{"name":"q","length":"2m","to":"o/{x}/{window}"}])" +
          off + "}",
      {});
  check(
      R"({"from":"a/{x}","windows":[{"name":"p","length":"1m","to":"o/{x}/{window}"},{"name":"q","length":"2m","to":"o/{x}/p"}])" +
          off + "}",
      {"config: /streams/0/windows/1/to: \"o/{x}/p\": gives the same topics as /streams/0/windows/0/to; "
       "results would replace each other, so "
       "tell their topics apart, as with {window}"});
  check(R"({"from":"a/{x}","windows":[{"name":"p","length":"1m","to":"o/{x}"}],"flags_to":"o/{x}"})",
        {"config: /streams/0/flags_to: \"o/{x}\": gives the same topics as /streams/0/windows/0/to; results "
         "would replace each other, so "
         "tell their topics apart, as with flag/{detector}"});
}

TEST_CASE("all problems come at once, in the order of the file") {
  CHECK(
      problems(
          R"({"broker":{"protocol":7},"streams":[{"from":"a/#/b","qos":9,"windows":[{"length":5},{"length":"1m","every":"7s"}]},
                    {"form":"x"}],"http":{"listen":1}})") ==
      Lines{"config: /broker/protocol: 7: must be 5 (MQTT 5) or 4 (MQTT 3.1.1)",
            "config: /streams/0/qos: 9: must be a whole number, 0 to 2",
            "config: /streams/0/windows/0/length: 5: has no unit; write a time with its unit (ns, us, ms, "
            "s, m, h, d), as \"10s\" or \"250ms\"",
            "config: /streams/1/from: missing; write which topics are read, as \"sensors/{device}/#\"",
            "config: /streams/1/form: unknown key; did you mean \"from\"? Allowed here: name, from, "
            "ignore, qos, retained, series_max, payload, "
            "lateness, future, idle, cadence, windows, detectors, late_to, flags_to, flag_days_to",
            "config: /http/listen: 1: must be a string",
            "config: /streams/0/from: \"a/#/b\" has \"#\" before its end; \"#\" takes all levels that "
            "follow, so put it last"});
  std::string many = R"({"streams":[{"from":"a"}])";
  for (int i = 0; i < 150; ++i) many += ",\"unknown" + std::to_string(i) + "\":1";
  const Strings lines = problems(many + "}").all;
  REQUIRE(lines.size() == 101);
  CHECK(lines.back() == "config: and 50 more problems");
}

TEST_CASE("text that is no JSON is reported with its place") {
  const auto check = [](const std::string& text, const char* line) {
    CAPTURE(text);
    CHECK(problems(text) == Lines{line});
  };
  check("",
        "config: line 1, column 1: syntax error while parsing value - unexpected end of input; expected '[', "
        "'{', or a literal");
  check("{\n  \"streams\": [,]\n}",
        "config: line 2, column 15: syntax error while parsing value - unexpected ','; expected '[', '{', or "
        "a literal");
  check("{\n\n \"broker\": {\"username\": \"secret\n",
        "config: line 3, column 32: syntax error while parsing value - invalid string: control character "
        "U+000A (LF) must be escaped to "
        "\\u000A or \\n");
  check("{\"streams\": [1e999]}", "config: line 1, column 18: number overflow parsing '1e999'");
  check("{} {}",
        "config: line 1, column 4: syntax error while parsing value - unexpected '{'; expected end of input");
  check("// only a comment",
        "config: line 1, column 18: syntax error while parsing value - unexpected end of input; expected "
        "'[', '{', or a literal");
  check("{/* never ends",
        "config: line 1, column 15: syntax error while parsing object key - invalid comment; missing closing "
        "'*/'; expected string literal");
  check("{\"a\xFF\":1}",
        "config: line 1, column 4: syntax error while parsing object key - invalid string: ill-formed UTF-8 "
        "byte; expected string literal");
  check(std::string(100'000, '['),
        "config: (the whole file): is nested deeper than 32 levels; nothing in it needs that");
  check("[" + std::string(400'001, ' ') + std::string(1'000'000, '1') + "]",
        "config: (the whole file): 1400003 bytes: must be at most 1048576; split it over several weirs");
  std::string values = "[0";
  for (int i = 0; i < 200'000; ++i) values += ",0";
  check(values + "]", "config: (the whole file): holds more than 200000 values; make it smaller");
}

TEST_CASE("comments are allowed everywhere") {
  CHECK(test::same(parse_config("// one\n{ /* two */ \"streams\": [ // three\n {\"from\": /* four */ "
                                "\"sensors/{device}/#\"} ] }\n// five"),
                   parse_config(good)));
  CHECK(test::same(parse_config("\xEF\xBB\xBF" + good), parse_config(good)));
}

TEST_CASE("durations") {
  const auto check = [](const char* text, std::optional<Duration> value) {
    CAPTURE(text);
    CHECK(bridge::parse_duration(text) == value);
  };
  check("0s", 0s);
  check("1ns", 1ns);
  check("10us", 10us);
  check("250ms", 250ms);
  check("1.5s", 1500ms);
  check("0.1s", 100ms);
  check("00090s", 90s);
  check("2h", 2h);
  check("7d", 168h);
  check("0.5d", 12h);
  check("0.00000000000001157407407407407407407407407407s", {});
  check("1.000000000s", 1s);
  check("1.0000000001s", {});
  check("0.5ns", {});
  check("9223372036854775807ns", Duration::max());
  check("9223372036854775808ns", {});
  check("106751d", 106751 * 24h);
  check("106752d", {});
  check("99999999999999999999999999999d", {});
  check("", {});
  check("s", {});
  check("1", {});
  check("1.s", {});
  check(".5s", {});
  check("1 s", {});
  check("-1s", {});
  check("+1s", {});
  check("1e3s", {});
  check("1m30s", {});
  check("1S", {});
  check("1sec", {});

  const auto format = [](Duration value, const char* text) {
    CHECK(bridge::format_duration(value) == text);
    CHECK(bridge::parse_duration(text) == value);
  };
  format(0s, "0s");
  format(60s, "1m");
  format(90s, "90s");
  format(1500ms, "1500ms");
  format(100ms, "100ms");
  format(24h, "1d");
  format(25h, "25h");
  format(1ns, "1ns");
  format(Duration::max(), "9223372036854775807ns");
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const Duration value{static_cast<std::int64_t>(random() >> (1 + random() % 62))};
    CAPTURE(value.count());
    CHECK(bridge::parse_duration(bridge::format_duration(value)) == value);
  }
}

TEST_CASE("files: named in errors, missing ones are listed, secrets are never printed") {
  const test::TempFolder folder;
  const std::string path = folder.write("w.json", R"({"streams":[{"form":"a"}]})");
  CHECK_THROWS_WITH_AS(
      bridge::load_config(path),
      doctest::Contains(
          ("config: \"" + path + "\" cannot be used:\nconfig: /streams/0/from: missing").c_str()),
      SetupError);
  CHECK_THROWS_WITH_AS(
      bridge::load_config("/no/such.json"),
      "config: \"/no/such.json\": No such file or directory; name a JSON file that can be read", SetupError);
  CHECK_THROWS_WITH_AS(bridge::load_config("/tmp"),
                       "config: \"/tmp\": Is a directory; name a JSON file that can be read", SetupError);
  CHECK(test::same(bridge::load_config(folder.write("good.json", good)), parse_config(good)));

  const std::string secret = folder.write("secret", "geheim\n");
  ::setenv("WEIR_TEST_SECRET", "geheim", 1);
  for (const std::string& where :
       {R"("password_file":")" + secret + '"', std::string(R"("password_env":"WEIR_TEST_SECRET")")}) {
    CAPTURE(where);
    const Config complete = parse_config(R"({"broker":{)" + where + R"(},"streams":[{"from":"a"}]})");
    CHECK(bridge::missing_files(complete).empty());
    CHECK(bridge::describe(complete).find("geheim") == std::string::npos);
    CHECK(bridge::check_report(complete, 1).find("geheim") == std::string::npos);
  }
  ::unsetenv("WEIR_TEST_SECRET");

  const Config incomplete = parse_config(R"({"broker":{"url":"mqtts://h","password_env":"WEIR_TEST_NOT_SET",
      "tls":{"ca":"/no/ca","cert":"/tmp","key":")" +
                                         folder.write("empty", "") + R"("}},"streams":[{"from":"a"}]})");
  CHECK(bridge::missing_files(incomplete) ==
        Strings{"config: /broker/tls/ca: \"/no/ca\": is missing, empty or cannot be read; it must be a PEM "
                "file of trusted authorities",
                "config: /broker/tls/cert: \"/tmp\": is missing, empty or cannot be read; it must be a PEM "
                "file with our certificate",
                "config: /broker/tls/key: \"" + folder.file("empty") +
                    "\": is missing, empty or cannot be read; it must be a PEM file with our private key",
                "config: /broker/password_env: \"WEIR_TEST_NOT_SET\": is not in the environment; it must "
                "hold the password"});
}

TEST_CASE("a pattern from the command line") {
  CHECK(bridge::config_from_pattern("a \"b\"/{c}").streams[0].from == "a \"b\"/{c}");
  CHECK_THROWS_WITH_AS(bridge::config_from_pattern("a/{b}{c}"),
                       doctest::Contains("--from: \"a/{b}{c}\" has \"{b}{c}\"; a capture is"), SetupError);
  CHECK_THROWS_WITH_AS(bridge::config_from_pattern("#"),
                       doctest::Contains("would be read again by subscription \"#\""), SetupError);
}

// --- describe and the schema
// ----------------------------------------------------------------------------------------------

namespace {

// Random good configurations: each seed leaves some keys out entirely.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed), likely_(static_cast<double>(random_() % 100) / 100) {}

  Json config() {
    Json out;
    if (some()) out["broker"] = broker();
    if (some()) {
      out["aggregation"] = Json::object();
      Json& aggregation = out["aggregation"];
      put(aggregation, "shard_count", below(1025));
      put(aggregation, "batch_size", 1 + below(4096));
      put(aggregation, "flush_interval", std::to_string(below(10)) + ".25s");
      if (some()) aggregation["ring_buffer_size"] = 4096 << below(5);
      put(aggregation, "when_full", pick({"block", "shed"}));
    }
    if (some()) {
      out["limits"] = Json::object();
      put(out["limits"], "series_max", 1 + below(2'000'000'000));
      put(out["limits"], "series_ttl", pick({"0s", "1m", "24h", "3660d"}));
      put(out["limits"], "journal_bytes", 8388608 + below(1'000'000'000));
      put(out["limits"], "payload_bytes_max", 1 + below(400'000));
      put(out["limits"], "topic_bytes_max", 1 + below(65535));
    }
    const std::uint64_t streams = 1 + below(3);
    for (std::uint64_t i = 0; i < streams; ++i) out["streams"].push_back(stream(i));
    if (some()) {
      out["publish"] = Json::object();
      put(out["publish"], "qos", below(3));
      put(out["publish"], "retain", below(2) == 1);
      put(out["publish"], "buffer", 1 + below(1000));
      put(out["publish"], "max_rate", below(1000));
    }
    if (some()) out["status"] = {{"topic", pick({"up/{client_id}", "up"})}, {"every", "90s"}};
    if (some()) out["http"] = {{"listen", pick({"", "[::]:0", "localhost:80"})}};
    if (some())
      out["log"] = {{"level", pick({"debug", "info", "warn", "error"})}, {"format", pick({"text", "json"})}};
    return out;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool some() { return static_cast<double>(random_() % 100) / 100 < likely_; }
  std::string pick(const Strings& all) { return all[below(all.size())]; }
  double number() {
    return static_cast<double>(static_cast<std::int64_t>(random_() % 2'000'001) - 1'000'000) / 1000 + 0.5;
  }
  std::string duration() { return std::to_string(1 + below(1000)) + pick({"ns", "us", "ms", "s", "m"}); }
  template <typename Value>
  void put(Json& out, const char* key, Value value) {
    if (some()) out[key] = value;
  }

  Json broker() {
    Json out = Json::object();
    const bool tls = some();
    if (tls) {
      out["url"] = pick({"mqtts://h", "mqtts://[::1]:1"});
      if (some()) out["tls"]["ca"] = "ca.pem";
      if (some()) out["tls"].update({{"cert", "cert \u00fc.pem"}, {"key", "k"}});
    } else {
      put(out, "url", pick({"mqtt://h", "mqtt://h.lan:1884"}));
    }
    put(out, "client_id", pick({"w", "weir \u2600"}));
    out["username"] = pick({"", "u\"\\"});
    if (!out["username"].get<std::string>().empty()) out[pick({"password_file", "password_env"})] = "P";
    put(out, "protocol", 4 + below(2));
    put(out, "keep_alive", pick({"1s", "18h", "90s"}));
    put(out, "session_expiry", pick({"0s", "365d"}));
    put(out, "receive_maximum", 1 + below(65535));
    put(out, "client", pick({"paho", "native"}));
    put(out, "read_interval", pick({"0s", "100ms"}));
    put(out, "connections", 1 + below(8));
    return out;
  }

  Json number_rules(const std::string& at) {
    if (!some()) return at;
    Json out{{"at", at}};
    put(out, "strings", "number");
    put(out, "number_from", "bool");
    if (some()) out["map"] = {{"ON", number()}, {"", 0}};
    if (some()) out["null"] = Json::array({number(), -127});
    put(out, "scale", number());
    put(out, "offset", number());
    if (some()) out["range"] = {-2000.25, number()};
    return out;
  }

  Json payload() {
    Json out = Json::object();
    put(out, "format", pick({"json", "jsonl"}));
    if (some())
      out["when"] = {{"/type", pick({"x", "a\"b\\c\u00fc"})}, {"/n", number()}, {"", nullptr}, {"/b", true}};
    if (some())
      out["each"] = some() ? Json("/rows") : Json{{"at", "/rows"}, {"as", pick({"array", "map", "columns"})}};
    const std::uint64_t way = below(4);
    if (way == 0) out["fields"] = {{"f1", number_rules("/a~1b")}, {"f 2", number_rules("")}};
    if (way == 1) out.update({{"name", "/n"}, {"value", number_rules("/v")}});
    if (way != 0) {
      put(out, "include", Strings{"a*", "b/*"});
      put(out, "exclude", some() ? Strings{} : Strings{"rssi"});
    }
    if (some()) out["tags"] = {{"line", "/line"}, {"area", "/area"}};
    if (some()) out["time"] = some() ? Json("/ts") : Json(Strings{"/ts", "/Time"});
    put(out, "time_unit", pick({"auto", "s", "ms", "us", "ns"}));
    return out;
  }

  Json calendar() {
    Json out{{"unit", pick({"hour", "day", "week", "month", "shifts"})}};
    const bool days = out["unit"] != "hour" && out["unit"] != "shifts";
    if (out["unit"] == "shifts")
      out["shifts"] = some() ? Strings{"06:00", "14:05", "22:59"} : Strings{"00:00"};
    if (days) put(out, "day_start", pick({"00:00", "05:07"}));
    if (out["unit"] == "week") put(out, "week_start", pick({"monday", "sunday"}));
    put(out, "zone", pick({"UTC", "Europe/Berlin", "America/New_York"}));
    return out;
  }

  Json kind_of_window(std::uint64_t i) {
    const std::string name = "w" + std::to_string(i);
    const std::uint64_t parts = 1 + below(5);
    const std::string unit = pick({"s", "m", "h"});
    const std::string every = std::to_string(parts) + unit;
    const std::string kind =
        pick({"tumbling", "hopping", "sliding", "count", "session", "cumulative", "calendar"});
    Json out{{"name", name}};
    if (kind == "tumbling" || kind == "hopping") {
      out["length"] = std::to_string(parts * 4) + unit;
      if (kind == "hopping") out["every"] = every;
      put(out, "kind", kind);
    } else {
      out["kind"] = kind;
    }
    if (kind == "sliding") out["length"] = every;
    if (kind == "sliding") put(out, "samples_max", 1 + below(1000));
    if (kind == "count") out["samples"] = 12;
    if (kind == "count") put(out, "step", 1 + below(4));
    if (kind == "session") out["gap"] = std::to_string(parts) + "h";
    if (kind == "cumulative") out["every"] = every;
    if (kind == "calendar") out["calendar"] = calendar();
    const bool grid = kind == "tumbling" || kind == "hopping" || kind == "cumulative";
    if (grid && every != "1s") put(out, "offset", "1s");
    if (grid) put(out, "spread", "250ms");
    if (grid || kind == "session" || kind == "calendar") put(out, "retention", duration());
    if (grid || kind == "calendar") put(out, "emit", pick({"on_close", "on_change", "90s"}));
    if (grid || kind == "calendar") put(out, "empty", pick({"skip", "zero", "null", "last"}));
    return out;
  }

  void aggregates(Json& out) {
    Strings names;
    for (const std::string_view name : core::aggregate_names()) {
      const bool alias = core::find_aggregate(name) && core::name(*core::find_aggregate(name)) != name;
      if (below(4) == 0 && !alias && name != "pNN.N") names.emplace_back(name);
    }
    if (some()) names.emplace_back(pick({"p95", "p99.9", "p0", "p12.3456"}));
    if (names.empty()) names.emplace_back("avg");
    out["aggregates"] = names;
    const auto asks = [&](std::initializer_list<const char*> wanted) {
      return std::any_of(wanted.begin(), wanted.end(), [&](const char* name) {
        return std::find(names.begin(), names.end(), name) != names.end();
      });
    };
    const bool percentile = asks({"median", "p95", "p99.9", "p0", "p12.3456"});
    const bool exact = out.value("kind", "") == "sliding" ||
                       (out.value("kind", "") == "count" && out.value("step", 12) == 1);
    if (asks({"above_count"})) out["above"] = number();
    if (asks({"below_count"})) out["below"] = number();
    if (asks({"in_range_count"})) out["range"] = {-2000.25, number()};
    if (asks({"outlier_count"})) put(out, "outliers", pick({"iqr", "zscore", "mad"}));
    if (!exact && (percentile || asks({"outlier_count"})))
      put(out, "error", 0.001 * static_cast<double>(1 + below(99)));
    if (!exact && (percentile || asks({"outlier_count", "distinct", "mode"}))) put(out, "kept", below(1025));
    if (asks({"ewma"}) && (some() || !out.contains("length"))) out["half_life"] = duration();
    if (asks({"integral", "time_weighted_mean", "increase", "rate"})) put(out, "hold", duration());
    if (asks({"integral", "time_weighted_mean"})) put(out, "interpolate", pick({"step", "linear"}));
  }

  Json window(std::uint64_t i, const Strings& keys) {
    Json out = kind_of_window(i);
    if (some()) {
      out["by"] = Json::array();
      for (const std::string& key : keys) {
        if (some()) out["by"].push_back(key);
      }
    }
    put(out, "fields", Strings{"f1"});
    if (some()) aggregates(out);
    put(out, "cadence", pick({"learned", "10s"}));
    put(out, "to", "out/" + std::to_string(i) + "/{stream}/{field}");
    return out;
  }

  void learning(Json& out) {
    if (some()) out.update({{"raise", 4.5}, {"clear", 0.1 + static_cast<double>(below(20)) / 10}});
    if (out["kind"] != "seasonal") put(out, "warmup", 8 + below(100));
    put(out, "memory", 8 + below(100));
    put(out, "deviation_min", 0.125);
  }

  void kind_of_detector(Json& out) {
    const std::string kind = out["kind"];
    if (kind == "threshold") {
      const bool above = below(2) == 1;
      out[above ? "above" : "below"] = number();
      put(out, "clear", above ? -5000 : 5000);
    } else if (kind == "range") {
      out.update({{"low", -5000}, {"high", number()}});
      put(out, "margin", 0.25);
    } else if (kind == "rate_of_change") {
      out[pick({"rise", "fall"})] = 1.25;
      put(out, "fall", 2);
      put(out, "per", duration());
      put(out, "clear", 0.5);
    } else if (kind == "mad" || kind == "iqr") {
      put(out, "samples", 5 + below(251));
      if (kind == "mad") put(out, "deviation_min", 0.5);
      put(out, "raise", 3.5);
      put(out, "clear", 1.25);
    } else if (kind == "flatline") {
      out["after"] = duration();
      put(out, "tolerance", 0.5);
      put(out, "samples", 2 + below(100));
    } else if (kind != "auto") {
      learning(out);
    }
    if (kind == "ewma") put(out, "weight", 0.75);
    if (kind == "cusum" || kind == "page_hinkley") put(out, "slack", 0.5);
    if (kind == "seasonal") put(out, "period", pick({"day", "week"}));
    if (kind == "seasonal") put(out, "parts", 4 + below(300));
    if (kind == "peers") out["by"] = Json::array();
    if (kind == "peers") put(out, "members", 3 + below(900));
  }

  Json detector(std::uint64_t i, const std::string& on, bool apart) {
    Json out{{"name", "d" + std::to_string(i)},
             {"kind", pick({"threshold", "range", "rate_of_change", "zscore", "mad", "iqr", "ewma", "cusum",
                            "page_hinkley", "flatline", "silence", "seasonal", "peers", "auto"})}};
    if (out["kind"] == "peers" && !apart) out["kind"] = "auto";
    put(out, "fields", Strings{"f1"});
    put(out, "severity", pick({"info", "warning", "critical"}));
    put(out, "to", "flag/{stream}/{detector}/{field}");
    put(out, "retain_to", "state/{stream}/{detector}");
    if (out["kind"] == "silence") {
      out["after"] = some() ? "learned" : duration();
      if (out["after"] == "learned") put(out, "factor", 2.5);
      if (out["after"] == "learned") put(out, "least", duration());
      return out;
    }
    put(out, "for", duration());
    put(out, "hold", duration());
    put(out, "flaps", below(1001));
    put(out, "flap_within", duration());
    if (!on.empty() && out["kind"] != "peers") put(out, "on", on);
    kind_of_detector(out);
    return out;
  }

  // A value of the stream's windows, as `on` names it; empty where there is none that may be judged.
  std::string value_of(const Json& stream) {
    if (!stream.contains("windows")) return "1m." + pick({"mean", "avg", "count"});
    const Json& window = stream["windows"][below(stream["windows"].size())];
    if (window.value("emit", "on_close") != "on_close") return {};
    const Json aggregates = window.value("aggregates", Json{"mean"});
    return window["name"].get<std::string>() + '.' + aggregates[0].get<std::string>();
  }

  Json stream(std::uint64_t i) {
    const std::string from =
        "in" + std::to_string(i) + pick({"", "/{device}", "/{a}/{field}", "/{rest...}", "/+/{b}/#"});
    Json out{{"from", from}};
    if (below(10) == 0 && i > 0) return {{"from", from}, {"ignore", true}};
    put(out, "name", "stream " + std::to_string(i));
    put(out, "ignore", false);
    put(out, "qos", below(3));
    put(out, "retained", pick({"ignore", "seed", "accept"}));
    put(out, "series_max", 1 + below(2'000'000'000));
    Strings keys;
    if (some()) {
      out["payload"] = payload();
      if (out["payload"].contains("tags")) keys = {"line", "area"};
    }
    for (const char* const key : {"lateness", "future", "idle"})
      put(out, key, std::to_string(below(100)) + "s");
    if (some()) {
      for (std::uint64_t w = 0, n = 1 + below(3); w < n; ++w) out["windows"].push_back(window(w, keys));
    }
    if (some()) {
      const bool apart = from.find('{') != std::string::npos;  // some key tells series apart
      for (std::uint64_t d = 0, n = 1 + below(5); d < n; ++d)
        out["detectors"].push_back(detector(d, value_of(out), apart));
    }
    put(out, "cadence", pick({"learned", "1m"}));
    put(out, "late_to", "late/{stream}/{field}");
    put(out, "flags_to", "flags/{stream}/{detector}");
    put(out, "flag_days_to", "days/{stream}/{field}");
    return out;
  }

  std::mt19937_64 random_;
  double likely_;
};

}  // namespace

TEST_CASE("what describe prints reads back to the same configuration, and both fit the schema") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t base = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (std::uint64_t seed = base; seed < base + 300; ++seed) {
    const Json made = Maker(seed).config();
    CAPTURE(seed);
    CAPTURE(made.dump(1));
    REQUIRE(problems(made.dump()) == Lines{});
    const Config config = parse_config(made.dump());
    const std::string text = bridge::describe(config);
    REQUIRE(problems(text) == Lines{});
    CHECK(test::same(parse_config(text), config));
    CHECK(bridge::describe(parse_config(text)) == text);
    CHECK(schema().problems(made) == Lines{});
    CHECK(schema().problems(json_of(text)) == Lines{});
  }
  const Config config = parse_config(every_key);
  CHECK(test::same(parse_config(bridge::describe(config)), config));
}

TEST_CASE("loader and schema agree on what is good and what is not") {
  const auto check = [](const std::string& text, bool fine) {
    CAPTURE(text);
    CHECK((problems(text) == Lines{}) == fine);
    CHECK(schema().accepts(json_of(text)) == fine);
  };
  check(good, true);
  check(every_key, true);
  check("{}", false);
  check("[]", false);
  check(with(R"("limit":{})"), false);
  check(with(R"("limits":[])"), false);
  check(with(R"("limits":{"series_ttl":"24h"})"), true);
  check(with(R"("limits":{"series_max":0})"), false);
  check(with(R"("limits":{"series_max":1.0})"), true);
  check(with(R"("limits":{"series_max":1.5})"), false);
  check(with(R"("limits":{"journal_bytes":1})"), false);
  check(with(R"("broker":{"url":"tcp://h"})"), false);
  check(with(R"("broker":{"url":"mqtt://u:p@h"})"), false);
  check(with(R"("broker":{"password":"x"})"), false);
  check(with(R"("broker":{"client_id":"a/b"})"), false);
  check(with(R"("broker":{"connections":8,"share":"g"})"), true);
  check(with(R"("broker":{"connections":9})"), false);
  check(with(R"("broker":{"share":"a/b"})"), false);
  check(with(R"("broker":{"share":"a\u0000"})"), false);
  check(with(R"("broker":{"share":""})"), true);
  check(with(R"("broker":{"client_id":""})"), false);
  check(with(R"("broker":{"protocol":3})"), false);
  check(with(R"("broker":{"keep_alive":30})"), false);
  check(with(R"("broker":{"keep_alive":"30"})"), false);
  check(with(R"("broker":{"client":"other"})"), false);
  check(with(R"("broker":{"tls":{"capath":"x"}})"), false);
  check(with(R"("aggregation":{"when_full":"drop"})"), false);
  check(with(R"("publish":{"qos":3})"), false);
  check(with(R"("publish":{"retain":"yes"})"), false);
  check(with(R"("status":{"topic":"a/#"})"), false);
  check(with(R"("status":{"topic":"a/{b"})"), false);
  check(with(R"("http":{"listen":"9641"})"), false);
  check(with(R"("http":{"listen":""})"), true);
  check(with(R"("log":{"level":"trace"})"), false);
  for (const char* const from : {"a/#/b", "a/b+", "a/{b", "a/x{b}", "{a...}/b", "a/{1}", ""}) {
    check(R"({"streams":[{"from":")" + std::string{from} + R"(","windows":[{"length":"1m"}]}]})",
          false == (std::string{from} != "never"));
  }
  check(stream(R"(,"qos":"1")"), false);
  check(stream(R"(,"name":"a/b")"), false);
  check(stream(R"(,"retained":"keep")"), false);
  check(stream(R"(,"ignore":true,"qos":1)"), false);
  check(stream(R"(,"ignore":true)"), true);
  check(stream(R"(,"flags_to":"a/{b}/+")"), false);
  check(stream(R"(,"payload":{"format":"csv"})"), false);
  check(stream(R"(,"payload":{"fields":{}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":"b"}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":{"scale":2}}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":{"at":"","scale":0}}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":{"at":"","strings":true}}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":{"at":"","range":[1]}}})"), false);
  check(stream(R"(,"payload":{"fields":{"a":{"at":"","map":{"x":"1"}}}})"), false);
  check(stream(R"(,"payload":{"when":{"a":1}})"), false);
  check(stream(R"(,"payload":{"when":{"/a":{}}})"), false);
  check(stream(R"(,"payload":{"each":{"as":"map"}})"), false);
  check(stream(R"(,"payload":{"tags":{"field":"/a"}})"), false);
  check(stream(R"(,"payload":{"tags":{"a b":"/a"}})"), false);
  check(stream(R"(,"payload":{"include":[]})"), false);
  check(stream(R"(,"payload":{"time":5})"), false);
  check(stream(R"(,"payload":{"time_unit":"sec"})"), false);
  check(stream(R"(,"windows":[{}])"), false);
  for (const char* const window : {R"("length":"1m","kind":"slide")",
                                   R"("kind":"sliding")",
                                   R"("kind":"sliding","length":"1m","every":"1s")",
                                   R"("kind":"count")",
                                   R"("kind":"count","samples":0)",
                                   R"("kind":"count","samples":5,"length":"1m")",
                                   R"("kind":"session")",
                                   R"("kind":"session","gap":"1m","emit":"on_close")",
                                   R"("kind":"cumulative")",
                                   R"("kind":"calendar")",
                                   R"("kind":"calendar","calendar":{})",
                                   R"("kind":"calendar","calendar":"day")",
                                   R"("kind":"calendar","calendar":{"unit":"day"},"spread":"1s")",
                                   R"("kind":"calendar","calendar":{"unit":"shifts","shifts":["6:00"]})",
                                   R"("kind":"calendar","calendar":{"unit":"day","day_start":"24:00"})",
                                   R"("kind":"calendar","calendar":{"unit":"day","zone":""})",
                                   R"("samples":5)",
                                   R"("length":"1m","samples":5)",
                                   R"("length":"1m","emit":"never")",
                                   R"("length":"1m","emit":5)",
                                   R"("length":"1m","empty":"nothing")",
                                   R"("length":"1m","aggregates":["p101"])",
                                   R"("length":"1m","aggregates":["p9."])",
                                   R"("length":"1m","aggregates":["p05"])",
                                   R"("length":"1m","aggregates":["p95"],"kept":-1)",
                                   R"("length":"1m","aggregates":["p95"],"error":0)",
                                   R"("length":"1m","cadence":"often")"}) {
    check(stream(R"(,"windows":[{)" + std::string{window} + "}]"), false);
  }
  for (const char* const window : {R"("kind":"sliding","length":"1m")", R"("kind":"count","samples":5)",
                                   R"("kind":"session","gap":"1m")", R"("kind":"cumulative","every":"1m")",
                                   R"("kind":"calendar","calendar":{"unit":"day"})",
                                   R"("length":"1m","aggregates":["p0","p5","p99.9999","p100","p100.0"])",
                                   R"("length":"1m","emit":"10s")", R"("length":"1m","cadence":"learned")"}) {
    const bool twice = std::string{window}.find("p100.0") != std::string::npos;
    if (!twice) check(stream(R"(,"windows":[{)" + std::string{window} + "}]"), true);
  }
  check(stream(R"(,"cadence":"x")"), false);
  check(stream(R"(,"late_to":"a/#")"), false);
  check(stream(R"(,"flag_days_to":"a/#")"), false);
  check(stream(R"(,"windows":[{"length":"1m","aggregates":[]}])"), false);
  check(stream(R"(,"windows":[{"length":"1m","by":["device","device"]}])"), false);
  check(stream(R"(,"detectors":[{"kind":"odd"}])"), false);
  check(stream(R"(,"detectors":[{"kind":"threshold"}])"), false);
  check(stream(R"(,"detectors":[{"kind":"threshold","above":1,"below":0}])"), false);
  check(stream(R"(,"detectors":[{"kind":"zscore","above":1}])"), false);
  check(stream(R"(,"detectors":[{"kind":"zscore","raise":0}])"), false);
  check(stream(R"(,"detectors":[{"kind":"zscore","warmup":7}])"), false);
  check(stream(R"(,"detectors":[{"kind":"silence"}])"), false);
  check(stream(R"(,"detectors":[{"kind":"silence","after":"3m","for":"1s"}])"), false);
  check(stream(R"(,"detectors":[])"), true);
}

// --- compose/weir/weir.json
// ----------------------------------------------------------------------------------------------------

namespace {

// Lines `// "key": value,` without their slashes.
std::string with_defaults(const std::string& text) {
  static const std::regex line("(^|\n)( *)// (\"[a-z_]+\": [^\n]*,)(?=\n)");
  return std::regex_replace(text, line, "$1$2$3");
}

// Every key a schema knows.
void collect_keys(const Json& node, Strings& keys) {
  if (!node.is_structured()) return;
  for (const auto& [key, value] : node.items()) {
    if (node.is_object() && key == "properties") {
      for (const auto& [name, ignored] : value.items()) keys.push_back(name);
    }
    collect_keys(value, keys);
  }
}

}  // namespace

TEST_CASE("the reference configuration says what it documents, as it is and with its defaults written out") {
  const std::string text = file_text("compose/weir/weir.json");
  const std::string written_out = with_defaults(text);
  CHECK(std::count(text.begin(), text.end(), '/') - std::count(written_out.begin(), written_out.end(), '/') >=
        2 * 30);

  const Config config = parse_config(text);
  Config expected;  // what differs from the defaults
  expected.broker.url = "mqtt://mosquitto:1883";
  expected.broker.username = "weir";
  expected.broker.password_file = "/run/secrets/weir_password";
  expected.http.listen = "0.0.0.0:9641";
  bridge::StreamConfig& climate = expected.streams.emplace_back();
  climate.name = "climate";
  climate.from = "site/{site}/device/{device}/telemetry";
  climate.series_max = expected.limits.series_max;
  climate.payload.time = {"/ts"};
  climate.windows.push_back({by_length("1m", 1min, 10s),
                             {"site", "device"},
                             {},
                             "derived/{stream}/{site}/{device}/{field}/{window}"});
  climate.windows.push_back({by_length("site-5m", 5min, 5min),
                             {"site"},
                             {"temperature"},
                             "derived/{stream}/{site}/{field}/{window}"});
  climate.windows.back().spec.aggregates = aggregates({"count", "mean", "range"});
  climate.detectors.push_back(
      detector("hot", core::ThresholdSpec{40, {}, 38}, core::Severity::critical, {"temperature"}));
  climate.detectors.push_back(detector("odd", core::ZscoreSpec{}));
  climate.detectors.push_back(detector("gone", core::SilenceSpec{.after = 30s}));
  climate.flags_to = "derived/{stream}/{site}/{device}/{field}/flag/{detector}";
  CHECK(test::same(config, expected));
  CHECK(test::same(parse_config(written_out), expected));
  CHECK(schema().problems(json_of(text)) == Lines{});
  CHECK(schema().problems(json_of(written_out)) == Lines{});
}

TEST_CASE("the reference configuration shows every option") {
  const std::string text = file_text("compose/weir/weir.json");
  Strings keys;
  collect_keys(schema().root(), keys);
  REQUIRE(keys.size() > 80);
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK(text.find('"' + key + "\":") != std::string::npos);
  }
}

TEST_CASE("what the reference configuration shows to copy is good too") {
  const auto without_mark = [](std::string text, const std::string& line) {
    const std::size_t at = text.find("//> " + line);
    REQUIRE(at != std::string::npos);
    return text.erase(at, 4);
  };
  const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::string text = file_text("compose/weir/weir.json");
  const auto check = [&](const std::string& changed) {
    CHECK(problems(changed) == Lines{});
    CHECK(schema().problems(json_of(changed)) == Lines{});
    CHECK_FALSE(test::same(parse_config(changed), parse_config(text)));
  };
  check(replaced(without_mark(text, "\"password_env\""), "\"password_file\"", "//"));
  check(replaced(without_mark(text, "\"tls\""), "mqtt://mosquitto:1883", "mqtts://mosquitto"));
  check(without_mark(text, "\"share\""));
  check(without_mark(text, "\"exclude\""));
  check(without_mark(text, "\"fields\""));
  check(without_mark(text, "\"cadence\""));
  check(without_mark(text, "\"late_to\""));
  check(without_mark(text, "\"flag_days_to\""));
  check(without_mark(text, "\"on\""));
  check(without_mark(text, "\"to\""));
  check(without_mark(text, "\"retain_to\""));
  check(replaced(replaced(without_mark(text, "\"below\""), "\"above\": 40", "//"), "\"clear\": 38", "//"));

  const std::size_t streams = text.find("// Streams to copy");
  REQUIRE(streams != std::string::npos);
  std::string tail = text.substr(streams);
  for (const std::string mark : {"//> ", "//>"}) {
    while (tail.find(mark) != std::string::npos) tail = replaced(tail, mark, "");
  }
  const std::string all = text.substr(0, streams) + tail;
  check(all);
  const Config config = parse_config(all);
  REQUIRE(config.streams.size() == 7);
  CHECK(config.streams[1].ignore);
  CHECK(bridge::series_keys(config.streams[2]) == Strings{"machine", "line", "key"});
  CHECK(config.streams[3].payload.value_as.strings);
  std::vector<core::WindowKind> kinds;
  for (const auto& window : config.streams[4].windows) kinds.push_back(window.spec.kind);
  using enum core::WindowKind;
  CHECK(kinds == std::vector{sliding, count, session, cumulative, calendar, calendar});
  CHECK(bridge::series_keys(config.streams[5]) == Strings{"device"});
  std::set<std::size_t> detectors;
  for (const auto& streams_detectors : {config.streams[0].detectors, config.streams[6].detectors}) {
    for (const auto& one : streams_detectors) detectors.insert(one.spec.kind.index());
  }
  CHECK(detectors.size() == std::variant_size_v<core::DetectorSpec::Kind>);
  CHECK(config.streams[6].detectors.back().to == "derived/{stream}/{site}/{field}/flag/{detector}");
}

TEST_CASE("a shared subscription has no use for retained messages") {
  const auto text = [](const std::string& retained) {
    return R"({"broker":{"share":"g"},"streams":[{"from":"a/{d}"},{"from":"b/{d}","retained":")" + retained +
           "\"}]}";
  };
  CHECK(problems(text("ignore")) == Lines{});
  for (const std::string retained : {"seed", "accept"}) {
    CHECK(problems(text(retained)) ==
          Lines{"config: /streams/1/retained: \"" + retained +
                "\": has no effect with broker.share, as no retained messages are sent to a shared "
                "subscription; make it \"ignore\", or leave broker.share out"});
  }
}

TEST_CASE("what check prints of several connections") {
  const std::string streams = R"("streams":[{"from":"a/{d}"},{"from":"b/{d}"},{"from":"c/{d}","ignore":true},
    {"from":"d/{d}"}]})";
  const auto report = [&](const std::string& broker) {
    return bridge::check_report(parse_config(R"({"broker":{)" + broker + "}," + streams), 2);
  };
  const auto holds = [](const std::string& all, const std::string& lines) {
    CAPTURE(all);
    CHECK(all.find('\n' + lines + '\n') != std::string::npos);
  };
  CHECK(report("").find("connections:") == std::string::npos);
  const std::string two = report(R"("connections":2)");
  holds(two, "connections: 2\n  \"weir\": \"a/+\", \"d/+\"\n  \"weir-2\": \"b/+\"");
  holds(two, "journal: 64.0 MiB, 32.0 MiB for each connection");
  const std::string many = report(R"("connections":8)");
  holds(many,
        "connections: 3 (not 8 as broker.connections says: no filter is left for more)\n  \"weir\": \"a/+\"\n"
        "  \"weir-2\": \"b/+\"\n  \"weir-3\": \"d/+\"");
  const std::string shared = report(R"("connections":2,"client_id":"w","share":"g 1")");
  const std::string all = R"("$share/g 1/a/+", "$share/g 1/b/+", "$share/g 1/d/+")";
  holds(shared, "connections: 2\n  \"w\": " + all + "\n  \"w-2\": " + all);
}

TEST_CASE("what check prints") {
  const std::string report = bridge::check_report(parse_config(file_text("compose/weir/weir.json")), 2);
  const auto holds = [&](const std::string& line) {
    CAPTURE(line);
    CHECK(report.find('\n' + line + '\n') != std::string::npos);
  };
  holds("# subscriptions");
  holds("\"site/+/device/+/telemetry\": stream \"climate\", qos 1");
  holds("status: \"weir/weir/status\" every 10s");
  holds(
      "stream \"climate\", window \"1m\", 1m every 10s, by site, device:\n  "
      "derived/climate/{site}/{device}/{field}/1m");
  holds("stream \"climate\", window \"site-5m\", 5m, by site:\n  derived/climate/{site}/{field}/site-5m");
  holds(
      "stream \"climate\", detector \"hot\", threshold:\n  "
      "derived/climate/{site}/{device}/{field}/flag/hot");
  holds("stream \"climate\", detector \"hot\", threshold: 32 B a series");
  CHECK(report.find("\nstream \"climate\", detector \"odd\", zscore: ") != std::string::npos);
  holds("queues of 2 workers: 192.0 KiB");
  holds("journal: 64.0 MiB");
  holds("outboxes: at most 32.0 MiB");
  holds("waiting for the broker: at most 100000 results");
  CHECK(report.find("a series of field \"temperature\" by site, device: ") != std::string::npos);
  CHECK(report.find("a series of any other field by site, device: ") != std::string::npos);
  CHECK(report.find("a series of field \"temperature\" by site: ") != std::string::npos);
  CHECK(report.find("a series of any other field by site: ") == std::string::npos);
  CHECK(report.find("linkquality") != std::string::npos);
}
