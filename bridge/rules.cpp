#include "bridge/rules.h"

#include <algorithm>
#include <set>

#include "core/check.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

bool same_set(const Strings& a, const Strings& b) {
  return std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

// Whether a rule that names `fields` (none: all) applies to `field`.
bool applies(const Strings& fields, const std::string* field) {
  if (fields.empty()) return true;
  return field != nullptr && std::find(fields.begin(), fields.end(), *field) != fields.end();
}

std::uint32_t index32(std::size_t index) { return static_cast<std::uint32_t>(index); }

// Where the value of the key `name` comes from. Precondition: validated, so it is one of both.
KeySource key_source(const std::string& name, const Strings& captures, const Strings& tags) {
  const auto capture = std::find(captures.begin(), captures.end(), name);
  if (capture != captures.end())
    return {false, index32(static_cast<std::size_t>(capture - captures.begin()))};
  const auto tag = std::find(tags.begin(), tags.end(), name);
  CHECK(tag != tags.end(), "key \"%s\" is neither capture nor tag", name.c_str());
  return {true, index32(static_cast<std::size_t>(tag - tags.begin()))};
}

Grouping make_grouping(const Strings& names, const Strings& captures, const Strings& tags) {
  Grouping grouping;
  grouping.names = names;
  for (const std::string& name : names) {
    const KeySource& source = grouping.keys.emplace_back(key_source(name, captures, tags));
    grouping.has_tags |= source.tag;
  }
  return grouping;
}

// Index of the grouping with the keys `by`, a new one where there is none.
std::uint32_t grouping_of(const Strings& by, StreamRules& rules) {
  for (std::size_t i = 0; i < rules.groupings.size(); ++i) {
    if (same_set(rules.groupings[i].names, by)) return index32(i);
  }
  rules.groupings.push_back(make_grouping(by, rules.pattern.names(), rules.tag_names));
  return index32(rules.groupings.size() - 1);
}

// What is computed for `field` (null: for any field no rule names) of one grouping.
core::Plan make_plan(const StreamRules& rules, std::uint32_t stream, std::uint32_t grouping,
                     const std::string* field) {
  const StreamConfig& config = *rules.config;
  core::Plan plan;
  plan.stream = stream;
  plan.grouping = grouping;
  plan.lateness = config.lateness;
  plan.idle = config.idle;
  plan.reports_late = !config.late_to.empty();
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    if (rules.window_groupings[i] != grouping || !applies(config.windows[i].fields, field)) continue;
    plan.windows.push_back(config.windows[i].spec);
    plan.window_rules.push_back(index32(i));
  }
  for (std::size_t i = 0; grouping == 0 && i < config.detectors.size(); ++i) {
    if (!applies(config.detectors[i].fields, field)) continue;
    plan.detectors.push_back(config.detectors[i].spec);
    plan.detector_rules.push_back(index32(i));
  }
  return plan;
}

// Fields that some rule of the grouping names.
std::set<std::string> named_fields(const StreamRules& rules, std::uint32_t grouping) {
  const StreamConfig& config = *rules.config;
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    if (rules.window_groupings[i] == grouping)
      names.insert(config.windows[i].fields.begin(), config.windows[i].fields.end());
  }
  for (std::size_t i = 0; grouping == 0 && i < config.detectors.size(); ++i) {
    names.insert(config.detectors[i].fields.begin(), config.detectors[i].fields.end());
  }
  return names;
}

const core::Plan* keep(core::Plan plan, std::deque<core::Plan>& plans) {
  if (plan.windows.empty() && plan.detectors.empty()) return nullptr;
  return &plans.emplace_back(std::move(plan));
}

std::unique_ptr<StreamRules> make_stream(const StreamConfig& config, std::uint32_t index,
                                         std::deque<core::Plan>& plans) {
  auto rules = std::make_unique<StreamRules>(
      StreamRules{&config, TopicPattern(config.from), {}, {}, {}, {}, {}, {}, false});
  if (config.ignore) return rules;
  const Strings keys = series_keys(config);
  rules->tag_names = tag_names(config.payload);
  rules->groupings.push_back(make_grouping(keys, rules->pattern.names(), rules->tag_names));
  for (const WindowConfig& window : config.windows) {
    rules->window_groupings.push_back(grouping_of(window.by, *rules));
    rules->window_topics.emplace_back(window.to, window_template_names(window.by));
  }
  rules->flag_topic = TopicTemplate(config.flags_to, flag_template_names(keys));
  if (!config.late_to.empty()) {
    rules->late_topic = TopicTemplate(config.late_to, late_template_names(config));
  }
  for (std::uint32_t g = 0; g < rules->groupings.size(); ++g) {
    Grouping& grouping = rules->groupings[g];
    for (const std::string& field : named_fields(*rules, g)) {
      grouping.by_field.emplace(field, keep(make_plan(*rules, index, g, &field), plans));
    }
    grouping.other = keep(make_plan(*rules, index, g, nullptr), plans);
    const auto wants = [](const core::Plan* plan) { return plan != nullptr && plan->wants_nulls(); };
    rules->wants_nulls |= wants(grouping.other);
    for (const auto& [field, plan] : grouping.by_field) rules->wants_nulls |= wants(plan);
  }
  return rules;
}

Strings with_keys(Strings names, const Strings& keys) {
  names.insert(names.end(), keys.begin(), keys.end());
  return names;
}

}  // namespace

const core::Plan* Grouping::plan_for(std::string_view field) const {
  const auto found = by_field.find(field);
  return found == by_field.end() ? other : found->second;
}

Rules::Rules(const Config& config) : config_(config) {
  for (std::size_t i = 0; i < config.streams.size(); ++i) {
    streams_.push_back(make_stream(config.streams[i], index32(i), plans_));
  }
}

std::vector<std::string> window_template_names(const std::vector<std::string>& by) {
  return with_keys({"stream", "window", "field"}, by);
}

std::vector<std::string> late_template_names(const StreamConfig& stream) {
  Strings keys = series_keys(stream);
  for (const WindowConfig& window : stream.windows) {
    std::erase_if(keys, [&](const std::string& key) {
      return std::find(window.by.begin(), window.by.end(), key) == window.by.end();
    });
  }
  return with_keys({"stream", "field"}, keys);
}

std::vector<std::string> flag_template_names(const std::vector<std::string>& keys) {
  return with_keys({"stream", "detector", "field"}, keys);
}

}  // namespace bridge
