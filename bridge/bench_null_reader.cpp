// The null subject of the native client: a raw reader that takes packets apart and counts messages, at the
// native client's default pace.
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bridge/bench_null.h"
#include "bridge/mqtt_client.h"
#include "bridge/native_timers.h"
#include "bridge/wire_sender.h"

namespace bridge {

int null_reader(const BrokerConfig& broker, const std::string& filter, NullCounters& counters) try {
  wire::Connection connection(parse_broker_url(broker.url).port, wire::Protocol::v5, broker.client_id);
  connection.subscribe({filter});
  counters.subscribed.store(true);
  std::vector<char> buffer(1U << 20);
  std::size_t have = 0;
  std::uint64_t count = 0;
  for (wire::Packet packet; connection.read(packet, 0);) count += packet.type == wire::Type::publish;
  std::string_view rest = connection.unread();
  std::copy(rest.begin(), rest.end(), buffer.begin());
  have = rest.size();
  while (true) {
    const ssize_t got = ::recv(connection.descriptor(), buffer.data() + have, buffer.size() - have, 0);
    if (got <= 0) throw std::runtime_error("bench: the null reader's connection has ended");
    rest = {buffer.data(), have + static_cast<std::size_t>(got)};
    for (wire::Packet packet; wire::cut_packet(rest, packet) == wire::Cut::packet;) {
      wire::Publish message;
      if (packet.type != wire::Type::publish) continue;
      count += wire::open_publish(wire::Protocol::v5, packet, message) == wire::Fault::none;
    }
    std::copy(rest.begin(), rest.end(), buffer.begin());
    have = rest.size();
    counters.received.store(count, std::memory_order_relaxed);
    if (static_cast<std::size_t>(got) < ReadPace::plenty) std::this_thread::sleep_for(broker.read_interval);
  }
} catch (const std::exception& error) {
  (void)std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

}  // namespace bridge
