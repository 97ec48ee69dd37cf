// Decoder: the bytes of one payload to readings. One per stream, used by the edge thread only; it reuses its buffers and does
// not allocate in steady state. Knows nothing of topics and series. Never throws; bounded in time and memory by the payload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/config.h"
#include "bridge/outcome.h"
#include "core/time.h"

namespace bridge {

using FieldId = std::uint32_t;  // dense per stream, in order of first sight

// Names of a stream's fields. Edge thread only.
class FieldTable {
 public:
  static constexpr std::uint32_t fields_max = 65536;
  static constexpr FieldId none = ~FieldId{0};

  // The id of `name`, a new one at first sight; none when fields_max are in use.
  FieldId intern(std::string_view name);
  [[nodiscard]] const std::string& name(FieldId id) const { return *names_[id]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, FieldId, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> names_;
};

// One number of a payload.
struct Reading {
  FieldId field;
  std::uint32_t row;  // which row of tags
  core::Time time;    // as the payload says, unchecked; no_time: it does not say, or not readably
  double value;       // finite
};

// What one payload held. `tags` has tag_count views per row, valid until the next decode; empty view: absent.
struct Decoded {
  std::vector<Reading> readings;
  std::vector<std::string_view> tags;
  std::uint32_t not_finite = 0;    // numbers that are NaN, infinite or overflow a double: no reading
  std::uint32_t bad_rows = 0;      // rows (or lines) that could not be read; the others were
  std::uint32_t bad_times = 0;     // rows whose time was there and could not be read
  std::uint32_t no_readings = 0;   // values that mean "no reading": JSON null, "null" list, outside range
  std::uint32_t wrong_types = 0;   // configured fields that held no number
  std::uint32_t inexact = 0;       // integers beyond 2^53
  std::uint32_t field_overflow = 0;  // numbers whose field had no room in the table
  void clear();
};

class Decoder {
 public:
  // `fields` outlives the decoder. `config` was validated.
  static std::unique_ptr<Decoder> make(const PayloadConfig& config, FieldTable& fields);
  virtual ~Decoder() = default;

  // decoded, ignored (a `when` that does not hold; an empty payload) or malformed; with malformed, `out` holds nothing.
  // `payload` has payload_padding readable bytes behind it. `bare_field` names the field of a payload that is a bare number.
  [[nodiscard]] virtual MessageOutcome decode(std::string_view payload, std::string_view bare_field, Decoded& out) noexcept = 0;
};

}  // namespace bridge
