// Durations and numbers in words, for messages about a setup that is wrong. Any thread; never used while
// running.
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "core/time.h"

namespace core {

// In the largest unit that keeps it whole: "90s", "250ms", "1h".
[[nodiscard]] inline std::string words(Duration duration) {
  using namespace std::chrono_literals;
  constexpr std::array<std::pair<Duration, std::string_view>, 7> units{
      {{24h, "d"}, {1h, "h"}, {1min, "m"}, {1s, "s"}, {1ms, "ms"}, {1us, "us"}, {1ns, "ns"}}};
  if (duration == Duration{0}) return "0s";
  for (const auto& [unit, suffix] : units) {
    if (duration % unit == Duration{0}) return std::to_string(duration / unit) + std::string(suffix);
  }
  return {};  // not reached: every duration is whole in nanoseconds
}

// The shortest text that reads back as `value`.
[[nodiscard]] inline std::string words(double value) {
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

}  // namespace core
