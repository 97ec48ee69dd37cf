#include "bridge/bench_ping.h"

#include <chrono>
#include <exception>

namespace bridge {
namespace {
constexpr std::chrono::microseconds pause{500};
constexpr int look_again_ms = 100;  // whether to stop
}  // namespace

Pinger::Pinger(int port)
    : connection_(port, wire::Protocol::v5, "bench-ping"),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Latencies Pinger::stop() {
  thread_.request_stop();
  thread_.join();
  return latencies_;
}

void Pinger::run(const std::stop_token& stop) noexcept {
  std::string ping;
  wire::append_pingreq(ping);
  try {
    while (!stop.stop_requested()) {
      const auto sent = std::chrono::steady_clock::now();
      connection_.send(ping);
      for (wire::Packet packet; !connection_.read(packet, look_again_ms);) {
        if (stop.stop_requested()) return;
      }
      latencies_.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - sent).count());
      std::this_thread::sleep_for(pause);
    }
  } catch (const std::exception&) {
  }  // the broker is gone, and the round will say so
}

}  // namespace bridge
