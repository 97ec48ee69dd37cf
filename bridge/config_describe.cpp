#include <nlohmann/json.hpp>

#include "bridge/config.h"
#include "bridge/config_describe_detector.h"
#include "bridge/config_names.h"

namespace bridge {
namespace {

using Json = nlohmann::ordered_json;

void put_unless_empty(Json& out, const char* key, const std::string& text) {
  if (!text.empty()) out[key] = text;
}

Json broker_json(const BrokerConfig& broker) {
  Json out;
  out["url"] = broker.url;
  out["client_id"] = broker.client_id;
  put_unless_empty(out, "username", broker.username);
  put_unless_empty(out, "password_file", broker.password_file);
  put_unless_empty(out, "password_env", broker.password_env);
  Json tls = Json::object();
  put_unless_empty(tls, "ca", broker.tls.ca);
  put_unless_empty(tls, "cert", broker.tls.cert);
  put_unless_empty(tls, "key", broker.tls.key);
  if (!tls.empty()) out["tls"] = tls;
  out["protocol"] = broker.protocol;
  out["keep_alive"] = format_duration(broker.keep_alive);
  out["session_expiry"] = format_duration(broker.session_expiry);
  out["receive_maximum"] = broker.receive_maximum;
  out["client"] = name_in(client_names, broker.client);
  out["read_interval"] = format_duration(broker.read_interval);
  out["connections"] = broker.connections;
  put_unless_empty(out, "share", broker.share);
  return out;
}

// "/pointer" where nothing else is said.
Json field_json(const FieldConfig& field, const std::string& at) {
  Json out{{"at", at}};
  if (field.strings) out["strings"] = "number";
  if (field.bools) out["number_from"] = "bool";
  if (!field.map.empty()) out["map"] = field.map;
  if (!field.nulls.empty()) out["null"] = field.nulls;
  if (field.scale != 1) out["scale"] = field.scale;
  if (field.offset != 0) out["offset"] = field.offset;
  if (field.range) out["range"] = {field.range->first, field.range->second};
  return out.size() == 1 ? Json(at) : out;
}

Json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json out = Json::object();
  for (const auto& [key, value] : pairs) out[key] = value;
  return out;
}

// What picks the numbers of a payload: named fields, name/value rows, or globs.
void put_fields(const PayloadConfig& payload, Json& out) {
  if (!payload.fields.empty()) {
    for (const FieldConfig& field : payload.fields) out["fields"][field.name] = field_json(field, field.at);
    return;
  }
  if (payload.format == Format::number) return;
  if (!payload.name_at.empty()) {
    out["name"] = payload.name_at;
    out["value"] = field_json(payload.value_as, payload.value_at);
  }
  out["include"] = payload.include;
  // The built-in list is long and stays the default.
  if (payload.exclude != housekeeping()) out["exclude"] = payload.exclude;
}

Json payload_json(const PayloadConfig& payload) {
  Json out;
  out["format"] = name_in(format_names, payload.format);
  for (const auto& [pointer, text] : payload.when) out["when"][pointer] = Json::parse(text);
  if (payload.each) {
    out["each"] = {{"at", payload.each->at}, {"as", name_in(each_as_names, payload.each->as)}};
  }
  put_fields(payload, out);
  if (!payload.tags.empty()) out["tags"] = pairs_json(payload.tags);
  if (payload.format == Format::number) return out;
  if (!payload.time.empty()) out["time"] = payload.time;
  out["time_unit"] = name_in(time_unit_names, payload.time_unit);
  return out;
}

std::string clock_text(std::chrono::minutes time) {
  const auto two_digits = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return two_digits(time.count() / 60) + ':' + two_digits(time.count() % 60);
}

Json calendar_json(const core::CalendarSpec& calendar) {
  using core::CalendarUnit;
  Json out{{"unit", name_in(calendar_unit_names, calendar.unit)}};
  for (const std::chrono::minutes shift : calendar.shifts) out["shifts"].push_back(clock_text(shift));
  const bool days = calendar.unit != CalendarUnit::hour && calendar.unit != CalendarUnit::shifts;
  if (days) out["day_start"] = clock_text(calendar.day_start);
  if (calendar.unit == CalendarUnit::week) out["week_start"] = name_in(weekday_names, calendar.week_start);
  out["zone"] = calendar.zone.name;
  return out;
}

std::string emit_text(const core::WindowSpec& spec) {
  if (spec.emit == core::Emit::every) return format_duration(spec.emit_every);
  return spec.emit == core::Emit::on_change ? "on_change" : "on_close";
}

std::string cadence_text(Duration cadence) {
  return cadence == Duration{0} ? "learned" : format_duration(cadence);
}

// Which time or samples a window takes.
void put_extent(const core::WindowSpec& spec, Json& out) {
  const auto put = [&](const char* key, const auto& value) {
    if (has_key(spec, key)) out[key] = value;
  };
  put("length", format_duration(spec.length));
  if (spec.kind != core::WindowKind::tumbling) put("every", format_duration(spec.every));
  put("offset", format_duration(spec.offset));
  put("samples", spec.samples);
  put("step", spec.step);
  put("samples_max", spec.samples_max);
  put("gap", format_duration(spec.gap));
  if (spec.calendar) out["calendar"] = calendar_json(*spec.calendar);
  put("retention", format_duration(spec.retention));
  put("emit", emit_text(spec));
  put("empty", name_in(empty_names, spec.empty));
  put("spread", format_duration(spec.spread));
}

void put_aggregates(const core::WindowSpec& spec, Json& out) {
  const auto put = [&](const char* key, const auto& value) {
    if (has_key(spec, key)) out[key] = value;
  };
  bool completeness = false, gap = false;
  for (const core::Aggregate& aggregate : spec.aggregates) {
    out["aggregates"].push_back(core::name(aggregate));
    completeness |= aggregate.kind == core::AggregateKind::completeness;
    gap |= aggregate.kind == core::AggregateKind::gap;
  }
  if (spec.above) put("above", *spec.above);
  if (spec.below) put("below", *spec.below);
  if (spec.range) put("range", Json{spec.range->first, spec.range->second});
  put("outliers", name_in(outliers_names, spec.outliers));
  put("error", spec.error);
  put("kept", spec.kept);
  put("half_life", format_duration(spec.half_life));
  put("hold", format_duration(spec.hold));
  put("interpolate", name_in(interpolate_names, spec.linear));
  // One alone was asked for without it.
  if (completeness && gap) out["cadence"] = cadence_text(spec.cadence);
}

Json window_json(const WindowConfig& window) {
  Json out;
  out["name"] = window.spec.name;
  out["kind"] = core::name(window.spec.kind);
  put_extent(window.spec, out);
  out["by"] = window.by;
  if (!window.fields.empty()) out["fields"] = window.fields;
  put_aggregates(window.spec, out);
  out["to"] = window.to;
  return out;
}

Json stream_json(const StreamConfig& stream) {
  Json out;
  out["name"] = stream.name;
  out["from"] = stream.from;
  if (stream.ignore) {
    out["ignore"] = true;
    return out;
  }
  out["qos"] = stream.qos;
  out["retained"] = name_in(retained_names, stream.retained);
  out["series_max"] = stream.series_max;
  out["payload"] = payload_json(stream.payload);
  out["lateness"] = format_duration(stream.lateness);
  out["future"] = format_duration(stream.future);
  out["idle"] = format_duration(stream.idle);
  if (stream.cadence) out["cadence"] = cadence_text(*stream.cadence);
  out["windows"] = Json::array();
  for (const WindowConfig& window : stream.windows) out["windows"].push_back(window_json(window));
  out["detectors"] = Json::array();
  for (const DetectorConfig& detector : stream.detectors)
    out["detectors"].push_back(Json::parse(detector_json(detector)));
  put_unless_empty(out, "late_to", stream.late_to);
  out["flags_to"] = stream.flags_to;
  put_unless_empty(out, "flag_days_to", stream.flag_days_to);
  return out;
}

}  // namespace

std::string describe(const StreamConfig& stream) {
  return stream_json(stream).dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string describe(const Config& config) {
  Json out;
  out["broker"] = broker_json(config.broker);
  const AggregationConfig& aggregation = config.aggregation;
  out["aggregation"] = {{"shard_count", aggregation.shard_count},
                        {"batch_size", aggregation.batch_size},
                        {"flush_interval", format_duration(aggregation.flush_interval)},
                        {"ring_buffer_size", aggregation.ring_buffer_size},
                        {"when_full", name_in(when_full_names, aggregation.when_full)}};
  const LimitsConfig& limits = config.limits;
  out["limits"] = {{"series_max", limits.series_max},
                   {"series_ttl", format_duration(limits.series_ttl)},
                   {"journal_bytes", limits.journal_bytes},
                   {"payload_bytes_max", limits.payload_bytes_max},
                   {"topic_bytes_max", limits.topic_bytes_max}};
  out["streams"] = Json::array();
  for (const StreamConfig& stream : config.streams) out["streams"].push_back(stream_json(stream));
  const PublishConfig& publish = config.publish;
  out["publish"] = {{"qos", publish.qos},
                    {"retain", publish.retain},
                    {"buffer", publish.buffer},
                    {"max_rate", publish.max_rate}};
  out["status"] = {{"topic", config.status.topic}, {"every", format_duration(config.status.every)}};
  out["http"] = {{"listen", config.http.listen}};
  out["log"] = {{"level", config.log.level}, {"format", config.log.format}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace bridge
