// Source: where messages come from. It copies topic and payload into the journal and returns: it never
// decodes and never touches engine state. Its callbacks run on a thread of its own (the MQTT library's), the
// journal's producer.
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
};

// Written by the source's thread, read by any.
struct SourceCounters {
  core::Counter received;  // messages the library handed over
  core::Counter shed;      // of these, dropped because the journal was full
  core::Counter oversize;  // of these, dropped because topic or payload is over its limit
  core::Counter waits;     // times the journal was full and the source was held back
};

}  // namespace bridge
