// A raw connection that carries MQTT packets, for measurement: a load generator writes packets that were
// built beforehand, an observer reads with nothing between it and the socket. One owner, one thread; never
// used by `weir run`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/wire_reader.h"
#include "bridge/wire_writer.h"

namespace bridge::wire {

// A connection to a broker on this machine.
class Connection {
 public:
  // Connects and waits for CONNACK. Throws std::runtime_error: refused, closed, or no answer within 10 s.
  Connection(int port, Protocol protocol, std::string_view client_id);
  ~Connection();  // DISCONNECT, close
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Writes all of it, waiting while the broker does not read. Throws std::runtime_error when the connection
  // is gone.
  void send(std::string_view bytes);
  // Subscribes at QoS 0 and waits for SUBACK; messages that come before it are kept. Throws like the
  // constructor.
  void subscribe(const std::vector<std::string_view>& filters);
  // The next packet; false when none has arrived within `wait_ms`. `packet` is valid until the next call.
  // Throws when the connection is gone.
  [[nodiscard]] bool read(Packet& packet, int wait_ms);

  [[nodiscard]] Protocol protocol() const { return protocol_; }
  // For who reads on by himself: what read() has not handed out, and the socket.
  [[nodiscard]] std::string_view unread() const { return std::string_view(in_).substr(start_); }
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  bool fill(int wait_ms);
  void await(Type type);

  int socket_ = -1;
  Protocol protocol_;
  std::string in_;  // bytes read, from start_ on not yet handed out
  std::size_t start_ = 0;
  std::string held_;  // PUBLISH packets that came while another packet was awaited
  std::size_t held_start_ = 0;
};

// GET http://127.0.0.1:port/path: the body; empty when it cannot be had or its status is not 200.
[[nodiscard]] std::string http_get(int port, std::string_view path);

}  // namespace bridge::wire
