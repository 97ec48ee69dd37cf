// Rules: the configuration compiled into what the edge and the encoders need: patterns, groupings, plans,
// templates. Constant but for adopt(), readable by every thread; outlives the engine.
//
// A grouping is one set of keys ("by") of a stream: a number that matches the stream enters one series per
// grouping that has a rule for its field. Grouping 0 has every capture and tag (series_keys: all but a
// capture called {field}); detectors belong to it, or, where they judge a window, to the window's;
// each `peers` detector has a grouping of its own, with every key. Two windows whose `by` name the same keys
// share a grouping, whatever their order. A stream that is ignored has a pattern and no groupings.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/config.h"
#include "bridge/topic.h"
#include "core/plan.h"

namespace bridge {

// Where a key value comes from: a capture of the topic or a tag of the payload, by index.
struct KeySource {
  bool tag;
  std::uint32_t index;  // in TopicPattern::names() or StreamRules::tag_names
};

struct Grouping {
  std::vector<std::string> names;  // of the keys, in the order of the series' key values
  std::vector<KeySource> keys;
  bool has_tags = false;
  // Of a `peers` detector: its samples go to the engine in pairs, each with what its peers say. Peers are
  // alike in these of the keys, by index.
  bool paired = false;
  std::vector<std::size_t> alike;
  std::uint32_t members_least = 0;
  // Plans by field: those that a rule names, else `other`. Null: no rule applies to that field.
  std::map<std::string, const core::Plan*, std::less<>> by_field;
  const core::Plan* other = nullptr;

  [[nodiscard]] const core::Plan* plan_for(std::string_view field) const;
};

struct DetectorRules {
  std::uint32_t grouping;
  // What it judges instead of samples: places in the stream's configuration, not in a plan.
  std::optional<core::DetectorSpec::WindowValue> on;
  // Their {names} are flag_template_names(names of the grouping).
  TopicTemplate flag_topic;
  TopicTemplate state_topic;  // no parts: states are not published
};

// A series that is expected from the beginning, by the values of the keys of grouping 0.
struct ExpectedSeries {
  std::vector<std::string> key;
  std::string field;
};

struct StreamRules {
  std::shared_ptr<const StreamConfig> config;
  TopicPattern pattern;
  std::vector<std::string>
      tag_names;  // of the payload's rows, as the decoder gives them: tags, then "key" of a map
  std::vector<Grouping> groupings;
  // One per window; its {names} are window_template_names(by of the window).
  std::vector<TopicTemplate> window_topics;
  std::vector<std::uint32_t> window_groupings;  // index of the grouping of each window
  std::vector<DetectorRules> detectors;         // one per detector
  // Its {names} are late_template_names(*config). No parts: late samples are not published.
  TopicTemplate late_topic;
  // Its {names} are flag_day_template_names(*config). No parts: days of flags are not published.
  TopicTemplate flag_days_topic;
  bool wants_nulls = false;  // some plan does
  bool has_peers = false;    // some grouping is paired
  std::vector<ExpectedSeries> expected{};
};

// Streams of a new configuration beside those in use. One whose description is the same goes on.
struct Adoption {
  static constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> from;  // for each new one its index until now; none: it begins
  std::vector<bool> stays;        // for each until now
};

class Rules {
 public:
  // `config` was validated. `reports_scores`: of every plan that has detectors.
  explicit Rules(const Config& config, bool reports_scores = false);
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  [[nodiscard]] const LimitsConfig& limits() const { return limits_; }
  [[nodiscard]] const std::vector<std::unique_ptr<StreamRules>>& streams() const { return streams_; }

  [[nodiscard]] Adoption compare(const std::vector<StreamConfig>& next) const;
  // From now on the streams are those of `next`, in its order; those that go on keep their rules and plans,
  // which are numbered anew. Meanwhile nobody else reads rules or plans. The plans of the others remain,
  // of no use, for whoever knows them by their address.
  void adopt(const std::vector<StreamConfig>& next, const Adoption& adoption);

 private:
  const LimitsConfig limits_;
  const bool reports_scores_;
  std::deque<core::Plan> plans_;
  std::vector<std::unique_ptr<StreamRules>> streams_;
};

// Names a window's template may use, in the order of TopicTemplate::Part::name: stream, window, field, then
// `by`.
[[nodiscard]] std::vector<std::string> window_template_names(const std::vector<std::string>& by);
// Names late_to may use: stream, field, then the keys that every window's series have.
[[nodiscard]] std::vector<std::string> late_template_names(const StreamConfig& stream);
// Names flag_days_to may use: stream, field, then the keys that every detector's series have.
[[nodiscard]] std::vector<std::string> flag_day_template_names(const StreamConfig& stream);
// Names a detector's flags_to, to and retain_to may use: stream, detector, field, then the keys of its
// series.
[[nodiscard]] std::vector<std::string> flag_template_names(const std::vector<std::string>& keys);

}  // namespace bridge
