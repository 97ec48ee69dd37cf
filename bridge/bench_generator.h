// Generator: writes prebuilt packets to a broker, in large pieces, from a process of its own. What it may
// send and what it has sent lie in memory that it shares with the bench.
#pragma once

#include <atomic>
#include <cstdint>

#include "bridge/bench_load.h"

namespace bridge {

struct GeneratorFlow {
  std::atomic<std::uint64_t> allowed{
      0};  // set by the bench: send up to this many messages (used where the rate is 0)
  std::atomic<bool> ends{false};       // set by the bench: send no more
  std::atomic<std::uint64_t> sent{0};  // handed to the system, whole packets
  std::atomic<std::int64_t> late_ns{
      0};  // the furthest it was behind the schedule of `rate` since the bench last put 0 here
  std::atomic<bool> ended{false};  // everything it will ever send is sent
};

// The end of the piece of packets that begins with packet `first` and may go up to `last`: at least one
// packet, and about what one write takes.
[[nodiscard]] std::size_t piece_end(const WireLoad& load, std::size_t first, std::size_t last);

// Sends the load over and over until flow.ends: `rate` messages per second by the clock, catching up when it
// was held back; 0: as many as are allowed. Returns the exit code.
int generate(int port, const WireLoad& load, std::uint32_t rate, GeneratorFlow& flow);

}  // namespace bridge
