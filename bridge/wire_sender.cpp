#include "bridge/wire_sender.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "bridge/loopback.h"
#include "core/check.h"

namespace bridge::wire {
namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
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

Connection::Connection(int port, Protocol protocol, std::string_view client_id) : protocol_(protocol) {
  socket_ = connect_loopback(port);
  if (socket_ < 0) fail("bench: 127.0.0.1:" + std::to_string(port) + " does not take our connection");
  try {
    std::string hello;
    append_connect({.protocol = protocol, .client_id = client_id}, hello);
    send(hello);
    await(Type::connack);
  } catch (...) {
    ::close(socket_);
    throw;
  }
}

Connection::~Connection() {
  std::string bye;
  append_disconnect(protocol_, 0, bye);
  (void)send_all(socket_, bye);
  ::close(socket_);
}

void Connection::send(std::string_view bytes) {
  if (!send_all(socket_, bytes)) fail("bench: the broker has closed our connection");
}

void Connection::subscribe(const std::vector<std::string_view>& filters) {
  std::string packet;
  std::vector<Filter> wanted;
  for (const std::string_view filter : filters) wanted.push_back({filter, {}});
  append_subscribe(protocol_, 1, wanted, packet);
  send(packet);
  await(Type::suback);
}

// Waits for a packet of this type and keeps the messages that come before it.
void Connection::await(Type type) {
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
    if (packet.type == Type::publish) held_.append(in_, start_, taken);
    start_ += taken;
    if (packet.type != type) continue;
    // Both end in reason codes; the ones that refuse are 0x80 and up, in MQTT 3.1.1's CONNACK 1 to 5.
    const std::uint8_t reason =
        packet.body.size() < 2 ? 0xff
                               : byte_at(packet.body, type == Type::connack ? 1 : packet.body.size() - 1);
    if (type == Type::connack ? reason == 0 : reason < 0x80) return;
    throw std::runtime_error("bench: the broker refused our " +
                             std::string(type == Type::connack ? "CONNECT" : "SUBSCRIBE") + ": reason " +
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

std::string http_get(int port, std::string_view path) {
  const int fd = connect_loopback(port);
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
