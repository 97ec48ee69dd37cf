// Service: what is between a journal and a sink, live: edge, workers, publisher, recording, and what weir
// tells about itself. `run` and the plugin are this and a source each. The owner's thread drives the edge
// with step(); stats(): any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/journal.h"
#include "bridge/rules.h"
#include "bridge/sink.h"
#include "bridge/source.h"
#include "bridge/stats.h"

namespace bridge {

struct ServiceOptions {
  std::string broker;  // what status and metrics call it
  std::string record;  // file that what arrives is written to; empty: none
};

class Service {
 public:
  // All borrowed; they outlive the service. The source fills the journal; this is its only reader. Throws
  // SetupError.
  Service(const Config& config, const ServiceOptions& options, Journal& journal, Source& source, Sink& sink);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Once, before the first step(): starts publishing.
  void start();
  // Reads what has arrived; when there is nothing, lets time pass and waits for more, at most tick_every.
  void step();
  // A recording could not be written: there is no point in going on.
  [[nodiscard]] bool failed() const;
  // From now on the streams are those of `next`; nothing else of the configuration changes. Those that are
  // the same go on, with their windows; the open windows of the others are published as they are.
  Adoption adopt(const std::vector<StreamConfig>& next);
  // The end, in order: the source stops, what the journal holds is read, and for at most `most` what is to be
  // published is waited for. With `goodbye` nobody goes on where we end: open windows are published as they
  // are, and the offline status with them.
  void finish(core::Duration most, bool goodbye = false);
  // One line of what there was, after finish(). False: failed.
  bool tell_end();

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::uint32_t workers() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
