// Reads recordings. A block counts only as a whole: its hash, its records and their sum must agree. Where one
// does not, the block is skipped by its length if another begins there, else the next whole block is looked
// for, byte by byte.
#include <xxhash.h>

#include <cstring>

#include "bridge/config.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/recording_format.h"
#include "bridge/replay_input.h"

namespace bridge {

namespace format = recording_format;

namespace {

constexpr std::size_t block_header = sizeof(format::BlockHeader);
// Enough to judge a block by: its header and that of its first record.
constexpr std::size_t judged_bytes = block_header + sizeof(format::RecordHeader);
// Records are bounded by limits.payload_bytes_max (256 MiB), and a topic.
constexpr std::uint64_t large_block_bytes_max = (std::uint64_t{256} << 20) + (128 << 10);

template <typename T>
T load(std::string_view text, std::size_t at) {
  T value;
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

bool is_plausible(const format::RecordHeader& record, std::uint64_t bytes_left) {
  const bool message = record.kind == format::kind_message;
  const bool other =
      record.kind <= format::kind_link_up && record.topic_bytes == 0 && record.payload_bytes == 0;
  return (message || other) && record.qos <= 2 &&
         record.flags <= (format::flag_duplicate | format::flag_stale) &&
         record.connection < connections_max && record.zero32 == 0 &&
         format::record_bytes(record) <= bytes_left;
}

// By its first judged_bytes; rules out nearly all that is no block before anything is hashed.
bool is_plausible_block(std::string_view text) {
  const auto block = load<format::BlockHeader>(text, 0);
  const auto record = load<format::RecordHeader>(text, block_header);
  if (block.count == 0 || block.bytes % 8 != 0 || !is_plausible(record, block.bytes)) return false;
  if (block.bytes > large_block_bytes_max) return false;
  return block.count == 1 ? format::record_bytes(record) == block.bytes : block.bytes <= format::block_bytes;
}

// `records` are exactly `count` records.
bool holds_records(std::string_view records, std::uint32_t count) {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (records.size() - at < sizeof(format::RecordHeader)) return false;
    const auto record = load<format::RecordHeader>(records, at);
    if (!is_plausible(record, records.size() - at)) return false;
    at += format::record_bytes(record);
  }
  return at == records.size();
}

class RecordingReader final : public InputReader {
 public:
  RecordingReader(const std::string& path, std::unique_ptr<ReplayInput> input)
      : InputReader(path, std::move(input)) {
    const std::string_view start = input_->fill(format::magic.size());
    if (!start.starts_with(format::magic)) {
      throw SetupError("replay: " + printable(path) + " is a recording of format \"" +
                       printable(start.substr(0, 8)) + "\"; this weir reads \"" + std::string(format::magic) +
                       "\"");
    }
    input_->consume(format::magic.size());
  }

  bool next(Record& record) override {
    for (;;) {
      while (at_ == block_.size()) {
        if (!next_block()) return false;
      }
      if (take_record(record)) return true;
    }
  }

 private:
  bool take_record(Record& record) {
    const auto header = load<format::RecordHeader>(block_, at_);
    const std::uint64_t place = input_->offset() + block_header + at_;
    const core::Time arrival{core::Duration{header.arrival}};
    const char* topic = block_.data() + at_ + sizeof header;
    at_ += format::record_bytes(header);
    if (arrival < core::time_min || arrival >= core::time_max) {
      skip("byte " + std::to_string(place) + ": a record whose time is before 1970 or after 2200");
      return false;
    }
    static_assert(static_cast<std::uint8_t>(Kind::link_up) == format::kind_link_up &&
                  static_cast<std::uint8_t>(Kind::link_down) == format::kind_link_down &&
                  static_cast<std::uint8_t>(Kind::tick) == format::kind_tick);
    record.kind = static_cast<Kind>(header.kind);
    record.message = {};
    set_arrival(arrival, record);
    record.message.topic = {topic, header.topic_bytes};
    record.message.payload = {topic + header.topic_bytes, header.payload_bytes};
    record.message.packet_id = header.packet_id;
    record.message.qos = header.qos;
    record.message.duplicate = (header.flags & format::flag_duplicate) != 0;
    record.message.stale = (header.flags & format::flag_stale) != 0;
    record.message.connection = header.connection;
    return true;
  }

  // Leaves the block in hand and finds the next whole one; false at the end.
  bool next_block() {
    if (!block_.empty()) input_->consume(block_header + block_.size());
    block_ = {};
    at_ = 0;
    while (!input_->fill(1).empty()) {
      if (take_block()) return true;
      // Recordings that were put together by cat: each begins like a file. No block does (its bytes are a
      // multiple of 8).
      if (input_->fill(format::magic.size()).starts_with(format::magic)) {
        input_->consume(format::magic.size());
      } else {
        skip_damage();
      }
    }
    finish();
    return false;
  }

  // Takes the block that begins here, if one does.
  bool take_block() {
    std::string_view text = input_->fill(judged_bytes);
    if (text.size() < judged_bytes || !is_plausible_block(text)) return false;
    const auto header = load<format::BlockHeader>(text, 0);
    text = input_->fill(block_header + header.bytes);
    if (text.size() < block_header + header.bytes) return false;
    const std::string_view records = text.substr(block_header, header.bytes);
    if (XXH3_64bits(records.data(), records.size()) != header.hash || !holds_records(records, header.count))
      return false;
    block_ = records;
    return true;
  }

  // Moves on to where a block may begin, or to the end, and counts that once.
  void skip_damage() {
    const std::string place = "byte " + std::to_string(input_->offset());
    const std::string_view text = input_->fill(judged_bytes);
    if (text.size() >= judged_bytes && is_plausible_block(text)) {
      const std::size_t length = block_header + load<format::BlockHeader>(text, 0).bytes;
      const std::string_view ahead = input_->fill(length + judged_bytes);
      const bool at_end = ahead.size() == length;
      if (at_end || (ahead.size() >= length + judged_bytes && is_plausible_block(ahead.substr(length)))) {
        input_->consume(length);
        skip(place + ": a damaged block");
        return;
      }
    }
    do {
      input_->consume(1);
    } while (!input_->fill(1).empty() && !input_->fill(format::magic.size()).starts_with(format::magic) &&
             !take_block());
    skip(place + (input_->fill(1).empty() ? ": damaged or cut off up to the end" : ": a damaged block"));
    block_ = {};
  }

  std::string_view block_;  // the records of the block in hand, which lies at the input's position
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<ReplayReader> open_recording(const std::string& path, std::unique_ptr<ReplayInput> input) {
  return std::make_unique<RecordingReader>(path, std::move(input));
}

}  // namespace bridge
