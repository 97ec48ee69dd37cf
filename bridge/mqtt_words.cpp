#include "bridge/mqtt_words.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bridge {
namespace {

struct Word {
  int code;
  std::string_view reason;
  std::string_view connect_advice;
};

constexpr std::string_view check_user = "check broker.username and broker.password_file";
constexpr std::string_view check_id = "choose another broker.client_id";
constexpr std::string_view check_version = "set broker.protocol to 4 (MQTT 3.1.1)";

constexpr std::array words{
    Word{1, "protocol version not supported", check_version},
    Word{2, "client id not accepted", check_id},
    Word{3, "server unavailable", ""},
    Word{4, "bad user name or password", check_user},
    Word{5, "not authorised", check_user},
    Word{0x80, "unspecified error", "the broker's log may say more"},
    Word{0x81, "malformed packet", "the broker's log may say more"},
    Word{0x82, "protocol error", "the broker's log may say more"},
    Word{0x83, "implementation specific error", "the broker's log may say more"},
    Word{0x84, "protocol version not supported", check_version},
    Word{0x85, "client id not accepted", check_id},
    Word{0x86, "bad user name or password", check_user},
    Word{0x87, "not authorised", check_user},
    Word{0x88, "server unavailable", ""},
    Word{0x89, "server busy", ""},
    Word{0x8A, "banned", "ask whoever runs the broker"},
    Word{0x8B, "server shutting down", ""},
    Word{0x8C, "bad authentication method", check_user},
    Word{0x8D, "keep alive timeout", ""},
    Word{0x8E, "session taken over", "another client uses the same broker.client_id; give each weir its own"},
    Word{0x8F, "topic filter not valid", ""},
    Word{0x90, "topic name not valid", ""},
    Word{0x93, "receive maximum exceeded", ""},
    Word{0x95, "packet too large", ""},
    Word{0x96, "message rate too high", "set publish.max_rate"},
    Word{0x97, "quota exceeded", "ask whoever runs the broker"},
    Word{0x98, "administrative action", "ask whoever runs the broker"},
    Word{0x99, "payload format not valid", ""},
    Word{0x9A, "retain not supported", "set publish.retain to false, and leave out retain_to"},
    Word{0x9B, "QoS not supported", "lower publish.qos and the streams' qos"},
    Word{0x9C, "use another server", "change broker.url"},
    Word{0x9D, "server moved", "change broker.url"},
    Word{0x9E, "shared subscriptions not supported", ""},
    Word{0x9F, "connection rate exceeded", ""},
    Word{0xA0, "maximum connect time", ""},
    Word{0xA2, "wildcard subscriptions not supported", ""},
};

const Word* find(int code) {
  const auto* const at = std::ranges::find(words, code, &Word::code);
  return at == words.end() ? nullptr : at;
}

}  // namespace

std::string mqtt_reason(int code) {
  if (const Word* const word = find(code)) return std::string(word->reason);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "reason code 0x%02X", static_cast<unsigned>(code));
  return text.data();
}

std::string_view connect_advice(int code) {
  const Word* const word = find(code);
  return word == nullptr ? std::string_view{"the broker's log may say more"} : word->connect_advice;
}

}  // namespace bridge
