// Strings of a JSON document: where they end, what they say. Pure functions, any thread. They look at strings
// that are known to be closed, valid UTF-8 and free of raw control characters.
#pragma once

#include <string_view>

namespace bridge {

// The closing quote of the string whose opening quote is at `quote`.
[[nodiscard]] const char* closing_quote(const char* quote) noexcept;

// What `raw` (the text between the quotes) says, written to `out`, which has room for raw.size() bytes.
// Returns the end of what was written; null for an escape that JSON does not have, a lone surrogate too.
[[nodiscard]] char* unescape_string(std::string_view raw, char* out) noexcept;

}  // namespace bridge
