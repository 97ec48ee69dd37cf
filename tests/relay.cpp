#include "tests/relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string_view>

#include "bridge/loopback.h"

namespace test {
namespace {

bool send_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// What comes next; empty: the end.
std::string receive(int from) {
  std::string bytes(1 << 16, '\0');
  const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

// A number of the variable length that MQTT uses, at `at`, which moves behind it. Throws where it is cut off.
std::size_t variable(const std::string& bytes, std::size_t& at) {
  std::size_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto digit = static_cast<std::uint8_t>(bytes.at(at++));
    value |= static_cast<std::size_t>(digit & 0x7F) << shift;
    if (digit < 0x80) return value;
  }
}

// Of a CONNECT packet. Throws std::out_of_range where it is not whole.
std::string client_id_of(const std::string& bytes) {
  std::size_t at = 1;
  (void)variable(bytes, at);
  at += 6;  // "MQTT" and its length
  const bool five = bytes.at(at) == 5;
  at += 4;  // version, flags, keep-alive
  if (five) {
    const std::size_t properties = variable(bytes, at);
    at += properties;
  }
  const std::size_t length = static_cast<std::size_t>(static_cast<std::uint8_t>(bytes.at(at))) << 8 |
                             static_cast<std::uint8_t>(bytes.at(at + 1));
  if (bytes.size() < at + 2 + length) throw std::out_of_range("cut off");
  return bytes.substr(at + 2, length);
}

}  // namespace

struct Relay::Way {
  Way(int from_client, int to_broker) : client(from_client), broker(to_broker) {}
  ~Way() {
    ::close(client);
    ::close(broker);
  }
  void end() const {
    ::shutdown(client, SHUT_RDWR);
    ::shutdown(broker, SHUT_RDWR);
  }
  // The client's first bytes; their end is the end of CONNECT or more.
  bool greet(std::mutex& mutex) {
    std::string bytes;
    while (true) {
      const std::string more = receive(client);
      if (more.empty()) return false;
      bytes += more;
      try {
        const std::lock_guard lock(mutex);
        client_id = client_id_of(bytes);
        break;
      } catch (const std::out_of_range&) {
        // The rest is to come.
      }
    }
    return send_all(broker, bytes);
  }

  const int client;
  const int broker;
  std::string client_id;
  std::atomic<bool> muted{false};
  std::atomic<std::size_t> lost{0};
};

Relay::Relay(int to_port) : to_port_(to_port), listener_(bridge::listen_loopback(16, port_)) {
  if (listener_ < 0) throw std::runtime_error("relay: listen");
  server_ = std::jthread([this] { serve(); });
}

Relay::~Relay() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  server_.join();
  for (const auto& way : ways_) way->end();
  carriers_.clear();
  ::close(listener_);
}

void Relay::serve() {
  while (!stopping_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const auto way = std::make_shared<Way>(client, bridge::connect_loopback(to_port_));
    if (way->broker < 0) continue;
    {
      const std::lock_guard lock(mutex_);
      ways_.push_back(way);
    }
    carriers_.emplace_back([this, way] {
      if (way->greet(mutex_)) carry(*way);
      way->end();
    });
  }
}

void Relay::carry(Way& way) {
  while (true) {
    pollfd waited[2]{{way.client, POLLIN, 0}, {way.broker, POLLIN, 0}};
    if (::poll(waited, 2, -1) <= 0) continue;
    if (waited[0].revents != 0) {
      const std::string bytes = receive(way.client);
      if (bytes.empty()) return;
      if (way.muted) {
        way.lost += bytes.size();
      } else if (!send_all(way.broker, bytes)) {
        return;
      }
    }
    if (waited[1].revents != 0) {
      const std::string bytes = receive(way.broker);
      if (bytes.empty() || !send_all(way.client, bytes)) return;
    }
  }
}

std::shared_ptr<Relay::Way> Relay::find(const std::string& client_id) const {
  const std::lock_guard lock(mutex_);
  for (auto way = ways_.rbegin(); way != ways_.rend(); ++way) {
    if ((*way)->client_id == client_id) return *way;
  }
  return nullptr;
}

void Relay::mute(const std::string& client_id) {
  if (const auto way = find(client_id)) way->muted = true;
}

std::size_t Relay::lost(const std::string& client_id) const {
  const auto way = find(client_id);
  return way == nullptr ? 0 : way->lost.load();
}

bool Relay::cut(const std::string& client_id) {
  const auto way = find(client_id);
  if (way == nullptr) return false;
  way->end();
  return true;
}

}  // namespace test
