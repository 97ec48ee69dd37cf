// Source: where messages come from. It copies topic and payload into the journal and returns: it never
// decodes and never touches engine state. Its callbacks run on a thread that is not ours (the MQTT library's,
// the broker's), the journal's producer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/counter.h"

namespace bridge {

struct Subscription {
  std::string filter;
  int qos;
  bool seed;  // wants retained messages when it subscribes (retained: seed or accept)

  bool operator==(const Subscription&) const = default;
};

// What became of messages at their source, at one moment.
struct SourceCounts {
  std::uint64_t received = 0, shed = 0, oversize = 0, waits = 0;

  SourceCounts& operator+=(const SourceCounts& other) noexcept {
    received += other.received;
    shed += other.shed;
    oversize += other.oversize;
    waits += other.waits;
    return *this;
  }
};

// Written by the source's thread, read by any.
struct SourceCounters {
  core::Counter received;  // messages the library handed over
  core::Counter shed;      // of these, dropped because the journal was full
  core::Counter oversize;  // of these, dropped because topic or payload is over its limit
  core::Counter waits;     // times the journal was full and the source was held back

  [[nodiscard]] SourceCounts read() const noexcept {
    return {received.get(), shed.get(), oversize.get(), waits.get()};
  }
};

// How the source stands to its broker.
struct SourceState {
  bool connected = false;
  bool subscribed = false;  // whatever is wanted comes from now on
  std::uint64_t connects = 0;
  std::uint64_t disconnects = 0;
  std::string last_error;
};

// What a service asks its source. Any thread, but for stop_intake(): the service's own.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual SourceState state() const = 0;
  [[nodiscard]] virtual SourceCounts counts() const = 0;
  // Takes no more messages, and closes the journal. What is published goes on.
  virtual void stop_intake() = 0;
};

}  // namespace bridge
