// The load of a fleet: one device, one topic, one series; a message is a JSON array of the points its device
// gathered. Plain values; any thread that only reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bridge/message.h"
#include "core/time.h"

namespace bridge {

// Topics and payloads, made beforehand: a topic per device, and some thousand different payloads.
class FleetLoad {
 public:
  FleetLoad(std::uint32_t devices, std::uint32_t points);
  // From now on the devices report in another order.
  void shuffle();
  // Message `i` of an endless run, its arrival left open; readable padding behind the payload.
  [[nodiscard]] Message message(std::uint64_t i) const;

  [[nodiscard]] std::uint32_t devices() const { return devices_; }
  [[nodiscard]] std::uint32_t points() const { return points_; }
  [[nodiscard]] std::size_t message_bytes() const;

 private:
  std::uint32_t devices_, points_;
  std::size_t payload_bytes_ = 0, payload_stride_ = 0, payloads_ = 0;
  std::string topics_, texts_;
};

// One stream over the fleet's topics, one tumbling window of `window`, each series' beginning at another
// time, no detectors. `aggregation`: the members of that object.
[[nodiscard]] std::string fleet_config(std::uint32_t devices, core::Duration window, core::Duration idle,
                                       const std::string& aggregation);

}  // namespace bridge
