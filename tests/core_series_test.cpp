#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "core/series.h"

using core::Plan;
using core::SeriesId;
using core::SeriesTable;
using Key = std::vector<std::string_view>;

TEST_CASE("ids are dense, in order of first sight, and the same ever after") {
  const Plan plan;
  SeriesTable table(10);
  const auto check = [&](const Key& key, std::string_view field, SeriesId expected) {
    CAPTURE(field);
    const std::optional<SeriesId> id = table.intern(plan, key, field);
    REQUIRE(id.has_value());
    CHECK(*id == expected);
  };
  check({"s1", "d1"}, "temperature", 0);
  check({"s1", "d2"}, "temperature", 1);
  check({"s1", "d1"}, "temperature", 0);
  check({"s1", "d1"}, "humidity", 2);
  check({"s1", "d2"}, "temperature", 1);
  CHECK(table.size() == 3);
}

TEST_CASE("different tuples never share an id, whatever characters they hold") {
  const Plan plan, other;
  SeriesTable table(1000);
  const std::string nul("a\0b", 3);
  const std::vector<std::pair<Key, std::string_view>> tuples{{{"a:b", "c"}, "f"},
                                                             {{"a", "b:c"}, "f"},
                                                             {{"a", "b", "c"}, "f"},
                                                             {{"abc"}, "f"},
                                                             {{"ab", "c"}, "f"},
                                                             {{"a", "bc"}, "f"},
                                                             {{}, "f"},
                                                             {{""}, "f"},
                                                             {{"", ""}, "f"},
                                                             {{"f"}, ""},
                                                             {{}, ""},
                                                             {{std::string_view(nul)}, "f"},
                                                             {{"a"}, "f"},
                                                             {{"a", "b"}, "f"},
                                                             {{"f"}, "a"},
                                                             {{"a/b", "c"}, "f"},
                                                             {{"a", "b/c"}, "f"},
                                                             {{"\x01", "a"}, "f"},
                                                             {{"\x01\x00\x61"}, "f"}};
  std::map<SeriesId, std::size_t> seen;
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    const auto id = table.intern(plan, tuples[i].first, tuples[i].second);
    REQUIRE(id.has_value());
    CAPTURE(i);
    CHECK(seen.emplace(*id, i).second);
  }
  // The same names under another plan are other series.
  for (const auto& [key, field] : tuples) CHECK(*table.intern(other, key, field) >= tuples.size());
  CHECK(table.size() == 2 * tuples.size());
}

TEST_CASE("an entry gives back what was interned") {
  const Plan first, second;
  SeriesTable table(10);
  const std::string longest(65535, 'x');
  const SeriesId a = *table.intern(first, Key{"site 1", "", longest}, "temperature");
  const SeriesId b = *table.intern(second, Key{}, longest);
  CHECK(&table.plan(a) == &first);
  CHECK(table.field(a) == "temperature");
  CHECK(table.key(a, 0) == "site 1");
  CHECK(table.key(a, 1) == "");
  CHECK(table.key(a, 2) == longest);
  CHECK(&table.plan(b) == &second);
  CHECK(table.field(b) == longest);
}

TEST_CASE("a full table knows what it knows and takes nothing new") {
  const Plan plan;
  for (const std::uint32_t most : {1U, 2U, 4096U, 4097U}) {
    CAPTURE(most);
    SeriesTable table(most);
    for (std::uint32_t i = 0; i < most; ++i) REQUIRE(table.intern(plan, Key{std::to_string(i)}, "f") == i);
    CHECK(table.intern(plan, Key{"one more"}, "f") == std::nullopt);
    CHECK(table.intern(plan, Key{std::to_string(most - 1)}, "f") == most - 1);
    CHECK(table.size() == most);
  }
}

TEST_CASE("property: as a map of tuples, through many growths; entries never move") {
  const std::array<Plan, 3> plans;
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    SeriesTable table(60'000);
    std::map<std::tuple<const Plan*, std::vector<std::string>, std::string>, SeriesId> model;
    std::vector<const char*> fields;  // where each series' field lies
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    for (int i = 0; i < 100'000; ++i) {
      const Plan& plan = plans[below(3)];
      std::vector<std::string> key(below(4));
      for (std::string& value : key) value = std::string(below(3), 'k') + std::to_string(below(40));
      const std::string field = "f" + std::to_string(below(5));
      const Key views(key.begin(), key.end());
      const std::optional<SeriesId> id = table.intern(plan, views, field);
      const auto known = model.find({&plan, key, field});
      if (known != model.end()) {
        REQUIRE(id == known->second);
      } else if (model.size() == 60'000) {
        REQUIRE(id == std::nullopt);
      } else {
        REQUIRE(id == model.size());
        model.emplace(std::tuple(&plan, key, field), *id);
        fields.push_back(table.field(*id).data());
      }
    }
    REQUIRE(model.size() > 20'000);
    for (const auto& [tuple, id] : model) {
      const auto& [plan, key, field] = tuple;
      REQUIRE(&table.plan(id) == plan);
      REQUIRE(table.field(id) == field);
      REQUIRE(table.field(id).data() == fields[id]);
      for (std::size_t i = 0; i < key.size(); ++i) REQUIRE(table.key(id, i) == key[i]);
    }
  }
}
