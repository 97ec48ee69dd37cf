#include "bridge/connections.h"

#include <algorithm>

namespace bridge {
namespace {

Subscription shared(const Subscription& one, const std::string& group) {
  return {"$share/" + group + '/' + one.filter, one.qos, one.seed};
}

}  // namespace

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
    for (MqttClientSpec& connection : all) connection.subscriptions.push_back(shared(one, spec.broker.share));
  }
  return all;
}

std::vector<std::vector<Subscription>> split_again(const std::vector<std::vector<Subscription>>& now,
                                                   const std::vector<Subscription>& next,
                                                   const std::string& share) {
  using Subscriptions = std::vector<Subscription>;
  std::vector<Subscriptions> all(now.size());
  Subscriptions begun;
  for (const Subscription& one : next) {
    if (!share.empty()) {
      for (Subscriptions& connection : all) connection.push_back(shared(one, share));
      continue;
    }
    const auto has = std::ranges::find_if(now, [&](const Subscriptions& connection) {
      return std::ranges::find(connection, one.filter, &Subscription::filter) != connection.end();
    });
    if (has == now.end()) {
      begun.push_back(one);
    } else {
      all[static_cast<std::size_t>(has - now.begin())].push_back(one);
    }
  }
  for (const Subscription& one : begun)
    std::ranges::min_element(all, {}, &Subscriptions::size)->push_back(one);
  return all;
}

}  // namespace bridge
