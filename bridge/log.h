// Log: one line per event on standard error, as key=value text or JSON. Any thread. The one place with log wording rules:
// text from outside is quoted, cut and made printable; secrets never reach it.
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
void log(Level level, std::string_view room, std::string_view event, std::initializer_list<LogField> fields = {});
// The same, at most once per `period` (10 s) for each (room, event); the next line says held_back=N. Whatever is repeated while
// throttled and never printed again is reported by flush_throttled().
void log_throttled(Level level, std::string_view room, std::string_view event, std::initializer_list<LogField> fields = {});
// Prints what the throttle still holds back; called about once a second by the run loop and at the end.
void flush_throttled();

}  // namespace bridge
