// Whether a message is over the limits: then it is counted, by whoever meets it first, and goes no further.
#pragma once

#include "bridge/config.h"
#include "bridge/message.h"

namespace bridge {

[[nodiscard]] inline bool oversize(const Message& message, const LimitsConfig& limits) noexcept {
  return message.topic.size() > limits.topic_bytes_max || message.payload.size() > limits.payload_bytes_max;
}

}  // namespace bridge
