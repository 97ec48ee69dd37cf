// Load: the messages of the bench. The same for both levels: 80-byte JSON objects with four numbers, one
// topic per device. A round trip over all devices is a pass; passes differ in values and in the order of the
// devices (seeded), so that neither a cache nor a predictor sees the same run twice in a row. Plain values;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/config.h"
#include "bridge/message.h"
#include "bridge/wire_sender.h"

namespace bridge {

inline constexpr std::size_t bench_payload_bytes = 80;
inline constexpr std::uint32_t bench_fields_max = 4;
inline constexpr core::Duration bench_window = std::chrono::seconds{10};

// "bench/d0000017/telemetry": `root` and a number with seven digits.
[[nodiscard]] std::string bench_topic(std::string_view root, std::uint32_t device);
// {"temperature":21.437,"humidity":48.215,"pressure":1013.257,"voltage":230.11827}: always
// bench_payload_bytes.
[[nodiscard]] std::string bench_payload(std::uint64_t seed);
// The device of message `i` of an endless run: a permutation of all devices in each pass.
class DeviceOrder {
 public:
  explicit DeviceOrder(std::uint32_t devices);
  [[nodiscard]] std::uint32_t next();

 private:
  std::vector<std::uint32_t> order_;
  std::size_t at_;
  std::uint64_t random_ = 1;
};

// Messages as the journal would hold them, arrivals left open: records in one piece of memory, readable
// padding behind.
struct RecordedLoad {
  std::string bytes;
  std::vector<Message> messages;  // views into bytes
};
[[nodiscard]] RecordedLoad record_load(std::uint32_t devices, std::size_t messages);

// Prebuilt PUBLISH packets: packet i is bytes[starts[i], starts[i + 1]).
struct WireLoad {
  std::string bytes;
  std::vector<std::size_t> starts;
};
[[nodiscard]] WireLoad wire_load(wire::Protocol protocol, std::string_view root, std::uint32_t devices,
                                 std::size_t messages);

// What weir is told: one stream over `root`, `fields` of the four numbers (or all, found by discovery), one
// tumbling window of bench_window, no detectors. `rest` is further top-level keys, each followed by a comma.
// `spread`: over how much of the window the series' results are spread.
[[nodiscard]] std::string bench_config(std::string_view root, std::uint32_t fields, bool discover,
                                       std::string_view rest, core::Duration spread = core::Duration{0});

}  // namespace bridge
