#include "bridge/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

#include "bridge/log_throttle.h"
#include "bridge/timestamp.h"
#include "bridge/utf8.h"

namespace bridge {

namespace {

constexpr core::Duration throttle_period = std::chrono::seconds{10};
constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

std::string_view name(Level level) { return level_names[static_cast<std::size_t>(level)]; }

// Characters that are text and yet must not reach a terminal as they are: C1 controls, line separators, and
// the invisible ones that reorder or hide what is beside them.
constexpr bool is_treacherous(char32_t point) {
  return (point >= 0x80 && point <= 0x9F) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

void append_unicode_escape(char32_t point, std::string& out) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift != 0; shift -= 4) out += digits[point >> (shift - 4) & 0xF];
}

void append_escaped(char32_t point, std::string_view bytes, std::string& out) {
  switch (point) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (point < 0x20 || point == 0x7F || is_treacherous(point)) {
    append_unicode_escape(point, out);
  } else {
    out += bytes;
  }
}

void append_printable(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (i + std::max<std::size_t>(length, 1) > log_value_bytes_max) {
      out += "...";
      return;
    }
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      append_escaped(utf8_code_point(text, i, length), text.substr(i, length), out);
      i += length;
    }
  }
}

bool is_plain_word(std::string_view text) {
  constexpr std::string_view others = "_-.:/@+,%()[]{}#*<>|~!?;&^$'";
  const auto plain = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= log_value_bytes_max && std::all_of(text.begin(), text.end(), plain);
}

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  append_printable(text, out);
  out += '"';
}

// The members every JSON line has; a field of that name gets a "_" behind it.
bool is_member_of_every_line(std::string_view field) {
  constexpr std::array<std::string_view, 5> members{"time", "level", "room", "event", "held_back"};
  return std::find(members.begin(), members.end(), field) != members.end();
}

void append_json_member(std::string_view member, std::string_view value, std::string& out) {
  out += out.empty() ? '{' : ',';
  append_quoted(member, out);
  out += ':';
  append_quoted(value, out);
}

std::string time_text(core::Time time) {
  // Always three digits, so that lines stay aligned.
  std::string text;
  append_time(std::chrono::time_point_cast<std::chrono::milliseconds>(time), text);
  if (text.size() == 20) text.insert(19, ".000");
  return text;
}

// Standard error, the level and the format; and the throttle. Made at first use and never destroyed: threads
// may log until the end.
class Log {
 public:
  Log() : logger_("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
  }

  void configure(const LogConfig& config) {
    const auto found = std::find(level_names.begin(), level_names.end(), config.level);
    if (found != level_names.end()) lowest_ = static_cast<Level>(found - level_names.begin());
    json_ = config.format == "json";
  }

  [[nodiscard]] bool takes(Level level) const { return level >= lowest_.load(std::memory_order_relaxed); }

  void print(LogLine line) {
    line.time = std::chrono::system_clock::now();
    const std::string text = json_.load(std::memory_order_relaxed) ? json_line(line) : text_line(line);
    logger_.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
  }

  void print_throttled(LogLine line) {
    {
      const std::lock_guard lock(mutex_);
      if (!throttle_.admit(key(line), now(), line.held_back)) return;
    }
    print(line);
  }

  void flush(bool all) {
    std::vector<Throttle::Due> due;
    {
      const std::lock_guard lock(mutex_);
      due = throttle_.due(now(), all);
    }
    for (const auto& [text, held_back] : due) {
      const std::string_view key = text;
      const std::size_t room = key.find('\n');
      print({{},
             static_cast<Level>(key[0] - '0'),
             key.substr(1, room - 1),
             key.substr(room + 1),
             {},
             held_back});
    }
  }

 private:
  static std::string key(const LogLine& line) {
    std::string text(1, static_cast<char>('0' + static_cast<int>(line.level)));
    return text.append(line.room).append(1, '\n').append(line.event);
  }
  static core::Time now() { return core::Time{std::chrono::steady_clock::now().time_since_epoch()}; }

  spdlog::logger logger_;
  std::atomic<Level> lowest_{Level::info};
  std::atomic<bool> json_{false};
  std::mutex mutex_;
  Throttle throttle_{throttle_period};
};

Log& the_log() {
  static Log* const log = new Log;
  return *log;
}

}  // namespace

bool Throttle::admit(std::string_view key, core::Time now, std::uint64_t& held_back) {
  const auto found = states_.find(key);
  if (found == states_.end()) {
    states_.emplace(key, State{now, 0});
    held_back = 0;
    return true;
  }
  State& state = found->second;
  if (now - state.printed < period_) {
    ++state.held_back;
    return false;
  }
  held_back = std::exchange(state.held_back, 0);
  state.printed = now;
  return true;
}

std::vector<Throttle::Due> Throttle::due(core::Time now, bool all) {
  std::vector<Due> result;
  for (auto i = states_.begin(); i != states_.end();) {
    State& state = i->second;
    const bool over = now - state.printed >= period_;
    if (state.held_back != 0 && (over || all)) {
      result.push_back({i->first, std::exchange(state.held_back, 0)});
      state.printed = now;
      ++i;
    } else {
      i = over ? states_.erase(i) : std::next(i);
    }
  }
  return result;
}

void configure_log(const LogConfig& config) { the_log().configure(config); }

void log(Level level, std::string_view room, std::string_view event, std::initializer_list<LogField> fields) {
  if (the_log().takes(level)) the_log().print({{}, level, room, event, fields});
}

void log_throttled(Level level, std::string_view room, std::string_view event,
                   std::initializer_list<LogField> fields) {
  if (the_log().takes(level)) the_log().print_throttled({{}, level, room, event, fields});
}

void flush_throttled(bool all) { the_log().flush(all); }

std::string printable(std::string_view text) {
  std::string out;
  append_printable(text, out);
  return out;
}

std::string text_line(const LogLine& line) {
  std::string out = time_text(line.time);
  out.append(1, ' ').append(name(line.level)).append(1, ' ');
  append_printable(line.room, out);
  out += ": ";
  append_printable(line.event, out);
  for (const auto& [field, value] : line.fields) {
    out.append(1, ' ').append(field).append(1, '=');
    if (is_plain_word(value)) {
      out += value;
    } else {
      append_quoted(value, out);
    }
  }
  if (line.held_back != 0) out.append(" held_back=").append(std::to_string(line.held_back));
  return out;
}

std::string json_line(const LogLine& line) {
  std::string out;
  append_json_member("time", time_text(line.time), out);
  append_json_member("level", name(line.level), out);
  append_json_member("room", line.room, out);
  append_json_member("event", line.event, out);
  for (const auto& [field, value] : line.fields) {
    append_json_member(is_member_of_every_line(field) ? std::string(field) + "_" : std::string(field), value,
                       out);
  }
  if (line.held_back != 0) out.append(R"(,"held_back":)").append(std::to_string(line.held_back));
  return out += '}';
}

}  // namespace bridge
