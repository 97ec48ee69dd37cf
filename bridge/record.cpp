#include <cstdio>

#include "bridge/arrival_clock.h"
#include "bridge/commands.h"
#include "bridge/connections.h"
#include "bridge/error.h"
#include "bridge/journal.h"
#include "bridge/log.h"
#include "bridge/mqtt_client.h"
#include "bridge/recording.h"
#include "bridge/run.h"

namespace bridge {
namespace {

// Longest time between an arrival and the file having it.
constexpr core::Duration flush_every = std::chrono::milliseconds{100};

}  // namespace

int record(const Config& config, const RecordOptions& options) {
  configure_log(config.log);
  require_files(config);
  std::optional<Duration> most;
  if (!options.duration.empty()) {
    most = parse_duration(options.duration);
    if (!most)
      throw SetupError("--duration: \"" + options.duration + "\" is no duration; write 30s, 5m or 1h");
  }
  const StopSignal stop_signal;
  RecordingWriter recording(options.file);
  MqttClientSpec spec = client_spec(config);
  // A recorder is a listener beside the bridge: its own session, and no status of its own.
  spec.broker.client_id += "-record";
  if (!spec.broker.share.empty()) spec.broker.share += "-record";  // the bridge shares with nobody
  spec.broker.session_expiry = Duration{0};  // what came before its begin is no part of a recording
  spec.status_topic.clear();
  Journal journal(config.limits.journal_bytes, connection_count(spec.broker, spec.subscriptions.size()));
  MqttClient client(spec, &journal);
  const core::Time begin = system_now();
  client.start();

  std::uint64_t messages = 0;
  bool good = true;
  auto drain = [&] {
    for (const Message* message = journal.front(); good && message != nullptr; message = journal.front()) {
      good = recording.add(*message);
      messages += good ? 1 : 0;
      journal.pop();
    }
    good = good && recording.flush();
  };
  while (good && !StopSignal::set() && (!most || system_now() - begin < *most)) {
    drain();
    journal.wait(flush_every);
    flush_throttled();
  }
  client.stop_intake();
  drain();
  good = good && recording.close();
  client.stop();
  flush_throttled(true);
  std::fprintf(stderr, "recorded %llu messages in %s\n", static_cast<unsigned long long>(messages),
               options.file.c_str());
  if (!good)
    std::fprintf(stderr, "weir: %s: could not be written whole; is the disk full?\n", options.file.c_str());
  return good ? 0 : 1;
}

}  // namespace bridge
