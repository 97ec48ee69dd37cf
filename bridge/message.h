// Message: what a source hands over. Views into memory of the one who gives it; in the journal they stay
// valid until pop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/time.h"

namespace bridge {

// Readable bytes that the journal guarantees behind every payload, so that a parser may read past its end.
inline constexpr std::size_t payload_padding = 64;

struct Message {
  core::Time arrival;  // never goes back within one journal
  std::string_view topic;
  std::string_view payload;
  std::uint16_t packet_id = 0;  // MQTT packet id at QoS 1 and 2; 0: none
  std::uint8_t qos = 0;
  bool duplicate = false;  // the broker says it may have sent this before (DUP)
  bool stale = false;  // an old value replayed because we subscribed (not "the publisher asked to keep this")
  std::uint8_t connection = 0;  // that it came over, of several; packet ids are its own
};

}  // namespace bridge
