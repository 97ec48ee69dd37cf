#include "bridge/bench_observer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view dropped_topic = "$SYS/broker/publish/messages/dropped";
constexpr std::string_view beat_topic = "$SYS/broker/uptime";  // published each time, changed or not

}  // namespace

Observer::Observer(int port) : connection_(port, wire::Protocol::v5, "bench-observer") {
  connection_.subscribe({dropped_topic, beat_topic, "derived/#"});
}

void Observer::watch(int wait_ms) {
  const auto end = Clock::now() + std::chrono::milliseconds{wait_ms};
  wire::Packet packet;
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now).count();
    if (!connection_.read(packet, static_cast<int>(left))) continue;
    wire::Publish message;
    if (packet.type == wire::Type::publish &&
        wire::open_publish(connection_.protocol(), packet, message) == wire::Fault::none) {
      tally_.take(message.topic, message.payload);
    }
  }
}

void Observer::refresh() {
  const std::uint64_t enough = tally_.beats + 2;  // the next may already have been on its way
  const auto deadline = Clock::now() + std::chrono::seconds{10};
  while (tally_.beats < enough) {
    if (Clock::now() > deadline) throw std::runtime_error("bench: the broker publishes no $SYS topics");
    watch(50);
  }
  watch(50);  // what it published in the same breath
}

void ResultTally::take(std::string_view topic, std::string_view payload) {
  if (topic == dropped_topic) {
    dropped = std::strtoull(std::string(payload).c_str(), nullptr, 10);
  } else if (topic == beat_topic) {
    ++beats;
  } else if (json_count(payload, "rev") > 1) {
    ++revisions;
  } else {
    ++results;
    samples += json_count(payload, "count");
  }
}

std::uint64_t json_count(std::string_view json, std::string_view key) {
  const std::string wanted = '"' + std::string(key) + "\":";
  const std::size_t at = json.find(wanted);
  if (at == std::string_view::npos) return 0;
  std::uint64_t number = 0;
  for (const char digit : json.substr(at + wanted.size())) {
    if (digit < '0' || digit > '9') break;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

double metric_sum(std::string_view text, std::string_view prefix) {
  double sum = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.substr(0, prefix.size()) == prefix && line.rfind(' ') != std::string_view::npos)
      sum += std::strtod(std::string(line.substr(line.rfind(' '))).c_str(), nullptr);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sum;
}

}  // namespace bridge
