#include <algorithm>
#include <optional>

#include "bridge/config_read.h"
#include "bridge/error.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

// A stream under way through the checks.
struct Checked {
  const StreamConfig* config;
  std::string pointer;
  std::optional<TopicPattern> pattern;  // none: reported when the stream was checked
};

void check_overlap(const Checked& first, const Checked& second, Problems& problems) {
  const std::string& one = first.pattern->filter();
  const std::string& other = second.pattern->filter();
  if (first.config->name == second.config->name) {
    problems.add(step(second.pointer, "name"), shown(second.config->name) + ": is the name of " +
                                                   first.pointer +
                                                   " too; give each stream a name of its own");
  }
  if (!filters_overlap(one, other)) return;
  const std::string both = shown(other) + " of stream " + shown(second.config->name) + " and " + shown(one) +
                           " of stream " + shown(first.config->name);
  if (first.config->ignore) {
    if (second.config->ignore || !filter_covers(one, other)) return;
    problems.add(step(second.pointer, "from"),
                 both + ": the second, which is ignored, takes everything; make it narrower");
  } else if (second.config->ignore) {
    problems.add(step(second.pointer, "from"),
                 both + " take the same topics; put the ignored stream before the other");
  } else {
    problems.add(step(second.pointer, "from"),
                 both +
                     " take the same topics; a topic belongs to one stream, so make one of "
                     "them narrower, or one \"ignore\": true before the other");
  }
}

// Whether a topic of the output would come back through the subscription.
bool loops(std::string widest, const std::string& filter) {
  if (widest.front() == '+' &&
      filter.front() == '$') {  // MQTT keeps these apart, but the name's value may begin with "$"
    const std::size_t level = std::min(filter.find('/'), filter.size());
    widest.replace(0, 1, filter, 0, level);
  }
  return filters_overlap(widest, filter);
}

void check_loops(const std::vector<Output>& outputs, const std::vector<Checked>& streams,
                 Problems& problems) {
  for (const Output& output : outputs) {
    if (problems.full()) return;
    for (const Checked& stream : streams) {
      if (!stream.pattern || stream.config->ignore) continue;
      const std::string filter = stream.pattern->filter();
      if (std::ranges::none_of(output.widest, [&](const auto& widest) { return loops(widest, filter); }))
        continue;
      problems.add(output.pointer, shown(output.text) + ": would be read again by subscription " +
                                       shown(filter) + " of stream " + shown(stream.config->name) +
                                       "; use another prefix");
    }
  }
}

}  // namespace

void validate_streams(const Config& config, std::vector<Output> outputs, Problems& problems) {
  std::vector<Checked> streams;
  for (std::size_t i = 0; i < config.streams.size(); ++i) {
    Checked& stream = streams.emplace_back(Checked{&config.streams[i], step("/streams", i), {}});
    if (stream.config->from.empty()) continue;  // reported when it was read
    try {
      stream.pattern.emplace(stream.config->from);
    } catch (const SetupError& error) {
      problems.add(step(stream.pointer, "from"), error.what());
    }
  }
  for (const Checked& stream : streams) {
    check_name(stream.config->name, step(stream.pointer, "name"), problems);
    if (stream.pattern) validate_stream(*stream.config, *stream.pattern, stream.pointer, outputs, problems);
  }
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (streams[i].pattern && streams[j].pattern) check_overlap(streams[j], streams[i], problems);
    }
  }
  check_loops(outputs, streams, problems);
}

}  // namespace bridge
