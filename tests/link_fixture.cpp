#include "tests/link_fixture.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/loopback.h"

namespace test {

using bridge::wire::Protocol;

Peer::Peer() : listener_(bridge::listen_loopback(8, port_)) {
  if (listener_ < 0) throw std::runtime_error("peer: listen");
}

Peer::~Peer() { ::close(listener_); }

Wire Peer::accept() const {
  pollfd waited{listener_, POLLIN, 0};
  if (::poll(&waited, 1, 20'000) <= 0) throw std::runtime_error("peer: nobody comes");
  const int accepted = ::accept(listener_, nullptr, nullptr);
  if (accepted < 0) throw std::runtime_error("peer: accept");
  const int on = 1;
  (void)::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return Wire(accepted);
}

Played::Played(int version, bridge::Client client) : protocol(version == 5 ? Protocol::v5 : Protocol::v311) {
  spec.host = "127.0.0.1";
  spec.port = peer.port();
  spec.uri = "tcp://127.0.0.1:" + std::to_string(peer.port());
  spec.broker.client = client;
  spec.broker.client_id = "weir-test";
  spec.broker.protocol = version;
  spec.publish_buffer = 100;
}

void Played::connect(bool session) {
  std::string connack;
  bridge::wire::append_connack(protocol, session, 0, connack);
  connect_with(connack);
}

void Played::connect_with(const std::string& connack) {
  if (link_ == nullptr) link_ = bridge::make_link(spec, recorder);
  REQUIRE(link_->connect());
  wire.clear();
  wire.push_back(peer.accept());
  REQUIRE(next().type() == 1);
  send(connack);
  (void)recorder.take(&Recorder::connected, ++connects_);
}

void Played::cut() {
  wire.clear();
  (void)recorder.take(&Recorder::lost, ++losses_);
}

Wire::Packet Played::next() const {
  while (true) {
    Wire::Packet packet = wire.at(0).read();
    if (packet.type() != 12) return packet;
    send(mqtt_packet(0xD0, ""));
  }
}

bool Played::closed() const {
  try {
    (void)next();
    return false;
  } catch (const std::runtime_error& error) {
    return std::string(error.what()) == "wire: closed";
  }
}

std::string Played::acknowledgement(bridge::wire::Type type, std::uint16_t id, int reason) const {
  std::string out;
  bridge::wire::append_acknowledgement(protocol, type, id, static_cast<std::uint8_t>(reason), out);
  return out;
}

std::string Played::publish(const bridge::wire::Publish& message) const {
  std::string out;
  bridge::wire::append_publish(protocol, message, out);
  return out;
}

}  // namespace test
