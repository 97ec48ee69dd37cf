#include "bridge/connections.h"

#include <algorithm>

namespace bridge {

std::uint32_t connection_count(const BrokerConfig& broker, std::size_t filters) {
  if (!broker.share.empty() && filters > 0) return broker.connections;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(filters, 1, broker.connections));
}

std::string connection_client_id(const std::string& client_id, std::uint32_t i) {
  return i == 0 ? client_id : client_id + '-' + std::to_string(i + 1);
}

std::vector<MqttClientSpec> split_connections(const MqttClientSpec& spec) {
  const std::uint32_t count = connection_count(spec.broker, spec.subscriptions.size());
  std::vector<MqttClientSpec> all(count, spec);
  for (std::uint32_t i = 0; i < count; ++i) {
    all[i].connection = static_cast<std::uint8_t>(i);
    all[i].broker.connections = count;
    all[i].broker.client_id = connection_client_id(spec.broker.client_id, i);
    all[i].subscriptions.clear();
  }
  for (std::size_t s = 0; s < spec.subscriptions.size(); ++s) {
    const Subscription& one = spec.subscriptions[s];
    if (spec.broker.share.empty()) {
      all[s % count].subscriptions.push_back(one);
      continue;
    }
    for (MqttClientSpec& connection : all) {
      connection.subscriptions.push_back(
          {"$share/" + spec.broker.share + '/' + one.filter, one.qos, one.seed});
    }
  }
  return all;
}

}  // namespace bridge
