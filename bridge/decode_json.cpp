// The formats json and jsonl. simdjson finds the structure of a document (its stage 1, which also checks
// UTF-8 and strings), Walk reads it. On-Demand itself is not used: it does not look at what it skips, and a
// document half read is then half believed; with the positions alone we check all of it in one pass, at less
// cost.
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "bridge/decode_formats.h"
#include "bridge/decode_walk.h"
#include "bridge/message.h"
#include "core/check.h"

namespace bridge {
namespace {

static_assert(payload_padding >= simdjson::SIMDJSON_PADDING);

// Where the structure of a text is.
class StructureFinder {
 public:
  // Nothing: not valid UTF-8, a string that is not closed or holds control characters, or nothing but spaces.
  std::optional<JsonText> find(std::string_view text) {
    if (text.size() > capacity_) grow(text.size());
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    if (parser_->stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS)
      return std::nullopt;
    const std::size_t count = parser_->n_structural_indexes;
    std::uint32_t* const positions = parser_->structural_indexes.get();
    if (count == 0) return std::nullopt;
    positions[count] = positions[count + 1] = positions[0];
    return JsonText{text, positions, count};
  }

 private:
  void grow(std::size_t size) {
    capacity_ = std::max<std::size_t>(2 * size, 4096);
    const auto error = parser_ ? parser_->set_capacity(capacity_)
                               : simdjson::get_active_implementation()->create_dom_parser_implementation(
                                     capacity_, json_depth_max, parser_);
    CHECK(error == simdjson::SUCCESS, "simdjson: no room for %zu bytes: error %d", capacity_,
          static_cast<int>(error));
  }

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  std::size_t capacity_ = 0;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

class JsonDecoder final : public Decoder {
 public:
  JsonDecoder(const PayloadConfig& config, FieldTable& fields)
      : lines_(config.format == Format::jsonl),
        has_each_(config.each.has_value()),
        rows_(config, fields),
        walk_(config, rows_) {}

  MessageOutcome decode(std::string_view payload, std::string_view bare_field,
                        Decoded& out) noexcept override {
    out.clear();
    const bool bare = !payload.empty() && payload.front() == '{' && payload.back() == '}';
    const std::string_view text = bare ? payload : trim(payload_text(payload));
    if (text.empty()) return MessageOutcome::ignored;
    rows_.begin_payload(text.size(), bare_field, out);
    return lines_ ? lines(text, out) : document(text);
  }

 private:
  // Precondition: `text` neither begins nor ends with a space.
  MessageOutcome document(std::string_view text) {
    if (text.front() == '{' && text.back() == '}' && !has_each_) {
      if (const auto outcome = walk_.read_quickly(text)) return *outcome;
    }
    if (text.front() != '{' && text.front() != '[' && text.front() != '"') return walk_.read_word(text);
    const std::optional<JsonText> json = finder_.find(text);
    return json ? walk_.read(*json) : MessageOutcome::malformed;
  }

  MessageOutcome lines(std::string_view text, Decoded& out) {
    std::uint32_t decoded = 0, ignored = 0, malformed = 0;
    while (!text.empty()) {
      const std::size_t length = std::min(text.find('\n'), text.size());
      const std::string_view line = trim(text.substr(0, length));
      text.remove_prefix(std::min(length + 1, text.size()));
      if (line.empty()) continue;
      const MessageOutcome outcome = document(line);
      ++(outcome == MessageOutcome::decoded   ? decoded
         : outcome == MessageOutcome::ignored ? ignored
                                              : malformed);
    }
    out.bad_rows += decoded == 0 ? 0 : malformed;
    return decoded != 0   ? MessageOutcome::decoded
           : ignored != 0 ? MessageOutcome::ignored
                          : MessageOutcome::malformed;
  }

  const bool lines_, has_each_;
  StructureFinder finder_;
  Rows rows_;
  Walk walk_;
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(const PayloadConfig& config, FieldTable& fields) {
  return std::make_unique<JsonDecoder>(config, fields);
}

}  // namespace bridge
