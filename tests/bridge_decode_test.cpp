#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/decode_fixture.h"

using bridge::EachAs;
using bridge::FieldConfig;
using bridge::Format;
using bridge::MessageOutcome;
using bridge::PayloadConfig;
using decode_test::Result;
using decode_test::Subject;
using Texts = std::vector<std::string>;

namespace {

PayloadConfig every_number() {
  PayloadConfig config;
  config.exclude.clear();
  return config;
}

FieldConfig field(std::string name, std::string at) {
  FieldConfig out;
  out.name = std::move(name);
  out.at = std::move(at);
  return out;
}

PayloadConfig with_fields(std::vector<FieldConfig> fields) {
  PayloadConfig config;
  config.fields = std::move(fields);
  return config;
}

// Decoded, with these readings and nothing counted.
void check(Subject& subject, std::string_view payload, const Texts& readings) {
  CAPTURE(payload);
  const Result result = subject.decode(payload);
  CHECK(result == Result{MessageOutcome::decoded, readings, result.tags, {}});
}

// As above, with tags by row.
void check(Subject& subject, std::string_view payload, const Texts& readings, const Texts& tags) {
  check(subject, payload, readings);
  CHECK(subject.decode(payload).tags == tags);
}

void check_counts(Subject& subject, std::string_view payload, const Texts& readings,
                  bridge::DecodeCounts counts) {
  CAPTURE(payload);
  const Result result = subject.decode(payload);
  CHECK(result == Result{MessageOutcome::decoded, readings, result.tags, counts});
}

void check_outcome(Subject& subject, std::string_view payload, MessageOutcome outcome) {
  CAPTURE(payload);
  CHECK(subject.decode(payload) == Result{outcome, {}, {}, {}});
}

}  // namespace

TEST_CASE("every number of an object is a field, named by its pointer") {
  Subject subject(every_number());
  check(subject, R"({"temperature":21.5,"humidity":40})", {"0 temperature=21.5", "0 humidity=40"});
  check(subject, R"({"env":{"humidity":40,"deep":{"er":-1e3}},"t":1})",
        {"0 env/humidity=40", "0 env/deep/er=-1000", "0 t=1"});
  check(subject, R"( { "t" : 1 , "u" : 2 } )", {"0 t=1", "0 u=2"});
  check(subject, "{\r\n\t\"t\":\t1\n}", {"0 t=1"});
  check(subject, R"({"name":"x","on":true,"off":false,"t":1})", {"0 t=1"});
  check(subject, R"({"a/b":1,"m~n":2,"switch:0":{"apower":3},"@ id.x":4})",
        {"0 a~1b=1", "0 m~0n=2", "0 switch:0/apower=3", "0 @ id.x=4"});
  check(subject, R"({"température":21.5,"\u0074emp":1,"a\"b":2})",
        {"0 température=21.5", "0 temp=1", "0 a\"b=2"});
  check(subject, R"({"":1,"x":{"":2}})", {"0 =1", "0 x/=2"});
  check(subject, R"({"values":{"9":1,"10":{"0":2}}})",
        {"0 values/9=1", "0 values/10/0=2"});  // keys, not indices
  check(subject, "{}", {});
  check(subject, R"({"a":{},"b":[],"c":1})", {"0 c=1"});
}

TEST_CASE("arrays name nothing, and an array of objects is rows") {
  Subject subject(every_number());
  check(subject, R"({"a":[1,2,{"b":3}],"c":4})", {"0 c=4"});
  check(subject, "[]", {});
  check(subject, "[1,2,3]", {});
  check(subject, R"([{"t":1},{"t":2,"u":3}])", {"0 t=1", "1 t=2", "1 u=3"});
  check(subject, R"([7,{"t":1},[{"t":2}],"x",null,{"t":3}])", {"0 t=1", "1 t=3"});
  check(subject, R"([{"seg":[{"x":1}],"t":2}])", {"0 t=2"});
}

TEST_CASE("bare values") {
  Subject subject(every_number());
  check(subject, "21.5", {"0 bare=21.5"});
  check(subject, " -3 \n", {"0 bare=-3"});
  check(subject, "+7", {"0 bare=7"});
  check(subject, "007", {"0 bare=7"});
  check(subject, "true", {});
  check(subject, "false", {});
  check(subject, R"("on")", {});
  check(subject, R"("21.5")", {});
  check_counts(subject, "null", {}, {.no_readings = 1});
  check_counts(subject, "nan", {}, {.not_finite = 1});
  check_counts(subject, "-Infinity", {}, {.not_finite = 1});
  check_counts(subject, "9007199254740993", {"0 bare=9.007199254740992e15"}, {.inexact = 1});
  check_outcome(subject, "ON", MessageOutcome::malformed);
  check_outcome(subject, "22 seconds", MessageOutcome::malformed);
  check_outcome(subject, "1,2", MessageOutcome::malformed);

  PayloadConfig excluded;
  excluded.include = {"nothing"};
  excluded.exclude = {"*"};
  Subject bare(excluded);
  check(bare, "5", {"0 bare=5"});  // a bare number has no path
}

TEST_CASE("empty payloads, marks in front and NULs behind") {
  Subject subject(every_number());
  check_outcome(subject, "", MessageOutcome::ignored);
  check_outcome(subject, " \n", MessageOutcome::ignored);
  check_outcome(subject, std::string_view("\0", 1), MessageOutcome::ignored);
  check_outcome(subject, "\xEF\xBB\xBF", MessageOutcome::ignored);
  check(subject, "\xEF\xBB\xBF{\"t\":1}", {"0 t=1"});
  check(subject, std::string_view("{\"t\":1}\0\n\0", 10), {"0 t=1"});
  check(subject, std::string_view("12\0", 3), {"0 bare=12"});
  check_outcome(subject, std::string_view("\0{}", 3), MessageOutcome::malformed);
  check_outcome(subject, std::string_view("{\"t\0\":1}", 8), MessageOutcome::malformed);
}

TEST_CASE("a document is read whole or not at all") {
  Subject subject(every_number());
  const auto malformed = [&](std::string_view payload) {
    check_outcome(subject, payload, MessageOutcome::malformed);
  };
  check(subject, R"({"t":1,"s":"x","o":{"u":2},"a":[1,"x",{"y":null}]})", {"0 t=1", "0 o/u=2"});
  malformed("{");
  malformed("[");
  malformed("}");
  malformed(R"({"t":1)");
  malformed(R"({"t":1,)");
  malformed(R"({"t":1,})");
  malformed(R"({"t":1,"u)");
  malformed(R"({"t":1,"u":)");
  malformed(R"({"t":1,"u":2]})");
  malformed(R"({"t":1}})");
  malformed(R"({"t":1},)");
  malformed(R"({"t":1} x)");
  malformed(R"({"t":1}{"t":2})");
  malformed(R"({"t" 1})");
  malformed(R"({"t"::1})");
  malformed(R"({t:1})");
  malformed(R"({'t':1})");
  malformed(R"({1:1})");
  malformed(R"({"t":1 2})");
  malformed(R"({"t":1"u":2})");
  malformed(R"({"t":"x""y"})");
  malformed(R"({"t":"x"y})");
  malformed(R"({"t":1x})");
  malformed(R"({"t":01})");
  malformed(R"({"t":+1})");
  malformed(R"({"t":.5})");
  malformed(R"({"t":5.})");
  malformed(R"({"t":1e})");
  malformed(R"({"t":-})");
  malformed(R"({"t":0x10})");
  malformed(R"({"t":NaN})");
  malformed(R"({"t":tru})");
  malformed(R"({"t":truee})");
  malformed(R"({"t":nul})");
  malformed(R"({"t":True})");
  malformed(R"({"t":"\x41"})");
  malformed(R"({"t":"\u12"})");
  malformed(R"({"t":"\ud800"})");
  malformed(R"({"t":"\udc00\ud800"})");
  malformed(R"({"\q":1})");
  malformed("{\"t\":\"a\nb\"}");
  malformed("{\"t\":\"\xff\"}");
  malformed("{\"t\":\"\xc0\xaf\"}");
  malformed("{\"\xed\xa0\x80\":1}");
  malformed(R"({"t":1,"a":[1,]})");  // also where nobody looks
  malformed(R"({"t":1,"a":[1 2]})");
  malformed(R"({"t":1,"a":[01]})");
  malformed(R"({"t":1,"a":[{"x":}]})");
  malformed(R"({"t":1,"a":["\q"]})");
  malformed(R"({"t":1,"a":[tru]})");
  malformed(R"([{"t":1},{"t":2)");
  malformed(R"([{"t":1},{"t":2},])");
  malformed("// comment\n{}");
  malformed(R"("abc)");
  malformed(R"("abc" 1)");
  malformed(R"("\u12")");
}

TEST_CASE("depth is bounded") {
  Subject subject(every_number());
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close) {
    std::string out;
    for (std::size_t i = 0; i < depth; ++i) out += open;
    out += "1";
    for (std::size_t i = 0; i < depth; ++i) out += close;
    return out;
  };
  CHECK(subject.decode(nested(128, R"({"a":)", "}")).readings.size() == 1);
  CHECK(subject.decode(nested(128, "[", "]")).outcome == MessageOutcome::decoded);
  check_outcome(subject, nested(129, R"({"a":)", "}"), MessageOutcome::malformed);
  check_outcome(subject, nested(129, "[", "]"), MessageOutcome::malformed);
  check_outcome(subject, nested(100'000, "[", "]"), MessageOutcome::malformed);
  check_outcome(subject, nested(100'000, R"({"a":)", "}"), MessageOutcome::malformed);
  check_outcome(subject, std::string(100'000, '['), MessageOutcome::malformed);
}

TEST_CASE("numbers that are none, nulls, and integers beyond 2^53") {
  Subject subject(every_number());
  check_counts(subject, R"({"a":1e999,"b":2})", {"0 b=2"}, {.not_finite = 1});
  check_counts(subject, R"({"a":-1e999,"b":1e-999})", {"0 b=0"}, {.not_finite = 1});
  check_counts(subject, R"({"a":null,"b":{"c":null},"d":1})", {"0 d=1"}, {.no_readings = 2});
  check_counts(subject, R"({"a":9007199254740993,"b":9007199254740992})",
               {"0 a=9.007199254740992e15", "0 b=9.007199254740992e15"}, {.inexact = 1});
  check_counts(subject, R"({"a":[null,1e999,9007199254740993]})", {}, {});
  check(subject, R"({"t":1,"t":2,"u":3,"t":4})", {"0 t=4", "0 u=3"});
  check(subject, R"({"t":1,"t":"x"})", {"0 t=1"});
}

TEST_CASE("include and exclude") {
  const auto decoded = [](std::vector<std::string> include, std::vector<std::string> exclude,
                          std::string_view payload) {
    PayloadConfig config;
    config.include = std::move(include);
    config.exclude = std::move(exclude);
    return Subject(config).decode(payload).readings;
  };
  constexpr std::string_view payload =
      R"({"Temp":1,"rssi":2,"Wifi":{"RSSI":3,"temp":4},"a/b":5,"x":{"y":{"z":6}}})";
  const auto check_filter = [&](std::vector<std::string> include, std::vector<std::string> exclude,
                                const Texts& expected) {
    CHECK(decoded(std::move(include), std::move(exclude), payload) == expected);
  };
  check_filter({"*"}, {"rssi"}, {"0 Temp=1", "0 Wifi/temp=4", "0 a~1b=5", "0 x/y/z=6"});
  check_filter({"*"}, {"wifi/*"}, {"0 Temp=1", "0 rssi=2", "0 a~1b=5", "0 x/y/z=6"});
  check_filter({"temp"}, {}, {"0 Temp=1", "0 Wifi/temp=4"});
  check_filter({"wifi/temp", "x/*/z"}, {}, {"0 Wifi/temp=4", "0 x/y/z=6"});
  check_filter({"t*p"}, {}, {"0 Temp=1", "0 Wifi/temp=4"});
  check_filter({"*z"}, {}, {"0 x/y/z=6"});
  check_filter({"x*z"}, {}, {"0 x/y/z=6"});
  check_filter({"y"}, {}, {});
  check_filter({"a/b"}, {}, {"0 a~1b=5"});
  check_filter({"*"}, {"*"}, {});
  check_filter({"te?p"}, {}, {});
  PayloadConfig nulls;
  nulls.exclude = {"rssi"};
  Subject subject(nulls);
  check_counts(subject, R"({"t":null,"rssi":null})", {}, {.no_readings = 1});
}

TEST_CASE("the default leaves housekeeping out") {
  Subject subject{PayloadConfig{}};
  check(subject,
        R"({"temperature":21.5,"linkquality":90,"rssi":-60,"ts":1700000000,"wifi":{"channel":6},"uptime":5})",
        {"0 temperature=21.5"});
}

TEST_CASE("configured fields: pointers") {
  Subject subject(with_fields({field("t", "/temperature"), field("h", "/env/humidity"),
                               field("first", "/a/0/x"), field("slash", "/a~1b"), field("tilde", "/m~0n")}));
  check(subject, R"({"temperature":1,"env":{"humidity":2,"other":9},"other":9})", {"0 t=1", "0 h=2"});
  check(subject, R"({"a":[{"x":3,"y":9},{"x":4}]})", {"0 first=3"});
  check(subject, R"({"a":{"0":{"x":3}}})", {"0 first=3"});
  check(subject, R"({"a":[[1]]})", {});
  check(subject, R"({"a/b":5,"m~n":6})", {"0 slash=5", "0 tilde=6"});
  check(subject, R"({"\u0074emperature":1})", {"0 t=1"});
  check(subject, "{}", {});
  check(subject, "[]", {});
  check(subject, "5", {});
  check(subject, R"([{"temperature":1},{"temperature":2}])", {"0 t=1", "1 t=2"});
  check(subject, R"({"temperature":1,"temperature":2})", {"0 t=2"});

  Subject root(with_fields({field("value", "")}));
  check(root, "5", {"0 value=5"});
  check_counts(root, "true", {}, {.wrong_types = 1});
  check_counts(root, R"({"a":1})", {}, {.wrong_types = 1});

  Subject nested(with_fields({field("outer", "/a"), field("inner", "/a/b"), field("twice", "/a/b")}));
  check_counts(nested, R"({"a":{"b":1}})", {"0 inner=1", "0 twice=1"}, {.wrong_types = 1});
  check(nested, R"({"a":7})", {"0 outer=7"});
}

TEST_CASE("configured fields: what counts as their number") {
  FieldConfig plain = field("plain", "/plain"), text = field("text", "/text"), flag = field("flag", "/flag"),
              state = field("state", "/state"), raw = field("raw", "/raw");
  text.strings = true;
  flag.bools = true;
  state.map = {{"ON", 1}, {"OFF", 0}};
  raw.nulls = {-127, 85};
  raw.scale = 0.1;
  raw.offset = 2;
  raw.range = {-40, 1250};
  Subject subject(with_fields({plain, text, flag, state, raw}));
  check(subject, R"({"plain":1.5,"text":" 2.5 ","flag":true,"state":"ON","raw":215})",
        {"0 plain=1.5", "0 text=2.5", "0 flag=1", "0 state=1", "0 raw=23.5"});
  check(subject, R"({"text":7,"flag":false,"state":"OFF"})", {"0 text=7", "0 flag=0", "0 state=0"});
  check(subject, R"({"text":"1.2e+01","state":5,"flag":5})", {"0 text=12", "0 state=5", "0 flag=5"});
  check(subject, R"({"text":"\u0031\u0032"})", {"0 text=12"});
  check(subject, R"({"raw":-40})", {"0 raw=-2"});
  check(subject, R"({"raw":1250})", {"0 raw=127"});
  check_counts(subject, R"({"plain":"1.5"})", {}, {.wrong_types = 1});
  check_counts(subject, R"({"plain":true,"flag":"true","state":"on"})", {}, {.wrong_types = 3});
  check_counts(subject, R"({"plain":{},"text":[]})", {}, {.wrong_types = 2});
  check_counts(subject, R"({"text":"12 V"})", {}, {.wrong_types = 1});
  check_counts(subject, R"({"text":"","plain":null,"raw":-127})", {}, {.no_readings = 3});
  check_counts(subject, R"({"raw":85.0})", {}, {.no_readings = 1});
  check_counts(subject, R"({"raw":1250.1})", {}, {.no_readings = 1});
  check_counts(subject, R"({"raw":-40.1})", {}, {.no_readings = 1});
  check_counts(subject, R"({"text":"nan","plain":1e999})", {}, {.not_finite = 2});
  check_counts(subject, R"({"text":"9007199254740993"})", {"0 text=9.007199254740992e15"}, {.inexact = 1});

  FieldConfig huge = field("huge", "/v");
  huge.scale = 1e300;
  Subject overflow(with_fields({huge}));
  check_counts(overflow, R"({"v":1e10})", {}, {.not_finite = 1});
}

TEST_CASE("tags: texts, numbers and booleans as they stand there") {
  PayloadConfig config = every_number();
  config.tags = {{"id", "/id"}, {"line", "/meta/line"}};
  Subject subject(config);
  check(subject, R"({"id":"d1","t":1,"meta":{"line":"L 2"}})", {"0 t=1"}, {"d1", "L 2"});
  check(subject, R"({"t":1,"id":42,"meta":{"line":-1.50}})", {"0 t=1"}, {"42", "-1.50"});  // and no fields
  check(subject, R"({"t":1,"id":true,"meta":{"line":null}})", {"0 t=1"}, {"true", ""});
  check(subject, R"({"t":1,"id":{"x":2},"meta":{"line":[3]}})", {"0 t=1", "0 id/x=2"}, {"", ""});
  check(subject, R"({"t":1})", {"0 t=1"}, {"", ""});
  check(subject, R"({"id":"a\u00e9\n\"b\"","t":1})", {"0 t=1"}, {"aé\n\"b\"", ""});
  check(subject, R"({"id":"\ud83d\ude00","t":1})", {"0 t=1"}, {"😀", ""});
  check(subject, R"({"id":"x","id":"y","t":1})", {"0 t=1"}, {"y", ""});
  check(subject, R"([{"id":"a","t":1},{"t":2}])", {"0 t=1", "1 t=2"}, {"a", "", "", ""});
}

TEST_CASE("time: the first pointer that can be read, for the whole row") {
  PayloadConfig config = every_number();
  config.time = {"/ts", "/meta/Time"};
  Subject subject(config);
  check(subject, R"({"t":1,"ts":1700000000,"u":2})",
        {"0 t=1 @1700000000000000000", "0 u=2 @1700000000000000000"});
  check(subject, R"({"ts":1700000000123,"t":1})", {"0 t=1 @1700000000123000000"});
  check(subject, R"({"ts":1700000000123456789,"t":1})",
        {"0 t=1 @1700000000123456789"});  // beyond 2^53, exact
  check(subject, R"({"ts":1700000000.25,"t":1})", {"0 t=1 @1700000000250000000"});
  check(subject, R"({"ts":"1700000000","t":1})", {"0 t=1 @1700000000000000000"});
  check(subject, R"({"ts":"2023-11-14T22:13:20Z","t":1})", {"0 t=1 @1700000000000000000"});
  check(subject, R"({"ts":"2023-11-14T22:13:20\u005a","t":1})", {"0 t=1 @1700000000000000000"});
  check(subject, R"({"meta":{"Time":"2023-11-14T22:13:20"},"t":1})", {"0 t=1 @1700000000000000000"});
  check(subject, R"({"meta":{"Time":5},"ts":1700000000,"t":1})", {"0 t=1 @1700000000000000000"});
  check(subject, R"({"ts":null,"meta":{"Time":5},"t":1})", {"0 t=1 @5000000000"});
  check(subject, R"({"ts":"yesterday","meta":{"Time":5},"t":1})", {"0 t=1 @5000000000"});
  check(subject, R"({"ts":null,"t":1})", {"0 t=1"});
  check(subject, R"({"t":1})", {"0 t=1"});
  check_counts(subject, R"({"ts":"yesterday","t":1})", {"0 t=1"}, {.bad_times = 1});
  check_counts(subject, R"({"ts":"0001-01-01T00:00:00Z","t":1})", {"0 t=1"}, {.bad_times = 1});
  check_counts(subject, R"({"ts":true,"t":1})", {"0 t=1"}, {.bad_times = 1});
  check_counts(subject, R"({"ts":-1,"t":1})", {"0 t=1"}, {.bad_times = 1});
  check_counts(subject, R"({"ts":-0,"t":1})", {"0 t=1 @0"}, {});
  check_counts(subject, R"({"ts":1767225600.25,"t":1})", {"0 t=1 @1767225600250000000"}, {});
  // The double is 1767225601, the text is not.
  check_counts(subject, R"({"ts":1767225600.9999999999,"t":1})", {"0 t=1 @1767225600999999999"}, {});
  check_counts(subject, R"({"ts":1767225600123456789,"t":1})", {"0 t=1 @1767225600123456789"}, {});
  check_counts(subject, R"({"ts":1e999,"t":1})", {"0 t=1"}, {.bad_times = 1});
  check_counts(subject, R"([{"ts":5,"t":1},{"ts":"x","t":2},{"t":3}])",
               {"0 t=1 @5000000000", "1 t=2", "2 t=3"}, {.bad_times = 1});

  config.time_unit = bridge::TimeUnit::ms;
  Subject milliseconds(config);
  check(milliseconds, R"({"ts":5,"t":1})", {"0 t=1 @5000000"});
}

TEST_CASE("when: messages that hold, and others") {
  PayloadConfig config = every_number();
  config.when = {{"/type", R"("telemetry")"}, {"/meta/v", "1"}};
  Subject subject(config);
  check(subject, R"({"type":"telemetry","meta":{"v":1},"t":5})", {"0 t=5"});
  check(subject, R"({"t":5,"meta":{"v":1.0},"type":"tele\u006detry"})", {"0 t=5"});
  check_outcome(subject, R"({"type":"other","meta":{"v":1},"t":5,"n":null})", MessageOutcome::ignored);
  check_outcome(subject, R"({"type":"telemetry","meta":{"v":"1"},"t":5})", MessageOutcome::ignored);
  check_outcome(subject, R"({"type":"telemetry","t":5})", MessageOutcome::ignored);
  check_outcome(subject, "5", MessageOutcome::ignored);
  check_outcome(subject, "[]", MessageOutcome::ignored);
  check_outcome(subject, R"({"type":"other",)", MessageOutcome::malformed);
  check(subject, R"([{"type":"telemetry","meta":{"v":1},"t":5},{"type":"x","meta":{"v":1},"t":6}])",
        {"0 t=5"});

  const auto holds = [](const std::string& wanted, const std::string& seen) {
    PayloadConfig one = every_number();
    one.when = {{"/w", wanted}};
    return Subject(one).decode("{\"w\":" + seen + "}").outcome == MessageOutcome::decoded;
  };
  CHECK(holds("true", "true"));
  CHECK_FALSE(holds("true", "false"));
  CHECK_FALSE(holds("true", "\"true\""));
  CHECK(holds("null", "null"));
  CHECK_FALSE(holds("null", "0"));
  CHECK(holds("100", "1e2"));
  CHECK(holds("9007199254740993", "9007199254740993"));
  CHECK_FALSE(holds("9007199254740993", "9007199254740992"));
  CHECK(holds(R"("a\"b\\")", R"("a\"b\\")"));
  CHECK_FALSE(holds("\"\"", "{}"));
  CHECK_FALSE(holds("\"\"", "[]"));
}

TEST_CASE("rows of an array") {
  PayloadConfig config = every_number();
  config.each = {"/readings", EachAs::array};
  config.tags = {{"sensor", "/id"}, {"site", "/site"}};
  config.time = {"/ts"};
  Subject subject(config);
  check(subject,
        R"({"site":"s1","readings":[{"id":"a","ts":5,"t":1,"in":{"h":2}},{"id":"b","ts":6,"t":3}],"x":9})",
        {"0 t=1 @5000000000", "0 in/h=2 @5000000000", "1 t=3 @6000000000"}, {"a", "s1", "b", "s1"});
  check(subject, R"({"readings":[{"id":"a","t":1}],"site":"s2","ts":7})", {"0 t=1 @7000000000"}, {"a", "s2"});
  check(subject, R"({"readings":[{"id":"a","t":1,"site":"own"}],"site":"s2"})", {"0 t=1"}, {"a", "own"});
  check(subject, R"({"readings":{"id":"a","t":1}})", {"0 t=1"}, {"a", ""});
  check(subject, R"({"readings":[]})", {}, {});
  check(subject, R"({"readings":null})", {}, {});
  check(subject, R"({"other":1})", {}, {});
  check(subject, "[]", {}, {});
  check(subject, "5", {}, {});
  check_counts(subject, R"({"readings":[{"t":1},5,"x",null,{"t":2}]})", {"0 t=1", "1 t=2"}, {.bad_rows = 3});
  check_counts(subject, R"({"readings":7})", {}, {.bad_rows = 1});
  check_counts(subject, R"({"readings":[{"ts":"x","t":1}],"ts":5})", {"0 t=1 @5000000000"}, {.bad_times = 1});
  check_counts(subject, R"({"readings":[{"t":1}],"ts":"x"})", {"0 t=1"}, {.bad_times = 1});
  check_outcome(subject, R"({"readings":[{"t":1},{"t":})", MessageOutcome::malformed);

  PayloadConfig inner = with_fields({field("v", "/1")});
  inner.each = {"/a/1/rows", EachAs::array};
  Subject deep(inner);
  check(deep, R"({"a":[{"rows":[[9,9]]},{"rows":[[0,5],[1,6]]}]})", {"0 v=5", "1 v=6"});

  PayloadConfig scalars = with_fields({field("v", "")});
  scalars.each = {"", EachAs::array};
  Subject list(scalars);
  check(list, "[1,2]", {"0 v=1", "1 v=2"});
  check_counts(list, R"([1,"x"])", {"0 v=1"}, {.wrong_types = 1});
  check_counts(list, "5", {}, {.bad_rows = 1});
}

TEST_CASE("rows of a map: the key is the last tag") {
  PayloadConfig config = every_number();
  config.each = {"/sensors", EachAs::map};
  config.tags = {{"site", "/site"}};
  Subject subject(config);
  check(subject, R"({"sensors":{"28-A":{"t":1},"28\/B":{"t":2,"site":"own"}},"site":"s"})",
        {"0 t=1", "1 t=2"}, {"s", "28-A", "own", "28/B"});
  check(subject, R"({"sensors":{"d":[{"t":1},{"t":2}],"e":[]}})", {"0 t=1", "1 t=2"}, {"", "d", "", "d"});
  check(subject, R"({"sensors":{}})", {}, {});
  check_counts(subject, R"({"sensors":{"a":5,"b":{"t":1}}})", {"0 t=1"}, {.bad_rows = 1});
  check_counts(subject, R"({"sensors":[{"t":1}]})", {}, {.bad_rows = 1});

  PayloadConfig root = every_number();
  root.each = {"", EachAs::map};
  root.time = {"/ts"};
  Subject devices(root);
  check(
      devices,
      R"({"Device A":[{"ts":5,"values":{"t":1}},{"ts":6,"values":{"t":2}}],"B":[{"ts":5,"values":{"t":3}}]})",
      {"0 values/t=1 @5000000000", "1 values/t=2 @6000000000", "2 values/t=3 @5000000000"},
      {"Device A", "Device A", "B"});
  check(devices, R"({"ts":9,"A":{"t":1}})", {"0 t=1 @9000000000"}, {"A"});  // "ts" is no row

  PayloadConfig values = with_fields({field("value", "")});
  values.each = {"", EachAs::map};
  Subject flat(values);
  check(flat, R"({"x":1,"y":2})", {"0 value=1", "1 value=2"}, {"x", "y"});
}

TEST_CASE("rows of columns") {
  PayloadConfig config = every_number();
  config.each = {"/data", EachAs::columns};
  config.time = {"/time"};
  config.tags = {{"device", "/device"}};
  Subject subject(config);
  check(subject, R"({"device":"d","data":{"time":[5,6],"t":[1,2],"h":[3,4]}})",
        {"0 t=1 @5000000000", "0 h=3 @5000000000", "1 t=2 @6000000000", "1 h=4 @6000000000"}, {"d", "d"});
  check(subject, R"({"data":{"device":["a","b"],"t":[1,2]}})", {"0 t=1", "1 t=2"}, {"a", "b"});
  check(subject, R"({"data":{"t":[1,2,3],"h":[4],"none":[]}})", {"0 t=1", "0 h=4", "1 t=2", "2 t=3"},
        {"", "", ""});
  check(subject, R"({"data":{"o":[{"x":1},{"x":2}],"n":5}})", {"0 o/x=1", "1 o/x=2"}, {"", ""});
  check(subject, R"({"data":{}})", {}, {});
  check_counts(subject, R"({"data":{"t":[1,null,1e999]}})", {"0 t=1"}, {.not_finite = 1, .no_readings = 1});
  check_counts(subject, R"({"data":[1]})", {}, {.bad_rows = 1});
  check_outcome(subject, R"({"data":{"t":[1,2,],"h":[3]}})", MessageOutcome::malformed);

  PayloadConfig root = with_fields({field("temp", "/t")});
  root.each = {"", EachAs::columns};
  root.tags = {{"device", "/device"}};
  Subject beside(root);
  check(beside, R"({"device":"d","t":[1,2],"u":[3,4]})", {"0 temp=1", "1 temp=2"}, {"d", "d"});
}

TEST_CASE("rows and when: rows are chosen one by one, by what they or the document hold") {
  PayloadConfig config = every_number();
  config.each = {"/rows", EachAs::array};
  config.when = {{"/type", R"("S1")"}};
  Subject subject(config);
  check(subject, R"({"rows":[{"type":"Gateway","load":1},{"type":"S1","t":2},{"type":"S1","t":3}]})",
        {"0 t=2", "1 t=3"});
  check(subject, R"({"rows":[{"t":2},{"type":"x","t":3}],"type":"S1"})", {"0 t=2"});
  check_outcome(subject, R"({"rows":[{"t":2},{"t":3}],"type":"x"})", MessageOutcome::ignored);
  check_outcome(subject, R"({"rows":[{"t":2,"n":null}]})", MessageOutcome::ignored);
  check_outcome(subject, R"({"rows":[]})", MessageOutcome::ignored);
  const Result mixed = subject.decode(R"({"rows":[{"t":2},{"type":"S1","t":3}],"type":"x"})");
  CHECK(mixed.readings == Texts{"1 t=3"});
}

TEST_CASE("rows of name and value") {
  PayloadConfig config;
  config.each = {"/sensordatavalues", EachAs::array};
  config.name_at = "/value_type";
  config.value_at = "/value";
  config.value_as.strings = true;
  config.exclude = {"min_micro", "samples"};
  config.tags = {{"id", "/esp8266id"}};
  Subject subject(config);
  check(
      subject,
      R"({"esp8266id":"123","sensordatavalues":[{"value_type":"SDS_P1","value":"0.40"},{"value":"69","value_type":"hum"},
                     {"value_type":"samples","value":"5"},{"value_type":"SDS_P1","value":2}]})",
      {"0 SDS_P1=0.4", "1 hum=69", "3 SDS_P1=2"}, {"123", "123", "123", "123"});
  check(subject,
        R"({"sensordatavalues":[{"value_type":101,"value":1},{"value_type":"a/b~\u0063","value":2}]})",
        {"0 101=1", "1 a/b~c=2"}, {"", ""});
  check(subject, R"({"sensordatavalues":[{"value_type":"x"},{"other":1},{}]})", {}, {"", "", ""});
  check_counts(
      subject,
      R"({"sensordatavalues":[{"value":1},{"value_type":null,"value":1},{"value_type":"x","value":3}]})",
      {"0 x=3"}, {.bad_rows = 2});
  check_counts(subject,
               R"({"sensordatavalues":[{"value_type":"x","value":"off"},{"value_type":"x","value":null}]})",
               {}, {.no_readings = 1, .wrong_types = 1});

  PayloadConfig single;
  single.name_at = "/name";
  single.value_at = "/value";
  single.time = {"/timestamp"};
  Subject object(single);
  check(object, R"({"timestamp":1695679022882.0,"value":0.25,"name":"inlet-1/temperature"})",
        {"0 inlet-1/temperature=0.25 @1695679022882000000"});
}

TEST_CASE("jsonl: one document per line, one bad line costs one line") {
  PayloadConfig config = every_number();
  config.format = Format::jsonl;
  Subject subject(config);
  check(subject, "{\"t\":1}\n{\"t\":2}\n", {"0 t=1", "1 t=2"});
  check(subject, "\n{\"t\":1}\r\n\n  {\"t\":2}", {"0 t=1", "1 t=2"});
  check(subject, "5\n6", {"0 bare=5", "1 bare=6"});
  check(subject, "[{\"t\":1},{\"t\":2}]\n{\"t\":3}", {"0 t=1", "1 t=2", "2 t=3"});
  check_counts(subject, "{\"t\":1}\n{\"t\":\n{\"t\":2}\nx\n{\"t\":3", {"0 t=1", "1 t=2"}, {.bad_rows = 3});
  check_counts(subject, "{\"t\":1}\n{\"u\":null,\"t\":2,}\n{\"t\":3}", {"0 t=1", "1 t=3"}, {.bad_rows = 1});
  check_counts(subject, "{\"t\":\"\xff\"}\n{\"t\":3}", {"0 t=3"}, {.bad_rows = 1});
  check_outcome(subject, "x\ny", MessageOutcome::malformed);
  check_outcome(subject, "\n\n", MessageOutcome::ignored);

  config.when = {{"/k", "1"}};
  config.tags = {{"id", "/id"}};
  Subject chosen(config);
  check(chosen,
        "{\"k\":1,\"t\":1,\"id\":\"a\\u0062\"}\n{\"k\":2,\"t\":2}\n{\"k\":1,\"t\":3,\"id\":\"c\\u0064\"}",
        {"0 t=1", "1 t=3"}, {"ab", "cd"});
  check_outcome(chosen, "{\"k\":2}\nx", MessageOutcome::ignored);
}

TEST_CASE("format number: the whole payload") {
  PayloadConfig config;
  config.format = Format::number;
  Subject subject(config);
  check(subject, "21.5", {"0 bare=21.5"});
  check(subject, " +1e3\r\n", {"0 bare=1000"});
  check(subject, std::string_view("42\0", 3), {"0 bare=42"});
  check_counts(subject, "nan", {}, {.not_finite = 1});
  check_counts(subject, "1e999", {}, {.not_finite = 1});
  check_counts(subject, "9007199254740993", {"0 bare=9.007199254740992e15"}, {.inexact = 1});
  check_outcome(subject, "", MessageOutcome::ignored);
  check_outcome(subject, "  ", MessageOutcome::ignored);
  check_outcome(subject, "ON", MessageOutcome::malformed);
  check_outcome(subject, "null", MessageOutcome::malformed);
  check_outcome(subject, "{\"t\":1}", MessageOutcome::malformed);
  check_outcome(subject, "22 seconds", MessageOutcome::malformed);

  FieldConfig state = field("relay", "");
  state.map = {{"on", 1}, {"off", 0}};
  Subject relay([&] {
    PayloadConfig mapped = with_fields({state});
    mapped.format = Format::number;
    return mapped;
  }());
  check(relay, "on", {"0 relay=1"});
  check(relay, " off\n", {"0 relay=0"});
  check(relay, "1", {"0 relay=1"});
  check_outcome(relay, "overpower", MessageOutcome::malformed);

  FieldConfig energy = field("energy_wh", "");
  energy.scale = 1.0 / 64;
  energy.range = {0, 1e6};
  energy.bools = true;
  Subject scaled([&] {
    PayloadConfig numbers = with_fields({energy});
    numbers.format = Format::number;
    return numbers;
  }());
  check(scaled, "128", {"0 energy_wh=2"});
  check(scaled, "true", {"0 energy_wh=0.015625"});
  check_counts(scaled, "-1", {}, {.no_readings = 1});
}
