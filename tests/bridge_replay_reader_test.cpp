// What JSON lines and CSV become, and what is said about lines that cannot be read.
#include "bridge/replay_reader.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bridge/error.h"
#include "bridge/timestamp.h"
#include "tests/temp_folder.h"

namespace {

using bridge::CsvOptions;
using bridge::ReplayReader;

struct ReadBack {
  std::vector<std::string>
      lines;  // "2026-11-23T07:00:00Z a/b 21.5", with " q1" and " stale" where it applies
  std::uint64_t skipped = 0, reordered = 0;
  std::string problem;
};

std::string describe(const ReplayReader::Record& record) {
  std::string text;
  bridge::append_time(record.message.arrival, text);
  text.append(" ").append(record.message.topic).append(" ").append(record.message.payload);
  if (record.message.qos != 0) text += " q" + std::to_string(record.message.qos);
  if (record.message.stale) text += " stale";
  return text;
}

ReadBack read_path(const std::string& path, const CsvOptions& options) {
  const auto reader = ReplayReader::open(path, options);
  ReadBack back;
  ReplayReader::Record record;
  while (reader->next(record)) {
    CHECK(record.kind == bridge::ReplayReader::Kind::message);
    unsigned sum = 0;  // the promised bytes behind the payload can be read
    for (std::size_t i = 0; i < bridge::payload_padding; ++i) {
      sum += static_cast<unsigned char>(record.message.payload.data()[record.message.payload.size() + i]);
    }
    CHECK(sum < 256 * bridge::payload_padding);
    back.lines.push_back(describe(record));
  }
  CHECK_FALSE(reader->next(record));
  back.skipped = reader->skipped();
  back.reordered = reader->reordered();
  back.problem = reader->first_problem();
  return back;
}

ReadBack read(const std::string& text, const std::string& name = "traffic.jsonl",
              const CsvOptions& options = {}) {
  const test::TempFolder folder;
  return read_path(folder.write(name, text), options);
}

std::uint64_t seed() {
  const char* given = std::getenv("WEIR_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

}  // namespace

TEST_CASE("a JSON line becomes a message") {
  const auto check = [](const std::string& line, const std::string& expected) {
    CAPTURE(line);
    const ReadBack back = read(line + "\n");
    REQUIRE(back.lines.size() == 1);
    CHECK(back.lines[0] == expected);
    CHECK(back.skipped == 0);
    CHECK(back.problem == "");
    // The same without the end of the line, and with another one.
    CHECK(read(line).lines == back.lines);
    CHECK(read(line + "\r\n").lines == back.lines);
  };
  const std::string at7 = "2025-11-23T07:00:00Z a ";
  // Times: seconds, ms, us, ns by magnitude; fractions; texts.
  check(R"({"t":1763881200,"topic":"a","payload":1})", at7 + "1");
  check(R"({"t":1763881200000,"topic":"a","payload":1})", at7 + "1");
  check(R"({"t":1763881200000000,"topic":"a","payload":1})", at7 + "1");
  check(R"({"t":1763881200000000000,"topic":"a","payload":1})", at7 + "1");
  check(R"({"t":1763881200123456789,"topic":"a","payload":1})", "2025-11-23T07:00:00.123456789Z a 1");
  check(R"({"t":"2025-11-23T07:00:00Z","topic":"a","payload":1})", at7 + "1");
  check(R"({"t":"2025-11-23T08:00:00.000000+0100","topic":"a","payload":1})", at7 + "1");
  check(R"({"t":"1763881200","topic":"a","payload":1})", at7 + "1");
  // Payloads: a string is its text; another value is compact JSON, digit for digit.
  const auto payload = [&](const std::string& json, const std::string& expected) {
    check(R"({"t":1763881200,"topic":"a","payload":)" + json + "}", at7 + expected);
    check(R"({"payload": )" + json + R"( ,"topic":"a","t":1763881200})", at7 + expected);
  };
  payload(R"("21.50")", "21.50");
  payload(R"("{\"a\": 1}")", R"({"a": 1})");
  payload(R"("\u00e4\n\ud83d\ude00")", "ä\n😀");
  payload(R"("")", "");
  payload("21.50", "21.50");
  payload("-0.0e+10", "-0.0e+10");
  payload("12345678901234567890123", "12345678901234567890123");
  payload("1e999", "1e999");
  payload("true", "true");
  payload("null", "null");
  payload(R"({ "z" : 1.0 , "a" : [ 1 , "x y" ] })", R"({"z":1.0,"a":[1,"x y"]})");
  payload(R"([ ])", "[]");
  payload(R"([[{"a":{}}, 1e400]])", R"([[{"a":{}},1e400]])");
  check(R"({"t":1763881200,"topic":"a","payload_hex":"7b00FF"})", at7 + std::string("\x7b\0\xff", 3));
  check(R"({"t":1763881200,"topic":"a","payload_hex":""})", at7);
  // The rest.
  check(R"({"t":1763881200,"topic":"a/ä b","payload":1,"qos":2,"retained":true})",
        "2025-11-23T07:00:00Z a/ä b 1 q2 stale");
  check(R"({"t":1763881200,"topic":"a","payload":1,"qos":0,"retained":false,"more":{"x":[1,{}]}})",
        at7 + "1");
  // As mosquitto_sub writes it (2.0.11; the time is local, whatever the Z says).
  check(
      R"({"tst":"2025-11-23T07:00:00.000000Z+0000","topic":"a","qos":1,"retain":1,"payloadlen":4,"payload":"21.5","mid":7})",
      at7 + "21.5 q1 stale");
  check(
      R"({"tst":"2025-11-23T08:00:00.500000Z+0100","topic":"a","qos":0,"retain":0,"payloadlen":9,"payload":{"x":1.5}})",
      "2025-11-23T07:00:00.500Z a {\"x\":1.5}");
  check(R"({"tst":"2025-11-23T07:00:00Z","topic":"a","qos":0,"retain":0,"payloadlen":0,"payload":null})",
        at7);
}

TEST_CASE("a JSON line that is no message is counted and said") {
  const auto check = [](const std::string& line, const std::string& problem) {
    CAPTURE(line);
    const std::string good = R"({"t":1,"topic":"a","payload":1})";
    const ReadBack back = read(good + "\n" + line + "\n" + good + "\n");
    CHECK(back.lines.size() == 2);
    CHECK(back.skipped == 1);
    if (problem.ends_with(": ")) {
      CHECK(back.problem.starts_with("line 2: " + problem));
    } else {
      CHECK(back.problem == "line 2: " + problem);
    }
  };
  const std::string no_object = "not a JSON object: ";
  check("nonsense", no_object);
  check("[1]", no_object);
  check("17", no_object);
  check(R"({"t":1,"topic":"a","payload":1)", no_object);
  check(R"({"t":1,"topic":"a","payload":1}})", no_object);
  check(R"({"t":1,"topic":"a","payload":1} {})", no_object);
  check(R"({"t":1,"topic":"a","payload":[}})", no_object);
  check(R"({"t":1 "topic":"a","payload":1})", no_object);
  check(R"({"t":1,"topic":"a","payload":1.2.3})", no_object);
  check(R"({"t":1,"topic":"a","payload":01})", no_object);
  check(R"({"t":1,"topic":"a","payload":nul})", no_object);
  check(R"({"t":1,"topic":"a","payload":"\x"})", no_object);
  check("{\"t\":1,\"topic\":\"a\",\"payload\":\"\xff\"}", no_object);
  check(R"({"t":1,"topic":7,"payload":1})", no_object);
  const std::string no_time = "no readable time \"t\" (seconds, ms, us, ns since 1970, or ISO 8601)";
  check(R"({"topic":"a","payload":1})", no_time);
  check(R"({"t":"yesterday","topic":"a","payload":1})", no_time);
  check(R"({"t":-5,"topic":"a","payload":1})", no_time);
  check(R"({"t":1e300,"topic":"a","payload":1})", no_time);
  check(R"({"t":true,"topic":"a","payload":1})", no_time);
  check(R"({"t":1,"payload":1})", "no \"topic\"");
  check(R"({"t":1,"topic":"","payload":1})", "an empty topic");
  check(R"({"t":1,"topic":"a/+","payload":1})", "a topic with +, # or NUL");
  check(R"({"t":1,"topic":"a\u0000","payload":1})", "a topic with +, # or NUL");
  check(R"({"t":1,"topic":")" + std::string(65536, 'a') + R"(","payload":1})",
        "a topic of more than 65535 bytes");
  check(R"({"t":1,"topic":"a"})", "no \"payload\"");
  check(R"({"t":1,"topic":"a","payload":1,"payload_hex":"00"})", "more than one payload");
  check(R"({"t":1,"topic":"a","payload_hex":"0"})", "payload_hex is not an even number of hex digits");
  check(R"({"t":1,"topic":"a","payload_hex":"0g"})", "payload_hex is not an even number of hex digits");
  check(R"({"t":1,"topic":"a","payload":1,"qos":3})", "qos is not 0, 1 or 2");
  check(R"({"t":1,"topic":"a","payload":1,"qos":"1"})", "qos is not 0, 1 or 2");
  check(R"({"t":1,"topic":"a","payload":1,"retained":"yes"})", "retained is not true or false");
}

TEST_CASE("blank lines and a byte order mark are passed over") {
  const ReadBack back = read("\xEF\xBB\xBF\n\r\n  \n{\"t\":1,\"topic\":\"a\",\"payload\":1}\n\n");
  CHECK(back.lines == std::vector<std::string>{"1970-01-01T00:00:01Z a 1"});
  CHECK(back.skipped == 0);
  CHECK(read("").lines.empty());
  CHECK(read("").skipped == 0);
}

TEST_CASE("times that go back are held and counted") {
  const ReadBack back = read(
      "{\"t\":5,\"topic\":\"a\",\"payload\":1}\n{\"t\":3,\"topic\":\"a\",\"payload\":2}\n{\"t\":6,\"topic\":"
      "\"a\",\"payload\":3}\n");
  CHECK(back.lines == std::vector<std::string>{"1970-01-01T00:00:05Z a 1", "1970-01-01T00:00:05Z a 2",
                                               "1970-01-01T00:00:06Z a 3"});
  CHECK(back.reordered == 1);
}

TEST_CASE("lines may be long, and one that is too long costs itself alone") {
  const auto line = [](std::size_t size) {
    return R"({"t":1,"topic":"a","payload":")" + std::string(size, 'x') + "\"}\n";
  };
  for (const std::size_t size : {262'000UL, 262'144UL, 262'200UL, 5'000'000UL}) {
    CAPTURE(size);
    const ReadBack back = read(line(3) + line(size) + line(4));
    REQUIRE(back.lines.size() == 3);
    CHECK(back.lines[1] == "1970-01-01T00:00:01Z a " + std::string(size, 'x'));
    CHECK(back.lines[2] == "1970-01-01T00:00:01Z a xxxx");
  }
  const ReadBack back = read(line(3) + line(64 << 20) + line(4));
  CHECK(back.lines.size() == 2);
  CHECK(back.skipped == 1);
  CHECK(back.problem == "line 2: longer than 64 MiB");
  const ReadBack last = read(line(3) + std::string((64 << 20) + 1, ' '));
  CHECK(last.lines.size() == 1);
  CHECK(last.skipped == 1);
}

TEST_CASE("standard input is read like a file") {
  const test::TempFolder folder;
  const auto from_stdin = [&](const std::string& text, const CsvOptions& options) {
    const int file = ::open(folder.write("in", text).c_str(), O_RDONLY);
    const int before = ::dup(STDIN_FILENO);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
    const ReadBack back = read_path("-", options);
    ::dup2(before, STDIN_FILENO);
    ::close(before);
    return back.lines;
  };
  const CsvOptions csv{"a/{d}", ""};
  CHECK(from_stdin("{\"t\":1,\"topic\":\"a\",\"payload\":1}\n", {}) ==
        std::vector<std::string>{"1970-01-01T00:00:01Z a 1"});
  CHECK(from_stdin("{\"t\":1,\"topic\":\"a\",\"payload\":1}\n", csv) ==
        std::vector<std::string>{"1970-01-01T00:00:01Z a 1"});
  CHECK(from_stdin("t,d,v\n1,x,2\n", csv) == std::vector<std::string>{"1970-01-01T00:00:01Z a/x {\"v\":2}"});
}

TEST_CASE("a CSV row becomes a message") {
  const auto check = [](const CsvOptions& options, const std::string& text,
                        const std::vector<std::string>& expected) {
    CAPTURE(text);
    const ReadBack back = read(text, "data.csv", options);
    CHECK(back.lines == expected);
    CHECK(back.skipped == 0);
  };
  const std::string at1 = "1970-01-01T00:00:01Z ";
  check({"s/{d}", ""}, "time,d,temp,hum\n1,x,21.50,-3e2\n2,y,1,2\n",
        {at1 + R"(s/x {"temp":21.50,"hum":-3e2})", R"(1970-01-01T00:00:02Z s/y {"temp":1,"hum":2})"});
  check({"fixed", "when"}, "a,when\n5,1970-01-01T00:00:01Z\n", {at1 + R"(fixed {"a":5})"});
  check({"{site}/{d}/x{d}", "t"}, "d,t,site,v\n7,1,s1,2\n", {at1 + R"(s1/7/x7 {"v":2})"});
  check({"{topic}", ""}, "t,topic,v\n1,a/b/c,2\n", {at1 + R"(a/b/c {"v":2})"});
  // Cells: empty ones are left out, numbers are numbers, the rest is text.
  check({"a", ""}, "t,v,w\n1,,\n1, ,x\n1,\"\",2\n",
        {at1 + "a {}", at1 + R"(a {"w":"x"})", at1 + R"(a {"w":2})"});
  check(
      {"a", ""}, "t,v\n1, 5 \n1,+5\n1,007\n1,.5\n1,5.\n1,1e999\n1,NaN\n1,-inf\n1,0x10\n1,1 2\n1,true\n",
      {at1 + R"(a {"v":5})", at1 + R"(a {"v":5})", at1 + R"(a {"v":7})", at1 + R"(a {"v":".5"})",
       at1 + R"(a {"v":"5."})", at1 + R"(a {"v":1e999})", at1 + R"(a {"v":"NaN"})", at1 + R"(a {"v":"-inf"})",
       at1 + R"(a {"v":"0x10"})", at1 + R"(a {"v":"1 2"})", at1 + R"(a {"v":"true"})"});
  // RFC 4180: quotes, commas, line ends, doubled quotes; CR LF; no end of line at the end.
  check({"a", ""}, "t,v\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n1,2",
        {at1 + R"(a {"v":"x, \"y\"\r\nz"})", at1 + R"(a {"v":2})"});
  check({"a", ""}, "\"t\",\"v \"\"w\"\"\"\n1,2\n", {at1 + R"(a {"v \"w\"":2})"});
  check({"a", ""}, "t,v\n1,x\"y\n", {at1 + R"(a {"v":"x\"y"})"});
  // Blank lines, a byte order mark, columns without a name.
  check({"a", ""}, "\xEF\xBB\xBFt,v\n\n1,2\n\r\n", {at1 + R"(a {"v":2})"});
  check({"a", ""}, ",v,\n1,2,3\n", {at1 + R"(a {"v":2,"column_3":3})"});
  check({"a", ""}, "t,v\n", {});
}

TEST_CASE("a CSV row that is no message is counted and said") {
  const auto check = [](const std::string& row, const std::string& problem) {
    CAPTURE(row);
    const ReadBack back = read("t,d,v\n1,x,2\n" + row + "\n1,x,3\n", "data.csv", {"s/{d}", ""});
    CHECK(back.lines.size() == 2);
    CHECK(back.skipped == 1);
    CHECK(back.problem == "line 3: " + problem);
  };
  check("1,x", "2 cells, where the header has 3");
  check("1,x,2,", "4 cells, where the header has 3");
  check("soon,x,2", "no readable time \"soon\"");
  check(",x,2", "no readable time \"\"");
  check("1,+,2", "a topic with +, # or NUL");
  check("1,x,\"2\"3", "text behind a closing quote");
  const ReadBack open = read("t,d,v\n1,x,2\n1,x,\"2\n1,x,3\n", "data.csv", {"s/{d}", ""});
  CHECK(open.lines.size() == 1);
  CHECK(open.problem == "line 3: a quote that is never closed");
  // Lines are counted through quoted line ends.
  CHECK(read("t,d,v\n1,x,\"a\nb\"\nbad\n", "data.csv", {"s/{d}", ""}).problem ==
        "line 4: 1 cells, where the header has 3");
}

TEST_CASE("a setup that cannot work says so") {
  const test::TempFolder folder;
  const auto refused = [&](const std::string& path, const CsvOptions& options, const std::string& message) {
    try {
      static_cast<void>(ReplayReader::open(path, options));
      FAIL_CHECK("accepted; expected: " << message);
    } catch (const bridge::SetupError& error) {
      CHECK(std::string(error.what()) == "replay: " + message);
    }
  };
  const std::string csv = folder.write("x.csv", "time,d,v\n1,2,3\n");
  const std::string empty = folder.write("empty.csv", "");
  const std::string twice = folder.write("twice.csv", "a,b,a\n");
  const std::string torn = folder.write("torn.csv", "a,\"b\n");
  refused(folder.file("none"), {},
          "cannot open " + folder.file("none") +
              ": No such file or directory; give a recording, JSON lines or CSV, or - for standard input");
  refused(folder.file(""), {}, folder.file("") + " is a folder; give the files in it");
  refused(csv, {}, csv + " needs a topic for its rows; give one with --csv-topic, for example 'sensors/{v}'");
  refused(csv, {"s/{x}", ""}, csv + " has no column \"x\"; --csv-topic may name: time, d, v");
  refused(csv, {"s/{d}", "ts"}, csv + " has no column \"ts\"; --csv-time may name: time, d, v");
  refused(csv, {"s/{d", ""}, csv + " has a --csv-topic with a { that is never closed");
  refused(csv, {"s/#", ""}, csv + " cannot have a topic with +, # or NUL (--csv-topic)");
  refused(empty, {"a", ""}, empty + " is empty; its first line must name the columns");
  refused(twice, {"x", ""}, twice + " names the column \"a\" twice; rename one");
  refused(torn, {"x", ""}, torn + " cannot read the header: a quote that is never closed");
}

TEST_CASE("noise is read without harm, and every line is accounted for") {
  CAPTURE(seed());
  std::mt19937_64 random(seed());
  const std::string json =
      "{\"t\":1,\"topic\":\"a\",\"payload\":{\"x\":[1,\"\\u00e4\"]},\"qos\":1,\"retained\":false}\n";
  const std::string csv = "1,x,\"a \"\"b\"\"\",2.5\r\n";
  const std::string letters = "{}[]\",:\\ \n\r0119eE+-.tx\x80\xff";
  const test::TempFolder folder;
  for (int round = 0; round < 3'000; ++round) {
    CAPTURE(round);
    const bool lines = round % 2 == 0;
    std::string text;
    for (int i = 0; i < 5; ++i) text += lines ? json : csv;
    for (std::uint64_t changes = random() % 10; changes > 0; --changes) {
      text[random() % text.size()] = letters[random() % letters.size()];
    }
    text.resize(random() % 4 == 0 ? random() % text.size() : text.size());
    const ReadBack back = lines ? read_path(folder.write("x", text), {})
                                : read_path(folder.write("x.csv", "t,d,v,w\n" + text), {"s/{d}", ""});
    const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    CHECK(back.lines.size() + back.skipped <= ends + 1);
    CHECK((back.skipped == 0) == back.problem.empty());
  }
}
