#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
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

TEST_CASE("who is evicted gives up its place at once, its id and its names once released") {
  const Plan plan;
  SeriesTable table(2);
  const SeriesId a = *table.intern(plan, Key{"a"}, "f");
  const SeriesId b = *table.intern(plan, Key{"b"}, "f");
  REQUIRE(table.intern(plan, Key{"c"}, "f") == std::nullopt);
  table.evict(a);
  CHECK(table.size() == 1);
  CHECK(table.intern(plan, Key{"b"}, "f") == b);
  const SeriesId again = *table.intern(plan, Key{"a"}, "f");
  CHECK(again == 2);
  CHECK(table.key(a, 0) == "a");  // a worker may still need it
  CHECK(table.intern(plan, Key{"c"}, "f") == std::nullopt);
  table.evict(b);
  table.release(a);
  CHECK(table.key(b, 0) == "b");
  CHECK(*table.intern(plan, Key{"c"}, "g") == a);
  CHECK(table.key(a, 0) == "c");
  CHECK(table.field(a) == "g");
  CHECK(table.ids() == 3);
  CHECK(table.ordinal(b) == 1);
  CHECK(table.ordinal(again) == 2);
  CHECK(table.ordinal(a) == 3);
}

TEST_CASE("the caller may say that there is no room") {
  const Plan plan;
  SeriesTable table(2);
  CHECK(table.intern(plan, Key{"a"}, "f", false) == std::nullopt);
  CHECK(table.size() == 0);
  const SeriesId a = *table.intern(plan, Key{"a"}, "f", true);
  CHECK(table.intern(plan, Key{"a"}, "f", false) == a);
}

TEST_CASE("property: series come and go; each in use is found, and no entry changes before its release") {
  const char* const given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20261126;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t n) { return static_cast<std::size_t>(random() % n); };
  struct Known {
    SeriesId id;
    std::string key;
    std::uint64_t ordinal;
  };
  const Plan plan;
  SeriesTable table(3000);
  std::map<std::string, Known> used;
  std::deque<Known> leaving;
  std::uint64_t interned = 0;
  const auto check = [&](const Known& one) {
    REQUIRE(table.key(one.id, 0) == one.key);
    REQUIRE(table.ordinal(one.id) == one.ordinal);
  };
  for (int i = 0; i < 60'000; ++i) {
    const std::string key = std::to_string(below(5000)) + std::string(below(2) * below(300), 'x');
    const auto known = used.find(key);
    const auto id = table.intern(plan, Key{key}, "f");
    if (known != used.end()) {
      REQUIRE(id == known->second.id);
    } else if (used.size() == 3000) {
      REQUIRE(id == std::nullopt);
    } else {
      used.emplace(key, Known{id.value(), key, interned++});
    }
    while (used.size() > 2000 + below(1200)) {
      const auto gone = std::next(used.begin(), static_cast<std::ptrdiff_t>(below(20)));
      table.evict(gone->second.id);
      leaving.push_back(gone->second);
      used.erase(gone);
    }
    for (; leaving.size() > 100; leaving.pop_front()) {
      check(leaving.front());
      table.release(leaving.front().id);
    }
    if (table.size() != used.size()) FAIL("in use: ", table.size());
  }
  for (const auto& [key, one] : used) {
    check(one);
    REQUIRE(table.intern(plan, Key{key}, "f") == one.id);
  }
  for (const Known& one : leaving) check(one);
  CHECK(table.ids() <= 3000 + 101);
  CHECK(interned > 15'000);
}

TEST_CASE("memory follows the series in use, however many come and go") {
  const Plan plan;
  constexpr std::uint32_t alive = 2000;
  SeriesTable table(alive);
  std::mt19937 random(7);
  std::vector<SeriesId> used(alive);
  const auto begin = [&](std::uint32_t i) {
    const std::string key = "device " + std::to_string(i) + std::string(random() % 64, '-');
    return table.intern(plan, Key{key}, "temperature").value();
  };
  std::uint32_t named = 0;
  for (SeriesId& id : used) id = begin(named++);
  const std::size_t before = table.bytes();
  while (named < 1'000'000) {
    SeriesId& id = used[named % alive];
    table.evict(id);
    table.release(id);
    id = begin(named++);
  }
  // Each size of name has its own memory: as much as was ever in use at once.
  CHECK(table.bytes() < 2 * before);
  CHECK(table.ids() == alive);
}
