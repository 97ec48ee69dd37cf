// Subject: what level G measures, a process that takes the messages of the bench. Owned by the bench's one
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/bench_child.h"
#include "bridge/bench_load.h"
#include "bridge/bench_report.h"
#include "bridge/commands.h"
#include "bridge/config.h"

namespace bridge {

// Topics of the bench begin with this.
inline constexpr const char* bench_root = "bench";
// The client id of every subject.
inline constexpr const char* bench_subject = "bench-subject";

// What level G sends, over and over: whole passes over the devices, 100,000 messages or one pass.
[[nodiscard]] WireLoad gateway_load(std::uint32_t devices);
// How the subject of this bench connects.
[[nodiscard]] BrokerConfig subject_broker(const BenchOptions& options, std::string url);

class Subject {
 public:
  virtual ~Subject() = default;
  virtual Child& child() = 0;
  // Subscribed: what is sent from now on reaches it.
  [[nodiscard]] virtual bool ready() = 0;
  // Messages it has handled so far.
  [[nodiscard]] virtual std::uint64_t handled() = 0;
  // Its part of the ledger.
  virtual void add_to(GatewayRound& round) = 0;
  // The end of what it said.
  [[nodiscard]] virtual std::string log() const = 0;
};

// A subscriber that only counts: Paho's, or a raw reader where the client is native.
[[nodiscard]] std::unique_ptr<Subject> null_subject(const BrokerConfig& broker);
// `weir run`; asked through its /metrics.
// `streams`: the member of the configuration; default: that of the load.
[[nodiscard]] std::unique_ptr<Subject> weir_subject(const BenchOptions& options, const BrokerConfig& broker,
                                                    const std::string& streams = {});

}  // namespace bridge
