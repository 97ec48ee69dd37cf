// Decoder: the bytes of one payload to readings. One per stream, used by the edge thread only; it reuses its
// buffers and does not allocate in steady state. Knows nothing of topics and series. Never throws; bounded in
// time and memory by the payload.
//
// What a JSON payload means, beyond what config.h says of PayloadConfig:
// - It is read as a whole or not at all: one byte that is not JSON, invalid UTF-8 or more than 128 levels and
// it is malformed.
//   A byte order mark in front, and spaces and NUL bytes behind, are forgiven; nothing else in a payload is
//   an empty one.
// - Without `fields`, a number's field is its pointer without the leading '/' ("env/humidity", "a~1b").
// Numbers used as tag,
//   time, name or `when` are not fields, nor is anything inside an array. Strings and booleans are passed
//   over.
// - A payload that is an array of objects is rows of objects, also without `each`.
// - Pointers of fields, name and value start at the row. So do those of tags, time and `when`; what the row
// does not hold
//   is looked for in the whole document ("the device stands beside the rows").
// - With `when`, a row it does not hold for is left out; a message with no row left is ignored.
// - `each` as array: an object instead of an array is one row. As map: a member that is an array is one row
// per element; a
//   member named by a tag, time or `when` pointer of the document is no row. As columns: members that are no
//   array are no column.
// - A row is bad when it is neither object nor array and no field wants its value itself, or a value without
// a name.
// - Of a key that is twice in one object, the last number counts.
// - A mapped text is the value itself: no scale, range or null. An empty string is "no reading" where strings
// are numbers.
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
  double value;       // finite; NaN: the device says that it has none (only where nulls are wanted)
};

struct DecodeCounts {
  std::uint32_t not_finite = 0;      // numbers that are NaN, infinite or overflow a double: no reading
  std::uint32_t bad_rows = 0;        // rows (or lines) that could not be read; the others were
  std::uint32_t bad_times = 0;       // rows whose time was there and could not be read
  std::uint32_t no_readings = 0;     // values that mean "no reading": JSON null, "null" list, outside range
  std::uint32_t wrong_types = 0;     // configured fields that held no number
  std::uint32_t inexact = 0;         // integers beyond 2^53
  std::uint32_t field_overflow = 0;  // numbers whose field had no room in the table

  [[nodiscard]] bool nothing_odd() const { return *this == DecodeCounts{}; }
  bool operator==(const DecodeCounts&) const = default;
};

// What one payload held. `tags` has tag_count views per row, valid until the next decode; empty view: absent.
// tag_count is the number of configured tags, plus one (the last) for "key" with `each` as map.
struct Decoded : DecodeCounts {
  std::vector<Reading> readings;
  std::vector<std::string_view> tags;
  // Set by the caller, and kept: what means "no reading" of a known field is a reading of its own, and is not
  // counted.
  bool wants_nulls = false;
  void clear();
};

class Decoder {
 public:
  // `config` and `fields` outlive the decoder. `config` was validated.
  static std::unique_ptr<Decoder> make(const PayloadConfig& config, FieldTable& fields);
  virtual ~Decoder() = default;

  // decoded, ignored (a `when` that does not hold; an empty payload) or malformed; unless decoded, `out`
  // holds nothing. `payload` has payload_padding readable bytes behind it. `bare_field` names the field of a
  // payload that is a bare number.
  [[nodiscard]] virtual MessageOutcome decode(std::string_view payload, std::string_view bare_field,
                                              Decoded& out) noexcept = 0;
};

}  // namespace bridge
