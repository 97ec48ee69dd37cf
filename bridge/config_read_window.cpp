#include <algorithm>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/error.h"
#include "bridge/text.h"
#include "bridge/zone.h"

namespace bridge {
namespace {

using core::WindowKind;
using core::WindowSpec;

// Stand for what was given and is none.
constexpr WindowKind unread_kind{255};
constexpr core::CalendarUnit unread_unit{255};

// "tumbling, hopping and sliding".
std::string listed(unsigned kinds) {
  std::vector<std::string> names;
  for (const auto& [name, kind] : window_kind_names) {
    if ((kinds & set_of(kind)) != 0) names.emplace_back(name);
  }
  std::string out = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) out += (i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

void refuse_keys_of_other_kinds(ObjectReader& in, WindowKind kind) {
  for (const KindKey& one : kind_keys) {
    if ((one.kinds & set_of(kind)) != 0) continue;
    in.refuse(one.key, "has no meaning for a " + std::string{core::name(kind)} + " window, only for " +
                           listed(one.kinds) + "; leave it out, or choose another \"kind\"");
  }
}

// --- the extent of a window: each returns whether all that the window's name is made of could be read -----

bool need_duration(ObjectReader& in, std::string_view key, std::string_view what_for, Duration& target) {
  target = unread;
  in.need(key, what_for);
  in.duration(key, target);
  if (target != unread) return true;
  target = 1min;  // reported; what is checked later need not repeat it
  return false;
}

bool read_length(ObjectReader& in, WindowSpec& spec) {
  return need_duration(in, "length", "write how long the window is, as \"1m\"", spec.length);
}

// Tumbling or hopping, which follows from "every" where the kind is left out.
bool read_length_and_every(ObjectReader& in, WindowSpec& spec) {
  const bool readable = read_length(in, spec);
  spec.every = spec.length;
  in.duration("every", spec.every);
  const WindowKind follows = spec.every == spec.length ? WindowKind::tumbling : WindowKind::hopping;
  if (in.find("kind") == nullptr) {
    spec.kind = follows;
  } else if (spec.kind == WindowKind::tumbling && follows == WindowKind::hopping) {
    in.problem("kind", "\"tumbling\" contradicts every " + format_duration(spec.every) + " and length " +
                           format_duration(spec.length) + "; leave \"every\" out, or make it \"hopping\"");
  } else if (spec.kind == WindowKind::hopping && follows == WindowKind::tumbling) {
    in.problem("kind", "\"hopping\" needs an \"every\" that is shorter than length " +
                           format_duration(spec.length) + "; add one, or make it \"tumbling\"");
  }
  return readable;
}

bool read_samples(ObjectReader& in, WindowSpec& spec) {
  in.need("samples", "write how many samples the window takes, as 100");
  in.integer("samples", spec.samples, 1, WindowSpec::samples_limit);
  const bool readable = spec.samples != 0;
  if (!readable) spec.samples = 1;  // reported
  spec.step = spec.samples;
  if (readable)
    in.integer("step", spec.step, 1, WindowSpec::samples_limit);
  else
    static_cast<void>(in.find("step"));
  return readable;
}

// "06:00".
std::optional<std::chrono::minutes> clock_of(const Node& node, const std::string& pointer,
                                             Problems& problems) {
  const std::string& text = node.text;
  const auto digits = [&](std::size_t at) {
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 100; };
    return digit(at) * 10 + digit(at + 1);
  };
  const bool shape = node.kind == Node::Kind::text && text.size() == 5 && text[2] == ':';
  if (shape && digits(0) < 24 && digits(3) < 60) return std::chrono::minutes{digits(0) * 60 + digits(3)};
  problems.add(pointer, node.seen() + ": must be a time of day, \"00:00\" to \"23:59\"");
  return std::nullopt;
}

void read_zone(ObjectReader& in, core::Zone& zone) {
  std::string name = "UTC";
  in.text("zone", name);
  try {
    zone = load_zone(name);
  } catch (const SetupError& error) {
    in.problem("zone", error.what());
    zone = load_zone("UTC");
  }
}

void read_shifts(ObjectReader& in, Problems& problems, core::CalendarSpec& calendar) {
  in.elements("shifts", [&](const Node& node, const std::string& at) {
    if (const auto time = clock_of(node, at, problems)) calendar.shifts.push_back(*time);
  });
  const Node* const given = in.find("shifts");
  // What is left of a list is not checked further.
  if (given != nullptr && given->items.size() != calendar.shifts.size()) calendar.shifts = {0min};
}

bool read_calendar(ObjectReader& outer, Problems& problems, WindowSpec& spec) {
  core::CalendarSpec& calendar = spec.calendar.emplace();
  calendar.zone = load_zone("UTC");
  const Node* const node =
      outer.need("calendar", "write which periods, as {\"unit\": \"day\", \"zone\": \"Europe/Berlin\"}");
  if (node == nullptr) return false;
  ObjectReader in(*node, outer.at("calendar"), problems);
  if (node->kind != Node::Kind::object) return false;
  calendar.unit = unread_unit;
  in.need("unit", "choose \"hour\", \"day\", \"week\", \"month\" or \"shifts\"");
  in.choice("unit", calendar.unit, calendar_unit_names);
  const bool readable = calendar.unit != unread_unit;
  read_shifts(in, problems, calendar);
  if (const Node* const start = in.find("day_start")) {
    calendar.day_start = clock_of(*start, in.at("day_start"), problems).value_or(0min);
  }
  in.choice("week_start", calendar.week_start, weekday_names);
  read_zone(in, calendar.zone);
  in.finish();
  // Which of the other keys are allowed is not known.
  if (!readable) {
    core::Zone zone = std::move(calendar.zone);
    calendar = {};
    calendar.zone = std::move(zone);
  }
  return readable;
}

bool read_extent(ObjectReader& in, Problems& problems, WindowSpec& spec) {
  switch (spec.kind) {
    case WindowKind::tumbling:
    case WindowKind::hopping:
      return read_length_and_every(in, spec);
    case WindowKind::sliding:
      in.integer("samples_max", spec.samples_max, 1, WindowSpec::samples_limit);
      return read_length(in, spec);
    case WindowKind::count:
      return read_samples(in, spec);
    case WindowKind::session:
      return need_duration(in, "gap", "write how long a pause ends the session, as \"30s\"", spec.gap);
    case WindowKind::cumulative:
      return need_duration(in, "every", "write how often there is a result, as \"1m\"", spec.every);
    case WindowKind::calendar:
      break;
  }
  return read_calendar(in, problems, spec);
}

Duration default_retention(const WindowSpec& spec) {
  if (spec.kind != WindowKind::calendar) return spec.every;
  switch (spec.calendar->unit) {
    case core::CalendarUnit::day:
      return 24h;
    case core::CalendarUnit::week:
      return 7 * 24h;
    case core::CalendarUnit::month:
      return 31 * 24h;
    default:
      return 1h;
  }
}

std::string default_name(const WindowSpec& spec) {
  switch (spec.kind) {
    case WindowKind::tumbling:
      return format_duration(spec.length);
    case WindowKind::hopping:
      return format_duration(spec.length) + '-' + format_duration(spec.every);
    case WindowKind::sliding:
      return "sliding-" + format_duration(spec.length);
    case WindowKind::count:
      return "count-" + std::to_string(spec.samples) +
             (spec.step == spec.samples ? "" : '-' + std::to_string(spec.step));
    case WindowKind::session:
      return "session-" + format_duration(spec.gap);
    case WindowKind::cumulative:
      return "total-" + format_duration(spec.every);
    case WindowKind::calendar:
      break;
  }
  return std::string{name_in(calendar_unit_names, spec.calendar->unit)};
}

// --- what it says, and when --------------------------------------------------------------------------------

// One of `words`, whose index is returned, or a duration, with words.size(); nothing when absent or neither.
std::optional<std::size_t> word_or_duration(ObjectReader& in, std::string_view key,
                                            std::span<const std::string_view> words, Duration& duration) {
  const Node* const node = in.find(key);
  if (node == nullptr) return std::nullopt;
  const bool text = node->kind == Node::Kind::text;
  const auto found = std::find(words.begin(), words.end(), text ? node->text : std::string{});
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  const auto given = text ? parse_duration(node->text) : std::nullopt;
  if (given && *given > Duration{0} && *given <= core::duration_max) {
    duration = *given;
    return words.size();
  }
  std::string allowed;
  for (const std::string_view word : words) allowed += shown(word) + ", ";
  in.problem(key, node->seen() + ": must be " + allowed + "or a time above 0s with its unit, as \"10s\"");
  return std::nullopt;
}

void read_emit(ObjectReader& in, WindowSpec& spec) {
  constexpr std::array<std::string_view, 2> words{"on_close", "on_change"};
  constexpr std::array emits{core::Emit::on_close, core::Emit::on_change, core::Emit::every};
  if (const auto chosen = word_or_duration(in, "emit", words, spec.emit_every)) spec.emit = emits[*chosen];
}

void read_results(ObjectReader& in, WindowSpec& spec) {
  if (has_key(spec, "offset")) in.duration("offset", spec.offset);
  if (has_key(spec, "retention")) {
    spec.retention = default_retention(spec);
    in.duration("retention", spec.retention);
  }
  if (has_key(spec, "emit")) read_emit(in, spec);
  if (has_key(spec, "empty")) in.choice("empty", spec.empty, empty_names);
  if (has_key(spec, "spread")) in.duration("spread", spec.spread);
}

}  // namespace

void read_learned(ObjectReader& in, std::string_view key, std::optional<Duration>& target) {
  constexpr std::array<std::string_view, 1> words{"learned"};
  Duration given{0};
  if (word_or_duration(in, key, words, given)) target = given;
}

void default_window(const StreamConfig& stream, WindowConfig& window) {
  WindowSpec& spec = window.spec;
  spec.name = "1m";
  spec.kind = WindowKind::tumbling;
  spec.length = spec.every = spec.retention = 1min;
  window.by = series_keys(stream);
  if (stream.cadence) add_cadence(spec, *stream.cadence);
}

void read_window(const Node& node, const std::string& pointer, Problems& problems, const StreamConfig& stream,
                 WindowConfig& window) {
  ObjectReader in(node, pointer, problems);
  WindowSpec& spec = window.spec;
  read_name(in, spec.name);
  spec.kind = in.find("kind") == nullptr ? WindowKind::tumbling : unread_kind;
  in.choice("kind", spec.kind, window_kind_names);
  if (spec.kind == unread_kind) {  // which other keys are allowed is not known
    const std::string name = spec.name;
    default_window(stream, window);
    spec.name = name;
    return;
  }
  const bool readable = read_extent(in, problems, spec);
  refuse_keys_of_other_kinds(in, spec.kind);
  read_results(in, spec);
  window.by = series_keys(stream);
  in.texts("by", window.by);
  read_field_names(in, window.fields);
  read_aggregates(in, problems, spec);
  std::optional<Duration> cadence = stream.cadence;
  read_learned(in, "cadence", cadence);
  if (cadence) add_cadence(spec, *cadence);
  in.text("to", window.to);
  if (in.find("to") != nullptr && window.to.empty())
    in.problem("to", "\"\": must be a topic; leave it out for the default");
  if (in.find("name") == nullptr && readable) spec.name = default_name(spec);
  in.finish();
}

}  // namespace bridge
