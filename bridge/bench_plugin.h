// Level G, with weir inside the broker: what a Mosquitto carries with the plugin in it, beside one whose
// plugin does nothing but count, interleaved. Nobody subscribes the load: the broker reads as fast as it can,
// and TCP holds the generator back. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/commands.h"
#include "bridge/local_broker.h"

namespace bridge {

struct PluginRound {
  std::string subject;                       // null, weir, consume
  double rate = 0;                           // messages per second, in the measured part
  double thread_cpu_us = 0;                  // of the broker's own thread, per message
  double cpu_us = 0;                         // of the whole process
  double ping_p99_ms = 0, ping_most_ms = 0;  // how long a ping of another client waited for its answer
  std::uint64_t sent = 0;                    // in the whole round
  std::uint64_t received = 0, shed = 0, aggregated = 0;  // weir's
};

struct PluginReport {
  std::uint32_t devices = 0;
  unsigned cores = 0;
  std::uint32_t rate = 0;
  double seconds = 0;
  std::vector<PluginRound> rounds;

  // Everything sent was received and, but for what was shed, aggregated.
  [[nodiscard]] bool complete() const;
  // Medians of `member` over the rounds of a subject, and of its ratio to the yardstick's of the same turn.
  [[nodiscard]] double middle_of(const std::string& subject, double PluginRound::*member) const;
  [[nodiscard]] double ratio(const std::string& subject, double PluginRound::*member) const;
};

// Options were validated; options.plugin names the plugin, and weir_null_plugin.so lies beside it.
[[nodiscard]] PluginReport bench_plugin(const BenchOptions& options);
[[nodiscard]] std::string text_of(const PluginReport& report);
[[nodiscard]] std::string json_of(const PluginReport& report);

// A broker that has the plugin in it, and its configuration in its folder.
[[nodiscard]] LocalBrokerOptions broker_with_plugin(const std::string& plugin, const std::string& more = {});
// Writes the plugin's configuration. Before the broker's start().
void configure_plugin(const LocalBroker& broker, const std::string& config);

}  // namespace bridge
