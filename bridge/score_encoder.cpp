#include "bridge/score_encoder.h"

#include <algorithm>
#include <cmath>

#include "bridge/encode.h"
#include "bridge/number.h"
#include "bridge/timestamp.h"
#include "bridge/utf8.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

std::string_view state_name(core::Condition condition) {
  switch (condition) {
    case core::Condition::quiet:
      return "quiet";
    case core::Condition::between:
      return "between";
    case core::Condition::fire:
      return "fire";
    case core::Condition::warming:
      return "warming";
  }
  return "";
}

// Adds the names of the stream's keys that are not there yet, where it has detectors.
void add_csv_keys(const StreamConfig& stream, Strings& names) {
  if (stream.ignore || stream.detectors.empty()) return;
  for (const std::string& key : series_keys(stream)) {
    if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
  }
}

// In quotes where a reader would take it apart otherwise; invalid UTF-8 becomes U+FFFD.
void append_csv_cell(std::string_view text, std::string& out) {
  const bool quotes = text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quotes) out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (text[at] == '"') out += '"';
    out.append(length == 0 ? std::string_view{"\xEF\xBF\xBD"} : text.substr(at, length));
    at += std::max<std::size_t>(length, 1);
  }
  if (quotes) out += '"';
}

std::string csv_cell(std::string_view text) {
  std::string cell;
  append_csv_cell(text, cell);
  return cell;
}

std::string json_string(std::string_view text) {
  std::string quoted;
  append_json_string(text, quoted);
  return quoted;
}

}  // namespace

std::string score_csv_header(const Config& config) {
  std::string header = "time,stream";
  Strings keys;
  for (const StreamConfig& stream : config.streams) add_csv_keys(stream, keys);
  for (const std::string& key : keys) header += ',' + csv_cell(key_member(key));
  return header + ",field,detector,value,score,state,up,expected,low,high\n";
}

ScoreEncoder::ScoreEncoder(const Rules& rules, const core::SeriesTable& table, ScoreFormat format)
    : table_(table), format_(format) {
  Strings columns;
  for (const auto& stream : rules.streams()) add_csv_keys(*stream->config, columns);
  for (const auto& stream : rules.streams()) {
    std::vector<Stream>& groupings = streams_.emplace_back();
    for (const Grouping& grouping : stream->groupings) {
      groupings.push_back(format == ScoreFormat::json ? make_json(*stream, grouping.names)
                                                      : make_csv(*stream, grouping.names, columns));
    }
  }
}

ScoreEncoder::Stream ScoreEncoder::make_json(const StreamRules& rules, const Strings& names) {
  Stream stream;
  stream.name = R"(","stream":)" + json_string(rules.config->name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    stream.keys.emplace_back(',' + json_string(key_member(names[i])) + ':', i);
  }
  for (const DetectorConfig& detector : rules.config->detectors) {
    stream.detectors.push_back(R"(,"detector":)" + json_string(detector.spec.name));
  }
  return stream;
}

ScoreEncoder::Stream ScoreEncoder::make_csv(const StreamRules& rules, const Strings& names,
                                            const Strings& columns) {
  Stream stream;
  stream.name = ',' + csv_cell(rules.config->name);
  for (const std::string& column : columns) {
    const auto found = std::find(names.begin(), names.end(), column);
    stream.columns.push_back(found == names.end() ? none : static_cast<std::size_t>(found - names.begin()));
  }
  for (const DetectorConfig& detector : rules.config->detectors) {
    stream.detectors.push_back(',' + csv_cell(detector.spec.name));
  }
  return stream;
}

std::string_view ScoreEncoder::line(core::SeriesId series, const core::Judgement& judgement) {
  const core::Plan& plan = table_.plan(series);
  const std::size_t rule = plan.detector_rules[judgement.detector];
  line_.clear();
  (this->*(format_ == ScoreFormat::json ? &ScoreEncoder::write_json : &ScoreEncoder::write_csv))(
      streams_[plan.stream][plan.grouping], rule, series, judgement);
  return line_;
}

void ScoreEncoder::write_json(const Stream& stream, std::size_t rule, core::SeriesId series,
                              const core::Judgement& judgement) {
  const auto write_member = [&](std::string_view member, double value) {
    if (std::isfinite(value)) write_number(member, value);
  };
  line_ += R"({"time":")";
  append_time(judgement.time, line_);
  line_ += stream.name;
  for (const auto& [member, key] : stream.keys) {
    line_ += member;
    append_json_string(table_.key(series, key), line_);
  }
  line_ += R"(,"field":)";
  append_json_string(table_.field(series), line_);
  line_ += stream.detectors[rule];
  write_member(R"(,"value":)", judgement.value);
  write_member(R"(,"score":)", judgement.verdict.score);
  line_.append(R"(,"state":")").append(state_name(judgement.verdict.condition));
  line_ += judgement.up ? R"(","up":true)" : R"(","up":false)";
  write_member(R"(,"expected":)", judgement.verdict.expected);
  write_member(R"(,"low":)", judgement.verdict.low);
  write_member(R"(,"high":)", judgement.verdict.high);
  line_ += '}';
}

void ScoreEncoder::write_csv(const Stream& stream, std::size_t rule, core::SeriesId series,
                             const core::Judgement& judgement) {
  append_time(judgement.time, line_);
  line_ += stream.name;
  for (const std::size_t key : stream.columns) {
    line_ += ',';
    if (key != none) append_csv_cell(table_.key(series, key), line_);
  }
  line_ += ',';
  append_csv_cell(table_.field(series), line_);
  line_ += stream.detectors[rule];
  write_number(",", judgement.value);
  write_number(",", judgement.verdict.score);
  line_.append(",").append(state_name(judgement.verdict.condition));
  line_ += judgement.up ? ",true" : ",false";
  write_number(",", judgement.verdict.expected);
  write_number(",", judgement.verdict.low);
  write_number(",", judgement.verdict.high);
}

void ScoreEncoder::write_number(std::string_view before, double value) {
  line_ += before;
  if (std::isfinite(value)) append_number(value, line_);
}

}  // namespace bridge
