// Publisher: the thread that drains the outboxes to the sink. Holds at most publish.buffer results while the
// sink cannot take them (the oldest is dropped and counted), keeps what is under way until it is
// acknowledged, publishes again what a lost connection lost, and honours publish.max_rate. At least once;
// idempotent by (topic, start, rev).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/outbox.h"
#include "bridge/sink.h"
#include "core/counter.h"

namespace bridge {

// Of results, not of statuses. Written by the publisher's thread, read by any. Once the outboxes are empty:
// pushed into them = acknowledged + refused + dropped + held.
struct PublishCounters {
  core::Counter acknowledged;  // accepted for good: by the broker (QoS 1, 2), by the sink (QoS 0)
  core::Counter refused;       // the broker or the sink said no
  core::Counter dropped;       // the buffer was full: the oldest was given up
  core::Counter again;         // publications repeated because a connection was lost
  core::Counter held;          // now waiting or under way
};

class Publisher {
 public:
  // All but the config are borrowed and outlive the publisher.
  Publisher(const PublishConfig& config, std::vector<Outbox*> outboxes, Sink& sink);
  // finish() at once.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Once.
  void start();
  // Any thread: publish this as soon as possible, ahead of results (status, birth). Never dropped for
  // results; a newer one for the same topic replaces one not yet under way.
  void publish_status(Publication publication);
  // After the workers have ended: waits until all is acknowledged or `most` has passed, gives up what is left
  // (counted as dropped), ends the thread. Idempotent. Without start(): no effect.
  void finish(core::Duration most);

  [[nodiscard]] const PublishCounters& counters() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
