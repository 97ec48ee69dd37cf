// Timestamps: payload times in, published times out. Pure functions, any thread, locale-free.
#pragma once

#include <string>
#include <string_view>

#include "bridge/config.h"
#include "core/time.h"

namespace bridge {

// A number of `unit` since 1970; automatic: by magnitude (below 1e11 s, 1e14 ms, 1e17 us, else ns). no_time
// when not finite or out of [time_min, time_max).
[[nodiscard]] core::Time time_of_number(double value, TimeUnit unit) noexcept;
// The same for an integer: exact, also beyond 2^53.
[[nodiscard]] core::Time time_of_integer(std::int64_t value, TimeUnit unit) noexcept;
// ISO 8601 / RFC 3339 ("2026-11-23T07:00:34.567Z", "+01:00", "+0100", a space for T, 0 to 9 fraction digits,
// date only; no zone: UTC), or a number in text. no_time when it is neither.
[[nodiscard]] core::Time time_of_text(std::string_view text, TimeUnit unit) noexcept;
// UTC with as many fraction digits as needed, in groups of three: "2026-11-23T07:00:34.567Z".
void append_time(core::Time time, std::string& out);

}  // namespace bridge
