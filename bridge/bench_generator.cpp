#include "bridge/bench_generator.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t piece_bytes = 64 << 10;  // of one write
constexpr auto nap = std::chrono::milliseconds{1};
// Of what is sent and not yet acknowledged. The system's own bound grows to megabytes, of which it then gives
// a third at a time: what was sent within seconds would be known to 13,000 messages only.
constexpr int under_way_bytes = 128 << 10;

// How many messages should have been sent by now.
std::uint64_t due_now(Clock::time_point start, std::uint32_t rate) {
  const std::chrono::duration<double> since = Clock::now() - start;
  return static_cast<std::uint64_t>(since.count() * rate);
}

}  // namespace

std::size_t piece_end(const WireLoad& load, std::size_t first, std::size_t last) {
  const auto beyond = std::upper_bound(load.starts.begin() + static_cast<std::ptrdiff_t>(first) + 2,
                                       load.starts.begin() + static_cast<std::ptrdiff_t>(last) + 1,
                                       load.starts[first] + piece_bytes);
  return static_cast<std::size_t>(beyond - load.starts.begin()) - 1;
}

int generate(int port, const WireLoad& load, std::uint32_t rate, GeneratorFlow& flow) {
  wire::Connection connection(port, wire::Protocol::v5, "bench-generator");
  (void)::setsockopt(connection.descriptor(), SOL_SOCKET, SO_SNDBUF, &under_way_bytes,
                     sizeof under_way_bytes);
  const std::size_t packets = load.starts.size() - 1;
  const auto start = Clock::now();
  std::uint64_t sent = 0;
  while (!flow.ends.load()) {
    const std::uint64_t due = rate > 0 ? due_now(start, rate) : flow.allowed.load();
    if (due <= sent) {
      std::this_thread::sleep_for(nap);
      continue;
    }
    const std::size_t first = static_cast<std::size_t>(sent % packets);
    const std::size_t last = static_cast<std::size_t>(std::min<std::uint64_t>(first + (due - sent), packets));
    const std::size_t end = piece_end(load, first, last);
    connection.send(
        std::string_view(load.bytes).substr(load.starts[first], load.starts[end] - load.starts[first]));
    sent += end - first;
    flow.sent.store(sent);
    if (rate > 0 && sent < due) {
      const double behind = static_cast<double>(due_now(start, rate) - sent) / rate;
      flow.late_ns.store(std::max(flow.late_ns.load(), static_cast<std::int64_t>(behind * 1e9)));
    }
  }
  flow.ended.store(true);
  while (flow.ends.load())
    std::this_thread::sleep_for(nap);  // stays until it is ended: its CPU is still asked for
  return 0;
}

}  // namespace bridge
