// The null subject of level G: a Paho C++ subscriber whose callback only counts. Runs in a process of its
// own.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "bridge/config.h"

namespace bridge {

// Seen by the null subject and by the bench, in memory that both share.
struct NullCounters {
  std::atomic<std::uint64_t> received{0};
  std::atomic<bool> subscribed{false};
};

// Connects as `weir run` would, subscribes to `filter` at QoS 0, counts until SIGTERM. Returns the exit code.
// Precondition: this process has one thread.
int null_subscriber(const BrokerConfig& broker, const std::string& filter, NullCounters& counters);

}  // namespace bridge
