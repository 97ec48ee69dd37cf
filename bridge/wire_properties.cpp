// The properties of MQTT 5: which packet may have which, how often, and what they may say.
#include <array>

#include "bridge/wire_cursor.h"

namespace bridge::wire {
namespace {

enum class Form : std::uint8_t { none, flag, u16, u32, number, text, topic, binary, pair };

constexpr unsigned in(Type kind) { return 1U << static_cast<unsigned>(kind); }
constexpr unsigned everywhere = 0xFFFF, messages = in(Type::publish) | in(Type::none),
                   greetings = in(Type::connect) | in(Type::connack),
                   answers = in(Type::connack) | in(Type::puback) | in(Type::pubrec) | in(Type::pubrel) |
                             in(Type::pubcomp) | in(Type::suback) | in(Type::unsuback) |
                             in(Type::disconnect) | in(Type::auth),
                   logins = greetings | in(Type::auth);

struct Rule {
  Form form = Form::none;
  unsigned kinds = 0;
};

constexpr std::uint32_t subscription_id = 11, session_expiry = 17, server_keep_alive = 19, auth_method = 21,
                        auth_data = 22, receive_maximum = 33, topic_alias_maximum = 34, topic_alias = 35,
                        maximum_qos = 36, retain_available = 37, user_property = 38, packet_bytes_max = 39;

constexpr auto rules = [] {
  std::array<Rule, 43> all{};
  all[1] = {Form::flag, messages};    // payload format
  all[2] = {Form::u32, messages};     // message expiry
  all[3] = {Form::text, messages};    // content type
  all[8] = {Form::topic, messages};   // response topic
  all[9] = {Form::binary, messages};  // correlation data
  all[subscription_id] = {Form::number, in(Type::publish) | in(Type::subscribe)};
  all[session_expiry] = {Form::u32, greetings | in(Type::disconnect)};
  all[18] = {Form::text, in(Type::connack)};  // assigned client id
  all[server_keep_alive] = {Form::u16, in(Type::connack)};
  all[auth_method] = {Form::text, logins};
  all[auth_data] = {Form::binary, logins};
  all[23] = {Form::flag, in(Type::connect)};                         // request problem information
  all[24] = {Form::u32, in(Type::none)};                             // will delay
  all[25] = {Form::flag, in(Type::connect)};                         // request response information
  all[26] = {Form::text, in(Type::connack)};                         // response information
  all[28] = {Form::text, in(Type::connack) | in(Type::disconnect)};  // server reference
  all[31] = {Form::text, answers};                                   // reason string
  all[receive_maximum] = {Form::u16, greetings};
  all[topic_alias_maximum] = {Form::u16, greetings};
  all[topic_alias] = {Form::u16, in(Type::publish)};
  all[maximum_qos] = {Form::flag, in(Type::connack)};
  all[retain_available] = {Form::flag, in(Type::connack)};
  all[user_property] = {Form::pair, everywhere};
  all[packet_bytes_max] = {Form::u32, greetings};
  all[40] = {Form::flag, in(Type::connack)};  // wildcard subscriptions available
  all[41] = {Form::flag, in(Type::connack)};  // subscription ids available
  all[42] = {Form::flag, in(Type::connack)};  // shared subscriptions available
  return all;
}();

bool may_repeat(std::uint32_t id, Type kind) {
  return id == user_property || (id == subscription_id && kind == Type::publish);
}

// Reads the value; the number it is, where it is one.
std::uint32_t read_value(Form form, Cursor& in) noexcept {
  switch (form) {
    case Form::flag: {
      const std::uint8_t flag = in.u8();
      in.require(flag <= 1, Fault::property_value);
      return flag;
    }
    case Form::u16:
      return in.u16();
    case Form::u32:
      return in.u32();
    case Form::number:
      return in.number();
    case Form::topic: {
      const std::string_view topic = in.text();
      in.require(!in.ok() || valid_topic(topic), Fault::topic);
      return 0;
    }
    case Form::binary:
      (void)in.binary();
      return 0;
    case Form::pair:
      (void)in.text();
      [[fallthrough]];
    case Form::text:
      (void)in.text();
      return 0;
    case Form::none:
      break;
  }
  in.fail(Fault::property_unknown);
  return 0;
}

void keep(std::uint32_t id, std::uint32_t value, Cursor& in, Properties& out) noexcept {
  switch (id) {
    case subscription_id:
      in.require(value != 0, Fault::property_value);
      break;
    case session_expiry:
      out.session_expiry = value;
      out.has_session_expiry = true;
      break;
    case server_keep_alive:
      out.server_keep_alive = static_cast<std::uint16_t>(value);
      out.has_server_keep_alive = true;
      break;
    case receive_maximum:
      in.require(value != 0, Fault::property_value);
      out.receive_maximum = static_cast<std::uint16_t>(value);
      break;
    case topic_alias_maximum:
      out.topic_alias_maximum = static_cast<std::uint16_t>(value);
      break;
    case topic_alias:
      in.require(value != 0, Fault::alias);
      out.topic_alias = static_cast<std::uint16_t>(value);
      break;
    case maximum_qos:
      out.maximum_qos = static_cast<std::uint8_t>(value);
      break;
    case retain_available:
      out.retain_available = value != 0;
      break;
    case packet_bytes_max:
      in.require(value != 0, Fault::property_value);
      out.packet_bytes_max = value;
      break;
    default:
      break;
  }
}

}  // namespace

void read_properties(Type kind, Cursor& in, Properties& out) noexcept {
  Cursor list(in.bytes(in.number()));
  std::uint64_t seen = 0;
  while (list.left() != 0) {
    const std::uint32_t id = list.number();
    if (!list.ok()) break;
    if (id >= rules.size() || (rules[id].kinds & wire::in(kind)) == 0) {
      list.fail(Fault::property_unknown);
      break;
    }
    const std::uint64_t bit = std::uint64_t{1} << id;
    list.require((seen & bit) == 0 || may_repeat(id, kind), Fault::property_twice);
    seen |= bit;
    const std::uint32_t value = read_value(rules[id].form, list);
    if (list.ok()) keep(id, value, list, out);
  }
  const bool data = (seen >> auth_data & 1) != 0, method = (seen >> auth_method & 1) != 0;
  list.require(!data || method, Fault::auth_unnamed);
  if (!list.ok()) in.fail(list.fault());
}

}  // namespace bridge::wire
