// Days of flags: what each series' flags came to in a day, told once, however often time comes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bridge/flag_days.h"
#include "tests/pipeline_fixture.h"

using namespace std::chrono_literals;
using bridge::FlagDays;
using test::day;
using test::Feed;
using Lines = std::vector<std::string>;

namespace {

std::string config(const std::string& detectors, const std::string& ttl = "0s",
                   const std::string& windows = "") {
  return R"({"limits":{"series_ttl":")" + ttl + R"("},"streams":[{"name":"s","from":"in/{site}/{device}",)" +
         R"("flag_days_to":"days/{stream}/{site}","windows":[)" + windows + R"(],"detectors":[)" + detectors +
         "]}]}";
}

const std::string odd = R"({"name":"odd","kind":"threshold","above":80})";
const std::string gone = R"({"name":"gone","kind":"silence","after":"1h"})";

// Payloads of days, from "field" on; all are of one topic.
Lines days(const std::vector<test::Published>& published) {
  Lines lines;
  for (const auto& [topic, payload, retain] : published) {
    if (payload.find(R"("flags":[)") == std::string::npos) continue;
    CHECK(topic == "days/s/a");
    CHECK_FALSE(retain);
    lines.push_back(payload.substr(payload.find(R"("start")")));
  }
  return lines;
}

std::string line(int date, const std::string& flags, bool final = true) {
  const auto time = [](int d) { return "\"2026-01-0" + std::to_string(d) + "T00:00:00Z\""; };
  return R"("start":)" + time(date) + R"(,"end":)" + time(date + 1) + R"(,"final":)" +
         (final ? "true" : "false") + R"(,"flags":[)" + flags + "]}";
}

std::string flag(const std::string& detector, int raised, const std::string& seconds, bool up) {
  return R"({"detector":")" + detector + R"(","raised":)" + std::to_string(raised) + R"(,"seconds":)" +
         seconds + R"(,"up":)" + (up ? "true" : "false") + "}";
}

core::FlagChange change(std::uint32_t detector, core::FlagState state, core::Time told) {
  return {detector, state, told, told, {}, {}, {}, {}, 1, told};
}

}  // namespace

TEST_CASE("each day with a flag is told once, in whole, when it is over") {
  Feed feed(config(odd + "," + gone));
  feed.send(1h, "in/a/d", "90");
  feed.send(1h + 40200ms, "in/a/d", "10");
  feed.send(2h, "in/a/d", "90");
  feed.send(2h + 10s, "in/a/d", "10");
  feed.tick(23h);
  CHECK(days(feed.take()).empty());
  feed.tick(24h - 1ms);
  CHECK(days(feed.take()).empty());
  feed.tick(24h);
  const auto first = feed.take();
  REQUIRE(first.size() == 1);
  CHECK(first[0].payload ==
        R"({"v":1,"stream":"s","site":"a","device":"d","field":"value",)" +
            line(1, flag("odd", 2, "50.2", false) + "," + flag("gone", 1, "75590", true)));
  CHECK(days(first).size() == 1);
  // Up all day; then cleared, and raised again an hour later.
  feed.tick(48h);
  CHECK(days(feed.take()) == Lines{line(2, flag("gone", 0, "86400", true))});
  feed.send(48h + 30min, "in/a/d", "10");
  feed.tick(72h);
  CHECK(days(feed.take()) == Lines{line(3, flag("gone", 1, "82800", true))});
  feed.send(72h + 90s, "in/a/d", "10");
  for (int half = 145; half <= 240; ++half) feed.send(half * 30min, "in/a/d", "10");
  CHECK(days(feed.take()) == Lines{line(4, flag("gone", 0, "90", false))});
}

TEST_CASE("a flag counts on the day it is told: a sample's by its arrival, a tick's by its deadline") {
  Feed feed(config(odd + R"(,{"name":"gone","kind":"silence","after":"3600050ms"})"));
  feed.send(23h - 100ms, "in/a/d", "10");
  feed.tick(24h - 100ms);
  CHECK(days(feed.take()).empty());
  feed.tick(24h + 5s);
  CHECK(days(feed.take()) == Lines{line(1, flag("gone", 1, "0.05", true))});
  feed.send(24h + 10s, "in/a/d", "90");
  feed.send(48h, "in/a/d", "90");  // the first of the next day; the silence fell into the day before
  CHECK(days(feed.take()) ==
        Lines{line(2, flag("odd", 1, "86390", true) + "," + flag("gone", 1, "82799.95", true))});
  feed.tick(72h);
  CHECK(days(feed.take()) ==
        Lines{line(3, flag("odd", 0, "86400", true) + "," + flag("gone", 1, "82799.95", true))});
}

TEST_CASE("what begins to flap counts as raised") {
  Feed feed(config(R"({"name":"odd","kind":"threshold","above":80,"flaps":2})"));
  for (int i = 0; i < 5; ++i) {
    feed.send(1h + i * 10s, "in/a/d", "90");
    feed.send(1h + i * 10s + 5s, "in/a/d", "10");
  }
  feed.send(2h, "in/a/d", "10");
  feed.tick(24h);
  CHECK(feed.stats().flags[0].count == 3);
  CHECK(days(feed.take()) == Lines{line(1, flag("odd", 3, "3590", false))});
}

TEST_CASE("the end of a replay tells the unfinished day") {
  Feed feed(config(odd));
  feed.send(23h, "in/a/d", "90");
  feed.send(25h, "in/a/d", "91");
  feed.tick(25h + 10s);
  feed.pipeline().engine().finish(2);
  CHECK(days(feed.take()) ==
        Lines{line(1, flag("odd", 1, "3600", true)), line(2, flag("odd", 0, "3610", true), false)});
  feed.pipeline().engine().finish(2);
  CHECK(days(feed.take()).empty());
}

TEST_CASE("a series that is given up clears its flag and tells its day; its silence stays") {
  Feed feed(
      config(odd + R"(,{"name":"gone","kind":"silence","after":"5m","retain_to":"state/{device}"})", "16m"));
  feed.send(10s, "in/a/d", "90");
  for (int minute = 1; minute <= 25; ++minute) feed.tick(minute * 1min);
  CHECK(feed.stats().series_evicted == 1);
  CHECK(feed.stats().flags[0].cleared == 1);
  CHECK(feed.stats().flags[1].cleared == 0);
  const auto out = feed.take();
  REQUIRE(out.size() == 5);  // odd; gone, and its state; the clear; the day
  CHECK(out[2].topic == "state/d");
  CHECK(out[2].payload.find(R"("state":"raised")") != std::string::npos);
  CHECK(out[3].topic == "derived/s/a/d/value/flag/odd");
  CHECK(
      out[3].payload ==
      R"({"v":1,"id":"s/odd/a/d/value/1767225610000","state":"cleared","detector":"odd","kind":"threshold",)"
      R"("severity":"warning","site":"a","device":"d","field":"value","time":"2026-01-01T00:18:00Z","score":0,)"
      R"("since":"2026-01-01T00:00:10Z"})");
  CHECK(days(out) ==
        Lines{line(1, flag("odd", 1, "1070", false) + "," + flag("gone", 1, "770", true), false)});
  // Nothing is left of it; when it comes back, it begins anew.
  feed.tick(24h);
  CHECK(feed.take().empty());
  feed.send(25h, "in/a/d", "10");
  feed.tick(48h);
  for (const auto& one : feed.take()) CHECK(one.payload.find("cleared") == std::string::npos);
}

TEST_CASE("series of a window that is judged, and of peers, have days of their own") {
  Feed feed(config(odd + R"(,{"name":"high","kind":"threshold","above":5,"on":"w.mean","to":"f/{site}"})",
                   "0s", R"({"name":"w","length":"1m","by":["site"]})"));
  feed.send(1h, "in/a/d", "90");
  feed.send(1h, "in/a/e", "90");
  feed.tick(24h);
  Lines keys;
  for (const auto& [topic, payload, retain] : feed.take()) {
    if (topic == "days/s/a") keys.push_back(payload.substr(0, payload.find(R"(,"start")")));
  }
  CHECK(keys == Lines{R"({"v":1,"stream":"s","site":"a","device":"d","field":"value")",
                      R"({"v":1,"stream":"s","site":"a","field":"value")",
                      R"({"v":1,"stream":"s","site":"a","device":"e","field":"value")"});
}

TEST_CASE("how often time comes makes no difference") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t base = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const std::string text = config(
      R"({"name":"odd","kind":"threshold","above":80,"hold":"1h"},{"name":"mean","kind":"threshold","above":60,"on":"w.mean"},)"
      R"({"name":"gone","kind":"silence","after":"18000050ms"},{"name":"away","kind":"silence","after":"30h"})",
      "0s", R"({"name":"w","length":"3h"})");
  std::size_t all = 0;
  for (std::uint64_t seed = base; seed < base + 20; ++seed) {
    INFO("WEIR_SEED=" << seed);
    std::mt19937_64 random{seed};
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
    Feed coarse(text), fine(text);
    core::Duration at = 1h;
    for (int i = 0; i < 60; ++i) {
      const core::Duration next = at + (below(4) == 0 ? below(5'000) * 1min : below(400) * 1min);
      for (core::Duration tick = at; tick < next; tick += 97s + 50ms) fine.tick(tick);
      at = next;
      const std::string value = std::to_string(below(100));
      for (Feed* feed : {&coarse, &fine}) feed->send(at, "in/a/d", value);
    }
    coarse.tick(at + 24h * 9);
    for (core::Duration tick = at; tick < at + 24h * 9; tick += 10min) fine.tick(tick);
    fine.tick(at + 24h * 9);
    // But for one thing: a day that nothing ends before a tick does may stand before or behind a window that
    // the same tick closed. Flags and days keep their order, and so do windows.
    const auto apart = [](std::vector<test::Published> published) {
      std::stable_partition(published.begin(), published.end(), [](const test::Published& one) {
        return one.payload.find(R"("rev":)") == std::string::npos;
      });
      return published;
    };
    const auto got = apart(coarse.take()), expected = apart(fine.take());
    all += expected.size();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i].payload == expected[i].payload);
    REQUIRE(got == expected);
  }
  CHECK(all > 1000);
}

TEST_CASE("only series with flags are kept, and a jump of time is told in part") {
  FlagDays days;
  struct Told {
    core::SeriesId series;
    core::Time start;
    std::uint32_t raised;
    bool final;
  };
  std::vector<Told> told;
  const FlagDays::Tell tell = [&](core::SeriesId series, const FlagDays::Day& one) {
    REQUIRE(one.flags.size() == 1);
    CHECK(one.end - one.start == 24h);
    told.push_back({series, one.start, one.flags[0].raised, one.final});
  };
  using enum core::FlagState;
  days.time(day, tell);
  days.flag(7, change(0, raised, day + 1h), tell);
  days.flag(7, change(0, cleared, day + 2h), tell);
  days.flag(3, change(2, raised, day + 3h), tell);
  CHECK(days.series() == 2);
  CHECK(told.empty());
  days.time(day + 24h, tell);
  CHECK(days.series() == 1);  // whose flag is up
  REQUIRE(told.size() == 2);
  told.clear();
  // A clock that was never set is set.
  days.time(day + 24h * 10'000, tell);
  REQUIRE(told.size() == 1 + FlagDays::days_at_once);
  CHECK(told.front().start == day + 24h);
  CHECK(told[1].start == day + 24h * (10'000 - FlagDays::days_at_once));
  CHECK(told.back().start == day + 24h * 9'999);
  for (const Told& one : told) CHECK(one.raised == 0);
  told.clear();
  // What was told of a time before today counts today.
  days.flag(7, change(0, raised, day), tell);
  days.give_up(7, day + 24h * 10'000 + 1h, tell);
  days.give_up(7, day + 24h * 10'000 + 1h, tell);
  days.give_up(8, day + 24h * 10'000 + 1h, tell);
  REQUIRE(told.size() == 1);
  CHECK(told[0].series == 7);
  CHECK(told[0].start == day + 24h * 10'000);
  CHECK(told[0].raised == 1);
  CHECK_FALSE(told[0].final);
  days.end(day + 24h * 10'000 + 2h, tell);
  CHECK(told.size() == 2);
  CHECK(days.series() == 0);
}
