// Fuzz target: payloads of the formats json, jsonl and number under configurations of every kind; the input's
// first byte chooses one. What must hold for any bytes: the decoder's promises (decode.h), the same answer
// whether the shape of the document was known or not and whatever lies behind the payload, and JSON refused
// exactly where another reader refuses it.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/decode.h"
#include "bridge/message.h"
#include "core/check.h"

namespace {

using bridge::Decoded;
using bridge::EachAs;
using bridge::FieldConfig;
using bridge::Format;
using bridge::MessageOutcome;
using bridge::PayloadConfig;

FieldConfig field(std::string name, std::string at) {
  FieldConfig out;
  out.name = std::move(name);
  out.at = std::move(at);
  return out;
}

PayloadConfig every_number() {
  PayloadConfig config;
  config.exclude.clear();
  return config;
}

PayloadConfig with_everything(PayloadConfig config) {
  config.tags = {{"id", "/id"}, {"deep", "/a/b"}, {"root", "/r"}};
  config.time = {"/ts", "/a/t"};
  config.when = {{"/k", "1"}, {"/w", "\"x\""}};
  return config;
}

PayloadConfig all_rules() {
  PayloadConfig config;
  config.fields = {field("a", "/a"), field("b", "/a/b"), field("c", "/c/0/d"),
                   field("t", "/t"), field("t2", "/t"),  field("root", "")};
  config.fields[1].strings = true;
  config.fields[3].map = {{"ON", 1}, {"OFF", 0}};
  config.fields[3].bools = true;
  config.fields[4].nulls = {-127, 0};
  config.fields[4].range = {-40, 1000};
  config.fields[4].scale = 1e200;
  config.fields[4].strings = true;
  return config;
}

PayloadConfig rows(PayloadConfig config, std::string at, EachAs as) {
  config.each = {std::move(at), as};
  return config;
}

PayloadConfig named(PayloadConfig config) {
  config.name_at = "/n";
  config.value_at = "/v";
  config.value_as.strings = true;
  config.value_as.bools = true;
  return config;
}

PayloadConfig as(PayloadConfig config, Format format) {
  config.format = format;
  return config;
}

PayloadConfig mapped_number() {
  PayloadConfig config;
  config.format = Format::number;
  config.fields = {field("a", ""), field("b", "")};
  config.fields[0].map = {{"on", 1}};
  config.fields[1].bools = true;
  return config;
}

std::vector<PayloadConfig> make_configs() {
  return {
      every_number(),                                                   // a: compared with another reader
      PayloadConfig{},                                                  // b
      with_everything(every_number()),                                  // c
      all_rules(),                                                      // d
      with_everything(all_rules()),                                     // e
      rows(with_everything(every_number()), "/rows", EachAs::array),    // f
      rows(with_everything(every_number()), "", EachAs::map),           // g
      rows(with_everything(every_number()), "/rows", EachAs::columns),  // h
      rows(with_everything(named({})), "/rows", EachAs::array),         // i
      named({}),                                                        // j
      as(with_everything(every_number()), Format::jsonl),               // k
      as(rows(named({}), "", EachAs::map), Format::jsonl),              // l
      as(PayloadConfig{}, Format::number),                              // m
      mapped_number(),                                                  // n
      rows(all_rules(), "/a/1", EachAs::map),                           // o
      rows(every_number(), "", EachAs::columns),                        // p
  };
}

struct Subject {
  const PayloadConfig* config = nullptr;
  std::unique_ptr<bridge::FieldTable> fields;
  std::unique_ptr<bridge::Decoder> decoder;
  std::size_t uses = 0;
};

// What another reader says: accepted, refused, or something we do not agree on.
struct OtherReader : nlohmann::json_sax<nlohmann::json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth <= 128 || !(deep = true); }
  bool end_object() override { return --depth, true; }
  bool start_array(std::size_t) override { return ++depth <= 128 || !(deep = true); }
  bool end_array() override { return --depth, true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    beyond_double = error.id == 406;
    return false;
  }
  int depth = 0;
  bool deep = false, beyond_double = false;
};

void compare_with_other_reader(std::string_view payload, MessageOutcome outcome) {
  const std::size_t first = payload.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos ||
      std::string_view("{[\"").find(payload[first]) == std::string_view::npos)
    return;
  if (payload.find('\0') != std::string_view::npos) return;  // an end of the text to the other reader
  OtherReader other;
  const bool accepted = nlohmann::json::sax_parse(payload, &other);
  if (other.beyond_double) return;
  CHECK((outcome == MessageOutcome::decoded) == accepted, "decoded %d, accepted %d",
        outcome == MessageOutcome::decoded, accepted);
}

void check_promises(const Subject& subject, const Decoded& out, MessageOutcome outcome) {
  const bool known = outcome == MessageOutcome::decoded || outcome == MessageOutcome::ignored ||
                     outcome == MessageOutcome::malformed;
  CHECK(known, "outcome %d", static_cast<int>(outcome));
  if (outcome != MessageOutcome::decoded) {
    const bool empty = out.readings.empty() && out.tags.empty() &&
                       out.not_finite + out.bad_rows + out.bad_times + out.no_readings + out.wrong_types +
                               out.inexact + out.field_overflow ==
                           0;
    CHECK(empty, "outcome %d holds something", static_cast<int>(outcome));
  }
  const std::size_t tags =
      subject.config->tags.size() + (subject.config->each && subject.config->each->as == EachAs::map ? 1 : 0);
  std::size_t bytes = 0;
  for (const bridge::Reading& reading : out.readings) {
    CHECK(reading.field < subject.fields->size(), "field %u of %u", reading.field, subject.fields->size());
    CHECK(std::isfinite(reading.value), "value %g", reading.value);
    CHECK((reading.row + 1) * tags <= out.tags.size(), "row %u", reading.row);
    const bool time =
        reading.time == core::no_time || (reading.time >= core::time_min && reading.time < core::time_max);
    CHECK(time, "time %lld", static_cast<long long>(reading.time.time_since_epoch().count()));
  }
  for (const std::string_view tag : out.tags) {
    for (const char c : tag) bytes += static_cast<unsigned char>(c);  // readable
  }
  CHECK(bytes != ~std::size_t{0}, "never; but now every byte was read");
}

void check_same(const Decoded& a, const Decoded& b) {
  CHECK(std::memcmp(static_cast<const bridge::DecodeCounts*>(&a),
                    static_cast<const bridge::DecodeCounts*>(&b), sizeof(bridge::DecodeCounts)) == 0,
        "counts differ");
  CHECK(a.tags == b.tags, "tags differ");
  CHECK(a.readings.size() == b.readings.size(), "%zu and %zu readings", a.readings.size(), b.readings.size());
  for (std::size_t i = 0; i < a.readings.size(); ++i) {
    const bridge::Reading &x = a.readings[i], &y = b.readings[i];
    const bool same =
        x.field == y.field && x.row == y.row && x.time == y.time && std::memcmp(&x.value, &y.value, 8) == 0;
    CHECK(same, "reading %zu differs", i);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<PayloadConfig> configs = make_configs();
  static std::vector<Subject> subjects(configs.size());
  if (size == 0) return 0;
  const std::size_t chosen = static_cast<std::uint8_t>(data[0] - 'a') % configs.size();
  Subject& subject = subjects[chosen];
  if (subject.uses++ % 256 == 0) {
    subject.config = &configs[chosen];
    subject.fields = std::make_unique<bridge::FieldTable>();
    subject.decoder = bridge::Decoder::make(configs[chosen], *subject.fields);
  }
  // Exactly what is promised, so that a step too far is seen.
  const std::size_t length = size - 1;
  const std::unique_ptr<char[]> room(new char[length + bridge::payload_padding]);
  if (length != 0) std::memcpy(room.get(), data + 1, length);
  const std::string_view payload(room.get(), length);
  Decoded first, second;
  const auto decode = [&](char behind, Decoded& out) {
    std::memset(room.get() + length, behind, bridge::payload_padding);
    const MessageOutcome outcome = subject.decoder->decode(payload, "bare", out);
    check_promises(subject, out, outcome);
    return outcome;
  };
  const MessageOutcome outcome = decode(' ', first);
  constexpr char behind[] = {'}', ']', '9', '"', ',', '{', '\0'};
  const MessageOutcome again = decode(behind[size % sizeof behind], second);
  CHECK(outcome == again, "outcomes %d and %d", static_cast<int>(outcome), static_cast<int>(again));
  check_same(first, second);
  if (chosen == 0) compare_with_other_reader(payload, outcome);
  return 0;
}
