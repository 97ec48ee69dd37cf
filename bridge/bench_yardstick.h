// Yardstick of level E: the JSON parser alone over the same bytes. Pure; one thread at a time.
#pragma once

#include <span>

#include "bridge/message.h"

namespace bridge {

// Reads the four numbers of every payload, by name and in order, and returns their sum (so that nothing can
// be left out). Every payload has payload_padding readable bytes behind it.
[[nodiscard]] double yardstick_json(std::span<const Message> messages);

}  // namespace bridge
