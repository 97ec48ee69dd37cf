// Direct: a generator that is its own broker, for level G without Mosquitto between. It takes one client, as
// much of a broker as weir needs (CONNECT, SUBSCRIBE, publications, pings), and then streams the load at QoS
// 0 as fast as the client takes it. A process of its own; one thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "bridge/bench_generator.h"
#include "bridge/bench_observer.h"

namespace bridge {

// Results that the client has published, in memory that the bench shares.
struct DirectResults {
  std::atomic<std::uint64_t> results{0}, samples{0}, revisions{0};
};

class DirectBroker {
 public:
  DirectBroker();  // listens on a port of 127.0.0.1; throws std::runtime_error
  ~DirectBroker();
  DirectBroker(const DirectBroker&) = delete;
  DirectBroker& operator=(const DirectBroker&) = delete;
  [[nodiscard]] int port() const { return port_; }

  // Serves one client until it goes: `rate` messages a second from when it has subscribed to the load, 0: as
  // fast as it goes; none after flow.ends. Returns the exit code.
  int serve(const WireLoad& load, std::uint32_t rate, GeneratorFlow& flow, DirectResults& results);

 private:
  int port_ = 0;
  int listener_;
};

}  // namespace bridge
