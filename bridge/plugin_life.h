// PluginLife: weir inside a broker, under one configuration: journal, service, the thread that drives it, and
// both ends of it, source and sink. A new configuration is a new life.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>
#include <thread>

#include "bridge/config.h"
#include "bridge/intake.h"
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

  // Broker's thread. Copies the message into the journal, if it is weir's; never waits. False: it is not, or
  // there was no room (counted).
  bool take(std::string_view topic, std::string_view payload, int qos);
  // Broker's thread, but for what PluginSink says.
  [[nodiscard]] PluginSink& sink() { return sink_; }

  // The owner's thread, once. Before it the journal gathers what is taken.
  void begin();
  // The owner's thread. Ends in order, as Service::finish(); returns when all of it has ended. Idempotent.
  void end(core::Duration most);

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Service& service() const { return service_; }

  // Source. Any thread, but for the last.
  [[nodiscard]] SourceState state() const override;
  [[nodiscard]] SourceCounts counts() const override { return intake_.counters().read(); }
  void stop_intake() override { intake_.stop(); }

 private:
  void live() noexcept;

  // In order of construction: each borrows only from those above it.
  const Config config_;
  const Pulse& pulse_;
  TakenTopics topics_;
  PluginSink sink_;
  Journal journal_;
  Intake intake_;
  Service service_;
  std::atomic<bool> ending_{false};
  core::Duration end_within_{};  // written before ending_
  std::jthread edge_;
};

}  // namespace bridge
