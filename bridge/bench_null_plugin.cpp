// The yardstick of a plugin: sees every message and counts it, no more.
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include <cstdint>

namespace {

std::uint64_t messages = 0;

int on_message(int, void*, void*) {
  ++messages;
  return 0;
}

}  // namespace

extern "C" {

int mosquitto_plugin_version(int, const int*) { return MOSQ_PLUGIN_VERSION; }

int mosquitto_plugin_init(mosquitto_plugin_id_t* id, void** user, mosquitto_opt*, int) {
  *user = id;
  return mosquitto_callback_register(id, MOSQ_EVT_MESSAGE, on_message, nullptr, nullptr);
}

int mosquitto_plugin_cleanup(void* user, mosquitto_opt*, int) {
  mosquitto_log_printf(2, "%llu messages", static_cast<unsigned long long>(messages));
  return mosquitto_callback_unregister(static_cast<mosquitto_plugin_id_t*>(user), MOSQ_EVT_MESSAGE,
                                       on_message, nullptr);
}
}
