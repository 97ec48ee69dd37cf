#include <algorithm>
#include <optional>
#include <set>

#include "bridge/config_read.h"
#include "bridge/error.h"
#include "bridge/rules.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

bool contains(const Strings& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string listed(const Strings& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + shown(name);
  return out.empty() ? "none" : out;
}

// A stream under way through the checks.
struct Checked {
  const StreamConfig* config;
  std::string pointer;
  std::optional<TopicPattern> pattern;  // none: reported when the stream was checked
};

void check_keys(const Checked& stream, const Strings& keys, Problems& problems) {
  const std::vector<std::pair<std::string, std::string>>& tags = stream.config->payload.tags;
  const Strings reserved{"stream", "window", "detector"};
  for (const std::string& name : stream.pattern->names()) {
    if (!contains(reserved, name)) continue;
    problems.add(step(stream.pointer, "from"),
                 "captures {" + name + "}, which stands for something else in topics; give it another name");
  }
  const std::string tags_at = step(step(stream.pointer, "payload"), "tags");
  for (const auto& [name, pointer] : tags) {
    const std::string at = step(tags_at, name);
    const bool letters = is_template_name(name);
    if (!letters) {
      problems.add(
          at,
          "a tag's name is made of letters, digits and _, not beginning with a digit; write another name");
    } else if (contains(reserved, name) || name == "field") {
      problems.add(at, "{" + name + "} stands for something else in topics; give the tag another name");
    } else if (contains(stream.pattern->names(), name)) {
      problems.add(at, "is captured from the topic too; give one of them another name");
    }
  }
  if (std::count(keys.begin(), keys.end(), "key") > 1) {
    problems.add(
        step(step(stream.pointer, "payload"), "each"),
        "gives each row the tag \"key\", which there is already; give the other capture or tag another name");
  }
}

void check_by(const WindowConfig& window, const std::string& pointer, const Strings& keys,
              Problems& problems) {
  for (std::size_t i = 0; i < window.by.size(); ++i) {
    const std::string& name = window.by[i];
    const std::string at = step(step(pointer, "by"), i);
    if (!contains(keys, name)) {
      problems.add(at,
                   shown(name) + ": is neither captured by \"from\" nor a tag; known here: " + listed(keys));
    } else if (std::find(window.by.begin(), window.by.begin() + static_cast<std::ptrdiff_t>(i), name) !=
               window.by.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems.add(at, shown(name) + ": stands twice; keep one of them");
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
    if (std::find(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(i), fields[i]) !=
        fields.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems.add(at, shown(fields[i]) + ": stands twice; keep one of them");
    }
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

// A template with what is known of its names; nothing when it is none, which is reported.
std::optional<TopicTemplate> check_template(const std::string& text, const Strings& names,
                                            const std::string& pointer, Problems& problems) {
  try {
    return TopicTemplate(text, names);
  } catch (const SetupError& error) {
    problems.add(pointer, error.what());
    return std::nullopt;
  }
}

// The template with its fixed names filled in and the others as they are: equal for two templates that give
// the same topic.
std::string resolved(const TopicTemplate& topic, const Strings& names, const std::string& stream,
                     const std::string& rule) {
  std::string out;
  for (const TopicTemplate::Part& part : topic.parts()) {
    out += part.literal;
    if (part.name < 0) continue;
    const std::string& name = names[static_cast<std::size_t>(part.name)];
    if (name == "stream" || name == "window" || name == "detector") {
      append_topic_level(name == "stream" ? stream : rule, out);
    } else {
      out += '{' + name + '}';
    }
  }
  return out;
}

// The topics of one stream's results, as far as they are known, and where they stand.
struct Topics {
  std::vector<std::pair<std::string, std::string>> all;

  // Adds one; what to say when it is there already.
  std::string add(const std::string& topic, const std::string& at) {
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == topic; });
    if (same != all.end()) {
      return ": gives the same topics as " + same->second +
             "; results would replace each other, so tell their topics apart";
    }
    all.emplace_back(topic, at);
    return {};
  }
};

void check_window_topics(const Checked& stream, Topics& topics, std::vector<Output>& outputs,
                         Problems& problems) {
  const StreamConfig& config = *stream.config;
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    const WindowConfig& window = config.windows[i];
    const std::string at = step(step(step(stream.pointer, "windows"), i), "to");
    const Strings names = window_template_names(window.by);
    const auto topic = check_template(window.to, names, at, problems);
    if (!topic) continue;
    const std::string known = resolved(*topic, names, config.name, window.spec.name);
    if (const std::string words = topics.add(known, at); !words.empty())
      problems.add(at, shown(window.to) + words + ", as with {window}");
    outputs.push_back({at, window.to, {topic->widest_filter({&config.name, &window.spec.name})}});
  }
}

void check_late_topic(const Checked& stream, Topics& topics, std::vector<Output>& outputs,
                      Problems& problems) {
  const StreamConfig& config = *stream.config;
  if (config.late_to.empty()) return;
  const std::string at = step(stream.pointer, "late_to");
  const Strings names = late_template_names(config);
  if (config.windows.empty()) problems.add(at, "has no effect without windows; leave it out");
  const auto topic = check_template(config.late_to, names, at, problems);
  if (!topic) return;
  if (const std::string words = topics.add(resolved(*topic, names, config.name, ""), at); !words.empty())
    problems.add(at, shown(config.late_to) + words);
  outputs.push_back({at, config.late_to, {topic->widest_filter({&config.name})}});
}

void check_flag_topics(const Checked& stream, const Strings& keys, const Topics& topics,
                       std::vector<Output>& outputs, Problems& problems) {
  const StreamConfig& config = *stream.config;
  const std::string at = step(stream.pointer, "flags_to");
  const Strings names = flag_template_names(keys);
  const auto topic = check_template(config.flags_to, names, at, problems);
  if (!topic || config.detectors.empty()) return;
  for (const DetectorConfig& detector : config.detectors) {
    // Flags of several detectors may share a topic.
    Topics others = topics;
    const std::string words = others.add(resolved(*topic, names, config.name, detector.spec.name), at);
    if (words.empty()) continue;
    problems.add(at, shown(config.flags_to) + words + ", as with flag/{detector}");
    break;
  }
  outputs.push_back({at, config.flags_to, {topic->widest_filter({&config.name})}});
}

void check_stream(const Checked& stream, std::vector<Output>& outputs, Problems& problems) {
  const StreamConfig& config = *stream.config;
  check_name(config.name, step(stream.pointer, "name"), problems);
  if (!stream.pattern) return;
  const Strings keys = series_keys(config);
  check_keys(stream, keys, problems);
  const bool keys_differ = std::set<std::string>(keys.begin(), keys.end()).size() == keys.size();
  if (config.ignore || !keys_differ) return;
  if (config.windows.empty() && config.detectors.empty()) {
    problems.add(stream.pointer,
                 "has neither windows nor detectors and would do nothing; give it one, or \"ignore\": true");
  }
  const std::string windows = step(stream.pointer, "windows"), detectors = step(stream.pointer, "detectors");
  check_names(config.windows, windows, problems);
  check_names(config.detectors, detectors, problems);
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    const WindowConfig& window = config.windows[i];
    add_spec_problems(window.spec.problems(config.lateness), step(windows, i), problems);
    check_by(window, step(windows, i), keys, problems);
    check_fields(window.fields, config.payload, step(windows, i), problems);
  }
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    add_spec_problems(config.detectors[i].spec.problems(), step(detectors, i), problems);
    check_fields(config.detectors[i].fields, config.payload, step(detectors, i), problems);
  }
  Topics topics;
  check_window_topics(stream, topics, outputs, problems);
  check_late_topic(stream, topics, outputs, problems);
  check_flag_topics(stream, keys, topics, outputs, problems);
}

// --- streams among each other ---------------------------------------------------------------------

void check_overlap(const Checked& first, const Checked& second, Problems& problems) {
  const std::string& one = first.pattern->filter();
  const std::string& other = second.pattern->filter();
  if (first.config->name == second.config->name) {
    problems.add(step(second.pointer, "name"), shown(second.config->name) + ": is the name of " +
                                                   first.pointer +
                                                   " too; give each stream a name of its own");
  }
  if (!filters_overlap(one, other)) return;
  const std::string both = shown(other) + " of stream " + shown(second.config->name) + " and " + shown(one) +
                           " of stream " + shown(first.config->name);
  if (first.config->ignore) {
    if (second.config->ignore || !filter_covers(one, other)) return;
    problems.add(step(second.pointer, "from"),
                 both + ": the second, which is ignored, takes everything; make it narrower");
  } else if (second.config->ignore) {
    problems.add(step(second.pointer, "from"),
                 both + " take the same topics; put the ignored stream before the other");
  } else {
    problems.add(step(second.pointer, "from"),
                 both +
                     " take the same topics; a topic belongs to one stream, so make one of "
                     "them narrower, or one \"ignore\": true before the other");
  }
}

// Whether a topic of the output would come back through the subscription.
bool loops(std::string widest, const std::string& filter) {
  if (widest.front() == '+' &&
      filter.front() == '$') {  // MQTT keeps these apart, but the name's value may begin with "$"
    const std::size_t level = std::min(filter.find('/'), filter.size());
    widest.replace(0, 1, filter, 0, level);
  }
  return filters_overlap(widest, filter);
}

void check_loops(const std::vector<Output>& outputs, const std::vector<Checked>& streams,
                 Problems& problems) {
  for (const Output& output : outputs) {
    if (problems.full()) return;
    for (const Checked& stream : streams) {
      if (!stream.pattern || stream.config->ignore) continue;
      const std::string filter = stream.pattern->filter();
      if (std::ranges::none_of(output.widest, [&](const auto& widest) { return loops(widest, filter); }))
        continue;
      problems.add(output.pointer, shown(output.text) + ": would be read again by subscription " +
                                       shown(filter) + " of stream " + shown(stream.config->name) +
                                       "; use another prefix");
    }
  }
}

}  // namespace

void validate_streams(const Config& config, std::vector<Output> outputs, Problems& problems) {
  std::vector<Checked> streams;
  for (std::size_t i = 0; i < config.streams.size(); ++i) {
    Checked& stream = streams.emplace_back(Checked{&config.streams[i], step("/streams", i), {}});
    if (stream.config->from.empty()) continue;  // reported when it was read
    try {
      stream.pattern.emplace(stream.config->from);
    } catch (const SetupError& error) {
      problems.add(step(stream.pointer, "from"), error.what());
    }
  }
  for (const Checked& stream : streams) check_stream(stream, outputs, problems);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (streams[i].pattern && streams[j].pattern) check_overlap(streams[j], streams[i], problems);
    }
  }
  check_loops(outputs, streams, problems);
}

}  // namespace bridge
