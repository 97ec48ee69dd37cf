// Status: Stats as the JSON message of the status topic (schemas/status.schema.json), and the will that
// replaces it when weir is gone. Pure; any thread.
#pragma once

#include <string>

#include "bridge/stats.h"

namespace bridge {

// {"v":1,"state":"online",...ledger...}
[[nodiscard]] std::string status_json(const Stats& stats);
// {"v":1,"state":"offline","client_id":"weir"}: will and clean end.
[[nodiscard]] std::string offline_json(std::string_view client_id);

}  // namespace bridge
