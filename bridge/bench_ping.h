// Pinger: how long a broker leaves an answer to wait, seen by a client that has nothing else to do: a ping,
// and half a millisecond after its answer the next one. What any turn of the broker's loop takes, is in the
// longest.
#pragma once

#include <future>
#include <stop_token>
#include <thread>

#include "bridge/bench_open_loop.h"
#include "bridge/wire_sender.h"

namespace bridge {

class Pinger {
 public:
  // Connects, and pings from a thread of its own. Throws as wire::Connection.
  explicit Pinger(int port);
  // Ends the thread: what there was since the beginning. Throws what ended it before: the broker is gone.
  [[nodiscard]] Latencies stop();

 private:
  [[nodiscard]] Latencies run(const std::stop_token& stop);

  wire::Connection connection_;
  std::packaged_task<Latencies(const std::stop_token&)> task_;
  std::future<Latencies> latencies_;
  std::jthread thread_;
};

}  // namespace bridge
