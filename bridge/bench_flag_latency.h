// How soon a flag reaches a subscriber, through a real broker: probes sent at QoS 1 on a schedule, each of
// which raises or clears a flag, beside a load at a fixed rate. The time of a flag is the scheduled time of
// its probe, so that what waits before it is sent counts too. The broker sends without delay
// (set_tcp_nodelay): it would gather small messages for up to 20 ms else. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "bridge/bench_open_loop.h"
#include "bridge/commands.h"

namespace bridge {

struct FlagLatencyReport {
  // Upper bounds of the histogram's buckets, in milliseconds; one bucket more holds what took longer.
  static constexpr std::array<double, 10> bounds_ms{1, 2, 3, 4, 5, 7.5, 10, 20, 50, 100};

  std::string way_in;  // paho, native or plugin
  double carried = 0;  // messages per second that this machine carries (level G); 0: not measured
  double rate = 0;     // messages per second of the load
  double probes_per_second = 0;
  double seconds = 0;
  unsigned cores = 0;
  std::uint64_t probes = 0;  // sent
  std::uint64_t flags = 0;   // that arrived
  std::array<std::uint64_t, bounds_ms.size() + 1> histogram{};
  Latencies latencies;
  Latencies
      probe_latencies;  // of the probes themselves, at a subscriber beside: what broker and machine take

  [[nodiscard]] bool complete() const { return probes > 0 && flags == probes; }
};

// Options were validated; level G. A rate of 0: half of what a round of level G carries.
[[nodiscard]] FlagLatencyReport bench_flag_latency(const BenchOptions& options);
[[nodiscard]] std::string text_of(const FlagLatencyReport& report);
[[nodiscard]] std::string json_of(const FlagLatencyReport& report);

}  // namespace bridge
