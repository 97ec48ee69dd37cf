// The fleet of level E: a machine's worth of devices, offered by the clock for as long as asked, after all of
// them have come at once. Says what was reached, and where that is not what was offered, what can be held.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bench_open_loop.h"
#include "bridge/commands.h"

namespace bridge {

inline constexpr std::uint32_t fleet_devices_max = 10'000'000;
inline constexpr std::uint32_t fleet_points_max = 1000;

struct Fleet {
  std::uint32_t devices = 0;  // 1 to fleet_devices_max
  core::Duration interval{};  // between two points of a device: 1us to 1h
};
// "6000000x1s".
[[nodiscard]] std::optional<Fleet> parse_fleet(std::string_view text);

struct FleetReport {
  Fleet fleet;
  std::uint32_t points = 0;  // of a message
  std::size_t message_bytes = 0;
  std::string window;
  unsigned cores = 0;
  std::uint32_t workers = 0;
  double seconds = 0;  // of the first round

  OpenLoop::Burst burst;
  std::uint64_t burst_resident_peak = 0;  // beyond what the bench itself has
  std::uint64_t journal_bytes_max = 0;
  // The first as offered. If the machine does not hold that: as much as it should hold, until it does.
  std::vector<OpenRound> rounds;
  std::uint64_t series = 0;
  std::uint64_t resident_bytes = 0;  // beyond what the bench itself has
  std::uint64_t state_bytes = 0;     // of these, the workers' states of series

  std::uint64_t received = 0, decoded = 0, samples = 0, aggregated = 0, late = 0;
  std::uint64_t refused = 0;         // results the outbox had no room for
  std::uint64_t result_samples = 0;  // the counts of all results

  [[nodiscard]] double offered_points() const { return rounds.front().offered * points; }
  // Of all cores, edge and workers.
  [[nodiscard]] double cpu_share(const OpenRound& round) const;
  // Kept to the schedule, with less than fleet_cpu_share of the cores.
  [[nodiscard]] bool holds(const OpenRound& round) const;
  // Cores at which what was offered would take fleet_cpu_share of them, by the CPU of the round that offered
  // it.
  [[nodiscard]] double cores_extrapolated() const;
  // Of these, those that the edge takes, with as much room: one weir has one, so more than 1 is more than one
  // weir.
  [[nodiscard]] double edges_extrapolated() const;
  // Nothing was lost: every message decoded, every point in it aggregated, and told of in a result.
  [[nodiscard]] bool complete() const;
};
inline constexpr double fleet_cpu_share = 0.7;

// Options were validated.
[[nodiscard]] FleetReport bench_fleet(const BenchOptions& options);

}  // namespace bridge
