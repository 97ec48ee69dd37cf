// What `run` and `record` share: the client a configuration asks for, and the wish to stop. Main thread.
#pragma once

#include <string>

#include "bridge/config.h"
#include "bridge/mqtt_client.h"

namespace bridge {

// SIGINT and SIGTERM set it; a second one ends the process at once. One object per process.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  [[nodiscard]] static bool set() noexcept;
};

// Subscribes every stream that is not ignored.
[[nodiscard]] MqttClientSpec client_spec(const Config& config);
// Throws SetupError with a line for each file or environment variable that is missing.
void require_files(const Config& config);

}  // namespace bridge
