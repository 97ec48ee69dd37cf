// Words for MQTT reason codes: what the broker said, and what the operator can do about it. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace bridge {

// "not authorised" for 0x87; "reason code 0xE1" where we know no better. Codes of MQTT 5; 3.1.1's 1 to 5 are
// a CONNACK's.
[[nodiscard]] std::string mqtt_reason(int code);
// What to do about a refused connection; empty: wait, it is the broker's own affair.
[[nodiscard]] std::string_view connect_advice(int code);

}  // namespace bridge
