// Other streams while weir runs: those that are the same go on as if nothing had happened, the others end as
// at the end of all input and begin as at the beginning.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "tests/pipeline_fixture.h"

using bridge::Adoption;
using test::Feed;
using test::Published;
using namespace std::chrono_literals;

namespace {

std::string streams(const std::vector<std::string>& all) {
  std::string text = R"({"aggregation":{"shard_count":3},"streams":[)";
  for (const std::string& one : all) text += (text.ends_with('[') ? "" : ",") + one;
  return text + "]}";
}

// `kind` makes streams of one name differ.
std::string stream(const std::string& name, int kind = 0) {
  return R"({"name":")" + name + R"(","from":")" + name +
         R"(/{site}/{device}","lateness":"1s","idle":"5s","detectors":[],"windows":[
      {"name":"w","length":"10s","every":"5s","aggregates":["count","sum","p50"]},
      {"name":"site","length":")" +
         std::to_string(20 + kind) + R"(s","by":["site"],"aggregates":["count","last"]}]})";
}

std::string watched(const std::string& name, const std::string& detector) {
  return R"({"name":")" + name + R"(","from":")" + name +
         R"(/{site}/{device}","windows":[],"flag_days_to":"days/{stream}/{device}","detectors":[)" +
         detector + "]}";
}
constexpr const char* high = R"({"name":"high","kind":"threshold","above":10,"clear":5})";
constexpr const char* higher = R"({"name":"high","kind":"threshold","above":20,"clear":5})";

std::vector<Published> of(std::vector<Published> all, const std::string& prefix) {
  std::erase_if(all, [&](const Published& one) { return !one.topic.starts_with(prefix); });
  const auto by_text = [](const Published& a, const Published& b) {
    return std::tie(a.topic, a.payload) < std::tie(b.topic, b.payload);
  };
  std::stable_sort(all.begin(), all.end(), by_text);  // workers are not in step
  return all;
}

std::string states(const std::vector<Published>& all) {
  std::string text;
  for (const Published& one : all) {
    const std::size_t at = one.payload.find("\"state\":\"");
    if (at != std::string::npos)
      text += one.payload.substr(at + 9, one.payload.find('"', at + 9) - at - 9) + ' ';
  }
  return text;
}

}  // namespace

TEST_CASE("which streams go on: those whose whole description is the same, wherever they stand") {
  Feed feed(streams({stream("a"), stream("b"), stream("c")}));
  const Adoption adoption = feed.adopt(streams({stream("d"), stream("c"), stream("a", 1), stream("b")}));
  CHECK(adoption.from == std::vector<std::size_t>{Adoption::none, 2, Adoption::none, 1});
  CHECK(adoption.stays == std::vector<bool>{false, true, true});
}

TEST_CASE(
    "a window goes on through the change; that of a stream that has changed, or is gone, ends unfinished") {
  Feed feed(streams({stream("a"), stream("b"), stream("c")}));
  for (const char* topic : {"a/s/1", "b/s/1", "c/s/1"}) feed.send(1s, topic, "1");
  CHECK(feed.take().empty());
  (void)feed.adopt(streams({stream("c", 1), stream("b")}));
  const std::vector<Published> ended = feed.take();
  CHECK(of(ended, "derived/b/").empty());
  for (const char* topic : {"derived/a/", "derived/c/"}) {
    CAPTURE(topic);
    const std::vector<Published> own = of(ended, topic);
    REQUIRE(own.size() == 3);  // two windows of the device's, one of its site's
    for (const Published& one : own)
      CHECK(one.payload.find(R"("final":false,"count":1)") != std::string::npos);
  }
  for (const char* topic : {"a/s/1", "b/s/1", "c/s/1"}) feed.send(2s, topic, "1");
  for (const char* topic : {"a/s/1", "b/s/1", "c/s/1"}) feed.send(12s, topic, "1");
  const std::vector<Published> closed = feed.take();
  CHECK(of(closed, "derived/a/").empty());
  for (const auto& [topic, count] : {std::pair{"derived/b/s/1/v", "2"}, {"derived/c/s/1/v", "1"}}) {
    const std::vector<Published> own = of(closed, topic);
    REQUIRE(!own.empty());
    const std::string expected = R"("count":)" + std::string(count) + ',';
    CHECK(std::all_of(own.begin(), own.end(),
                      [&](const Published& one) { return one.payload.find(expected) != std::string::npos; }));
  }
  CHECK(feed.messages(bridge::MessageOutcome::unmatched) == 2);
  CHECK(test::adds_up(feed.stats()));
}

TEST_CASE("a topic that an ignored stream takes away is its from the next message on") {
  Feed feed(streams({stream("a")}));
  feed.send(1s, "a/s/1", "1");
  (void)feed.adopt(streams({R"({"name":"not","from":"a/s/1","ignore":true})", stream("a")}));
  feed.send(1s, "a/s/1", "1");
  feed.send(1s, "a/s/2", "1");
  CHECK(feed.messages(bridge::MessageOutcome::ignored) == 1);
  CHECK(feed.messages(bridge::MessageOutcome::decoded) == 2);
}

TEST_CASE(
    "flags: one that is up stays up, where its stream goes on, and is cleared with a stream that ends") {
  Feed feed(streams({watched("a", high), watched("b", high)}));
  feed.send(1s, "a/s/1", "11");
  feed.send(1s, "b/s/1", "11");
  CHECK(states(feed.take()) == "raised raised ");
  (void)feed.adopt(streams({watched("b", high), watched("a", higher)}));
  const std::vector<Published> ended = feed.take();
  CHECK(states(of(ended, "derived/a/")) == "cleared ");
  CHECK(states(of(ended, "derived/b/")).empty());
  CHECK(of(ended, "days/a/").size() == 1);
  CHECK(of(ended, "days/b/").empty());
  feed.send(2s, "a/s/1", "11");
  feed.send(2s, "b/s/1", "12");
  CHECK(states(feed.take()).empty());
  feed.send(3s, "a/s/1", "21");
  feed.send(3s, "b/s/1", "4");
  const std::vector<Published> last = feed.take();
  CHECK(states(of(last, "derived/a/")) == "raised ");
  CHECK(states(of(last, "derived/b/")) == "cleared ");
}

TEST_CASE("peers stay with their group, and another stream of the same name is another group") {
  const std::string peers =
      R"({"name":"p","kind":"peers","by":["site"],"members":3,"warmup":8,"raise":6,"flaps":0})";
  const auto run = [&](bool same) {
    Feed feed(streams({stream("z"), watched("a", peers)}));
    const auto round = [&](int second, bool far) {
      for (int device = 0; device < 6; ++device) {
        const double value = 10 + device + second % 3 * 0.1 + (far && device == 5 ? 50 : 0);
        feed.send(second * 1s, "a/s/" + std::to_string(device), std::to_string(value));
      }
    };
    for (int second = 1; second < 200; ++second) round(second, false);
    if (same) (void)feed.adopt(streams({watched("a", peers), stream("y")}));
    for (int second = 200; second < 210; ++second) round(second, second >= 205);
    return of(feed.take(), "derived/a/");
  };
  const std::vector<Published> quiet = run(false);
  CHECK(!quiet.empty());
  CHECK(run(true) == quiet);
}

TEST_CASE("what is told of streams follows them") {
  Feed feed(streams({stream("a"), stream("b")}));
  for (int second = 1; second < 30; ++second) feed.send(second * 1s, "b/s/1", "1");
  const auto before = feed.stats();
  (void)feed.adopt(streams({stream("c"), stream("b"), stream("a")}));
  const auto after = feed.stats();
  REQUIRE(after.series.size() == 3);
  CHECK(after.series[1].stream == "b");
  CHECK(after.series[1].count == 2);
  CHECK(before.windows[2].count > 0);
  CHECK(after.windows[2].count == before.windows[2].count);
  CHECK(after.windows[2].stream == "b");
  CHECK(after.windows[0].count == 0);
}

// Random streams come, go and change while messages come. Oracle: each life of a stream by itself, in a
// pipeline that knows no other stream.
TEST_CASE("random changes: every life of a stream is what it would have been alone") {
  std::mt19937 random(20261127);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    std::map<std::string, int> kinds;  // of the streams in use
    std::map<std::string, std::unique_ptr<Feed>> alone;
    std::map<std::string, std::vector<Published>> expected;
    const auto change = [&] {
      std::map<std::string, int> next;
      for (const char* name : {"a", "b", "c", "d"}) {
        if (below(4) != 0) next[name] = kinds.contains(name) && below(3) != 0 ? kinds[name] : below(2);
      }
      if (next.empty()) next["a"] = 0;
      return next;
    };
    const auto text = [&](const std::map<std::string, int>& next) {
      std::vector<std::string> all;
      for (const auto& [name, kind] : next) all.push_back(stream(name, kind));
      std::shuffle(all.begin(), all.end(), random);
      return streams(all);
    };
    const auto collect = [&](const std::string& name) {
      for (Published& one : alone[name]->take()) expected[name].push_back(std::move(one));
    };
    // What is gone ends; what is new, begins.
    const auto follow = [&](const std::map<std::string, int>& next, core::Duration now) {
      for (auto& [name, kind] : kinds) {
        if (next.contains(name) && next.at(name) == kind) continue;
        alone[name]->pipeline().engine().finish(alone[name]->pipeline().edge().position());
        collect(name);
        alone.erase(name);
      }
      for (const auto& [name, kind] : next) {
        if (alone.contains(name)) continue;
        alone[name] = std::make_unique<Feed>(streams({stream(name, kind)}));
        alone[name]->tick(now);
      }
      kinds = next;
    };
    std::map<std::string, int> first = change();
    Feed feed(text(first), true);
    feed.tick(0s);
    follow(first, 0s);
    for (int step = 1; step < 400; ++step) {
      const core::Duration now = step * 200ms;
      if (below(40) == 0) {
        const std::map<std::string, int> next = change();
        (void)feed.adopt(text(next));
        follow(next, now - 200ms);
      }
      const std::string name(1, static_cast<char>('a' + below(4)));
      const std::string topic = name + "/s" + std::to_string(below(2)) + '/' + std::to_string(below(3));
      const std::string value = std::to_string(below(100));
      feed.tick(now);
      for (auto& [known, own] : alone) own->tick(now);
      feed.send(now, topic, value);
      if (alone.contains(name)) alone[name]->send(now, topic, value);
    }
    follow({}, 0s);
    feed.pipeline().engine().finish(feed.pipeline().edge().position());
    const std::vector<Published> all = feed.take();
    CHECK(!all.empty());
    for (const char* name : {"a", "b", "c", "d"}) {
      CAPTURE(name);
      const std::string prefix = "derived/" + std::string(name) + '/';
      CHECK(of(all, prefix) == of(expected[name], prefix));
    }
  }
}
