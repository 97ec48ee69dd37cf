// Windows of every kind with every aggregate, as JSON: what is new in the list of names is in them at once.
#pragma once

#include <string>
#include <vector>

#include "bridge/config_names.h"
#include "core/aggregate.h"

namespace test {

// Every name once, without aliases, and two percentiles.
inline std::vector<std::string> every_aggregate() {
  std::vector<std::string> all;
  for (const std::string_view name : core::aggregate_names()) {
    const auto aggregate = core::find_aggregate(name);
    if (aggregate && core::name(*aggregate) == name) all.emplace_back(name);
  }
  all.insert(all.end(), {"p95", "p99.9"});
  return all;
}

// "aggregates": these, with the keys that they need.
inline std::string aggregate_keys(const std::vector<std::string>& names) {
  std::string list, keys;
  for (const std::string& name : names) {
    list += (list.empty() ? "\"" : ",\"") + name + '"';
    if (name == "above_count") keys += R"(,"above":22)";
    if (name == "below_count") keys += R"(,"below":22)";
    if (name == "in_range_count") keys += R"(,"range":[21,25])";
    if (name == "ewma") keys += R"(,"half_life":"2s")";
  }
  return R"("aggregates":[)" + list + "]" + keys;
}

// The beginning of a window of each kind, open for more keys. Those of samples both ways: as each comes, and
// some at a time.
inline std::vector<std::string> every_kind() {
  return {
      R"({"name":"tumbling","length":"10s")",
      R"({"name":"hopping","length":"20s","every":"5s","offset":"1s")",
      R"({"name":"sliding","kind":"sliding","length":"5s","samples_max":50)",
      R"({"name":"moving","kind":"count","samples":20,"step":1)",
      R"({"name":"stepping","kind":"count","samples":20,"step":5)",
      R"({"name":"counted","kind":"count","samples":10)",
      R"({"name":"session","kind":"session","gap":"3s")",
      R"({"name":"total","kind":"cumulative","every":"10s")",
      R"({"name":"hours","kind":"calendar","calendar":{"unit":"hour","zone":"Asia/Kathmandu"})",
      R"({"name":"shifts","kind":"calendar","calendar":{"unit":"shifts","shifts":["00:10","06:00"],"zone":"Europe/Berlin"})"};
}

}  // namespace test
