// PluginOptions: what mosquitto.conf says to the plugin, in its plugin_opt_ lines. A pure function.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge {

struct PluginOptions {
  std::string config;    // plugin_opt_config FILE: weir's configuration; required
  bool consume = false;  // plugin_opt_consume true: QoS 0 input goes no further than into weir
  bool doorbell = true;  // plugin_opt_doorbell false: an idle broker hears of results up to 100 ms later
};

// `lines`: names without "plugin_opt_", and values. Throws SetupError with a line for each problem.
[[nodiscard]] PluginOptions parse_plugin_options(
    const std::vector<std::pair<std::string_view, std::string_view>>& lines);

// The broker that runs with this configuration file (mosquitto.conf and what its include_dir names) has
// per_listener_settings true. False where the file cannot be read.
[[nodiscard]] bool has_per_listener_settings(const std::string& path);
// The file after "-c" on this process's command line; empty: there is none.
[[nodiscard]] std::string broker_config_path();

}  // namespace bridge
