// A decoder under test. Every payload is decoded several times: by a decoder that never saw one and by one
// that saw all before, with hostile bytes behind the payload; all must say the same. Bytes beyond the
// promised padding do not exist.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/decode.h"
#include "bridge/message.h"
#include "bridge/number.h"

namespace decode_test {

// What a payload gave, with names for ids: "0 temperature=21.5", "0 temperature=21.5 @1700000000000000000"
// (row, field, value, ns).
struct Result {
  bridge::MessageOutcome outcome;
  std::vector<std::string> readings;
  std::vector<std::string> tags;
  bridge::DecodeCounts counts;

  [[nodiscard]] std::vector<std::pair<std::string_view, std::uint32_t>> counted() const {
    return {{"not_finite", counts.not_finite},        {"bad_rows", counts.bad_rows},
            {"bad_times", counts.bad_times},          {"no_readings", counts.no_readings},
            {"wrong_types", counts.wrong_types},      {"inexact", counts.inexact},
            {"field_overflow", counts.field_overflow}};
  }
  bool operator==(const Result& other) const {
    return outcome == other.outcome && readings == other.readings && tags == other.tags &&
           counted() == other.counted();
  }
  friend std::ostream& operator<<(std::ostream& out, const Result& result) {
    out << bridge::name(result.outcome) << " [";
    for (const std::string& reading : result.readings) out << reading << "; ";
    out << "] tags [";
    for (const std::string& tag : result.tags) out << tag << "; ";
    out << "]";
    for (const auto& [name, count] : result.counted()) {
      if (count != 0) out << " " << name << " " << count;
    }
    return out;
  }
};

inline Result decode_once(bridge::Decoder& decoder, const bridge::FieldTable& fields,
                          std::string_view payload, std::string_view bare_field, char behind) {
  const std::size_t size = payload.size() + bridge::payload_padding;
  const std::unique_ptr<char[]> room(new char[size]);
  std::fill_n(std::copy(payload.begin(), payload.end(), room.get()), bridge::payload_padding, behind);
  bridge::Decoded out;
  Result result{decoder.decode({room.get(), payload.size()}, bare_field, out), {}, {}, out};
  for (const bridge::Reading& reading : out.readings) {
    std::string text = std::to_string(reading.row) + " " + fields.name(reading.field) + "=";
    bridge::append_number(reading.value, text);
    if (reading.time != core::no_time) text += " @" + std::to_string(reading.time.time_since_epoch().count());
    result.readings.push_back(text);
  }
  for (const std::string_view tag : out.tags) result.tags.emplace_back(tag);
  return result;
}

class Subject {
 public:
  explicit Subject(bridge::PayloadConfig config)
      : config_(std::move(config)), warm_(bridge::Decoder::make(config_, fields_)) {}

  Result decode(std::string_view payload, std::string_view bare_field = "bare") {
    bridge::FieldTable fields;
    const auto fresh = bridge::Decoder::make(config_, fields);
    const Result first = decode_once(*fresh, fields, payload, bare_field, ' ');
    CAPTURE(payload);
    for (const char behind : {'}', ']', '9', '"', ',', '\0'}) {
      CAPTURE(behind);
      REQUIRE(decode_once(*fresh, fields, payload, bare_field, behind) == first);
      REQUIRE(decode_once(*warm_, fields_, payload, bare_field, behind) == first);
    }
    return first;
  }

 private:
  bridge::PayloadConfig config_;
  bridge::FieldTable fields_;
  std::unique_ptr<bridge::Decoder> warm_;
};

}  // namespace decode_test
