#include "bridge/wire_reader.h"

#include "bridge/wire_cursor.h"

namespace bridge::wire {
namespace {

constexpr std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

bool is_topic(std::string_view topic, bool aliased) {
  return (aliased && topic.empty()) || valid_topic(topic);
}

Fault read_will(Protocol protocol, std::uint8_t flags, Cursor& in, Connect& out) noexcept {
  Properties ignored;
  if (protocol == Protocol::v5) read_properties(Type::none, in, ignored);
  out.will_topic = in.text();
  in.require(!in.ok() || valid_topic(out.will_topic), Fault::topic);
  out.will_payload = in.binary();
  out.will_qos = flags >> 3 & 3;
  out.will_retain = (flags & 0x20) != 0;
  in.require(out.will_qos < 3, Fault::qos);
  return in.fault();
}

// One filter of SUBSCRIBE with its options, or of UNSUBSCRIBE.
void read_filter(Type type, Cursor& in, Filter& out) noexcept {
  out = {};
  out.filter = in.text();
  in.require(!in.ok() || valid_filter(out.filter), Fault::filter);
  if (type != Type::subscribe) return;
  const std::uint8_t options = in.u8();
  out.options = {static_cast<std::uint8_t>(options & 3), (options & 4) != 0, (options & 8) != 0,
                 static_cast<std::uint8_t>(options >> 4 & 3)};
  in.require(out.options.qos < 3, Fault::qos);
  in.require((options & 0xC0) == 0 && out.options.retain_handling < 3, Fault::flags);
}

}  // namespace

int reason_of(Fault fault) noexcept {
  switch (fault) {
    case Fault::alias:
      return topic_alias_invalid;
    case Fault::type:
    case Fault::property_twice:
    case Fault::property_value:
    case Fault::no_entry:
    case Fault::refused_kept:
    case Fault::auth_unnamed:
      return protocol_error;
    default:
      return malformed_packet;
  }
}

Cut read_head(std::string_view bytes, Head& out) noexcept {
  std::size_t length = 0;
  for (std::size_t at = 1; at <= 4; ++at) {
    if (at >= bytes.size()) return Cut::more;
    const std::uint8_t digit = byte_at(bytes, at);
    length |= static_cast<std::size_t>(digit & 0x7F) << 7 * (at - 1);
    if (digit >= 0x80) continue;
    if (digit == 0 && at > 1) return Cut::malformed;  // not in as few bytes as it needs
    const std::uint8_t first = byte_at(bytes, 0);
    out = {static_cast<Type>(first >> 4), static_cast<std::uint8_t>(first & 0x0F), at + 1, length};
    return Cut::packet;
  }
  return Cut::malformed;
}

Cut cut_packet(std::string_view& bytes, Packet& out) noexcept {
  Head head;
  if (const Cut cut = read_head(bytes, head); cut != Cut::packet) return cut;
  if (bytes.size() < head.total()) return Cut::more;
  out = {head.type, head.flags, bytes.substr(head.bytes, head.remaining)};
  bytes.remove_prefix(head.total());
  return Cut::packet;
}

Fault open_publish(Protocol protocol, const Packet& packet, Publish& out) noexcept {
  out.qos = packet.flags >> 1 & 3;
  out.retain = (packet.flags & 1) != 0;
  out.duplicate = (packet.flags & 8) != 0;
  if (out.qos == 3) return Fault::qos;
  if (out.duplicate && out.qos == 0) return Fault::flags;
  Cursor in(packet.body);
  out.topic = in.binary();
  out.packet_id = out.qos != 0 ? in.packet_id() : std::uint16_t{0};
  out.topic_alias = 0;
  if (protocol == Protocol::v5) {
    if (in.left() != 0 && in.rest().front() == 0) {
      (void)in.u8();  // mostly
    } else {
      Properties properties;
      read_properties(Type::publish, in, properties);
      out.topic_alias = properties.topic_alias;
    }
  }
  if (in.ok() && !is_topic(out.topic, out.topic_alias != 0)) {
    return valid_text(out.topic) ? Fault::topic : Fault::text;
  }
  out.payload = in.rest();
  return in.fault();
}

Fault open_connack(Protocol protocol, const Packet& packet, Connack& out) noexcept {
  out = {};
  if (packet.flags != 0) return Fault::flags;
  Cursor in(packet.body);
  const std::uint8_t flags = in.u8();
  in.require(flags <= 1, Fault::flags);
  out.session_present = (flags & 1) != 0;
  out.reason = in.u8();
  in.require(!out.session_present || out.reason == 0, Fault::refused_kept);
  const bool short_refusal = in.ok() && in.left() == 0 && out.reason != 0;
  if (protocol == Protocol::v5 && !short_refusal) read_properties(Type::connack, in, out.properties);
  return in.end();
}

Fault open_acknowledgement(Protocol protocol, const Packet& packet, Acknowledgement& out) noexcept {
  out = {};
  if (packet.flags != (packet.type == Type::pubrel ? 2 : 0)) return Fault::flags;
  Cursor in(packet.body);
  out.packet_id = in.packet_id();
  if (protocol == Protocol::v5 && in.left() != 0) {
    out.reason = in.u8();
    Properties ignored;
    if (in.left() != 0) read_properties(packet.type, in, ignored);
  }
  return in.end();
}

Fault open_granted(Protocol protocol, const Packet& packet, Granted& out) noexcept {
  out = {};
  if (packet.flags != 0) return Fault::flags;
  Cursor in(packet.body);
  out.packet_id = in.packet_id();
  Properties ignored;
  if (protocol == Protocol::v5) read_properties(packet.type, in, ignored);
  if (protocol == Protocol::v311 && packet.type == Type::unsuback) return in.end();
  out.reasons = in.rest();
  in.require(!out.reasons.empty(), Fault::no_entry);
  return in.fault();
}

Fault open_empty(const Packet& packet) noexcept {
  if (packet.flags != 0) return Fault::flags;
  return Cursor(packet.body).end();
}

Fault open_reason(Protocol protocol, const Packet& packet, int& reason) noexcept {
  reason = 0;
  if (packet.flags != 0) return Fault::flags;
  if (protocol == Protocol::v311 && packet.type == Type::auth) return Fault::type;
  Cursor in(packet.body);
  if (protocol == Protocol::v5 && in.left() != 0) {
    reason = in.u8();
    Properties ignored;
    if (in.left() != 0) read_properties(packet.type, in, ignored);
  }
  return in.end();
}

Fault open_connect(const Packet& packet, Connect& out) noexcept {
  out = {};
  if (packet.flags != 0) return Fault::flags;
  Cursor in(packet.body);
  const std::string_view name = in.text();
  const std::uint8_t level = in.u8();
  in.require(!in.ok() || (name == "MQTT" && (level == 4 || level == 5)), Fault::protocol);
  out.protocol = level == 4 ? Protocol::v311 : Protocol::v5;
  const std::uint8_t flags = in.u8();
  const bool will = (flags & 4) != 0, user = (flags & 0x80) != 0, password = (flags & 0x40) != 0;
  in.require((flags & 1) == 0 && (will || (flags & 0x38) == 0), Fault::flags);
  in.require(user || !password || out.protocol == Protocol::v5, Fault::password_alone);
  out.clean_start = (flags & 2) != 0;
  out.keep_alive_s = in.u16();
  Properties properties;
  if (out.protocol == Protocol::v5) read_properties(Type::connect, in, properties);
  out.session_expiry = properties.session_expiry;
  out.receive_maximum = properties.receive_maximum;
  out.packet_bytes_max = properties.packet_bytes_max;
  out.topic_alias_maximum = properties.topic_alias_maximum;
  out.client_id = in.text();
  if (will) (void)read_will(out.protocol, flags, in, out);
  if (user) out.user = in.text();
  if (password) out.password = in.binary();
  return in.end();
}

Fault open_subscribe(Protocol protocol, const Packet& packet, Subscribe& out) noexcept {
  out = {};
  if (packet.flags != 2) return Fault::flags;
  Cursor in(packet.body);
  out.packet_id = in.packet_id();
  Properties ignored;
  if (protocol == Protocol::v5) read_properties(packet.type, in, ignored);
  if (!in.ok()) return in.fault();
  out.rest = in.rest();
  in.require(!out.rest.empty(), Fault::no_entry);
  for (Filter one; in.left() != 0;) {
    read_filter(packet.type, in, one);
    const bool plain =
        !one.options.no_local && !one.options.retain_as_published && one.options.retain_handling == 0;
    in.require(protocol == Protocol::v5 || plain, Fault::flags);
  }
  return in.fault();
}

bool next_filter(Type type, Subscribe& subscribe, Filter& out) noexcept {
  if (subscribe.rest.empty()) return false;
  Cursor in(subscribe.rest);
  read_filter(type, in, out);
  subscribe.rest = in.rest();
  return in.ok();
}

}  // namespace bridge::wire
