// What each of several connections has.
#include "bridge/connections.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

using namespace bridge;

namespace {

MqttClientSpec spec_of(std::size_t filters, std::uint32_t connections, const std::string& share = "") {
  MqttClientSpec spec;
  spec.broker.client_id = "w";
  spec.broker.connections = connections;
  spec.broker.share = share;
  spec.status_topic = "status";
  for (std::size_t i = 0; i < filters; ++i)
    spec.subscriptions.push_back({"f" + std::to_string(i), static_cast<int>(i % 3), i % 2 == 0});
  return spec;
}

std::vector<std::string> filters_of(const MqttClientSpec& spec) {
  std::vector<std::string> filters;
  for (const Subscription& one : spec.subscriptions) filters.push_back(one.filter);
  return filters;
}

}  // namespace

TEST_CASE("other filters: each stays with its connection, new ones go where the fewest are") {
  const auto split = [](const MqttClientSpec& spec) {
    std::vector<std::vector<Subscription>> all;
    for (const MqttClientSpec& one : split_connections(spec)) all.push_back(one.subscriptions);
    return all;
  };
  const auto now = split(spec_of(5, 3));  // 0 3, 1 4, 2
  const std::vector<Subscription> next{
      {"f9", 0, false}, {"f4", 2, true}, {"f0", 0, true}, {"f8", 1, false}, {"f7", 0, false}};
  const auto all = split_again(now, next, "");
  REQUIRE(all.size() == 3);
  CHECK(all[0] == std::vector<Subscription>{next[2], next[3]});
  CHECK(all[1] == std::vector<Subscription>{next[1], next[4]});
  CHECK(all[2] == std::vector<Subscription>{next[0]});
  CHECK(split_again(now, {}, "") == std::vector<std::vector<Subscription>>(3));
  const auto shared = split_again(split(spec_of(2, 3, "g")), {next[0], next[1]}, "g");
  REQUIRE(shared.size() == 3);
  for (const auto& connection : shared)
    CHECK(connection == std::vector<Subscription>{{"$share/g/f9", 0, false}, {"$share/g/f4", 2, true}});
}

TEST_CASE("one connection is as if there were no others") {
  const MqttClientSpec spec = spec_of(3, 1);
  const auto all = split_connections(spec);
  REQUIRE(all.size() == 1);
  CHECK(all[0].connection == 0);
  CHECK(all[0].broker.client_id == "w");
  CHECK(filters_of(all[0]) == filters_of(spec));
  CHECK_FALSE(all[0].others_subscribed);
  CHECK(split_connections(spec_of(0, 8)).size() == 1);  // publishes only
  CHECK(split_connections(spec_of(0, 8, "g")).size() == 1);
}

TEST_CASE("every filter is one connection's, with its options, and none is without a filter") {
  for (std::size_t filters = 1; filters <= 20; ++filters) {
    for (std::uint32_t connections = 1; connections <= connections_max; ++connections) {
      CAPTURE(filters);
      CAPTURE(connections);
      const MqttClientSpec spec = spec_of(filters, connections);
      const auto all = split_connections(spec);
      CHECK(all.size() == connection_count(spec.broker, filters));
      CHECK(all.size() == std::min<std::size_t>(filters, connections));
      std::map<std::string, Subscription> seen;
      std::set<std::string> ids;
      std::size_t least = filters, most = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].connection == i);
        CHECK(all[i].broker.connections == all.size());
        CHECK(ids.insert(all[i].broker.client_id).second);
        CHECK(all[i].status_topic == "status");
        least = std::min(least, all[i].subscriptions.size());
        most = std::max(most, all[i].subscriptions.size());
        for (const Subscription& one : all[i].subscriptions) CHECK(seen.emplace(one.filter, one).second);
      }
      CHECK(most - least <= 1);
      REQUIRE(seen.size() == filters);
      for (const Subscription& one : spec.subscriptions) {
        CHECK(seen.at(one.filter).qos == one.qos);
        CHECK(seen.at(one.filter).seed == one.seed);
      }
    }
  }
  const auto all = split_connections(spec_of(5, 3));
  CHECK(all[2].broker.client_id == "w-3");
  CHECK(filters_of(all[0]) == std::vector<std::string>{"f0", "f3"});
  CHECK(filters_of(all[1]) == std::vector<std::string>{"f1", "f4"});
  CHECK(filters_of(all[2]) == std::vector<std::string>{"f2"});
}

TEST_CASE("with a group each connection has every filter, and there are as many as are wished") {
  for (const std::uint32_t connections : {1U, 3U, 8U}) {
    const auto all = split_connections(spec_of(2, connections, "g"));
    REQUIRE(all.size() == connections);
    for (const MqttClientSpec& one : all) {
      CHECK(filters_of(one) == std::vector<std::string>{"$share/g/f0", "$share/g/f1"});
      CHECK(one.subscriptions[1].qos == 1);
    }
  }
}
