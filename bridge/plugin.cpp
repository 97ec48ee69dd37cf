// The plugin as Mosquitto sees it (API version 5, Mosquitto 2.0): three C functions and three callbacks, all
// on the broker's one thread. No exception leaves them; a message that we cannot take is the broker's as if
// we were not there. A failing CHECK ends the broker.
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/plugin_guest.h"
#include "bridge/plugin_options.h"
#include "bridge/plugin_uncancelled.h"

namespace {

using bridge::Guest;
using bridge::PluginSink;

// Of mosquitto.h, which is another package.
constexpr int error_none = 0;
constexpr int error_memory = 1;
constexpr int error_invalid = 3;
constexpr int error_denied = 12;
constexpr int error_unknown = 13;
constexpr int log_notice = 2;
constexpr int log_error = 8;

constexpr int api_version = MOSQ_PLUGIN_VERSION;

struct Loaded {
  const bridge::Uncancelled broker;  // its thread
  mosquitto_plugin_id_t* id = nullptr;
  std::unique_ptr<Guest> guest;
};

// The broker's own logging, which is for its thread alone; what runs beside it writes to standard error.
void tell(int level, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    mosquitto_log_printf(level, "weir: %s", std::string(text.substr(at, end - at)).c_str());
    at = end + 1;
  }
}

// Runs `body`; what it throws becomes a line in the broker's log and `otherwise`.
template <class Body>
int guarded(int otherwise, const Body& body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    try {
      tell(log_error, error.what());
    } catch (...) {
    }
  } catch (...) {
  }
  return otherwise;
}

PluginSink::Taken deliver(const bridge::Publication& publication) {
  const std::size_t size = publication.payload.size();
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) return PluginSink::Taken::refused;
  void* payload = nullptr;
  if (size > 0) {
    payload = mosquitto_malloc(size);  // the broker's from now on, when it takes it
    if (payload == nullptr) return PluginSink::Taken::not_now;
    std::memcpy(payload, publication.payload.data(), size);
  }
  const int answer = mosquitto_broker_publish(nullptr, publication.topic.c_str(), static_cast<int>(size),
                                              payload, publication.qos, publication.retain, nullptr);
  if (answer == error_none) return PluginSink::Taken::yes;
  mosquitto_free(payload);
  return answer == error_memory ? PluginSink::Taken::not_now : PluginSink::Taken::refused;
}

int on_message(int, void* event, void* user) {
  return guarded(error_none, [&] {
    const auto& message = *static_cast<const mosquitto_evt_message*>(event);
    const std::string_view payload(static_cast<const char*>(message.payload), message.payloadlen);
    const bool done =
        static_cast<Loaded*>(user)->guest->message(message.topic, payload, message.qos, message.retain);
    return done ? error_denied : error_none;
  });
}

int on_tick(int, void*, void* user) {
  return guarded(error_none, [&] {
    static const PluginSink::Deliver into_broker = deliver;
    Guest& guest = *static_cast<Loaded*>(user)->guest;
    guest.tick(into_broker);
    for (const std::string& line : guest.words()) tell(log_notice, line);
    return error_none;
  });
}

int on_reload(int, void*, void* user) {
  return guarded(error_none, [&] {
    static_cast<Loaded*>(user)->guest->reload();
    return error_none;
  });
}

constexpr std::pair<int, MOSQ_FUNC_generic_callback> callbacks[] = {
    {MOSQ_EVT_MESSAGE, on_message}, {MOSQ_EVT_TICK, on_tick}, {MOSQ_EVT_RELOAD, on_reload}};

void unregister(mosquitto_plugin_id_t* id) {
  for (const auto& [event, callback] : callbacks)
    (void)mosquitto_callback_unregister(id, event, callback, nullptr);
}

void register_callbacks(Loaded& loaded) {
  for (const auto& [event, callback] : callbacks) {
    const int answer = mosquitto_callback_register(loaded.id, event, callback, nullptr, &loaded);
    if (answer == error_none) continue;
    unregister(loaded.id);
    throw std::runtime_error("the broker does not let us register for its events (" + std::to_string(answer) +
                             "); is the plugin loaded twice?");
  }
}

bridge::PluginOptions options_of(const mosquitto_opt* options, int count) {
  std::vector<std::pair<std::string_view, std::string_view>> lines;
  for (int i = 0; i < count; ++i)
    lines.emplace_back(options[i].key, options[i].value ? options[i].value : "");
  return bridge::parse_plugin_options(lines);
}

void refuse_per_listener_settings() {
  const std::string path = bridge::broker_config_path();
  if (path.empty() || !bridge::has_per_listener_settings(path)) return;
  throw std::runtime_error(
      path +
      ": per_listener_settings true: Mosquitto then never tells plugins that time passes, and "
      "nothing could be published; remove it, or let weir run beside the broker (weir run)");
}

}  // namespace

extern "C" {

int mosquitto_plugin_version(int count, const int* versions) {
  return std::find(versions, versions + count, api_version) != versions + count ? api_version : -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t* id, void** user, mosquitto_opt* options, int count) {
  return guarded(error_unknown, [&] {
    auto loaded = std::make_unique<Loaded>();
    loaded->id = id;
    refuse_per_listener_settings();
    loaded->guest = std::make_unique<Guest>(options_of(options, count));
    register_callbacks(*loaded);
    *user = loaded.release();
    return error_none;
  });
}

int mosquitto_plugin_cleanup(void* user, mosquitto_opt*, int) {
  return guarded(error_none, [&] {
    const std::unique_ptr<Loaded> loaded(static_cast<Loaded*>(user));
    if (loaded) unregister(loaded->id);
    return error_none;
  });
}
}
