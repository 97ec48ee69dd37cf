// ReplayReader: recorded traffic, one record at a time, from a recording, JSON lines ({"t": <time>, "topic":
// "...", "payload": ...}; also qos, retained, payload_hex; "tst" and "retain" as mosquitto_sub -F %j writes
// them) or CSV with a header. A payload that is a JSON string is its text; any other JSON value is the
// payload as compact JSON. One thread. A record that cannot be read is counted and skipped; the reader says
// how many and where the first was.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/message.h"

namespace bridge {

struct CsvOptions {
  std::string topic;  // a topic, in which {column} is replaced by the row's value; needed for CSV files
  std::string time;   // name of the time column; default: the first column
};

class ReplayReader {
 public:
  enum class Kind : std::uint8_t { message, tick, link_down, link_up };
  struct Record {
    Kind kind = Kind::message;  // of the others only message.arrival counts
    Message
        message;  // valid until the next call of next(); payload_padding readable bytes behind the payload
  };

  // Told apart by content (recordings) and by name (.csv). Anything else is JSON lines; with csv.topic set,
  // CSV unless it begins with "{". "-" is standard input. Throws SetupError: cannot be opened, not a
  // recording of this version, a CSV without topic or time column.
  static std::unique_ptr<ReplayReader> open(const std::string& path, const CsvOptions& csv);

  virtual ~ReplayReader() = default;
  // False at the end. Arrival times never go back: an earlier one is given the time of the one before it and
  // counted.
  [[nodiscard]] virtual bool next(Record& record) = 0;

  [[nodiscard]] std::uint64_t skipped() const {
    return skipped_;
  }  // unreadable lines, rows, or damaged blocks
  [[nodiscard]] std::uint64_t reordered() const { return reordered_; }  // records whose time went back
  [[nodiscard]] const std::string& first_problem() const {
    return first_problem_;
  }  // "line 17: ..."; empty: none

 protected:
  std::uint64_t skipped_ = 0;
  std::uint64_t reordered_ = 0;
  std::string first_problem_;
};

}  // namespace bridge
