#include "bridge/bench_ping.h"

#include <chrono>
#include <string>

namespace bridge {
namespace {
constexpr std::chrono::microseconds pause{500};
constexpr int look_again_ms = 100;  // whether to stop
}  // namespace

Pinger::Pinger(int port)
    : connection_(port, wire::Protocol::v5, "bench-ping"),
      task_([this](const std::stop_token& stop) { return run(stop); }),
      latencies_(task_.get_future()),
      thread_([this](const std::stop_token& stop) { task_(stop); }) {}

Latencies Pinger::stop() {
  thread_.request_stop();
  return latencies_.get();
}

Latencies Pinger::run(const std::stop_token& stop) {
  Latencies latencies;
  std::string ping;
  wire::append_pingreq(ping);
  while (!stop.stop_requested()) {
    const auto sent = std::chrono::steady_clock::now();
    connection_.send(ping);
    for (wire::Packet packet; !connection_.read(packet, look_again_ms);) {
      if (stop.stop_requested()) return latencies;
    }
    latencies.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - sent).count());
    std::this_thread::sleep_for(pause);
  }
  return latencies;
}

}  // namespace bridge
