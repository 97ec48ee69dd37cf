// Encoder: results to topics and JSON (schemas/window.schema.json, schemas/flag.schema.json,
// schemas/late.schema.json), into one worker's outbox. One per shard, used only by the thread that runs it;
// reuses its buffers, does not allocate in steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

  // Results by stream and rule, for metrics: index as in the configuration. Any thread.
  [[nodiscard]] std::uint64_t windows(std::size_t stream, std::size_t window) const;
  [[nodiscard]] std::uint64_t flags(std::size_t stream, std::size_t detector, bool raised) const;

 private:
  // What is the same in every result of a rule, written once.
  enum class Value : std::uint8_t { none, field, key };
  struct TopicPart {
    std::string literal;
    Value value;      // what follows the literal
    std::size_t key;  // which key value
  };
  using Member = std::pair<std::string, std::size_t>;  // `,"site":` and the index of its key value
  struct WindowText {
    std::vector<TopicPart> topic;
    std::string head;
    std::vector<Member> keys;
    std::vector<std::string> aggregates;  // members, in the order of the values
  };
  struct DetectorText {
    std::vector<TopicPart> topic;
    std::vector<TopicPart> state_topic;  // empty: states are not published
    std::string id;
    std::string head;
    std::vector<Member> keys;
  };
  struct LateText {
    std::vector<TopicPart> topic;
    std::string head;
    std::vector<Member> keys;
  };
  struct Stream {
    std::vector<WindowText> windows;
    std::vector<LateText> lates;  // by grouping; none where late samples are not published
    std::vector<DetectorText> detectors;
    std::vector<core::Counter> window_counts, raised, cleared;
  };
  struct Names;

  static Stream make(const StreamRules& rules);
  static std::vector<Member> members_of(const Grouping& grouping);
  static WindowText make_window(const StreamRules& rules, std::size_t window);
  static LateText make_late(const StreamRules& rules, const Grouping& grouping);
  static DetectorText make_detector(const StreamRules& rules, std::size_t detector);
  static std::vector<TopicPart> make_topic(const TopicTemplate& topic, const Names& names);

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
  std::string topic_;
  std::string payload_;
  std::string id_;
  core::Time span_start_ = core::no_time, span_end_ = core::no_time;  // what span_ says
  std::string span_;
};

// Appends `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// The member that holds the key `name` in published messages: the name itself, or "key_" before it where the
// message has a member of that name already (a capture {time} is published as "key_time", a capture
// {key_time} as "key_key_time").
[[nodiscard]] std::string key_member(std::string_view name);

}  // namespace bridge
