// Status: Stats as the JSON message of the status topic (schemas/status.schema.json), and the will that
// replaces it when weir is gone. Pure; any thread.
#pragma once

#include <string>

#include "bridge/config.h"
#include "bridge/stats.h"

namespace bridge {

// status.topic with {client_id} filled in.
[[nodiscard]] std::string status_topic(const Config& config);
// {"v":1,"state":"online",...ledger...}
[[nodiscard]] std::string status_json(const Stats& stats);
// Where outages of our link to the broker are told.
[[nodiscard]] std::string outage_topic(const std::string& status_topic);
// The flag that ends an outage of our link to the broker (schemas/flag.schema.json): from `since` to `now`
// nothing could be heard, and no device was called silent. That it began, the will has told.
[[nodiscard]] std::string outage_json(std::string_view client_id, core::Time since, core::Time now);
// {"v":1,"state":"offline","client_id":"weir"}: will and clean end.
[[nodiscard]] std::string offline_json(std::string_view client_id);

}  // namespace bridge
