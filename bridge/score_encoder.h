// ScoreEncoder: what a detector says about a value as one line of text: JSON (schemas/score.schema.json), or
// CSV with a column for every key of any stream. One per shard, used by the thread that runs it; reuses its
// buffer. No worker pays for it but those of a replay that asks for scores.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/rules.h"
#include "core/flag.h"
#include "core/series.h"

namespace bridge {

enum class ScoreFormat : std::uint8_t { json, csv };

// The first line of a CSV, its end included.
[[nodiscard]] std::string score_csv_header(const Config& config);

class ScoreEncoder {
 public:
  // Both borrowed; they outlive the encoder.
  ScoreEncoder(const Rules& rules, const core::SeriesTable& table, ScoreFormat format);

  // Without the end of line; valid until the next call. In CSV what does not exist is an empty cell.
  [[nodiscard]] std::string_view line(core::SeriesId series, const core::Judgement& judgement);

 private:
  // What is the same in all lines of a stream: text, and the keys by their place among the series' key
  // values.
  struct Stream {
    std::string name;                                       // ","stream":"climate"  or  ,climate
    std::vector<std::pair<std::string, std::size_t>> keys;  // JSON: the member, and its key
    std::vector<std::size_t> columns;                       // CSV: the key of each column, or none
    std::vector<std::string> detectors;                     // ,"detector":"odd","value":  or  ,odd,
  };
  static constexpr std::size_t none = ~std::size_t{0};

  static Stream make_json(const StreamRules& rules, const std::vector<std::string>& names);
  static Stream make_csv(const StreamRules& rules, const std::vector<std::string>& names,
                         const std::vector<std::string>& columns);
  void write_json(const Stream& stream, std::size_t rule, core::SeriesId series,
                  const core::Judgement& judgement);
  void write_csv(const Stream& stream, std::size_t rule, core::SeriesId series,
                 const core::Judgement& judgement);
  void write_number(std::string_view before, double value);

  const core::SeriesTable& table_;
  ScoreFormat format_;
  std::vector<std::vector<Stream>> streams_;  // by stream and grouping
  std::string line_;
};

}  // namespace bridge
