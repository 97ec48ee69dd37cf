#include "bridge/wire_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "core/check.h"

namespace bridge::wire {
namespace {

void append_u16(std::size_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

void append_text(std::string_view text, std::string& out) {
  CHECK(text.size() <= 65535, "%zu bytes", text.size());
  append_u16(text.size(), out);
  out += text;
}

std::uint8_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A socket connected to 127.0.0.1:port, or -1.
int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

// False when the other side is gone.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

void append_remaining_length(std::size_t length, std::string& out) {
  CHECK(length <= remaining_max, "%zu bytes", length);
  do {
    const std::size_t low = length & 0x7f;
    length >>= 7;
    out.push_back(static_cast<char>(low | (length != 0 ? 0x80U : 0U)));
  } while (length != 0);
}

void append_connect(Protocol protocol, std::string_view client_id, std::uint16_t keep_alive_s,
                    std::string& out) {
  std::string body;
  append_text("MQTT", body);
  body.push_back(static_cast<char>(protocol));
  body.push_back(0x02);  // clean start
  append_u16(keep_alive_s, body);
  if (protocol == Protocol::v5) body.push_back(0);  // no properties
  append_text(client_id, body);
  out.push_back(0x10);
  append_remaining_length(body.size(), out);
  out += body;
}

void append_subscribe(Protocol protocol, std::uint16_t packet_id,
                      const std::vector<std::string_view>& filters, std::string& out) {
  std::string body;
  append_u16(packet_id, body);
  if (protocol == Protocol::v5) body.push_back(0);
  for (const std::string_view filter : filters) {
    append_text(filter, body);
    body.push_back(0);  // QoS 0
  }
  out.push_back(static_cast<char>(0x82));
  append_remaining_length(body.size(), out);
  out += body;
}

void append_publish(Protocol protocol, std::string_view topic, std::string_view payload, std::string& out) {
  out.push_back(0x30);
  append_remaining_length(2 + topic.size() + (protocol == Protocol::v5 ? 1 : 0) + payload.size(), out);
  append_text(topic, out);
  if (protocol == Protocol::v5) out.push_back(0);
  out += payload;
}

void append_publish_acknowledged(Protocol protocol, std::string_view topic, std::string_view payload,
                                 std::uint16_t packet_id, std::string& out) {
  out.push_back(0x32);
  append_remaining_length(4 + topic.size() + (protocol == Protocol::v5 ? 1 : 0) + payload.size(), out);
  append_text(topic, out);
  out.push_back(static_cast<char>(packet_id >> 8));
  out.push_back(static_cast<char>(packet_id & 0xff));
  if (protocol == Protocol::v5) out.push_back(0);
  out += payload;
}

void append_disconnect(std::string& out) {
  out.push_back(static_cast<char>(0xe0));
  out.push_back(0);
}

Cut cut_packet(std::string_view& bytes, Packet& out) noexcept {
  std::size_t length = 0;
  std::size_t at = 1;
  for (unsigned shift = 0;; shift += 7, ++at) {
    if (shift > 21) return Cut::malformed;
    if (at >= bytes.size()) return Cut::more;
    length |= static_cast<std::size_t>(byte_at(bytes, at) & 0x7f) << shift;
    if (byte_at(bytes, at) < 0x80) break;
  }
  const std::size_t body = at + 1;
  if (bytes.size() - body < length) return Cut::more;
  out = {static_cast<std::uint8_t>(byte_at(bytes, 0) >> 4),
         static_cast<std::uint8_t>(byte_at(bytes, 0) & 0x0f), bytes.substr(body, length)};
  bytes.remove_prefix(body + length);
  return Cut::packet;
}

bool open_publish(Protocol protocol, const Packet& packet, std::string_view& topic,
                  std::string_view& payload) noexcept {
  const std::string_view body = packet.body;
  if (body.size() < 2 || (packet.flags & 0x06) != 0) return false;  // QoS 0 has no packet id
  std::size_t at = 2 + (static_cast<std::size_t>(byte_at(body, 0)) << 8 | byte_at(body, 1));
  if (at > body.size()) return false;
  topic = body.substr(2, at - 2);
  if (protocol == Protocol::v5) {
    if (at >= body.size() || byte_at(body, at) >= 0x80)
      return false;  // 127 bytes of properties are more than we ask for
    at += 1U + byte_at(body, at);
    if (at > body.size()) return false;
  }
  payload = body.substr(at);
  return true;
}

Connection::Connection(int port, Protocol protocol, std::string_view client_id) : protocol_(protocol) {
  socket_ = connect_to(port);
  if (socket_ < 0) fail("bench: 127.0.0.1:" + std::to_string(port) + " does not take our connection");
  try {
    std::string hello;
    append_connect(protocol, client_id, 0, hello);
    send(hello);
    await(connack);
  } catch (...) {
    ::close(socket_);
    throw;
  }
}

Connection::~Connection() {
  std::string bye;
  append_disconnect(bye);
  (void)send_all(socket_, bye);
  ::close(socket_);
}

void Connection::send(std::string_view bytes) {
  if (!send_all(socket_, bytes)) fail("bench: the broker has closed our connection");
}

void Connection::subscribe(const std::vector<std::string_view>& filters) {
  std::string packet;
  append_subscribe(protocol_, 1, filters, packet);
  send(packet);
  await(suback);
}

// Waits for a packet of this type and keeps the messages that come before it.
void Connection::await(std::uint8_t type) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  Packet packet;
  while (std::chrono::steady_clock::now() < deadline) {
    std::string_view rest = std::string_view(in_).substr(start_);
    const Cut cut = cut_packet(rest, packet);
    if (cut == Cut::malformed) throw std::runtime_error("bench: the broker sent something that is not MQTT");
    if (cut == Cut::more) {
      (void)fill(100);
      continue;
    }
    const std::size_t taken = in_.size() - start_ - rest.size();
    if (packet.type == publish) held_.append(in_, start_, taken);
    start_ += taken;
    if (packet.type != type) continue;
    // Both end in reason codes; the ones that refuse are 0x80 and up, in MQTT 3.1.1's CONNACK 1 to 5.
    const std::uint8_t reason =
        packet.body.size() < 2 ? 0xff : byte_at(packet.body, type == connack ? 1 : packet.body.size() - 1);
    if (type == connack ? reason == 0 : reason < 0x80) return;
    throw std::runtime_error("bench: the broker refused our " +
                             std::string(type == connack ? "CONNECT" : "SUBSCRIBE") + ": reason " +
                             std::to_string(reason));
  }
  throw std::runtime_error("bench: the broker did not answer within 10 s");
}

bool Connection::read(Packet& packet, int wait_ms) {
  if (held_start_ < held_.size()) {
    std::string_view rest = std::string_view(held_).substr(held_start_);
    CHECK(cut_packet(rest, packet) == Cut::packet, "%zu bytes held", rest.size());
    held_start_ = held_.size() - rest.size();
    return true;
  }
  for (bool filled = false;; filled = true) {
    std::string_view rest = std::string_view(in_).substr(start_);
    const Cut cut = cut_packet(rest, packet);
    if (cut == Cut::malformed) throw std::runtime_error("bench: the broker sent something that is not MQTT");
    if (cut == Cut::packet) {
      start_ = in_.size() - rest.size();
      return true;
    }
    if (!fill(filled ? 0 : wait_ms)) return false;
  }
}

// Reads what has arrived, after waiting for it; false when nothing has.
bool Connection::fill(int wait_ms) {
  pollfd wanted{socket_, POLLIN, 0};
  const int ready = ::poll(&wanted, 1, wait_ms);
  if (ready < 0 && errno != EINTR) fail("bench: poll");
  if (ready <= 0) return false;
  in_.erase(0, start_);
  start_ = 0;
  constexpr std::size_t piece = 256 << 10;
  const std::size_t had = in_.size();
  in_.resize(had + piece);
  const ssize_t got = ::recv(socket_, in_.data() + had, piece, 0);
  in_.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0 && errno == EINTR) return false;
  if (got < 0) fail("bench: reading from the broker");
  if (got == 0) throw std::runtime_error("bench: the broker has closed our connection");
  return true;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("bench: socket");
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) fail("bench: no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

std::string http_get(int port, std::string_view path) {
  const int fd = connect_to(port);
  if (fd < 0) return {};
  const timeval most{5, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  std::string answer;
  if (send_all(fd,
               "GET " + std::string(path) + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")) {
    char piece[16384];
    for (ssize_t got = 0; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;)
      answer.append(piece, static_cast<std::size_t>(got));
  }
  ::close(fd);
  const std::size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos || answer.compare(0, 8, "HTTP/1.1") != 0 || answer.compare(9, 3, "200") != 0)
    return {};
  return answer.substr(body + 4);
}

}  // namespace bridge::wire
