// PluginLife: weir inside a broker: journal, service, the thread that drives it, and both ends of it, source
// and sink. It can adopt other streams; a configuration that differs in more is a new life.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "bridge/arrival_clock.h"
#include "bridge/config.h"
#include "bridge/journal.h"
#include "bridge/plugin_pulse.h"
#include "bridge/plugin_sink.h"
#include "bridge/plugin_topics.h"
#include "bridge/service.h"

namespace bridge {

class PluginLife final : public Source {
 public:
  // `pulse` outlives it. `wake` as PluginSink says. Throws SetupError.
  PluginLife(Config config, const Pulse& pulse, std::function<void()> wake);
  ~PluginLife() override;  // end(), with no time for what is not published
  PluginLife(const PluginLife&) = delete;
  PluginLife& operator=(const PluginLife&) = delete;

  // Broker's thread, not after end(). Copies the message into the journal, if it is weir's; never waits.
  // False: it is not, it is too large, or there was no room (counted).
  bool take(std::string_view topic, std::string_view payload, int qos);
  // Broker's thread, after each turn of its loop. Takes from now on what the streams adopted last have asked
  // for.
  void turn();
  // Broker's thread, but for what PluginSink says.
  [[nodiscard]] PluginSink& sink() { return sink_; }

  // The owner's thread, once. Before it the journal gathers what is taken.
  void begin();
  // The owner's thread, between begin() and end(). Returns when the edge reads by the new streams' rules;
  // turn() then takes by their topics, after which `turned`.
  Adoption adopt(const std::vector<StreamConfig>& next);
  [[nodiscard]] bool turned() const { return next_topics_.load(std::memory_order_acquire) == nullptr; }
  // The owner's thread, when the broker's takes no more. Ends in order, as Service::finish(); returns when
  // all of it has ended. Idempotent.
  void end(core::Duration most);

  [[nodiscard]] const Service& service() const { return service_; }

  // Source. Any thread, but for the last.
  [[nodiscard]] SourceState state() const override;
  [[nodiscard]] SourceCounts counts() const override { return counters_.read(); }
  void stop_intake() override { journal_.close(); }

 private:
  // What the owner's thread wishes of the edge's.
  struct Wish {
    const std::vector<StreamConfig>& streams;
    std::promise<Adoption> granted;
  };

  void live() noexcept;

  // In order of construction: each borrows only from those above it.
  const Config config_;
  const Pulse& pulse_;
  std::unique_ptr<TakenTopics> topics_;
  std::atomic<TakenTopics*> next_topics_{nullptr};  // owned; left for turn()
  PluginSink sink_;
  Journal journal_;
  // Broker's thread.
  ArrivalClock clock_;
  SourceCounters counters_;
  Service service_;
  std::atomic<Wish*> wish_{nullptr};
  std::atomic<bool> ending_{false};
  core::Duration end_within_{};  // written before ending_
  std::jthread edge_;
};

}  // namespace bridge
