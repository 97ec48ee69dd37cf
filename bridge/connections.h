// Connections: what each of several connections to the broker has: its client id, its filters, its part of
// the journal. One that is lost comes back to its own session, so the same configuration gives each the same.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bridge/mqtt_client.h"

namespace bridge {

// How many there are for so many filters: broker.connections, but none without a filter.
[[nodiscard]] std::uint32_t connection_count(const BrokerConfig& broker, std::size_t filters);
// The client id of connection `i`, from 0: client_id, client_id-2, client_id-3, ...
[[nodiscard]] std::string connection_client_id(const std::string& client_id, std::uint32_t i);
// A spec for each connection. Without a group filter number i is connection i mod count's; with one each has
// all filters, as $share/<group>/<filter>.
[[nodiscard]] std::vector<MqttClientSpec> split_connections(const MqttClientSpec& spec);
// Other subscriptions for the connections there are. Without a group a filter stays with the connection that
// has it, so that none of its messages is missed or comes twice; a new one goes where the fewest are.
[[nodiscard]] std::vector<std::vector<Subscription>> split_again(
    const std::vector<std::vector<Subscription>>& now, const std::vector<Subscription>& next,
    const std::string& share);

}  // namespace bridge
