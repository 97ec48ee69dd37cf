// Routes: what is remembered of topics stays what it was, however many there are.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/hash.h"
#include "bridge/routes.h"

using bridge::hash_text;
using bridge::Route;
using bridge::Routes;

namespace {

// A topic "in/<i>/x" with its number captured, and what a route of it must say. The text goes with this
// object.
struct Topic {
  explicit Topic(unsigned i)
      : text("in/" + std::to_string(i) + "/x"), capture(std::string_view{text}.substr(3)) {
    capture.remove_suffix(2);
    route.topic = text;
    route.captures = {&capture, 1};
    route.bare_field = i % 2 == 0 ? bridge::nameless_field : std::string_view{text}.substr(text.size() - 1);
  }
  Topic(const Topic&) = delete;

  std::string text;
  std::string_view capture;
  Route route;
};

}  // namespace

TEST_CASE("a route keeps a copy of all it looks into, and is found by its topic alone") {
  constexpr unsigned count = 5000;
  Routes routes(count);
  std::map<unsigned, Route*> made;
  for (unsigned i = 0; i < count; ++i) {
    const auto topic = std::make_unique<Topic>(i);
    REQUIRE(routes.find(topic->text, hash_text(topic->text)) == nullptr);
    REQUIRE_FALSE(routes.full());
    made[i] = routes.add(topic->route, hash_text(topic->text), i % 5);
    std::fill(topic->text.begin(), topic->text.end(), '?');
  }
  CHECK(routes.full());
  for (const auto& [i, route] : made) {
    const Topic topic(i);
    CAPTURE(topic.text);
    routes.expect(hash_text(topic.text));
    routes.expect_soon(hash_text(topic.text));
    REQUIRE(routes.find(topic.text, hash_text(topic.text)) == route);
    CHECK(route->topic == topic.text);
    REQUIRE(route->captures.size() == 1);
    CHECK(route->captures[0] == std::to_string(i));
    CHECK(route->bare_field == (i % 2 == 0 ? "value" : "x"));
    REQUIRE(route->series.size() == i % 5);
    for (std::size_t at = 0; at < 6; ++at) CHECK(route->known(at) == bridge::unknown_series);
  }
}

TEST_CASE("topics of the same hash stay apart") {
  Routes routes(10);
  const Topic one(1), other(2), third(3);
  Route* const first = routes.add(one.route, 7, 0);
  Route* const second = routes.add(other.route, 7, 0);
  CHECK(routes.find(one.text, 7) == first);
  CHECK(routes.find(other.text, 7) == second);
  CHECK(routes.find(third.text, 7) == nullptr);
}

TEST_CASE("a route that becomes wider keeps its series") {
  Routes routes(10);
  const Topic topic(1);
  Route* const route = routes.add(topic.route, 1, 2);
  route->series[0] = 70;
  route->series[1] = 71;
  routes.widen(*route, 5);
  REQUIRE(route->series.size() == 5);
  CHECK(route->known(0) == 70);
  CHECK(route->known(1) == 71);
  for (std::size_t at = 2; at < 6; ++at) CHECK(route->known(at) == bridge::unknown_series);
  CHECK(routes.find(topic.text, 1) == route);
}

TEST_CASE("routes that are not used are forgotten, the others found, and memory serves again") {
  Routes routes(1'000'000);
  std::uint32_t step = 0;
  std::map<const void*, unsigned> places;
  for (unsigned i = 0; i < 20'000; ++i) {
    const Topic topic(i);
    const std::uint64_t hash = hash_text(topic.text) & 0xFF3F;  // many lie in each other's way
    Route* const route = routes.add(topic.route, hash, 2);
    if (i % 3 == 0) routes.widen(*route, 40);
    ++places[route];
    route->step = step = i / 100;
    routes.forget(step, 2, 0.25);
    for (unsigned back = 0; back < std::min(i, 200U); back += 7) {
      const Topic recent(i - back);
      Route* const found = routes.find(recent.text, hash_text(recent.text) & 0xFF3F);
      if (found == nullptr || found->topic != recent.text) FAIL("step ", step, ", lost ", recent.text);
    }
  }
  const Topic old(1);
  CHECK(routes.find(old.text, hash_text(old.text) & 0xFF3F) == nullptr);
  CHECK(places.size() < 2000);
}
