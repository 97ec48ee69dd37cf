// The null subjects of level G, by client: a Paho C++ subscriber whose callback only counts, and a raw
// reader. They run in processes of their own.
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
// The same without a library, until it is killed: reads, takes packets apart and counts.
int null_reader(const BrokerConfig& broker, const std::string& filter, NullCounters& counters);

}  // namespace bridge
