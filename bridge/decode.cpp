#include "bridge/decode.h"

#include <algorithm>

#include "bridge/decode_formats.h"
#include "bridge/decode_rows.h"
#include "bridge/number.h"

namespace bridge {
namespace {

constexpr std::string_view spaces = " \t\r\n";

// The whole payload is one number. With `fields` each reads it its own way: {"map": {"on": 1, "off": 0}}, a
// scale.
class NumberDecoder final : public Decoder {
 public:
  NumberDecoder(const PayloadConfig& config, FieldTable& fields) : config_(config), rows_(config, fields) {}

  MessageOutcome decode(std::string_view payload, std::string_view bare_field,
                        Decoded& out) noexcept override {
    out.clear();
    std::string_view text = payload_text(payload);
    text.remove_prefix(std::min(text.find_first_not_of(spaces), text.size()));
    if (text.empty()) return MessageOutcome::ignored;
    text = text.substr(0, text.find_last_not_of(spaces) + 1);
    const JsonValue value = value_of(text);
    if (value.kind == JsonKind::null) return MessageOutcome::malformed;
    rows_.begin_payload(0, bare_field, out);
    rows_.begin_document();
    rows_.begin_row({});
    if (config_.fields.empty()) {
      rows_.bare_number(value.number);
    } else {
      rows_.use(rows_.row_tree().root(), value);
    }
    rows_.end_row();
    return rows_.end_document();
  }

 private:
  // A text that a field maps; else a number; else null, which nobody can read.
  JsonValue value_of(std::string_view text) const {
    for (const FieldConfig& field : config_.fields) {
      const auto mapped = [&](const auto& entry) { return entry.first == text; };
      if (std::any_of(field.map.begin(), field.map.end(), mapped)) return {JsonKind::string, text};
      if (field.bools && (text == "true" || text == "false"))
        return {text == "true" ? JsonKind::yes : JsonKind::no, text};
    }
    const Number number = number_of_text(text);
    return {number.kind == NumberKind::not_a_number ? JsonKind::null : JsonKind::number, text, number};
  }

  const PayloadConfig& config_;
  Rows rows_;
};

}  // namespace

FieldId FieldTable::intern(std::string_view name) {
  const auto found = ids_.find(name);
  if (found != ids_.end()) return found->second;
  if (names_.size() >= fields_max) return none;
  const FieldId id = size();
  names_.push_back(&ids_.emplace(name, id).first->first);
  return id;
}

void Decoded::clear() {
  static_cast<DecodeCounts&>(*this) = {};
  readings.clear();
  tags.clear();
}

std::unique_ptr<Decoder> Decoder::make(const PayloadConfig& config, FieldTable& fields) {
  if (config.format == Format::number) return std::make_unique<NumberDecoder>(config, fields);
  return make_json_decoder(config, fields);
}

std::string_view payload_text(std::string_view payload) noexcept {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (payload.substr(0, byte_order_mark.size()) == byte_order_mark)
    payload.remove_prefix(byte_order_mark.size());
  while (!payload.empty() &&
         (payload.back() == '\0' || spaces.find(payload.back()) != std::string_view::npos)) {
    payload.remove_suffix(1);
  }
  return payload;
}

}  // namespace bridge
