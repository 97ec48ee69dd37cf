#include "bridge/session_filters.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bridge {

using Json = nlohmann::ordered_json;

std::string session_filters_topic(const std::string& status_topic) { return status_topic + "/subscriptions"; }

std::string session_filters_json(const Filters& filters) {
  return Json{{"v", 1}, {"filters", filters}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Filters> read_session_filters(std::string_view json) {
  const Json message = Json::parse(json, nullptr, false);
  if (!message.is_object() || message.value("v", Json()) != 1) return std::nullopt;
  const auto found = message.find("filters");
  if (found == message.end() || !found->is_array()) return std::nullopt;
  Filters filters;
  for (const Json& filter : *found) {
    if (!filter.is_string()) return std::nullopt;
    filters.push_back(filter.get<std::string>());
  }
  std::ranges::sort(filters);
  const auto again = std::ranges::unique(filters);
  filters.erase(again.begin(), again.end());
  return filters;
}

}  // namespace bridge
