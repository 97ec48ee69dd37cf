#include "bridge/plugin_topics.h"

#include <algorithm>

namespace bridge {
namespace {

// "a/+/b" -> "a/"; "a/#" -> "a", for it takes "a" itself.
std::string prefix_of(const std::string& filter) {
  std::string prefix = filter.substr(0, filter.find_first_of("+#"));
  if (filter.ends_with("/#") && prefix.size() + 1 == filter.size()) prefix.pop_back();
  return prefix;
}

}  // namespace

TakenTopics::TakenTopics(const std::vector<StreamConfig>& streams) {
  std::size_t captures = 0;
  for (const StreamConfig& stream : streams) {
    TopicPattern pattern(stream.from);
    captures = std::max(captures, pattern.names().size());
    streams_.push_back({prefix_of(pattern.filter()), std::move(pattern), stream.ignore});
  }
  captures_.reserve(captures);
}

bool TakenTopics::take(std::string_view topic) {
  if (topic.starts_with('$')) return false;
  for (const Stream& stream : streams_) {
    if (topic.starts_with(stream.prefix) && stream.pattern.match(topic, captures_, rest_))
      return !stream.ignore;
  }
  return false;
}

}  // namespace bridge
