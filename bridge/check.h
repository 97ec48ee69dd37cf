// What `weir check` prints: the effective configuration, and what follows from it. Pure; main thread.
#pragma once

#include <string>

#include "bridge/config.h"

namespace bridge {

// `shards`: workers it would run with on this machine.
[[nodiscard]] std::string check_report(const Config& config, std::uint32_t shards);

}  // namespace bridge
