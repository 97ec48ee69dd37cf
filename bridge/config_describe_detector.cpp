#include "bridge/config_describe_detector.h"

#include <nlohmann/json.hpp>

#include "bridge/config_detector_keys.h"

namespace bridge {
namespace {

using Json = nlohmann::ordered_json;

// Takes what each_key names.
class Keys {
 public:
  explicit Keys(Json& out) : out_(out) {}

  void boolean(const char* key, bool value) { out_[key] = value; }
  void number(const char* key, double value) { out_[key] = value; }
  void number(const char* key, const std::optional<double>& value) {
    if (value) out_[key] = *value;
  }
  void integer(const char* key, std::uint32_t value, std::uint64_t, std::uint64_t) { out_[key] = value; }
  void duration(const char* key, Duration value) { out_[key] = format_duration(value); }
  void choice(const char* key, auto value, const auto& names) { out_[key] = name_in(names, value); }

 private:
  Json& out_;
};

void put_keys(const DetectorConfig&, const auto& spec, Json& out) {
  Keys keys(out);
  each_key(keys, spec);
}

void put_keys(const DetectorConfig& detector, const core::SilenceSpec& silence, Json& out) {
  const bool learned = silence.after == Duration{0};
  out["after"] = learned ? "learned" : format_duration(silence.after);
  Keys keys(out);
  if (learned) each_key(keys, silence);
  for (const auto& device : detector.expect) out["expect"].push_back(Json(device));
}

void put_keys(const DetectorConfig& detector, const core::PeersSpec& peers, Json& out) {
  out["by"] = detector.by;
  Keys keys(out);
  each_key(keys, peers);
}

}  // namespace

std::string detector_json(const DetectorConfig& detector) {
  const core::DetectorSpec& spec = detector.spec;
  Json out;
  out["name"] = spec.name;
  out["kind"] = core::kind_name(spec);
  if (!detector.fields.empty()) out["fields"] = detector.fields;
  out["severity"] = name_in(severity_names, spec.severity);
  std::visit([&](const auto& kind) { put_keys(detector, kind, out); }, spec.kind);
  if (!std::holds_alternative<core::SilenceSpec>(spec.kind)) {
    out["for"] = format_duration(spec.life.least);
    out["hold"] = format_duration(spec.life.hold);
    out["flaps"] = spec.life.flaps;
    out["flap_within"] = format_duration(spec.life.flap_within);
  }
  if (!detector.on.empty()) out["on"] = detector.on;
  if (!detector.to.empty()) out["to"] = detector.to;
  if (!detector.retain_to.empty()) out["retain_to"] = detector.retain_to;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bridge
