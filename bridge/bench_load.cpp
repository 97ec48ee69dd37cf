#include "bridge/bench_load.h"

#include <array>
#include <cstdio>
#include <numeric>
#include <utility>

#include "core/check.h"

namespace bridge {
namespace {

constexpr std::array<std::string_view, bench_fields_max> field_names{"temperature", "humidity", "pressure",
                                                                     "voltage"};

// SplitMix64 (Steele, Lea, Flood 2014): every seed gives well mixed bits.
std::uint64_t mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

std::string bench_topic(std::string_view root, std::uint32_t device) {
  char number[16];
  const int size = std::snprintf(number, sizeof number, "%07u", device);
  return std::string(root).append("/d").append(number, static_cast<std::size_t>(size)).append("/telemetry");
}

std::string bench_payload(std::uint64_t seed) {
  const auto pick = [&](unsigned low, unsigned high) {
    return low + static_cast<unsigned>(mix(seed) % (high - low));
  };
  const unsigned temperature = pick(10'000, 40'000), humidity = pick(20'000, 90'000);
  const unsigned pressure = pick(1'000, 1'050), voltage = pick(22'000'000, 24'000'000);
  char text[bench_payload_bytes + 1];
  const int size = std::snprintf(
      text, sizeof text,
      R"({"temperature":%02u.%03u,"humidity":%02u.%03u,"pressure":%04u.%03u,"voltage":%03u.%05u})",
      temperature / 1000, temperature % 1000, humidity / 1000, humidity % 1000, pressure, pick(0, 1000),
      voltage / 100'000, voltage % 100'000);
  CHECK(size == static_cast<int>(bench_payload_bytes), "%d bytes: %s", size, text);
  return std::string(text, bench_payload_bytes);
}

DeviceOrder::DeviceOrder(std::uint32_t devices) : order_(devices), at_(devices) {
  CHECK(devices > 0, "%u devices", devices);
  std::iota(order_.begin(), order_.end(), 0U);
}

std::uint32_t DeviceOrder::next() {
  if (at_ == order_.size()) {
    for (std::size_t i = order_.size() - 1; i > 0; --i) std::swap(order_[i], order_[mix(random_) % (i + 1)]);
    at_ = 0;
  }
  return order_[at_++];
}

RecordedLoad record_load(std::uint32_t devices, std::size_t messages) {
  DeviceOrder order(devices);
  struct Place {
    std::size_t topic, payload;
  };
  std::vector<Place> places;
  places.reserve(messages);
  RecordedLoad load;
  for (std::size_t i = 0; i < messages; ++i) {
    load.bytes.resize((load.bytes.size() + 7) / 8 * 8 + 24);  // where a record's header would be
    places.push_back({load.bytes.size(), 0});
    load.bytes += bench_topic("bench", order.next());
    places.back().payload = load.bytes.size();
    load.bytes += bench_payload(i);
  }
  load.bytes.append(payload_padding, ' ');
  for (const Place& place : places) {
    Message message{};
    const std::string_view bytes = load.bytes;
    message.topic = bytes.substr(place.topic, place.payload - place.topic);
    message.payload = bytes.substr(place.payload, bench_payload_bytes);
    load.messages.push_back(message);
  }
  return load;
}

WireLoad wire_load(wire::Protocol protocol, std::string_view root, std::uint32_t devices,
                   std::size_t messages) {
  DeviceOrder order(devices);
  WireLoad load;
  load.starts.reserve(messages + 1);
  for (std::size_t i = 0; i < messages; ++i) {
    load.starts.push_back(load.bytes.size());
    const std::string topic = bench_topic(root, order.next()), payload = bench_payload(i);
    wire::append_publish(protocol, {.topic = topic, .payload = payload}, load.bytes);
  }
  load.starts.push_back(load.bytes.size());
  return load;
}

std::string bench_config(std::string_view root, std::uint32_t fields, bool discover, std::string_view rest,
                         core::Duration spread) {
  std::string named;
  for (std::uint32_t i = 0; i < fields && !discover; ++i) {
    named.append(i == 0 ? R"(, "fields": {")" : R"(, ")").append(field_names.at(i));
    named.append(R"(": "/)").append(field_names.at(i)).append(R"(")");
  }
  if (!named.empty()) named += '}';
  const std::string window = format_duration(bench_window), shift = format_duration(spread);
  std::string out;
  for (const std::string_view part :
       {std::string_view("{"), rest, std::string_view(R"("streams": [{"name": "bench", "from": ")"), root,
        std::string_view(R"(/{device}/telemetry", "qos": 0, "payload": {"format": "json")"),
        std::string_view(named),
        std::string_view(R"(}, "lateness": "0s", "idle": "1s", "windows": [{"name": ")"),
        std::string_view(window), std::string_view(R"(", "length": ")"), std::string_view(window),
        std::string_view(R"(", "spread": ")"), std::string_view(shift),
        std::string_view(R"("}], "detectors": []}]})")}) {
    out += part;
  }
  return out;
}

}  // namespace bridge
