#include "bridge/bench_fleet_load.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "bridge/config.h"

namespace bridge {
namespace {

constexpr std::size_t topic_bytes = 14, topic_stride = 16;  // "fleet/d0000017"
constexpr std::size_t value_bytes = 6;                      // "21.437"
constexpr std::size_t payload_bytes_max = 64 << 20;         // of all payloads
constexpr std::size_t payloads_max = 100'000;

// xorshift64* (Vigna 2016).
std::uint64_t next_random(std::uint64_t& state) {
  state ^= state >> 12U;
  state ^= state << 25U;
  state ^= state >> 27U;
  return state * 0x2545F4914F6CDD1DU;
}

}  // namespace

FleetLoad::FleetLoad(std::uint32_t devices, std::uint32_t points) : devices_(devices), points_(points) {
  topics_.resize(std::size_t{devices} * topic_stride);
  for (std::uint32_t i = 0; i < devices; ++i) {
    char text[24];
    (void)std::snprintf(text, sizeof text, "fleet/d%07u", i);
    std::memcpy(&topics_[std::size_t{i} * topic_stride], text, topic_bytes);
  }
  payload_bytes_ = 7 + std::size_t{points} * (value_bytes + 1);  // {"v":[21.437,21.438]}
  payload_stride_ = (payload_bytes_ + 7) / 8 * 8;
  payloads_ = std::clamp<std::size_t>(payload_bytes_max / payload_stride_, 1, payloads_max);
  texts_.reserve(payloads_ * payload_stride_ + payload_padding);
  std::uint64_t random = 1;
  for (std::size_t i = 0; i < payloads_; ++i) {
    texts_ += R"({"v":[)";
    for (std::uint32_t k = 0; k < points; ++k) {
      char text[16];
      const auto value = static_cast<unsigned>(10'000 + next_random(random) % 30'000);
      (void)std::snprintf(text, sizeof text, "%02u.%03u,", value / 1000, value % 1000);
      texts_ += text;
    }
    texts_.back() = ']';
    texts_ += '}';
    texts_.resize((i + 1) * payload_stride_, ' ');
  }
  texts_.append(payload_padding, ' ');
}

void FleetLoad::shuffle() {
  std::uint64_t random = 2;
  for (std::size_t i = devices_ - 1; i > 0; --i) {
    const std::size_t k = next_random(random) % (i + 1);
    std::swap_ranges(&topics_[i * topic_stride], &topics_[i * topic_stride] + topic_stride,
                     &topics_[k * topic_stride]);
  }
}

Message FleetLoad::message(std::uint64_t i) const {
  Message message{};
  message.topic = {&topics_[i % devices_ * topic_stride], topic_bytes};
  message.payload = {&texts_[i % payloads_ * payload_stride_], payload_bytes_};
  return message;
}

std::size_t FleetLoad::message_bytes() const { return topic_bytes + payload_bytes_; }

std::string fleet_config(std::uint32_t devices, core::Duration window, core::Duration idle,
                         const std::string& aggregation) {
  const std::string length = format_duration(window);
  const std::string spread = format_duration(window - std::chrono::milliseconds{1});
  return R"({"aggregation": {)" + aggregation + R"(}, "limits": {"series_max": )" + std::to_string(devices) +
         R"(}, "streams": [{"name": "fleet", "from": "fleet/{device}", "qos": 0, "payload": {"each": "/v", )" +
         R"("fields": {"value": ""}}, "lateness": "0s", "idle": ")" + format_duration(idle) +
         R"(", "windows": [{"name": ")" + length + R"(", "length": ")" + length + R"(", "spread": ")" +
         spread + R"("}], "detectors": []}]})";
}

}  // namespace bridge
