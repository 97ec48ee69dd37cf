// Writers of MQTT packets. Each appends one packet to `out`, and nothing else is allocated. Preconditions,
// checked: texts of at most text_max bytes, packets of at most remaining_max; packet ids are not 0. Whether a
// topic or filter is one that MQTT allows is the caller's affair (valid_topic() of wire_reader.h). Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/wire_packet.h"

namespace bridge::wire {

void append_remaining_length(std::size_t length, std::string& out);

void append_connect(const Connect& connect, std::string& out);

void append_subscribe(Protocol protocol, std::uint16_t packet_id, const std::vector<Filter>& filters,
                      std::string& out);
void append_unsubscribe(Protocol protocol, std::uint16_t packet_id,
                        const std::vector<std::string_view>& filters, std::string& out);

void append_publish(Protocol protocol, const Publish& publish, std::string& out);

// PUBACK, PUBREC, PUBREL, PUBCOMP. A reason other than 0 is written in MQTT 5 only.
void append_acknowledgement(Protocol protocol, Type type, std::uint16_t packet_id, std::uint8_t reason,
                            std::string& out);

void append_pingreq(std::string& out);
// A reason other than 0 is written in MQTT 5 only.
void append_disconnect(Protocol protocol, std::uint8_t reason, std::string& out);

// What a broker says; for tests and for the bench's own.
void append_connack(Protocol protocol, bool session_present, std::uint8_t reason, std::string& out);
void append_suback(Protocol protocol, std::uint16_t packet_id, std::string_view reasons, std::string& out);
void append_pingresp(std::string& out);

}  // namespace bridge::wire
