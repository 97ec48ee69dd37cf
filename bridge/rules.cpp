#include "bridge/rules.h"

#include <algorithm>
#include <set>
#include <utility>

namespace bridge {
namespace {

// A capture of this name is no key: it names the field of a payload that is a bare number.
constexpr std::string_view field_capture = "field";

bool wants(const std::vector<std::string>& fields, std::string_view field) {
  return fields.empty() || std::find(fields.begin(), fields.end(), field) != fields.end();
}

KeySource source_of(const std::string& key, const std::vector<std::string>& captures, const std::vector<std::string>& tags) {
  const auto capture = std::find(captures.begin(), captures.end(), key);
  if (capture != captures.end()) return {false, static_cast<std::uint32_t>(capture - captures.begin())};
  const auto tag = std::find(tags.begin(), tags.end(), key);
  return {true, static_cast<std::uint32_t>(tag - tags.begin())};
}

Grouping make_grouping(const std::vector<std::string>& keys, const StreamRules& stream) {
  Grouping grouping;
  grouping.names = keys;
  for (const std::string& key : keys) {
    grouping.keys.push_back(source_of(key, stream.pattern.names(), stream.tag_names));
    grouping.has_tags |= grouping.keys.back().tag;
  }
  return grouping;
}

// What a grouping computes for `field`; a field that no rule names stands for all others. Nothing: no rule wants it.
std::optional<core::Plan> make_plan(const StreamRules& stream, std::uint32_t stream_index, std::uint32_t grouping,
                                    std::string_view field) {
  const StreamConfig& config = *stream.config;
  core::Plan plan;
  plan.stream = stream_index;
  plan.grouping = grouping;
  plan.lateness = config.lateness;
  plan.idle = config.idle;
  for (std::uint32_t i = 0; i < config.windows.size(); ++i) {
    if (stream.window_groupings[i] != grouping || !wants(config.windows[i].fields, field)) continue;
    plan.windows.push_back(config.windows[i].spec);
    plan.window_rules.push_back(i);
  }
  for (std::uint32_t i = 0; grouping == 0 && i < config.detectors.size(); ++i) {
    if (!wants(config.detectors[i].fields, field)) continue;
    plan.detectors.push_back(config.detectors[i].spec);
    plan.detector_rules.push_back(i);
  }
  if (plan.windows.empty() && plan.detectors.empty()) return std::nullopt;
  return plan;
}

std::set<std::string> fields_named(const StreamConfig& config) {
  std::set<std::string> names;
  for (const WindowConfig& window : config.windows) names.insert(window.fields.begin(), window.fields.end());
  for (const DetectorConfig& detector : config.detectors) names.insert(detector.fields.begin(), detector.fields.end());
  return names;
}

}  // namespace

std::vector<std::string> series_keys(const StreamConfig& stream) {
  std::vector<std::string> keys;
  const TopicPattern pattern{stream.from};
  for (const std::string& name : pattern.names()) {
    if (name != field_capture) keys.push_back(name);
  }
  for (const auto& [name, pointer] : stream.payload.tags) keys.push_back(name);
  return keys;
}

std::vector<std::string> window_template_names(const std::vector<std::string>& by) {
  std::vector<std::string> names{"stream", "window", "field"};
  names.insert(names.end(), by.begin(), by.end());
  return names;
}

std::vector<std::string> flag_template_names(const std::vector<std::string>& keys) {
  std::vector<std::string> names{"stream", "detector", "field"};
  names.insert(names.end(), keys.begin(), keys.end());
  return names;
}

const core::Plan* Grouping::plan_for(std::string_view field) const {
  if (by_field.empty()) return other;
  const auto found = by_field.find(field);
  return found != by_field.end() ? found->second : other;
}

Rules::Rules(const Config& config) : config_(config) {
  for (const StreamConfig& stream : config.streams) add_stream(stream);
}

void Rules::add_stream(const StreamConfig& config) {
  auto stream = std::make_unique<StreamRules>(StreamRules{&config, TopicPattern{config.from}, {}, {}, {}, {}, {}});
  for (const auto& [name, pointer] : config.payload.tags) stream->tag_names.push_back(name);
  const std::vector<std::string> all_keys = series_keys(config);
  stream->groupings.push_back(make_grouping(all_keys, *stream));
  for (const WindowConfig& window : config.windows) {
    auto same = std::find_if(stream->groupings.begin(), stream->groupings.end(),
                             [&](const Grouping& grouping) { return grouping.names == window.by; });
    if (same == stream->groupings.end()) same = stream->groupings.insert(same, make_grouping(window.by, *stream));
    stream->window_groupings.push_back(static_cast<std::uint32_t>(same - stream->groupings.begin()));
    stream->window_topics.emplace_back(window.to, window_template_names(window.by));
  }
  stream->flag_topic = config.ignore ? TopicTemplate{} : TopicTemplate{config.flags_to, flag_template_names(all_keys)};
  add_plans(*stream);
  streams_.push_back(std::move(stream));
}

void Rules::add_plans(StreamRules& stream) {
  const auto stream_index = static_cast<std::uint32_t>(streams_.size());
  const auto plan_of = [&](std::uint32_t grouping, std::string_view field) -> const core::Plan* {
    std::optional<core::Plan> plan = make_plan(stream, stream_index, grouping, field);
    return plan ? &plans_.emplace_back(std::move(*plan)) : nullptr;
  };
  for (std::uint32_t g = 0; g < stream.groupings.size(); ++g) {
    Grouping& grouping = stream.groupings[g];
    for (const std::string& field : fields_named(*stream.config)) grouping.by_field.emplace(field, plan_of(g, field));
    // No field can have an empty name that a rule names: "" is wanted by exactly the rules for all fields.
    grouping.other = plan_of(g, "");
  }
}

}  // namespace bridge
