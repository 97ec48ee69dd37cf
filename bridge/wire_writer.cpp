#include "bridge/wire_writer.h"

#include "core/check.h"

namespace bridge::wire {
namespace {

void append_u8(unsigned value, std::string& out) { out.push_back(static_cast<char>(value)); }

void append_u16(std::size_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

void append_u32(std::uint32_t value, std::string& out) {
  append_u16(value >> 16, out);
  append_u16(value & 0xffff, out);
}

void append_text(std::string_view text, std::string& out) {
  CHECK(text.size() <= text_max, "%zu bytes", text.size());
  append_u16(text.size(), out);
  out += text;
}

void append_head(Type type, unsigned flags, std::size_t remaining, std::string& out) {
  append_u8(static_cast<unsigned>(type) << 4 | flags, out);
  append_remaining_length(remaining, out);
}

constexpr std::size_t text_bytes(std::string_view text) { return 2 + text.size(); }

// A property of a fixed size.
struct Property {
  std::uint8_t id;
  unsigned bytes;  // 2 or 4
  std::uint32_t value;
  bool written;
};

template <std::size_t n>
std::size_t bytes_of(const Property (&properties)[n]) {
  std::size_t bytes = 0;
  for (const Property& one : properties) bytes += one.written ? 1 + one.bytes : 0;
  return bytes;
}

template <std::size_t n>
void append_properties(const Property (&properties)[n], std::string& out) {
  append_u8(static_cast<unsigned>(bytes_of(properties)), out);
  for (const Property& one : properties) {
    if (!one.written) continue;
    append_u8(one.id, out);
    if (one.bytes == 2) {
      append_u16(one.value, out);
    } else {
      append_u32(one.value, out);
    }
  }
}

unsigned options_byte(Protocol protocol, const SubscribeOptions& options) {
  if (protocol == Protocol::v311) return options.qos;
  return options.qos | (options.no_local ? 0x04U : 0U) | (options.retain_as_published ? 0x08U : 0U) |
         static_cast<unsigned>(options.retain_handling) << 4;
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

void append_connect(const Connect& connect, std::string& out) {
  const bool v5 = connect.protocol == Protocol::v5;
  const bool will = !connect.will_topic.empty(), user = !connect.user.empty(),
             password = !connect.password.empty();
  const Property properties[] = {
      {0x11, 4, connect.session_expiry, connect.session_expiry != 0},
      {0x21, 2, connect.receive_maximum, connect.receive_maximum != 65'535},
      {0x27, 4, connect.packet_bytes_max, connect.packet_bytes_max != 0},
      {0x22, 2, connect.topic_alias_maximum, connect.topic_alias_maximum != 0},
  };
  std::size_t remaining = 10 + text_bytes(connect.client_id);
  if (v5) remaining += 1 + bytes_of(properties);
  if (will) remaining += (v5 ? 1U : 0U) + text_bytes(connect.will_topic) + text_bytes(connect.will_payload);
  if (user) remaining += text_bytes(connect.user);
  if (password) remaining += text_bytes(connect.password);

  append_head(Type::connect, 0, remaining, out);
  append_text("MQTT", out);
  append_u8(static_cast<unsigned>(connect.protocol), out);
  append_u8((user ? 0x80U : 0U) | (password ? 0x40U : 0U) | (will && connect.will_retain ? 0x20U : 0U) |
                (will ? 0x04U | static_cast<unsigned>(connect.will_qos) << 3 : 0U) |
                (connect.clean_start ? 0x02U : 0U),
            out);
  append_u16(connect.keep_alive_s, out);
  if (v5) append_properties(properties, out);
  append_text(connect.client_id, out);
  if (will) {
    if (v5) append_u8(0, out);
    append_text(connect.will_topic, out);
    append_text(connect.will_payload, out);
  }
  if (user) append_text(connect.user, out);
  if (password) append_text(connect.password, out);
}

void append_subscribe(Protocol protocol, std::uint16_t packet_id, const std::vector<Filter>& filters,
                      std::string& out) {
  CHECK(packet_id != 0, "%zu filters", filters.size());
  std::size_t remaining = protocol == Protocol::v5 ? 3 : 2;
  for (const Filter& one : filters) remaining += text_bytes(one.filter) + 1;
  append_head(Type::subscribe, 2, remaining, out);
  append_u16(packet_id, out);
  if (protocol == Protocol::v5) append_u8(0, out);
  for (const Filter& one : filters) {
    append_text(one.filter, out);
    append_u8(options_byte(protocol, one.options), out);
  }
}

void append_unsubscribe(Protocol protocol, std::uint16_t packet_id,
                        const std::vector<std::string_view>& filters, std::string& out) {
  CHECK(packet_id != 0, "%zu filters", filters.size());
  std::size_t remaining = protocol == Protocol::v5 ? 3 : 2;
  for (const std::string_view filter : filters) remaining += text_bytes(filter);
  append_head(Type::unsubscribe, 2, remaining, out);
  append_u16(packet_id, out);
  if (protocol == Protocol::v5) append_u8(0, out);
  for (const std::string_view filter : filters) append_text(filter, out);
}

void append_publish(Protocol protocol, const Publish& publish, std::string& out) {
  CHECK((publish.qos == 0) == (publish.packet_id == 0), "qos %d, packet id %d", publish.qos,
        publish.packet_id);
  const std::size_t properties = protocol == Protocol::v311 ? 0 : publish.topic_alias != 0 ? 4 : 1;
  append_head(
      Type::publish,
      (publish.duplicate ? 8U : 0U) | static_cast<unsigned>(publish.qos) << 1 | (publish.retain ? 1U : 0U),
      text_bytes(publish.topic) + (publish.qos != 0 ? 2 : 0) + properties + publish.payload.size(), out);
  append_text(publish.topic, out);
  if (publish.qos != 0) append_u16(publish.packet_id, out);
  if (properties == 1) append_u8(0, out);
  if (properties == 4) {
    append_u8(3, out);
    append_u8(0x23, out);
    append_u16(publish.topic_alias, out);
  }
  out += publish.payload;
}

void append_acknowledgement(Protocol protocol, Type type, std::uint16_t packet_id, std::uint8_t reason,
                            std::string& out) {
  CHECK(packet_id != 0 && type >= Type::puback && type <= Type::pubcomp, "type %d", static_cast<int>(type));
  const bool reasoned = protocol == Protocol::v5 && reason != 0;
  append_head(type, type == Type::pubrel ? 2 : 0, reasoned ? 3 : 2, out);
  append_u16(packet_id, out);
  if (reasoned) append_u8(reason, out);
}

void append_pingreq(std::string& out) { append_head(Type::pingreq, 0, 0, out); }

void append_disconnect(Protocol protocol, std::uint8_t reason, std::string& out) {
  const bool reasoned = protocol == Protocol::v5 && reason != 0;
  append_head(Type::disconnect, 0, reasoned ? 1 : 0, out);
  if (reasoned) append_u8(reason, out);
}

void append_connack(Protocol protocol, bool session_present, std::uint8_t reason, std::string& out) {
  append_head(Type::connack, 0, protocol == Protocol::v5 ? 3 : 2, out);
  append_u8(session_present ? 1 : 0, out);
  append_u8(reason, out);
  if (protocol == Protocol::v5) append_u8(0, out);
}

void append_suback(Protocol protocol, std::uint16_t packet_id, std::string_view reasons, std::string& out) {
  append_head(Type::suback, 0, (protocol == Protocol::v5 ? 3 : 2) + reasons.size(), out);
  append_u16(packet_id, out);
  if (protocol == Protocol::v5) append_u8(0, out);
  out += reasons;
}

void append_pingresp(std::string& out) { append_head(Type::pingresp, 0, 0, out); }

}  // namespace bridge::wire
