#include "bridge/rules.h"

#include <algorithm>
#include <set>
#include <utility>

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
    if (!rules.groupings[i].paired && same_set(rules.groupings[i].names, by)) return index32(i);
  }
  rules.groupings.push_back(make_grouping(by, rules.pattern.names(), rules.tag_names));
  return index32(rules.groupings.size() - 1);
}

bool applies_to(const DetectorConfig& detector, const DetectorRules& rules, std::uint32_t grouping,
                const std::string* field) {
  return rules.grouping == grouping && applies(detector.fields, field);
}

// The detector in this plan, whose windows are there; nothing where the window is not that it judges.
std::optional<core::DetectorSpec> in_plan(const core::DetectorSpec& spec, const DetectorRules& rules,
                                          const core::Plan& plan) {
  core::DetectorSpec made = spec;
  if (!rules.on) return made;
  const auto& windows = plan.window_rules;
  const auto found = std::find(windows.begin(), windows.end(), rules.on->window);
  if (found == windows.end()) return std::nullopt;
  made.on = {index32(static_cast<std::size_t>(found - windows.begin())), rules.on->value};
  return made;
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
  plan.paired = rules.groupings[grouping].paired;
  for (std::size_t i = 0; i < config.windows.size(); ++i) {
    if (rules.window_groupings[i] != grouping || !applies(config.windows[i].fields, field)) continue;
    plan.windows.push_back(config.windows[i].spec);
    plan.window_rules.push_back(index32(i));
  }
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    if (!applies_to(config.detectors[i], rules.detectors[i], grouping, field)) continue;
    auto spec = in_plan(config.detectors[i].spec, rules.detectors[i], plan);
    if (!spec) continue;
    plan.detectors.push_back(*std::move(spec));
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
  for (std::size_t i = 0; i < config.detectors.size(); ++i) {
    if (rules.detectors[i].grouping == grouping)
      names.insert(config.detectors[i].fields.begin(), config.detectors[i].fields.end());
  }
  return names;
}

const core::Plan* keep(core::Plan plan, std::deque<core::Plan>& plans) {
  if (plan.windows.empty() && plan.detectors.empty()) return nullptr;
  return &plans.emplace_back(std::move(plan));
}

// Where the devices of a group are compared: a series for each, as in grouping 0.
Grouping make_peers(const core::PeersSpec& peers, const DetectorConfig& detector, const Grouping& all) {
  Grouping grouping = all;
  grouping.paired = true;
  grouping.members_least = peers.members;
  for (std::size_t i = 0; i < all.names.size(); ++i) {
    if (std::find(detector.by.begin(), detector.by.end(), all.names[i]) != detector.by.end())
      grouping.alike.push_back(i);
  }
  return grouping;
}

// What silences expect, of each field that they name, or the payload does.
void add_expected(StreamRules& rules) {
  for (const DetectorConfig& detector : rules.config->detectors) {
    Strings fields = detector.fields;
    if (fields.empty()) {
      for (const FieldConfig& field : rules.config->payload.fields) fields.push_back(field.name);
    }
    for (const auto& device : detector.expect) {
      Strings key;
      for (const std::string& name : rules.groupings[0].names) key.push_back(device.at(name));
      for (const std::string& field : fields) rules.expected.push_back({key, field});
    }
  }
}

DetectorRules make_detector(const DetectorConfig& detector, StreamRules& stream) {
  const StreamConfig& config = *stream.config;
  DetectorRules rules{0, find_value(config, detector.on), {}, {}};
  if (rules.on) rules.grouping = stream.window_groupings[rules.on->window];
  if (const auto* peers = std::get_if<core::PeersSpec>(&detector.spec.kind)) {
    rules.grouping = index32(stream.groupings.size());
    stream.groupings.push_back(make_peers(*peers, detector, stream.groupings[0]));
    stream.has_peers = true;
  }
  const Strings names = flag_template_names(stream.groupings[rules.grouping].names);
  rules.flag_topic = TopicTemplate(detector.to.empty() ? config.flags_to : detector.to, names);
  if (!detector.retain_to.empty()) rules.state_topic = TopicTemplate(detector.retain_to, names);
  return rules;
}

std::unique_ptr<StreamRules> make_stream(const StreamConfig& config, std::uint32_t index,
                                         std::deque<core::Plan>& plans) {
  auto rules = std::make_unique<StreamRules>(StreamRules{
      std::make_shared<const StreamConfig>(config), TopicPattern(config.from), {}, {}, {}, {}, {}, {}, {}});
  if (config.ignore) return rules;
  const Strings keys = series_keys(config);
  rules->tag_names = tag_names(config.payload);
  rules->groupings.push_back(make_grouping(keys, rules->pattern.names(), rules->tag_names));
  for (const WindowConfig& window : config.windows) {
    rules->window_groupings.push_back(grouping_of(window.by, *rules));
    rules->window_topics.emplace_back(window.to, window_template_names(window.by));
  }
  for (const DetectorConfig& detector : config.detectors) {
    rules->detectors.push_back(make_detector(detector, *rules));
  }
  add_expected(*rules);
  if (!config.late_to.empty()) {
    rules->late_topic = TopicTemplate(config.late_to, late_template_names(config));
  }
  if (!config.flag_days_to.empty()) {
    rules->flag_days_topic = TopicTemplate(config.flag_days_to, flag_day_template_names(config));
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

// Of `keys` those that `others` has too.
void keep_common(const Strings& others, Strings& keys) {
  std::erase_if(keys, [&](const std::string& key) {
    return std::find(others.begin(), others.end(), key) == others.end();
  });
}

}  // namespace

const core::Plan* Grouping::plan_for(std::string_view field) const {
  const auto found = by_field.find(field);
  return found == by_field.end() ? other : found->second;
}

Rules::Rules(const Config& config, bool reports_scores)
    : limits_(config.limits), reports_scores_(reports_scores) {
  adopt(config.streams, {std::vector<std::size_t>(config.streams.size(), Adoption::none), {}});
}

Adoption Rules::compare(const std::vector<StreamConfig>& next) const {
  Adoption adoption{std::vector<std::size_t>(next.size(), Adoption::none),
                    std::vector<bool>(streams_.size(), false)};
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < streams_.size(); ++i) known.emplace(describe(*streams_[i]->config), i);
  for (std::size_t i = 0; i < next.size(); ++i) {
    const auto found = known.find(describe(next[i]));
    if (found == known.end()) continue;
    adoption.from[i] = found->second;
    adoption.stays[found->second] = true;
  }
  return adoption;
}

void Rules::adopt(const std::vector<StreamConfig>& next, const Adoption& adoption) {
  std::vector<std::uint32_t> places(streams_.size(), ~std::uint32_t{0});
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (adoption.from[i] != Adoption::none) places[adoption.from[i]] = index32(i);
  }
  for (core::Plan& plan : plans_) {
    if (plan.stream < places.size()) plan.stream = places[plan.stream];
  }
  auto old = std::exchange(streams_, {});
  for (std::size_t i = 0; i < next.size(); ++i) {
    const std::size_t from = adoption.from[i];
    streams_.push_back(from == Adoption::none ? make_stream(next[i], index32(i), plans_)
                                              : std::move(old[from]));
  }
  for (core::Plan& plan : plans_) plan.reports_scores = reports_scores_ && !plan.detectors.empty();
}

std::vector<std::string> window_template_names(const std::vector<std::string>& by) {
  return with_keys({"stream", "window", "field"}, by);
}

std::vector<std::string> late_template_names(const StreamConfig& stream) {
  Strings keys = series_keys(stream);
  for (const WindowConfig& window : stream.windows) keep_common(window.by, keys);
  return with_keys({"stream", "field"}, keys);
}

std::vector<std::string> flag_day_template_names(const StreamConfig& stream) {
  Strings keys = series_keys(stream);
  for (const DetectorConfig& detector : stream.detectors) keep_common(series_keys(stream, detector), keys);
  return with_keys({"stream", "field"}, keys);
}

std::vector<std::string> flag_template_names(const std::vector<std::string>& keys) {
  return with_keys({"stream", "detector", "field"}, keys);
}

}  // namespace bridge
