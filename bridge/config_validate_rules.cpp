#include <algorithm>
#include <set>

#include "bridge/config_read.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

bool contains(const Strings& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool stands_before(const Strings& all, std::size_t i) {
  const auto here = all.begin() + static_cast<std::ptrdiff_t>(i);
  return std::find(all.begin(), here, all[i]) != here;
}

std::string listed(const Strings& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + shown(name);
  return out.empty() ? "none" : out;
}

void check_keys(const StreamConfig& stream, const Strings& captures, const std::string& pointer,
                const Strings& keys, Problems& problems) {
  const std::vector<std::pair<std::string, std::string>>& tags = stream.payload.tags;
  const Strings reserved{"stream", "window", "detector"};
  for (const std::string& name : captures) {
    if (!contains(reserved, name)) continue;
    problems.add(step(pointer, "from"),
                 "captures {" + name + "}, which stands for something else in topics; give it another name");
  }
  const std::string tags_at = step(step(pointer, "payload"), "tags");
  for (const auto& [name, at_row] : tags) {
    const std::string at = step(tags_at, name);
    const bool letters = is_template_name(name);
    if (!letters) {
      problems.add(
          at,
          "a tag's name is made of letters, digits and _, not beginning with a digit; write another name");
    } else if (contains(reserved, name) || name == "field") {
      problems.add(at, "{" + name + "} stands for something else in topics; give the tag another name");
    } else if (contains(captures, name)) {
      problems.add(at, "is captured from the topic too; give one of them another name");
    }
  }
  if (std::count(keys.begin(), keys.end(), "key") > 1) {
    problems.add(
        step(step(pointer, "payload"), "each"),
        "gives each row the tag \"key\", which there is already; give the other capture or tag another name");
  }
}

void check_by(const Strings& by, const std::string& pointer, const Strings& keys, Problems& problems) {
  for (std::size_t i = 0; i < by.size(); ++i) {
    const std::string at = step(step(pointer, "by"), i);
    if (!contains(keys, by[i])) {
      problems.add(at,
                   shown(by[i]) + ": is neither captured by \"from\" nor a tag; known here: " + listed(keys));
    } else if (stands_before(by, i)) {
      problems.add(at, shown(by[i]) + ": stands twice; keep one of them");
    }
  }
}

void check_fields(const Strings& fields, const PayloadConfig& payload, const std::string& pointer,
                  Problems& problems) {
  Strings known;
  for (const FieldConfig& field : payload.fields) known.push_back(field.name);
  const std::vector<std::string_view> views(known.begin(), known.end());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string at = step(step(pointer, "fields"), i);
    if (stands_before(fields, i)) problems.add(at, shown(fields[i]) + ": stands twice; keep one of them");
    if (known.empty() || contains(known, fields[i])) continue;
    std::string words = shown(fields[i]) + ": is no field of the payload";
    if (const auto meant = nearest(fields[i], views); !meant.empty())
      words += "; did you mean " + shown(meant) + "?";
    problems.add(at, words + "; known here: " + listed(known));
  }
}

template <typename Rule>
void check_names(const std::vector<Rule>& rules, const std::string& pointer, Problems& problems) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string& name = rules[i].spec.name;
    const std::string at = step(step(pointer, i), "name");
    check_name(name, at, problems);
    for (std::size_t j = 0; j < i && !name.empty(); ++j) {
      if (rules[j].spec.name != name) continue;
      problems.add(
          at, shown(name) + ": is the name of " + step(pointer, j) + " too; give each a \"name\" of its own");
      break;
    }
  }
}

// The keys inside a window's "calendar" that its spec speaks of.
bool is_of_calendar(const std::string& key) {
  return key == "shifts" || key == "day_start" || key == "week_start";
}

// Adds the pointer to what a spec says of itself: "every: ..." belongs to its key.
void add_spec_problems(const Strings& words, const std::string& pointer, Problems& problems) {
  for (const std::string& line : words) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) {
      problems.add(pointer, line);
    } else {
      const std::string key = line.substr(0, colon);
      const std::string at = is_of_calendar(key) ? step(pointer, "calendar") : pointer;
      problems.add(step(at, key), line.substr(colon + 2));
    }
  }
}

// --- detectors --------------------------------------------------------------------------------------

// What may have been meant by an `on` that names no value.
std::string values_here(const StreamConfig& stream, const std::string& on) {
  const core::WindowSpec* longest = nullptr;
  Strings windows, aggregates;
  for (const WindowConfig& window : stream.windows) {
    windows.push_back(window.spec.name);
    if (!on.starts_with(window.spec.name + '.')) continue;
    if (longest == nullptr || window.spec.name.size() > longest->name.size()) longest = &window.spec;
  }
  if (longest == nullptr)
    return "must be the name of one of the stream's windows, a point and an aggregate; windows here: " +
           listed(windows);
  for (const core::Aggregate& aggregate : longest->aggregates) aggregates.push_back(core::name(aggregate));
  return "window " + shown(longest->name) + " makes no " + shown(on.substr(longest->name.size() + 1)) +
         "; add it there, or choose one of " + listed(aggregates);
}

void check_on(const StreamConfig& stream, const DetectorConfig& detector, const std::string& pointer,
              Problems& problems) {
  if (detector.on.empty()) return;
  const std::string at = step(pointer, "on"), seen = shown(detector.on) + ": ";
  const auto value = find_value(stream, detector.on);
  if (!value) return problems.add(at, seen + values_here(stream, detector.on));
  const WindowConfig& window = stream.windows[value->window];
  if (window.spec.emit != core::Emit::on_close)
    problems.add(at, seen + "the first result of each window is judged, which \"emit\" of window " +
                         shown(window.spec.name) + " makes one that is not final; leave that out");
  for (std::size_t i = 0; i < detector.fields.size() && !window.fields.empty(); ++i) {
    if (contains(window.fields, detector.fields[i])) continue;
    problems.add(step(step(pointer, "fields"), i), shown(detector.fields[i]) + ": is no field of window " +
                                                       shown(window.spec.name) +
                                                       "; known there: " + listed(window.fields));
  }
}

// Who stands against whom: a group needs more than one series.
void check_groups(const StreamConfig& stream, const DetectorConfig& detector, const std::string& pointer,
                  Problems& problems) {
  if (!std::holds_alternative<core::PeersSpec>(detector.spec.kind)) return;
  if (!detector.on.empty())
    return problems.add(step(pointer, "on"), "has no meaning for peers; they compare samples");
  const Strings keys = series_keys(stream, detector);
  check_by(detector.by, pointer, keys, problems);
  const bool apart = std::any_of(keys.begin(), keys.end(),
                                 [&](const std::string& key) { return !contains(detector.by, key); });
  if (!apart)
    problems.add(step(pointer, "by"),
                 "leaves no key that tells the members of a group apart; keys here: " + listed(keys));
}

void check_expected(const StreamConfig& stream, const DetectorConfig& detector, const Strings& keys,
                    const std::string& pointer, Problems& problems) {
  if (detector.expect.empty()) return;
  const std::string at = step(pointer, "expect");
  if (detector.fields.empty() && stream.payload.fields.empty())
    problems.add(at, "needs \"fields\", here or in the payload: which series of a device are expected");
  Strings wanted = keys;
  std::sort(wanted.begin(), wanted.end());
  for (std::size_t i = 0; i < detector.expect.size(); ++i) {
    Strings given;
    for (const auto& [key, value] : detector.expect[i]) given.push_back(key);
    if (given != wanted)
      problems.add(step(at, i), "must give a value to each of the stream's keys: " + listed(wanted));
  }
}

void check_rules(const StreamConfig& config, const std::string& pointer, const Strings& keys,
                 Problems& problems) {
  const std::string windows = step(pointer, "windows"), detectors = step(pointer, "detectors");
  check_names(config.windows, windows, problems);
  check_names(config.detectors, detectors, problems);
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    const WindowConfig& window = config.windows[i];
    const std::string at = step(windows, i);
    add_spec_problems(window.spec.problems(config.lateness), at, problems);
    check_by(window.by, at, keys, problems);
    check_fields(window.fields, config.payload, at, problems);
  }
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    const DetectorConfig& detector = config.detectors[i];
    const std::string at = step(detectors, i);
    add_spec_problems(detector.spec.problems(), at, problems);
    check_fields(detector.fields, config.payload, at, problems);
    check_on(config, detector, at, problems);
    check_groups(config, detector, at, problems);
    check_expected(config, detector, keys, at, problems);
  }
}

}  // namespace

void validate_stream(const StreamConfig& stream, const TopicPattern& pattern, const std::string& pointer,
                     std::vector<Output>& outputs, Problems& problems) {
  const Strings keys = series_keys(stream);
  check_keys(stream, pattern.names(), pointer, keys, problems);
  const bool keys_differ = std::set<std::string>(keys.begin(), keys.end()).size() == keys.size();
  if (stream.ignore || !keys_differ) return;
  if (stream.windows.empty() && stream.detectors.empty()) {
    problems.add(pointer,
                 "has neither windows nor detectors and would do nothing; give it one, or \"ignore\": true");
  }
  check_rules(stream, pointer, keys, problems);
  validate_topics(stream, pointer, outputs, problems);
}

}  // namespace bridge
