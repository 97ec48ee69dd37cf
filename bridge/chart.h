// Charts: what a page shows of each series, gathered while it is judged, in bounded memory: each detector's
// values and expectations in at most columns_max columns of time, and the flags. A ChartBook has the series
// of one shard and is used by the thread that runs it; what it holds of a series depends on that series
// alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bridge/rules.h"
#include "core/flag.h"
#include "core/series.h"

namespace bridge {

// The values of a stretch of time, smallest and greatest, so that no spike is lost; and when the least
// expected of them came, and what was expected then.
struct Column {
  std::uint64_t index;  // (time - the track's begin) >> shift
  core::Time time;
  double min, max;
  double score, expected, low, high;
};

// What one detector saw of a series.
class Track {
 public:
  static constexpr std::size_t columns_max = 800;

  // `judgement.time` does not go back.
  void add(const core::Judgement& judgement);

  // In order of time. As long as there are no more of them than columns_max, each time has a column of its
  // own; then columns are made twice as wide until there is room.
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  // The first time it did not warm up; nothing: it still does.
  [[nodiscard]] std::optional<core::Time> warm() const { return warm_; }

 private:
  void widen();

  std::vector<Column> columns_;
  core::Time begin_{};
  unsigned shift_ = 0;  // a column is 2^shift_ nanoseconds wide
  std::optional<core::Time> warm_;
};

struct ChartFlag {
  core::FlagChange raised;  // its `detector` is an index in the series' plan
  std::optional<core::Time> cleared;
};

struct Chart {
  static constexpr std::uint64_t flags_max = 100;  // of a detector

  std::uint64_t ordinal;  // of the series
  std::uint32_t stream;
  std::vector<std::string> names;  // of the keys
  std::vector<std::string> keys;   // its key values
  std::string field;
  std::vector<std::uint32_t> rules;  // of each track: index of the detector in the stream's configuration
  std::vector<Track> tracks;         // by detector of the plan; a silence has an empty one
  std::vector<ChartFlag> flags;      // the first flags_max of each detector, as they were raised
  std::vector<std::uint64_t> flag_counts;  // by detector of the plan: all

  [[nodiscard]] std::uint64_t flags_total() const;
};

class ChartBook {
 public:
  // Both outlive the book. Series that began as one of the first `whole_max` are charted from their first
  // value on, all others from the first that is not quiet: memory follows what is odd.
  ChartBook(const Rules& rules, const core::SeriesTable& table, std::uint64_t whole_max)
      : rules_(rules), table_(table), whole_max_(whole_max) {}

  void judgement(core::SeriesId series, const core::Judgement& judgement);
  void flag(core::SeriesId series, const core::FlagChange& change);

  // In no order.
  [[nodiscard]] const std::unordered_map<std::uint64_t, Chart>& charts() const { return charts_; }
  // Series that were judged and have no chart.
  [[nodiscard]] std::size_t uncharted() const { return uncharted_.size(); }

 private:
  Chart& chart(core::SeriesId series, std::uint64_t ordinal);

  const Rules& rules_;
  const core::SeriesTable& table_;
  std::uint64_t whole_max_;
  std::unordered_map<std::uint64_t, Chart> charts_;  // by ordinal
  std::unordered_set<std::uint64_t> uncharted_;
};

}  // namespace bridge
