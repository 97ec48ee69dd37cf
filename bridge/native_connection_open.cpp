// How a connection comes about: socket, TLS, CONNECT, CONNACK.
#include "bridge/native_connection.h"

namespace bridge {
namespace {

constexpr auto connect_timeout = std::chrono::seconds{10};

BrokerLimits limits_of(const wire::Connack& connack) {
  BrokerLimits limits;
  limits.session_present = connack.session_present;
  limits.receive_maximum = connack.properties.receive_maximum;
  limits.packet_bytes_max = connack.properties.packet_bytes_max;
  limits.session_expiry_seconds = connack.properties.session_expiry;
  limits.session_expiry_differs = connack.properties.has_session_expiry;
  return limits;
}

}  // namespace

std::optional<ConnectFailure> NativeConnection::open() {
  const WireClock::time_point deadline = WireClock::now() + connect_timeout;
  if (!connect(deadline)) return ConnectFailure{0};
  loan_.inbound.begin();
  wire::append_connect(loan_.hello, unsent_);
  if (!write_all(deadline)) return ConnectFailure{0};
  return greet(deadline);
}

bool NativeConnection::connect(WireClock::time_point deadline) {
  const int descriptor = open_wire_socket(loan_.spec.host, loan_.spec.port, deadline,
                                          [this](int socket, bool to_write, WireClock::time_point until) {
                                            return await(socket, to_write, until);
                                          });
  if (descriptor < 0) return false;
  stream_ =
      loan_.tls == nullptr ? plain_stream(descriptor) : tls_stream(descriptor, *loan_.tls, loan_.spec.host);
  return stream_ != nullptr && finished(deadline, [&] { return stream_->open(); });
}

// Waits for CONNACK; more may stand behind it.
std::optional<ConnectFailure> NativeConnection::greet(WireClock::time_point deadline) {
  while (true) {
    std::size_t got = 0;
    const std::span<char> room = loan_.inbound.room();
    if (!finished(deadline, [&] { return stream_->read(room, got); })) return ConnectFailure{0};
    loan_.inbound.filled(got);
    wire::Packet packet;
    switch (loan_.inbound.next(packet, answers_)) {
      case Inbound::Step::packet:
        return welcome(packet);
      case Inbound::Step::more:
        break;
      default:
        return ConnectFailure{0};
    }
  }
}

std::optional<ConnectFailure> NativeConnection::welcome(const wire::Packet& packet) {
  wire::Connack connack;
  if (packet.type != wire::Type::connack ||
      wire::open_connack(protocol(), packet, connack) != wire::Fault::none)
    return ConnectFailure{0};
  if (connack.reason != 0) return ConnectFailure{connack.reason};
  const std::chrono::seconds keep_alive{connack.properties.has_server_keep_alive
                                            ? connack.properties.server_keep_alive
                                            : loan_.hello.keep_alive_s};
  keep_alive_.emplace(keep_alive, WireClock::now());
  loan_.inbound.greeted(connack.session_present);
  for (const Outbound::Ending& one : loan_.outbound.begin(connack))
    loan_.listener.on_published(one.id, one.ended, one.reason);
  loan_.listener.on_connected(limits_of(connack));
  return std::nullopt;
}

// False: not by then, or something else was ordered.
bool NativeConnection::await(int descriptor, bool to_write, WireClock::time_point until) {
  while (!loan_.orders.any()) {
    if (loan_.bell.wait(descriptor, !to_write, to_write, until).socket) return true;
    if (WireClock::now() >= until) return false;
  }
  return false;
}

// Repeats the call until it is done.
template <class Call>
bool NativeConnection::finished(WireClock::time_point deadline, const Call& call) {
  while (true) {
    const Step step = call();
    if (step == Step::done || step == Step::failed) return step == Step::done;
    if (!await(stream_->descriptor(), step == Step::wants_write, deadline)) return false;
  }
}

bool NativeConnection::write_all(WireClock::time_point deadline) {
  while (written_ < unsent_.size()) {
    std::size_t put = 0;
    const std::string_view rest = std::string_view(unsent_).substr(written_);
    if (!finished(deadline, [&] { return stream_->write(rest, put); })) return false;
    written_ += put;
  }
  return true;
}

}  // namespace bridge
