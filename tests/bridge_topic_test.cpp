#include "bridge/topic.h"

#include <doctest/doctest.h>

#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include "bridge/error.h"
#include "bridge/text.h"

using bridge::append_topic_level;
using bridge::filter_covers;
using bridge::filters_overlap;
using bridge::SetupError;
using bridge::TopicPattern;
using bridge::TopicTemplate;

namespace {

using Strings = std::vector<std::string>;

Strings split(const std::string& text) {
  Strings levels{""};
  for (const char c : text) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back() += c;
    }
  }
  return levels;
}

// MQTT 5, section 4.7, word for word and slow.
bool reference_match(const Strings& filter, const Strings& topic) {
  if ((filter[0] == "+" || filter[0] == "#") && topic[0].starts_with("$")) return false;
  std::size_t i = 0;
  for (; i < filter.size(); ++i) {
    if (filter[i] == "#") return i <= topic.size();
    if (i >= topic.size() || (filter[i] != "+" && filter[i] != topic[i])) return false;
  }
  return i == topic.size();
}

// Every text of 1 to `most` levels out of `alphabet`, but the empty one.
Strings all_texts(const Strings& alphabet, std::size_t most) {
  Strings out, longest = alphabet;
  for (std::size_t levels = 1; levels <= most; ++levels) {
    out.insert(out.end(), longest.begin(), longest.end());
    Strings next;
    for (const std::string& text : longest) {
      for (const std::string& level : alphabet) next.push_back(text + "/" + level);
    }
    longest = std::move(next);
  }
  std::erase(out, "");
  return out;
}

bool hash_only_last(const std::string& filter) {
  const std::size_t hash = filter.find('#');
  return hash == std::string::npos || hash + 1 == filter.size();
}

}  // namespace

TEST_CASE("patterns take topics and capture levels") {
  const auto check = [](const char* pattern, const char* topic, std::optional<Strings> captures,
                        const char* rest = "") {
    CAPTURE(pattern);
    CAPTURE(topic);
    std::vector<std::string_view> got{"left over"};
    std::string_view got_rest{"left over"};
    const bool matched = TopicPattern(pattern).match(topic, got, got_rest);
    REQUIRE(matched == captures.has_value());
    if (!matched) return;
    CHECK(Strings(got.begin(), got.end()) == *captures);
    CHECK(got_rest == rest);
  };
  check("a/b", "a/b", Strings{});
  check("a/b", "a/b/", {});
  check("a/b", "a", {});
  check("a/b", "a/B", {});
  check("site/{site}/device/{device}/telemetry", "site/s1/device/d7/telemetry", Strings{"s1", "d7"});
  check("site/{site}/device/{device}/telemetry", "site/s1/device/d7/state", {});
  check("{a}", "x", Strings{"x"});
  check("{a}/{b}", "x/", Strings{"x", ""});
  check("{a}/{b}", "/", Strings{"", ""});
  check("/{a}", "/x", Strings{"x"});
  check("/{a}", "x", {});
  check("+/{a}/+", "1/2/3", Strings{"2"});
  check("sensors/{device}/#", "sensors/d1/env/temperature", Strings{"d1"}, "env/temperature");
  check("sensors/{device}/#", "sensors/d1", Strings{"d1"}, "");
  check("sensors/{device}/#", "sensors/d1/", Strings{"d1"}, "");
  check("sensors/{device}/#", "sensors", {});
  check("z2m/{device...}", "z2m/living room/lämp/☀", Strings{"living room/lämp/☀"}, "living room/lämp/☀");
  check("z2m/{device...}", "z2m", Strings{""}, "");
  check("{all...}", "a/b", Strings{"a/b"}, "a/b");
  check("#", "a//b", Strings{}, "a//b");
  check("#", "$SYS/broker", {});
  check("+/b", "$SYS/b", {});
  check("{x}/b", "$SYS/b", {});
  check("{x...}", "$SYS/b", {});
  check("$SYS/{x}", "$SYS/b", Strings{"b"});
  check("$SYS/#", "$SYS/b/c", Strings{}, "b/c");
  check("a/+", "a/$b", Strings{});
  check("a", "", {});
}

TEST_CASE("the filter of a pattern") {
  const auto check = [](const char* pattern, const char* filter, const Strings& names) {
    CAPTURE(pattern);
    const TopicPattern made(pattern);
    CHECK(made.filter() == filter);
    CHECK(made.names() == names);
  };
  check("a/b", "a/b", {});
  check("/a//", "/a//", {});
  check("a/{b}/+/{c_1...}", "a/+/+/#", {"b", "c_1"});
  check("{_}/#", "+/#", {"_"});
}

TEST_CASE("patterns that are none") {
  const auto check = [](const std::string& pattern, const char* message) {
    CAPTURE(pattern);
    CHECK_THROWS_WITH_AS(TopicPattern{pattern}, message, SetupError);
  };
  check("", "\"\" is empty");
  check("a/#/b", "\"a/#/b\" has \"#\" before its end; \"#\" takes all levels that follow, so put it last");
  check("#/", "\"#/\" has \"#\" before its end; \"#\" takes all levels that follow, so put it last");
  check("a/b+", "\"a/b+\" has a wildcard inside level \"b+\"; a wildcard must be a whole level");
  check("a/b#", "\"a/b#\" has a wildcard inside level \"b#\"; a wildcard must be a whole level");
  const std::string capture =
      "; a capture is a whole level {name} or, last, {name...}, and a name is made of letters, digits and _, "
      "not beginning with a digit";
  check("a/x{b}", ("\"a/x{b}\" has \"x{b}\"" + capture).c_str());
  check("a/{b", ("\"a/{b\" has \"{b\"" + capture).c_str());
  check("a/{}", ("\"a/{}\" has \"{}\"" + capture).c_str());
  check("a/{...}", ("\"a/{...}\" has \"{...}\"" + capture).c_str());
  check("a/{1b}", ("\"a/{1b}\" has \"{1b}\"" + capture).c_str());
  check("a/{b c}", ("\"a/{b c}\" has \"{b c}\"" + capture).c_str());
  check("a/{b}{c}", ("\"a/{b}{c}\" has \"{b}{c}\"" + capture).c_str());
  check("{b...}/a",
        "\"{b...}/a\" has \"{b...}\" before its end; it takes all levels that follow, so put it last");
  check("{b}/{b}", "\"{b}/{b}\" captures {b} twice; give each capture a name of its own");
  check("a\nb", "\"a?b\" holds a control character");
  check(std::string("a\0b", 3), "\"a?b\" holds a control character");
  check("a/\xC3", "\"a/?\" is not UTF-8");
  check("$share/g/a",
        "\"$share/g/a\" is a shared subscription, which would hide messages from weir; leave "
        "\"$share/<group>/\" out, and name the group in broker.share");
  check(std::string(65536, 'a'),
        ("\"" + std::string(100, 'a') + "...\" is longer than the 65535 bytes MQTT allows").c_str());
}

TEST_CASE("matching, overlap and cover agree with the standard on every small filter") {
  Strings filters = all_texts({"a", "b", "", "+", "#", "$a"}, 3);
  std::erase_if(filters, [](const std::string& filter) { return !hash_only_last(filter); });
  const Strings topics = all_texts({"a", "b", "c", "", "$a", "$c"}, 4);
  constexpr std::size_t topics_most = 1600;
  REQUIRE(topics.size() <= topics_most);
  REQUIRE(filters.size() > 150);

  std::vector<Strings> topic_levels;
  for (const std::string& topic : topics) topic_levels.push_back(split(topic));
  std::vector<std::bitset<topics_most>> taken(filters.size());
  std::vector<std::string_view> captures;
  std::string_view rest;
  std::size_t wrong = 0;
  for (std::size_t f = 0; f < filters.size(); ++f) {
    const TopicPattern pattern(filters[f]);
    const Strings levels = split(filters[f]);
    for (std::size_t t = 0; t < topics.size(); ++t) {
      taken[f][t] = reference_match(levels, topic_levels[t]);
      wrong += pattern.match(topics[t], captures, rest) != taken[f][t] ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);

  for (std::size_t a = 0; a < filters.size(); ++a) {
    for (std::size_t b = 0; b < filters.size(); ++b) {
      const bool overlap = (taken[a] & taken[b]).any();
      const bool covers = (taken[b] & ~taken[a]).none();
      if (filters_overlap(filters[a], filters[b]) == overlap &&
          filter_covers(filters[a], filters[b]) == covers)
        continue;
      CAPTURE(filters[a]);
      CAPTURE(filters[b]);
      CHECK(filters_overlap(filters[a], filters[b]) == overlap);
      CHECK(filter_covers(filters[a], filters[b]) == covers);
    }
  }
}

TEST_CASE("templates") {
  const std::string site = "s 1", window = "1/m";
  const auto check = [&](const char* text, const char* filter, const char* filter_known) {
    CAPTURE(text);
    const TopicTemplate made(text, {"site", "device", "window"});
    CHECK(made.widest_filter() == filter);
    CHECK(made.widest_filter({&site, nullptr, &window}) == filter_known);
  };
  check("a", "a", "a");
  check("derived/{site}/{device}/{window}", "derived/+/+/+", "derived/s 1/+/1.m");
  check("a-{site}-b/c", "+/c", "a-s 1-b/c");
  check("{site}{device}/{window}", "+/+", "+/1.m");
  check("/{site}/", "/+/", "/s 1/");
  check("ü/{device}", "ü/+", "ü/+");

  const TopicTemplate parts("a/{device}-{site}/b", {"site", "device"});
  REQUIRE(parts.parts().size() == 3);
  CHECK(parts.parts()[0].literal == "a/");
  CHECK(parts.parts()[0].name == 1);
  CHECK(parts.parts()[1].literal == "-");
  CHECK(parts.parts()[1].name == 0);
  CHECK(parts.parts()[2].literal == "/b");
  CHECK(parts.parts()[2].name == -1);
}

TEST_CASE("templates that are none") {
  const auto check = [](const char* text, const char* message) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(TopicTemplate(text, {"site", "field"}), message, SetupError);
  };
  check("", "\"\" is empty");
  check("a/+/b",
        "\"a/+/b\" holds a wildcard; results go to one topic each, so write {names} where topics differ");
  check("a/#",
        "\"a/#\" holds a wildcard; results go to one topic each, so write {names} where topics differ");
  check("a/{b}", "\"a/{b}\" has {b}; known here: {site}, {field}");
  check("a/{}", "\"a/{}\" has {}; known here: {site}, {field}");
  check("a/{site", "\"a/{site\" has a brace without its partner");
  check("a/site}", "\"a/site}\" has a brace without its partner");
  check("a/{{site}}", "\"a/{{site}}\" has a brace without its partner");
  check("a\tb", "\"a?b\" holds a control character");
}

TEST_CASE("values become one topic level") {
  const auto check = [](std::string_view value, std::string_view level) {
    CAPTURE(value);
    std::string out{"x"}, again;
    append_topic_level(value, out);
    CHECK(out == "x" + std::string{level});
    append_topic_level(level, again);
    CHECK(again == level);
  };
  check("", "_");
  check("d7", "d7");
  check("living room", "living room");
  check("a/b/c", "a.b.c");
  check("+#", "__");
  check("Küche ☀ 🌞", "Küche ☀ 🌞");
  check(std::string_view("a\0\n\x7F", 4), "a___");
  check("\xC2\x80", "_");             // U+0080, a control character
  check("\xEF\xBF\xBF", "_");         // U+FFFF, no character
  check("\xFF\xFE", "__");            // not UTF-8, byte by byte
  check("\xC0\xAF", "__");            // overlong "/"
  check("\xED\xA0\x80", "___");       // a surrogate
  check("\xF0\x9F\x8C", "___");       // cut short
  check("\xF4\x90\x80\x80", "____");  // beyond U+10FFFF
}

TEST_CASE("text in messages") {
  CHECK(bridge::shown("a\nb\xFF") == "\"a?b?\"");
  CHECK(bridge::shown(std::string(99, 'a') + "ü" + "b") == "\"" + std::string(99, 'a') + "ü...\"");
}
