// Time as nanoseconds since 1970 (UTC). Nothing in core/ reads a clock: times come in with the items.
// Window boundaries are computed here, and for calendar windows in calendar.h, and nowhere else.
#pragma once

#include <chrono>
#include <cstdint>

namespace core {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

// "No time given", smaller than every real time. Event times in the engine lie in [time_min, time_max), so
// that adding any configured duration (at most duration_max) cannot overflow.
inline constexpr Time no_time{Duration::min()};
inline constexpr Time time_min{std::chrono::seconds{0}};                 // 1970-01-01
inline constexpr Time time_max{std::chrono::seconds{7'258'118'400}};     // 2200-01-01
inline constexpr Duration duration_max = std::chrono::hours{24 * 3660};  // ten years

// Index of the pane of length `length` > 0, aligned to the epoch plus `offset`, that holds `time`. Rounds
// towards minus infinity: the start is inclusive, the end exclusive.
[[nodiscard]] constexpr std::int64_t pane_index(Time time, Duration length, Duration offset) noexcept {
  const std::int64_t since = (time.time_since_epoch() - offset).count();
  const std::int64_t quotient = since / length.count();
  return since % length.count() < 0 ? quotient - 1 : quotient;
}

// Start of pane `index`; the inverse of pane_index. The end of a pane is the start of the next.
[[nodiscard]] constexpr Time pane_start(std::int64_t index, Duration length, Duration offset) noexcept {
  return Time{offset + length * index};
}

}  // namespace core
