#include "bridge/mqtt_link.h"

#include <mutex>
#include <vector>

#include "bridge/native_link.h"
#include "bridge/paho_link.h"

namespace bridge {

std::unique_ptr<MqttLink> make_link(const MqttLinkSpec& spec, MqttListener& listener) {
  if (spec.broker.client == Client::native) return std::make_unique<NativeLink>(spec, listener);
  return std::make_unique<PahoLink>(spec, listener);
}

void retire(std::unique_ptr<MqttLink> link) noexcept {
  if (link == nullptr || !link->abandon()) return;
  static std::mutex mutex;
  static auto* const kept = new std::vector<std::unique_ptr<MqttLink>>;  // reachable, never destroyed
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(link));
}

}  // namespace bridge
