#include <algorithm>
#include <optional>

#include "bridge/config_read.h"
#include "bridge/error.h"
#include "bridge/rules.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

using Strings = std::vector<std::string>;

// A template with what is known of its names; nothing when it is none, which is reported.
std::optional<TopicTemplate> check_template(const std::string& text, const Strings& names,
                                            const std::string& pointer, Problems& problems) {
  try {
    return TopicTemplate(text, names);
  } catch (const SetupError& error) {
    problems.add(pointer, error.what());
    return std::nullopt;
  }
}

// The template with its fixed names filled in and the others as they are: equal for two templates that give
// the same topic.
std::string resolved(const TopicTemplate& topic, const Strings& names, const std::string& stream,
                     const std::string& rule) {
  std::string out;
  for (const TopicTemplate::Part& part : topic.parts()) {
    out += part.literal;
    if (part.name < 0) continue;
    const std::string& name = names[static_cast<std::size_t>(part.name)];
    if (name == "stream" || name == "window" || name == "detector") {
      append_topic_level(name == "stream" ? stream : rule, out);
    } else {
      out += '{' + name + '}';
    }
  }
  return out;
}

// The topics of one stream's results, as far as they are known, and what is published to them.
class Topics {
 public:
  Topics(const StreamConfig& stream, const std::string& pointer, std::vector<Output>& outputs,
         Problems& problems)
      : stream_(stream), pointer_(pointer), outputs_(outputs), problems_(problems) {}

  void add_windows() {
    for (std::size_t i = 0; i < stream_.windows.size(); ++i) {
      const WindowConfig& window = stream_.windows[i];
      add(step(step(step(pointer_, "windows"), i), "to"), window.to, window_template_names(window.by),
          window.spec.name, ", as with {window}");
    }
  }
  void add_late() {
    if (stream_.late_to.empty()) return;
    const std::string at = step(pointer_, "late_to");
    if (stream_.windows.empty()) problems_.add(at, "has no effect without windows; leave it out");
    add(at, stream_.late_to, late_template_names(stream_), "", "");
  }
  // Flags of several detectors may share a topic, but not with anything else.
  void add_flags() {
    const std::string at = step(pointer_, "flags_to");
    const Strings names = flag_template_names(series_keys(stream_));
    const auto topic = check_template(stream_.flags_to, names, at, problems_);
    const std::size_t others = all_.size();
    bool good = topic.has_value(), used = false;
    each_detector([&](const DetectorConfig& detector, const std::string& detector_at, const Strings& own) {
      if (!detector.to.empty())
        return add(step(detector_at, "to"), detector.to, own, detector.spec.name, flag_hint, others);
      used = true;
      if (good)
        good = note(at, stream_.flags_to, resolve(*topic, names, detector.spec.name), flag_hint, others);
    });
    if (topic && used) outputs_.push_back({at, stream_.flags_to, {topic->widest_filter({&stream_.name})}});
  }
  void add_states() {
    each_detector([&](const DetectorConfig& detector, const std::string& at, const Strings& names) {
      if (detector.retain_to.empty()) return;
      add(step(at, "retain_to"), detector.retain_to, names, detector.spec.name, ", as with state/{detector}");
    });
  }

  void add_flag_days() {
    if (stream_.flag_days_to.empty()) return;
    const std::string at = step(pointer_, "flag_days_to");
    if (stream_.detectors.empty()) problems_.add(at, "has no effect without detectors; leave it out");
    add(at, stream_.flag_days_to, flag_day_template_names(stream_), "", "");
  }

 private:
  static constexpr const char* flag_hint = ", as with flag/{detector}";
  struct Known {
    std::string topic;
    std::string at;
  };

  // With the names its topics may use; not those whose `on` is reported.
  void each_detector(const auto& visit) const {
    for (std::size_t i = 0; i < stream_.detectors.size(); ++i) {
      const DetectorConfig& detector = stream_.detectors[i];
      if (!detector.on.empty() && !find_value(stream_, detector.on)) continue;
      visit(detector, step(step(pointer_, "detectors"), i),
            flag_template_names(series_keys(stream_, detector)));
    }
  }
  [[nodiscard]] std::string resolve(const TopicTemplate& topic, const Strings& names,
                                    const std::string& rule) const {
    return resolved(topic, names, stream_.name, rule);
  }
  // Notes a topic of the template `text`; false, and a problem, where one of the first `others` gives it too.
  bool note(const std::string& at, const std::string& text, std::string topic, const char* hint,
            std::size_t others) {
    const auto end = all_.begin() + static_cast<std::ptrdiff_t>(std::min(others, all_.size()));
    const auto same = std::find_if(all_.begin(), end, [&](const Known& one) { return one.topic == topic; });
    if (same != end) {
      problems_.add(at, shown(text) + ": gives the same topics as " + same->at +
                            "; results would replace each other, so tell their topics apart" + hint);
      return false;
    }
    all_.push_back({std::move(topic), at});
    return true;
  }
  void add(const std::string& at, const std::string& text, const Strings& names, const std::string& rule,
           const char* hint, std::size_t others = ~std::size_t{0}) {
    const auto topic = check_template(text, names, at, problems_);
    if (!topic) return;
    note(at, text, resolve(*topic, names, rule), hint, others);
    // The names that come first are the stream's and, where there is a rule, the rule's.
    std::vector<const std::string*> fixed{&stream_.name};
    if (!rule.empty()) fixed.push_back(&rule);
    outputs_.push_back({at, text, {topic->widest_filter(fixed)}});
  }

  const StreamConfig& stream_;
  const std::string& pointer_;
  std::vector<Output>& outputs_;
  Problems& problems_;
  std::vector<Known> all_;
};

}  // namespace

void validate_topics(const StreamConfig& stream, const std::string& pointer, std::vector<Output>& outputs,
                     Problems& problems) {
  Topics topics(stream, pointer, outputs, problems);
  topics.add_windows();
  topics.add_late();
  topics.add_flags();
  topics.add_states();
  topics.add_flag_days();
}

}  // namespace bridge
