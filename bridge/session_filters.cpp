#include "bridge/session_filters.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace bridge {

using Json = nlohmann::ordered_json;

Filters filters_of(std::vector<std::string> names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string session_filters_topic(const std::string& status_topic, unsigned connection) {
  return status_topic + "/subscriptions" + (connection == 0 ? "" : '/' + std::to_string(connection + 1));
}

std::string session_filters_json(const Filters& filters) {
  return Json{{"v", 1}, {"filters", filters}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Filters> read_session_filters(std::string_view json) {
  const Json message = Json::parse(json, nullptr, false);
  if (!message.is_object() || message.value("v", Json()) != 1) return std::nullopt;
  const auto found = message.find("filters");
  if (found == message.end() || !found->is_array()) return std::nullopt;
  std::vector<std::string> filters;
  for (const Json& filter : *found) {
    if (!filter.is_string()) return std::nullopt;
    filters.push_back(filter.get<std::string>());
  }
  return filters_of(std::move(filters));
}

}  // namespace bridge
