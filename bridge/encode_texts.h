// StreamTexts: what is the same in every result of a rule, written once: topics, heads, the names of keys.
// Made with the encoder, constant afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/rules.h"

namespace bridge {

struct TopicPart {
  enum class Value : std::uint8_t { none, field, key };
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
  std::string name;  // {"detector":"odd"
  std::vector<Member> keys;
};
// Of a result that no single rule gives.
struct SeriesText {
  std::vector<TopicPart> topic;
  std::string head;
  std::vector<Member> keys;
};
struct StreamTexts {
  std::vector<WindowText> windows;
  std::vector<DetectorText> detectors;
  std::vector<SeriesText> lates;  // by grouping; none where late samples are not published
  std::vector<SeriesText> days;   // of flags, by grouping; none where they are not published
};

[[nodiscard]] StreamTexts make_texts(const StreamRules& rules);

// The member that holds the key `name` in published messages: the name itself, or "key_" before it where the
// message has a member of that name already (a capture {time} is published as "key_time", a capture
// {key_time} as "key_key_time").
[[nodiscard]] std::string key_member(std::string_view name);

// Appends one part of a flag's id: "/" and "%" and whatever is no text are percent-encoded, so that ids of
// different series differ.
void append_id_part(std::string_view text, std::string& out);

}  // namespace bridge
