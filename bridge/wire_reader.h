// Readers of MQTT packets, in place: views into the bytes, nothing is copied or allocated. Strict: what the
// standard calls malformed or a protocol error is a fault. Reason codes are passed on as they are. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bridge/wire_packet.h"

namespace bridge::wire {

enum class Fault : std::uint8_t {
  none,
  type,              // no such packet, or not one for this side or protocol
  length,            // a variable byte integer of more than four bytes, or of more than it needs
  flags,             // reserved flags, DUP at QoS 0
  qos,               // QoS 3
  cut_short,         // a field goes on behind the end of the packet
  trailing,          // bytes behind the last field
  text,              // not UTF-8, or with a NUL
  topic,             // empty, or with a wildcard
  filter,            // not a topic filter
  packet_id,         // 0
  property_unknown,  // no such property, or not one of this packet
  property_twice,
  property_value,
  protocol,       // neither 3.1.1 nor 5
  alias,          // a topic alias of 0
  no_entry,       // SUBSCRIBE, UNSUBSCRIBE and their answers have at least one
  refused_kept,   // a CONNACK that refuses, and says that it has our session
  auth_unnamed,   // authentication data without a method
  password_alone  // MQTT 3.1.1: a password without a user
};
// The reason code that tells the other side, 0x81, 0x82 or 0x94. Precondition: a fault.
[[nodiscard]] int reason_of(Fault fault) noexcept;

// --- frames

// The first two to five bytes of a packet.
struct Head {
  Type type = Type::none;
  std::uint8_t flags = 0;
  std::size_t bytes = 0;      // of the head
  std::size_t remaining = 0;  // that follow it
  [[nodiscard]] std::size_t total() const noexcept { return bytes + remaining; }
};
enum class Cut : std::uint8_t { packet, more, malformed };
// more: the head is not all there. malformed: the remaining length has more than four bytes. `packet`: the
// head is there; its body need not be.
[[nodiscard]] Cut read_head(std::string_view bytes, Head& out) noexcept;

struct Packet {
  Type type = Type::none;
  std::uint8_t flags = 0;  // the low four bits of the first byte
  std::string_view body;   // what follows the remaining length
};
// Takes the first packet off `bytes`; more: it is not all there yet.
[[nodiscard]] Cut cut_packet(std::string_view& bytes, Packet& out) noexcept;

// --- what stands in a packet; precondition: its type

// Where the body is only a beginning, with all up to the payload in it, the payload is what is there of it.
[[nodiscard]] Fault open_publish(Protocol protocol, const Packet& packet, Publish& out) noexcept;

struct Connack {
  bool session_present = false;
  int reason = 0;
  Properties properties;
};
// A broker that does not know MQTT 5 answers it in the form of 3.1.1: this is taken where it is a refusal.
[[nodiscard]] Fault open_connack(Protocol protocol, const Packet& packet, Connack& out) noexcept;

struct Acknowledgement {
  std::uint16_t packet_id = 0;
  int reason = 0;
};
// PUBACK, PUBREC, PUBREL, PUBCOMP.
[[nodiscard]] Fault open_acknowledgement(Protocol protocol, const Packet& packet,
                                         Acknowledgement& out) noexcept;

struct Granted {
  std::uint16_t packet_id = 0;
  std::string_view reasons;  // one byte for each filter; an UNSUBACK of MQTT 3.1.1 has none
};
// SUBACK, UNSUBACK.
[[nodiscard]] Fault open_granted(Protocol protocol, const Packet& packet, Granted& out) noexcept;

// PINGREQ, PINGRESP.
[[nodiscard]] Fault open_empty(const Packet& packet) noexcept;
// DISCONNECT; AUTH (MQTT 5).
[[nodiscard]] Fault open_reason(Protocol protocol, const Packet& packet, int& reason) noexcept;

[[nodiscard]] Fault open_connect(const Packet& packet, Connect& out) noexcept;
// The filters of SUBSCRIBE or UNSUBSCRIBE are all checked; next_filter() takes one off `rest`, false when
// there is none.
struct Subscribe {
  std::uint16_t packet_id = 0;
  std::string_view rest;
};
[[nodiscard]] Fault open_subscribe(Protocol protocol, const Packet& packet, Subscribe& out) noexcept;
[[nodiscard]] bool next_filter(Type type, Subscribe& subscribe, Filter& out) noexcept;

// --- texts

// UTF-8 without NUL.
[[nodiscard]] bool valid_text(std::string_view text) noexcept;
// A topic to publish to: 1 to text_max bytes, valid_text(), no wildcard.
[[nodiscard]] bool valid_topic(std::string_view topic) noexcept;
[[nodiscard]] bool valid_filter(std::string_view filter) noexcept;

}  // namespace bridge::wire
