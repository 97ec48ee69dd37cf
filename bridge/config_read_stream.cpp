#include <algorithm>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/text.h"

namespace bridge {
namespace {

constexpr std::size_t rules_max = 100;  // windows, or detectors, of a stream

void read_rules(ObjectReader& in, Problems& problems, StreamConfig& stream) {
  in.at_most("windows", rules_max);
  in.at_most("detectors", rules_max);
  if (!in.elements("windows", [&](const Node& node, const std::string& at) {
        if (stream.windows.size() == rules_max) return;
        read_window(node, at, problems, stream, stream.windows.emplace_back());
      })) {
    default_window(stream, stream.windows.emplace_back());
  }
  if (!in.elements("detectors", [&](const Node& node, const std::string& at) {
        if (stream.detectors.size() == rules_max) return;
        read_detector(node, at, problems, stream.detectors.emplace_back());
      })) {
    DetectorConfig& detector = stream.detectors.emplace_back();
    detector.spec.name = "odd";
    detector.spec.kind = core::AutoSpec{};
  }
}

}  // namespace

void read_name(ObjectReader& in, std::string& name) {
  in.text("name", name);
  const Node* const given = in.find("name");
  if (given != nullptr && given->kind == Node::Kind::text && given->text.empty()) {
    in.problem("name", "\"\": must not be empty; leave it out for the default");
  }
}

void read_field_names(ObjectReader& in, std::vector<std::string>& fields) {
  in.texts("fields", fields);
  const Node* const given = in.find("fields");
  if (given != nullptr && given->kind == Node::Kind::array && given->items.empty()) {
    in.problem("fields", "an empty array: would take no field; leave it out for all fields");
  }
}

void read_stream(const Node& node, const std::string& pointer, Problems& problems, StreamConfig& stream) {
  ObjectReader in(node, pointer, problems);
  read_name(in, stream.name);
  in.need("from", "write which topics are read, as \"sensors/{device}/#\"");
  in.text("from", stream.from);
  if (const Node* const from = in.find("from");
      from != nullptr && from->kind == Node::Kind::text && from->text.empty()) {
    in.problem("from", "\"\": must be a topic or pattern, as \"sensors/{device}/#\"");
  }
  in.boolean("ignore", stream.ignore);
  in.integer("qos", stream.qos, 0, 2);
  in.choice("retained", stream.retained, retained_names);
  in.integer("series_max", stream.series_max, 1, 1ULL << 31);
  if (const Node* const payload = in.find("payload"))
    read_payload(*payload, in.at("payload"), problems, stream.payload);
  in.duration("lateness", stream.lateness, 0s, 30 * 24h);
  in.duration("future", stream.future, 0s, 365 * 24h);
  in.duration("idle", stream.idle, 0s, 30 * 24h);
  read_learned(in, "cadence", stream.cadence);
  read_rules(in, problems, stream);
  in.text("late_to", stream.late_to);
  if (in.find("late_to") != nullptr && stream.late_to.empty())
    in.problem("late_to", "\"\": must be a topic; leave it out to publish no late samples");
  in.text("flags_to", stream.flags_to);
  if (in.find("flags_to") != nullptr && stream.flags_to.empty())
    in.problem("flags_to", "\"\": must be a topic; leave it out for the default");
  in.text("flag_days_to", stream.flag_days_to);
  if (in.find("flag_days_to") != nullptr && stream.flag_days_to.empty())
    in.problem("flag_days_to", "\"\": must be a topic; leave it out to publish no days of flags");
  in.finish();
  if (!stream.ignore) return;
  for (const char* const key : {"qos", "retained", "series_max", "payload", "lateness", "future", "idle",
                                "cadence", "windows", "detectors", "late_to", "flags_to", "flag_days_to"}) {
    if (in.find(key) != nullptr) in.problem(key, "has no effect in an ignored stream; leave it out");
  }
  stream.cadence.reset();
  stream.windows.clear();
  stream.detectors.clear();
}

}  // namespace bridge
