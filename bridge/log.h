// Log: one line per event on standard error, as key=value text or JSON. Any thread. The one place with log
// wording rules: text from outside is quoted, cut and made printable; secrets never reach it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/config.h"

namespace bridge {

enum class Level : std::uint8_t { debug, info, warn, error };

// A field of a line. The value is written as it is when it is a plain word or number, else quoted.
using LogField = std::pair<std::string_view, std::string>;

// Before any thread is started; default: info, text.
void configure_log(const LogConfig& config);
// log(Level::info, "mqtt", "connected", {{"broker", "localhost:1883"}, {"session", "resumed"}})
//   -> 2026-11-23T07:00:00.123Z info mqtt: connected broker=localhost:1883 session=resumed
void log(Level level, std::string_view room, std::string_view event,
         std::initializer_list<LogField> fields = {});
// The same, at most once per `period` (10 s) for each (room, event); the next line says held_back=N. Whatever
// is repeated while throttled and never printed again is reported by flush_throttled(). Room and event are
// words of ours, never text from outside.
void log_throttled(Level level, std::string_view room, std::string_view event,
                   std::initializer_list<LogField> fields = {});
// Prints what the throttle has held back for a whole period; called about once a second by the run loop. At
// the end, with `all`: whatever is held back.
void flush_throttled(bool all = false);

// Most bytes of one value of a line.
inline constexpr std::size_t log_value_bytes_max = 200;
// Text from outside as log lines show it, without quotes: cut ("..." at its end), with JSON escapes for
// whatever could move a cursor, hide text or end a line, U+FFFD for what is not UTF-8. For other places that
// show such text to an operator.
[[nodiscard]] std::string printable(std::string_view text);

// What log() prints, without the end of the line.
struct LogLine {
  core::Time time;
  Level level;
  std::string_view room;
  std::string_view event;
  std::initializer_list<LogField> fields;
  std::uint64_t held_back = 0;
};
[[nodiscard]] std::string text_line(const LogLine& line);
[[nodiscard]] std::string json_line(const LogLine& line);

}  // namespace bridge
