// The decoders behind Decoder::make, one maker for each file of formats. What Decoder says holds for all of
// them.
#pragma once

#include <memory>
#include <string_view>

#include "bridge/decode.h"

namespace bridge {

[[nodiscard]] std::unique_ptr<Decoder> make_json_decoder(const PayloadConfig& config, FieldTable& fields);

// The text of a payload: without a byte order mark, and without the NUL bytes some devices send behind it.
[[nodiscard]] std::string_view payload_text(std::string_view payload) noexcept;

}  // namespace bridge
