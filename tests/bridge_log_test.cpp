// Log lines: how values are written, what is held back, and that nothing from outside breaks a line.
#include "bridge/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "bridge/log_throttle.h"
#include "tests/temp_folder.h"

namespace {

using bridge::Level;
using bridge::LogLine;

constexpr core::Time noon = core::Time{std::chrono::seconds{1'763'881'200}} + std::chrono::milliseconds{123};

std::string text_of(std::string_view value) {
  return bridge::text_line({noon, Level::info, "r", "e", {{"k", std::string(value)}}});
}

// What `action` writes to standard error.
template <typename Action>
std::string captured(Action&& action) {
  const test::TempFolder folder;
  const int file = ::open(folder.file("err").c_str(), O_WRONLY | O_CREAT, 0600);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(file, STDERR_FILENO);
  ::close(file);
  action();
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  return folder.read("err");
}

}  // namespace

TEST_CASE("a line") {
  const LogLine line{
      noon, Level::info, "mqtt", "connected", {{"broker", "localhost:1883"}, {"session", "resumed"}}};
  CHECK(bridge::text_line(line) ==
        "2025-11-23T07:00:00.123Z info mqtt: connected broker=localhost:1883 session=resumed");
  CHECK(bridge::json_line(line) ==
        R"({"time":"2025-11-23T07:00:00.123Z","level":"info","room":"mqtt","event":"connected",)"
        R"("broker":"localhost:1883","session":"resumed"})");
  const LogLine bare{core::Time{std::chrono::seconds{1}}, Level::error, "edge", "no reading", {}, 17};
  CHECK(bridge::text_line(bare) == "1970-01-01T00:00:01.000Z error edge: no reading held_back=17");
  CHECK(
      bridge::json_line(bare) ==
      R"({"time":"1970-01-01T00:00:01.000Z","level":"error","room":"edge","event":"no reading","held_back":17})");
}

TEST_CASE("values are plain, or quoted and harmless") {
  const auto check = [](std::string_view value, const std::string& written) {
    CHECK(text_of(value) == "2025-11-23T07:00:00.123Z info r: e k=" + written);
  };
  check("word", "word");
  check("-1.5e3", "-1.5e3");
  check("a/b:c", "a/b:c");
  check("", R"("")");
  check("two words", R"("two words")");
  check("a=b", R"("a=b")");
  check(R"(say "x"\)", R"("say \"x\"\\")");
  check("line\nnext info r: e\r\t", R"("line\nnext info r: e\r\t")");
  check(std::string_view("\0\x1b[31m\x7f", 7), R"("\u0000\u001b[31m\u007f")");
  check("Straße", R"("Straße")");
  check(
      "\xc2\x9b"
      "31m",
      R"("\u009b31m")");  // a terminal's other way to begin an escape
  check(
      "a\xe2\x80\xae"
      "b",
      R"("a\u202eb")");  // turns the text around
  check(
      "a\xe2\x80\xa8"
      "b",
      R"("a\u2028b")");
  check("\xff\xc0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("values are cut at 200 bytes, between characters") {
  const auto check = [](const std::string& value, const std::string& written) {
    CHECK(bridge::printable(value) == written);
  };
  check(std::string(200, 'x'), std::string(200, 'x'));
  check(std::string(201, 'x'), std::string(200, 'x') + "...");
  check(std::string(199, 'x') + "ä", std::string(199, 'x') + "...");
  check(std::string(198, 'x') + "ä", std::string(198, 'x') + "ä");
  CHECK(text_of(std::string(201, 'x')).size() == text_of("").size() + 203);
}

TEST_CASE("a field named like a member of every line gets another name") {
  const auto line =
      bridge::json_line({noon, Level::warn, "r", "e", {{"time", "1"}, {"level", "2"}, {"x", "3"}}});
  CHECK(
      line ==
      R"({"time":"2025-11-23T07:00:00.123Z","level":"warn","room":"r","event":"e","time_":"1","level_":"2","x":"3"})");
}

TEST_CASE("whatever comes from outside, a line stays one line, and JSON") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string value(random() % 40, ' ');
    for (char& c : value) c = static_cast<char>(random());
    const LogLine line{noon, Level::info, "r", "e", {{"k", value}}};
    const std::string text = bridge::text_line(line);
    const std::string json = bridge::json_line(line);
    const auto harmless = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
    REQUIRE(std::all_of(text.begin(), text.end(), harmless));
    REQUIRE(std::all_of(json.begin(), json.end(), harmless));
    REQUIRE(nlohmann::json::accept(json));
  }
}

TEST_CASE("the throttle holds back, counts, and gives up what it held") {
  using namespace std::chrono_literals;
  bridge::Throttle throttle(10s);
  std::uint64_t held = 99;
  const auto admit = [&](std::string_view key, core::Duration since) {
    return throttle.admit(key, noon + since, held);
  };
  CHECK(admit("a", 0s));
  CHECK(held == 0);
  CHECK_FALSE(admit("a", 0s));
  CHECK_FALSE(admit("a", 9999ms));
  CHECK(admit("b", 1s));
  CHECK(held == 0);
  CHECK(admit("a", 10s));
  CHECK(held == 2);
  CHECK_FALSE(admit("a", 11s));
  // Nothing is due before its period is over; then once.
  CHECK(throttle.due(noon + 19s, false).empty());
  auto due = throttle.due(noon + 20s, false);
  REQUIRE(due.size() == 1);
  CHECK(due[0].key == "a");
  CHECK(due[0].held_back == 1);
  CHECK(throttle.due(noon + 20s, false).empty());
  // What was printed so starts a period, too.
  CHECK_FALSE(admit("a", 21s));
  due = throttle.due(noon + 22s, true);
  REQUIRE(due.size() == 1);
  CHECK(due[0].held_back == 1);
  CHECK(throttle.due(noon + 60s, true).empty());
  // Forgotten by now: printed at once, with nothing held.
  CHECK(admit("a", 61s));
  CHECK(held == 0);
}

TEST_CASE("standard error gets what the level allows, one line each") {
  const std::string text = captured([] {
    bridge::log(Level::debug, "r", "hidden");
    bridge::log(Level::info, "r", "shown {} %s", {{"k", "{0} %d"}});
    for (int i = 0; i < 5; ++i) bridge::log_throttled(Level::warn, "r", "often", {{"i", std::to_string(i)}});
    for (int i = 0; i < 5; ++i) bridge::log_throttled(Level::debug, "r", "hidden");
    bridge::flush_throttled();
    bridge::flush_throttled(true);
    bridge::flush_throttled(true);
    bridge::configure_log({"warn", "json"});
    bridge::log(Level::info, "r", "hidden");
    bridge::log(Level::warn, "r", "as json", {{"k", "v"}});
    bridge::configure_log({"info", "text"});
  });
  // Without the times.
  std::string rest;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.starts_with('{') ? 9 : 0;
    CHECK(line.substr(at, 2) == "20");
    CHECK(line[at + 23] == 'Z');
    rest += line.erase(at, 24) + "\n";
  }
  CHECK(rest ==
        " info r: shown {} %s k=\"{0} %d\"\n"
        " warn r: often i=0\n"
        " warn r: often held_back=4\n"
        "{\"time\":\"\",\"level\":\"warn\",\"room\":\"r\",\"event\":\"as json\",\"k\":\"v\"}\n");
}
