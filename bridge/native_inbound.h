// Inbound: what comes from the broker, for the native link: bytes into packets in place, messages to the
// listener, and the answers that these need. Packets of other kinds are handed out. It outlives connections,
// as the ids of half-received messages at QoS 2 must. One owner, one thread; knows no socket and no clock.
//
// A message too large for its limits is passed over as it comes and counted (on_oversize): memory follows the
// limits, not the sender.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bridge/mqtt_link.h"
#include "bridge/wire_reader.h"

namespace bridge {

class Inbound {
 public:
  struct Limits {
    wire::Protocol protocol;
    std::size_t payload_bytes;          // larger ones are not kept whole
    std::size_t packet_bytes;           // what we told the broker to be the most; 0: nothing
    std::uint16_t topic_alias_maximum;  // what we told the broker
  };
  // As much is read at once, at least.
  static constexpr std::size_t read_bytes = 256U << 10;

  Inbound(const Limits& limits, MqttListener& listener);

  // A new connection: no bytes, no aliases; nothing but CONNACK may come.
  void begin();
  // CONNACK has come. Without a session the half-received messages are gone.
  void greeted(bool session_present);

  // Where to read to: at least read_bytes; then how many bytes came.
  [[nodiscard]] std::span<char> room();
  void filled(std::size_t bytes) noexcept { end_ += bytes; }

  // more: nothing whole is left. packet: one of another kind, for the caller; valid until room(). pause: some
  // messages were handed on and more are there; look at the clock and go on. broken: not MQTT, or not as we
  // were promised; reason() says which.
  enum class Step : std::uint8_t { more, packet, pause, broken };
  // Appends to `answers` what the broker is owed for all that was handed on.
  [[nodiscard]] Step next(wire::Packet& packet, std::string& answers);
  [[nodiscard]] int reason() const noexcept { return reason_; }  // a reason code of MQTT 5

  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }  // so far, oversize ones too

 private:
  static constexpr int messages_at_once = 16;

  [[nodiscard]] Step broken(int reason) noexcept;
  [[nodiscard]] bool take_publish(const wire::Packet& packet, std::string& answers);
  [[nodiscard]] bool take_release(const wire::Packet& packet, std::string& answers);
  [[nodiscard]] bool resolve(wire::Publish& message);
  [[nodiscard]] Step begin_skip(const wire::Head& head, std::string_view bytes);
  [[nodiscard]] bool skip(std::string& answers);
  void answer(const wire::Publish& message, std::string& answers);

  const Limits limits_;
  const std::size_t held_max_;  // bytes of a packet that is kept whole
  MqttListener& listener_;
  std::vector<char> buffer_;
  std::size_t start_ = 0;  // from here to end_: read and not yet handled
  std::size_t end_ = 0;
  bool greeted_ = false;
  int reason_ = 0;
  std::uint64_t messages_ = 0;
  std::size_t skip_ = 0;   // bytes of an oversize message that are still to come
  wire::Publish skipped_;  // its QoS and id
  std::vector<std::string> aliases_;
  std::bitset<65536> half_received_;  // ids of messages at QoS 2 that were handed on and not yet released
};

}  // namespace bridge
