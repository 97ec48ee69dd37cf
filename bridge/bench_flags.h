// What the detectors find, and what they raise for nothing: a made-up fleet with faults whose truth is known,
// and signals in which nothing is wrong, each with a detector as it is by default. Deterministic: the same
// seed gives the same table on every machine. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"

namespace bridge {

// One kind of fault, injected into a fleet, and one detector.
struct FlagsTrial {
  std::string fault;
  std::string detector;       // as in the configuration
  std::uint64_t faults = 0;   // injected
  std::uint64_t found = 0;    // of these, flagged while they lasted, or within `grace` behind
  std::uint64_t raised = 0;   // flags in all
  std::uint64_t rightly = 0;  // of these, those that belong to a fault
  double delay = 0;           // median of what lies between a fault's begin and its first flag, in samples

  [[nodiscard]] double recall() const { return faults == 0 ? 0 : double(found) / double(faults); }
  [[nodiscard]] double precision() const { return raised == 0 ? 0 : double(rightly) / double(raised); }
};

// One signal without a fault.
struct FlagsQuiet {
  std::string signal;
  std::uint64_t series = 0;
  double days = 0;           // of a sample a minute
  std::uint64_t raised = 0;  // for nothing
  [[nodiscard]] double per_month() const { return double(raised) / double(series) / days * 30; }
};

struct FlagsReport {
  std::uint32_t devices = 0;
  double hours = 0;
  std::vector<FlagsTrial> trials;
  std::vector<FlagsQuiet> quiet;

  [[nodiscard]] bool complete() const { return !trials.empty() && !quiet.empty(); }
};

// A flag raised so many samples behind a fault is still its flag: what ends a fault is a change too.
inline constexpr int flags_grace = 10;

[[nodiscard]] FlagsReport bench_flags(std::uint32_t devices, std::uint32_t quiet_series, double quiet_days);
// The parts of it.
[[nodiscard]] FlagsTrial try_fault(const std::string& fault, const std::string& detector,
                                   std::uint32_t devices);
[[nodiscard]] std::vector<FlagsQuiet> try_quiet(std::uint32_t series, double days);

[[nodiscard]] std::string text_of(const FlagsReport& report);
[[nodiscard]] std::string json_of(const FlagsReport& report);

}  // namespace bridge
