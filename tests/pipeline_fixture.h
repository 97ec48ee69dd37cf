// A pipeline fed by hand: what tests of the edge and of whole paths share.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/config.h"
#include "bridge/pipeline.h"

namespace test {

using namespace std::chrono_literals;

// 2026-01-01T00:00:00Z, a multiple of every window used in tests.
inline constexpr core::Time day{std::chrono::seconds{1'767'225'600}};

struct Published {
  std::string topic;
  std::string payload;
  bool retain = false;
  bool operator==(const Published&) const = default;
};

class Feed {
 public:
  // `threads`: with workers, else in place.
  explicit Feed(std::string_view config, bool threads = false)
      : config_(bridge::parse_config(config)), pipeline_(config_, threads, 1 << 30) {}

  // A message that arrives `at` after `day`.
  void send(core::Duration at, std::string_view topic, std::string_view payload) {
    bridge::Message message;
    message.arrival = day + at;
    send(message, topic, payload);
  }
  void send(bridge::Message message, std::string_view topic, std::string_view payload) {
    std::string padded{payload};
    padded.append(bridge::payload_padding, '\0');
    message.topic = topic;
    message.payload = std::string_view{padded}.substr(0, payload.size());
    pipeline_.edge().take(message);
    ++sent_;
  }
  void tick(core::Duration at) { pipeline_.edge().take_tick(day + at); }

  bridge::Adoption adopt(std::string_view config) {
    return pipeline_.adopt(bridge::parse_config(config).streams);
  }

  // What has been published since the last call.
  std::vector<Published> take() {
    pipeline_.engine().settle();
    std::vector<Published> all;
    for (bridge::Outbox* outbox : pipeline_.outboxes()) {
      for (const bridge::Result* result = outbox->front(); result != nullptr; result = outbox->front()) {
        all.push_back({std::string{result->topic}, std::string{result->payload}, result->retain});
        outbox->pop();
      }
    }
    return all;
  }

  bridge::Stats stats() {
    pipeline_.engine().settle();
    bridge::Stats stats;
    pipeline_.add_to(stats);
    stats.received = sent_;
    return stats;
  }
  std::uint64_t messages(bridge::MessageOutcome outcome) {
    return stats().messages[static_cast<std::size_t>(outcome)];
  }
  std::uint64_t samples(bridge::SampleOutcome outcome) {
    return stats().samples_by[static_cast<std::size_t>(outcome)];
  }

  bridge::Pipeline& pipeline() { return pipeline_; }

 private:
  bridge::Config config_;
  bridge::Pipeline pipeline_;
  std::uint64_t sent_ = 0;
};

// The ledger of outcome.h, both lines.
inline bool adds_up(const bridge::Stats& stats) {
  std::uint64_t messages = stats.messages_in_flight;
  for (const std::uint64_t n : stats.messages) messages += n;
  std::uint64_t samples = stats.samples_in_flight;
  for (const std::uint64_t n : stats.samples_by) samples += n;
  return messages == stats.received && samples == stats.samples;
}

}  // namespace test
