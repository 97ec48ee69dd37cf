// Encoder: results to topics and JSON (schemas/window.schema.json, schemas/flag.schema.json,
// schemas/late.schema.json, schemas/flag_day.schema.json), into one worker's outbox. One per shard, used only
// by the thread that runs it; reuses its buffers, does not allocate in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/encode_texts.h"
#include "bridge/flag_days.h"
#include "bridge/outbox.h"
#include "bridge/rules.h"
#include "core/counter.h"
#include "core/output.h"
#include "core/series.h"

namespace bridge {

class Encoder final : public core::Output {
 public:
  // All borrowed; they outlive the encoder.
  Encoder(const Rules& rules, const core::SeriesTable& table, Outbox& outbox);

  void window(core::Position cause, core::SeriesId series,
              const core::WindowResult& result) noexcept override;
  void flag(core::Position cause, core::SeriesId series, const core::FlagChange& change) noexcept override;
  void late(core::Position cause, core::SeriesId series, const core::Point& point,
            core::Time watermark) noexcept override;
  void time(core::Position cause, core::Time now) noexcept override;
  void given_up(core::Position cause, core::SeriesId series, core::Time now) noexcept override;
  void end(core::Position cause, core::Time now) noexcept override;

  // The rules have adopted other streams; those that stay keep their counts. Any thread, while no shard has
  // anything to do and nobody reads counts.
  void adopt(const Rules& rules, const Adoption& adoption);

  // Results by stream and rule, for metrics: index as in the configuration. Any thread.
  [[nodiscard]] std::uint64_t windows(std::size_t stream, std::size_t window) const;
  [[nodiscard]] std::uint64_t flags(std::size_t stream, std::size_t detector, bool raised) const;

 private:
  struct Stream {
    StreamTexts texts;
    std::vector<core::Counter> window_counts, raised, cleared;
  };

  static Stream make(const StreamRules& rules);

  [[nodiscard]] FlagDays::Tell days_to_outbox(core::Position cause);
  void flag_day(core::Position cause, core::SeriesId series, const FlagDays::Day& day);
  void write_topic(const std::vector<TopicPart>& parts, core::SeriesId series);
  void write_keys(const std::vector<Member>& keys, core::SeriesId series);
  void write_id(const DetectorText& text, core::SeriesId series, core::Time since);
  void write_span(core::Time start, core::Time end);
  void write_time(std::string_view member, core::Time time);
  void write_value(std::string_view member, double value, bool nulls);
  void write_number(std::string_view member, double value);
  void push(core::Position cause, core::SeriesId series, bool urgent = false, bool retain = false);

  const core::SeriesTable& table_;
  Outbox& outbox_;
  std::vector<Stream> streams_;
  FlagDays days_;  // of series whose stream publishes them
  std::string topic_;
  std::string payload_;
  std::string id_;
  core::Time span_start_ = core::no_time, span_end_ = core::no_time;  // what span_ says
  std::string span_;
};

// Appends `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// Appends `,"name":"text"`.
void append_member(std::string_view name, std::string_view text, std::string& out);

}  // namespace bridge
