#include <cmath>
#include <utility>

#include "bridge/config_detector_keys.h"
#include "bridge/config_read.h"

namespace bridge {
namespace {

using Kind = core::DetectorSpec::Kind;

constexpr std::size_t expected_max = 10'000;  // devices of a silence

// Every kind with its defaults, by its name.
template <std::size_t... i>
std::vector<std::pair<std::string_view, Kind>> make_kinds(std::index_sequence<i...>) {
  std::vector<std::pair<std::string_view, Kind>> all;
  core::DetectorSpec spec;
  ((spec.kind.emplace<i>(), all.emplace_back(core::kind_name(spec), spec.kind)), ...);
  return all;
}

// --- keys of one kind: all that each_key names, and what must be there ------------------------------
// A value that is missing or cannot be read is replaced after its report, so that nothing is said twice.

void read_keys(ObjectReader& in, DetectorConfig&, auto& spec) { each_key(in, spec); }

void read_keys(ObjectReader& in, DetectorConfig&, core::RangeSpec& range) {
  in.need("low", "write the lowest value that is as it should be");
  in.need("high", "write the highest value that is as it should be");
  range.low = range.high = std::nan("");
  each_key(in, range);
  if (std::isnan(range.low) || std::isnan(range.high)) range = {0, 1, 0};
}

void read_keys(ObjectReader& in, DetectorConfig&, core::FlatlineSpec& flatline) {
  in.need("after", "write how long a value may stay as it is, as \"10m\"");
  flatline.after = unread;
  each_key(in, flatline);
  if (flatline.after == unread) flatline.after = 1min;
}

// A device that is expected: the value of the stream's one key, or an object with the values of all.
void read_expected(ObjectReader& in, const Node& node, const std::string& at, DetectorConfig& detector) {
  if (detector.expect.size() == expected_max) return;
  std::map<std::string, std::string>& keys = detector.expect.emplace_back();
  if (node.kind != Node::Kind::object) {
    if (const auto text = text_of(node, at, in.problems())) keys[""] = *text;
    return;
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (const auto text = text_of(node.items[i], step(at, node.keys[i]), in.problems()))
      keys[node.keys[i]] = *text;
  }
}

void read_keys(ObjectReader& in, DetectorConfig& detector, core::SilenceSpec& silence) {
  in.need("after", "write how long a series may say nothing, as \"3m\", or \"learned\"");
  std::optional<core::Duration> after;
  read_learned(in, "after", after);
  silence.after = after.value_or(1min);
  each_key(in, silence);
  in.at_most("expect", expected_max);
  in.elements("expect",
              [&](const Node& node, const std::string& at) { read_expected(in, node, at, detector); });
  for (const char* const key : {"factor", "least"}) {
    if (silence.after != 0s && in.find(key) != nullptr)
      in.problem(key, "has no effect unless after is \"learned\"; leave it out");
  }
}

void read_keys(ObjectReader& in, DetectorConfig& detector, core::PeersSpec& peers) {
  in.need("by", "write which keys a group has in common, as [\"site\"]; []: one group of all");
  in.texts("by", detector.by);
  each_key(in, peers);
}

// --- keys of all kinds ------------------------------------------------------------------------------

void read_topic(ObjectReader& in, std::string_view key, std::string_view otherwise, std::string& topic) {
  in.text(key, topic);
  if (const Node* const given = in.find(key);
      given != nullptr && given->kind == Node::Kind::text && topic.empty())
    in.problem(key, "\"\": must be a topic; leave it out " + std::string{otherwise});
}

void read_life(ObjectReader& in, const Kind& kind, core::LifeSpec& life) {
  if (std::holds_alternative<core::SilenceSpec>(kind)) {
    in.refuse("for", "has no meaning for a silence; choose a longer after instead");
    for (const char* const key : {"hold", "flaps", "flap_within"})
      in.refuse(key, "has no meaning for a silence; a sample ends it");
    return;
  }
  in.duration("for", life.least);
  in.duration("hold", life.hold);
  in.integer("flaps", life.flaps, 0, 1000);
  in.duration("flap_within", life.flap_within);
}

void read_on(ObjectReader& in, const Kind& kind, std::string& on) {
  if (std::holds_alternative<core::SilenceSpec>(kind))
    return in.refuse("on", "has no meaning for a silence; it waits for samples");
  in.text("on", on);
  if (const Node* const given = in.find("on");
      given != nullptr && given->kind == Node::Kind::text && on.empty())
    in.problem(
        "on",
        "\"\": must be a window's name, a point and an aggregate, as \"1m.mean\"; leave it out for samples");
}

}  // namespace

void read_detector(const Node& node, const std::string& pointer, Problems& problems,
                   DetectorConfig& detector) {
  static const auto kinds = make_kinds(std::make_index_sequence<std::variant_size_v<Kind>>{});
  ObjectReader in(node, pointer, problems);
  core::DetectorSpec& spec = detector.spec;
  read_name(in, spec.name);
  std::optional<Kind> kind;
  in.need("kind", "choose one, as \"auto\", \"threshold\" or \"silence\"");
  in.choice("kind", kind, kinds);
  read_field_names(in, detector.fields);
  in.choice("severity", spec.severity, severity_names);
  spec.kind = kind.value_or(core::AutoSpec{});
  if (!kind) return;  // which other keys are allowed is not known
  std::visit([&](auto& own) { read_keys(in, detector, own); }, spec.kind);
  read_life(in, spec.kind, spec.life);
  read_on(in, spec.kind, detector.on);
  read_topic(in, "to", "for the default", detector.to);
  read_topic(in, "retain_to", "to publish no states", detector.retain_to);
  if (in.find("name") == nullptr) spec.name = core::kind_name(spec);
  in.finish();
}

}  // namespace bridge
