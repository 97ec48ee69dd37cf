// SessionFilters: which filters our session at the broker has subscribed. A session outlives weir and does
// not tell, and what an earlier configuration subscribed would go on and count twice what two filters take;
// so weir leaves word for its next life: a retained message on "<status topic>/subscriptions"
// (schemas/subscriptions.schema.json); connection i of several, from 0, on ".../<i + 1>" below it but for the
// first. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bridge {

using Filters = std::vector<std::string>;  // sorted, each once

[[nodiscard]] Filters filters_of(std::vector<std::string> names);
[[nodiscard]] std::string session_filters_topic(const std::string& status_topic, unsigned connection = 0);
// {"v":1,"filters":["site/+/#"]}
[[nodiscard]] std::string session_filters_json(const Filters& filters);
// nullopt: it is nothing that session_filters_json writes.
[[nodiscard]] std::optional<Filters> read_session_filters(std::string_view json);

}  // namespace bridge
