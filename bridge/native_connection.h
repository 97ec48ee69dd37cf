// NativeConnection: one connection of a native link, from the socket to its end. One thread, the link's; what
// outlives the connection is lent to it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "bridge/mqtt_link.h"
#include "bridge/native_bell.h"
#include "bridge/native_inbound.h"
#include "bridge/native_outbound.h"
#include "bridge/native_timers.h"
#include "bridge/wire_stream.h"

namespace bridge {

// What the link's owner wants; written before the bell rings.
struct NativeOrders {
  std::atomic<bool> end{false};   // politely, by end_by
  std::atomic<bool> stop{false};  // at once
  std::atomic<WireClock::time_point> end_by{};
  [[nodiscard]] bool any() const noexcept { return end || stop; }
};

// What a connection needs of its link, all of which outlives it.
struct NativeLoan {
  const MqttLinkSpec& spec;
  const wire::Connect& hello;
  const TlsContext* tls;  // null: plain TCP
  const NativeOrders& orders;
  Bell& bell;
  Inbound& inbound;
  Outbound& outbound;
  MqttListener& listener;
};

class NativeConnection {
 public:
  explicit NativeConnection(const NativeLoan& loan) : loan_(loan) {}

  // Socket, TLS, CONNECT and CONNACK, within 10 s. Nothing: it is open, and the listener knows; or it was
  // ordered to end. Else why not.
  [[nodiscard]] std::optional<ConnectFailure> open();
  // Until the end of it; the reason that on_lost() tells.
  [[nodiscard]] int serve();

 private:
  using Step = WireStream::Step;
  using Over = std::optional<int>;  // the reason, once the connection is over

  [[nodiscard]] bool connect(WireClock::time_point deadline);
  [[nodiscard]] std::optional<ConnectFailure> greet(WireClock::time_point deadline);
  [[nodiscard]] std::optional<ConnectFailure> welcome(const wire::Packet& packet);
  [[nodiscard]] bool await(int descriptor, bool to_write, WireClock::time_point until);
  template <class Call>
  [[nodiscard]] bool finished(WireClock::time_point deadline, const Call& call);
  [[nodiscard]] bool write_all(WireClock::time_point deadline);

  [[nodiscard]] Over turn();
  [[nodiscard]] Over receive();
  [[nodiscard]] Over handle();
  [[nodiscard]] Over take(const wire::Packet& packet);
  [[nodiscard]] Over refuse(int reason);
  [[nodiscard]] Over last_words();
  [[nodiscard]] bool flush();
  void look_up();
  void say_goodbye();
  [[nodiscard]] wire::Protocol protocol() const { return loan_.hello.protocol; }

  const NativeLoan loan_;
  std::unique_ptr<WireStream> stream_;
  std::optional<KeepAlive> keep_alive_;
  ReadPace pace_{loan_.spec.broker.read_interval};
  std::string unsent_;  // being written: from written_ on
  std::size_t written_ = 0;
  bool wants_write_ = false;       // the socket took not all
  bool read_wants_write_ = false;  // TLS has to say something first
  std::string answers_;            // of the packets that are being handled
  bool owes_ = false;              // the last read had such
};

}  // namespace bridge
