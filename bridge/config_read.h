// The parts of loading a configuration: each reads one object of the text into its plain struct, and reports
// what cannot be read; then the whole is checked. Used while loading, by one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/config_node.h"
#include "bridge/topic.h"

namespace bridge {

// Stands for a duration that was not given or not readable, while others depend on it.
inline constexpr core::Duration unread{-1};

// Two keys that streams, windows and detectors share.
void read_name(ObjectReader& in, std::string& name);
void read_field_names(ObjectReader& in, std::vector<std::string>& fields);

void read_stream(const Node& node, const std::string& pointer, Problems& problems, StreamConfig& stream);
void read_payload(const Node& node, const std::string& pointer, Problems& problems, PayloadConfig& payload);
// `window` is a window of the stream that takes all the defaults of its kind; the stream's windows may still
// be under way.
void read_window(const Node& node, const std::string& pointer, Problems& problems, const StreamConfig& stream,
                 WindowConfig& window);
void read_detector(const Node& node, const std::string& pointer, Problems& problems,
                   DetectorConfig& detector);
// A window that was not written: a minute, tumbling.
void default_window(const StreamConfig& stream, WindowConfig& window);
// The keys "aggregates" and those that say more about some of them. The rest of the spec was read.
void read_aggregates(ObjectReader& in, Problems& problems, core::WindowSpec& spec);
// What a cadence (0: learned) means for a window: two aggregates tell of it.
void add_cadence(core::WindowSpec& spec, core::Duration cadence);
// "learned", which is 0, or a duration.
void read_learned(ObjectReader& in, std::string_view key, std::optional<core::Duration>& target);
// The tree as a configuration, with defaults that depend on other keys filled in. Reports what cannot be
// read.
[[nodiscard]] Config read_config(const Node& root, Problems& problems);
// What is wrong with a configuration as a whole: how its values fit together.
void validate(const Config& config, Problems& problems);
// A topic that is published to, as far as it is known before any message comes.
struct Output {
  std::string pointer;
  std::string text;                 // as in the file
  std::vector<std::string> widest;  // filters that take all its topics
};
// The part of it that is about streams. `outputs`: the topics published to besides those of streams.
void validate_streams(const Config& config, std::vector<Output> outputs, Problems& problems);
// One of them: its keys, windows and detectors. `outputs`: the topics it publishes to are added.
void validate_stream(const StreamConfig& stream, const TopicPattern& pattern, const std::string& pointer,
                     std::vector<Output>& outputs, Problems& problems);
// Its topics alone. The rules were read.
void validate_topics(const StreamConfig& stream, const std::string& pointer, std::vector<Output>& outputs,
                     Problems& problems);
// A name that stands in topics and metrics must be there as it is in the file. Empty ones were reported when
// they were read.
void check_name(const std::string& name, const std::string& pointer, Problems& problems);

}  // namespace bridge
