// Wire packets: what MQTT 3.1.1 and 5 put on a connection, as values. Views point into the bytes that were
// read, or that the caller keeps while a packet is written. Written by wire_writer.h, read by wire_reader.h.
// Pure data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bridge::wire {

enum class Protocol : std::uint8_t { v311 = 4, v5 = 5 };

enum class Type : std::uint8_t {
  none = 0,
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};

// The largest remaining length a packet may have.
inline constexpr std::size_t remaining_max = 268'435'455;
inline constexpr std::size_t text_max = 65'535;

// Reason codes that we send or ask for ourselves; the others are only passed on (mqtt_words.h).
inline constexpr int malformed_packet = 0x81, protocol_error = 0x82, topic_alias_invalid = 0x94,
                     packet_too_large = 0x95;

// The properties of MQTT 5 that something here asks for; the others are checked and passed over. A number
// that is absent has the value the standard gives it then.
struct Properties {
  std::uint32_t session_expiry = 0;
  bool has_session_expiry = false;
  std::uint16_t receive_maximum = 65'535;
  std::uint32_t packet_bytes_max = 0;  // 0: no limit
  std::uint16_t topic_alias_maximum = 0;
  std::uint16_t topic_alias = 0;  // 0: none
  std::uint16_t server_keep_alive = 0;
  bool has_server_keep_alive = false;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
};

struct Connect {
  Protocol protocol = Protocol::v5;
  std::string_view client_id{};
  bool clean_start = true;
  std::uint16_t keep_alive_s = 0;  // 0: none
  std::string_view user{};         // empty: none
  std::string_view password{};     // empty: none
  std::string_view will_topic{};   // empty: no will
  std::string_view will_payload{};
  std::uint8_t will_qos = 0;
  bool will_retain = false;
  // MQTT 5; what has its default is not written.
  std::uint32_t session_expiry = 0;
  std::uint16_t receive_maximum = 65'535;
  std::uint32_t packet_bytes_max = 0;
  std::uint16_t topic_alias_maximum = 0;
};

// What a subscription says beside its filter.
struct SubscribeOptions {
  std::uint8_t qos = 0;
  // MQTT 5.
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;  // 0: send retained messages; 1: for a new subscription; 2: do not
};

struct Filter {
  std::string_view filter{};
  SubscribeOptions options;
};

struct Publish {
  std::string_view topic{};  // may be empty where there is an alias
  std::string_view payload{};
  std::uint16_t packet_id = 0;  // at QoS 1 and 2
  std::uint16_t topic_alias = 0;
  std::uint8_t qos = 0;
  bool retain = false;
  bool duplicate = false;
};

}  // namespace bridge::wire
