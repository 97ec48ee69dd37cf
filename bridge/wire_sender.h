// Wire: MQTT packets as bytes and a raw connection that carries them. For measurement: a load generator
// writes packets that were built beforehand, an observer reads with nothing between it and the socket. Speaks
// MQTT 3.1.1 and 5 at QoS 0, without properties. One owner, one thread; never used by `weir run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bridge::wire {

enum class Protocol : std::uint8_t { v311 = 4, v5 = 5 };

// The largest remaining length a packet may have.
inline constexpr std::size_t remaining_max = 268'435'455;

// Each appends one packet to `out`. Preconditions: strings of at most 65535 bytes, packets of at most
// remaining_max.
void append_remaining_length(std::size_t length, std::string& out);
// Clean start, no will, no user.
void append_connect(Protocol protocol, std::string_view client_id, std::uint16_t keep_alive_s,
                    std::string& out);
void append_subscribe(Protocol protocol, std::uint16_t packet_id,
                      const std::vector<std::string_view>& filters, std::string& out);
void append_publish(Protocol protocol, std::string_view topic, std::string_view payload, std::string& out);
// The same at QoS 1; packet_id is not 0.
void append_publish_acknowledged(Protocol protocol, std::string_view topic, std::string_view payload,
                                 std::uint16_t packet_id, std::string& out);
void append_disconnect(std::string& out);

inline constexpr std::uint8_t connack = 2, publish = 3, suback = 9;

// One packet of a stream of bytes. `body` is what follows the remaining length.
struct Packet {
  std::uint8_t type = 0;   // the high four bits: connack, publish, ...
  std::uint8_t flags = 0;  // the low four
  std::string_view body;
};
enum class Cut { packet, more, malformed };
// Takes the first packet off `bytes`; more: it is not all there yet.
[[nodiscard]] Cut cut_packet(std::string_view& bytes, Packet& out) noexcept;
// Topic and payload of a PUBLISH at QoS 0; false when it is malformed.
[[nodiscard]] bool open_publish(Protocol protocol, const Packet& packet, std::string_view& topic,
                                std::string_view& payload) noexcept;

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

 private:
  bool fill(int wait_ms);
  void await(std::uint8_t type);

  int socket_ = -1;
  Protocol protocol_;
  std::string in_;  // bytes read, from start_ on not yet handed out
  std::size_t start_ = 0;
  std::string held_;  // PUBLISH packets that came while another packet was awaited
  std::size_t held_start_ = 0;
};

// A port of 127.0.0.1 that nobody listened on a moment ago.
[[nodiscard]] int free_port();
// GET http://127.0.0.1:port/path: the body; empty when it cannot be had or its status is not 200.
[[nodiscard]] std::string http_get(int port, std::string_view path);

}  // namespace bridge::wire
