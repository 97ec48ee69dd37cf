#include "bridge/plugin_options.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "bridge/error.h"
#include "bridge/text.h"

namespace bridge {
namespace {

namespace fs = std::filesystem;

bool yes_or_no(std::string_view name, std::string_view value, std::string& problems) {
  if (value == "true") return true;
  if (value != "false") {
    problems += "plugin_opt_" + std::string(name) + ": " + shown(value) + "; allowed is true or false\n";
  }
  return false;
}

// The last "per_listener_settings" of a file and of those it includes; nothing: it says nothing.
std::optional<bool> per_listener_settings(const fs::path& path, bool may_include) {
  std::ifstream in(path);
  std::optional<bool> last;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, value;
    words >> name >> value;
    if (name == "per_listener_settings") last = value == "true";
    if (name != "include_dir" || !may_include) continue;
    std::vector<fs::path> files;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(value, ignored)) {
      if (entry.path().extension() == ".conf") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      if (const auto said = per_listener_settings(file, false)) last = said;
    }
  }
  return last;
}

}  // namespace

PluginOptions parse_plugin_options(const std::vector<std::pair<std::string_view, std::string_view>>& lines) {
  PluginOptions options;
  std::string problems;
  for (const auto& [name, value] : lines) {
    if (name == "config") {
      options.config = value;
    } else if (name == "consume") {
      options.consume = yes_or_no(name, value, problems);
    } else if (name == "doorbell") {
      options.doorbell = yes_or_no(name, value, problems);
    } else {
      problems +=
          "plugin_opt_" + std::string(name) +
          " is no option; allowed are plugin_opt_config, plugin_opt_consume and plugin_opt_doorbell\n";
    }
  }
  if (options.config.empty()) {
    problems +=
        "plugin_opt_config is missing: it names weir's configuration file, as in "
        "\"plugin_opt_config /etc/weir/weir.json\"\n";
  }
  if (!problems.empty()) {
    problems.pop_back();
    throw SetupError(problems);
  }
  return options;
}

bool has_per_listener_settings(const std::string& path) {
  return per_listener_settings(path, true).value_or(false);
}

std::string broker_config_path() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(in, word, '\0');) {
    if (word == "-c" && std::getline(in, word, '\0')) return word;
  }
  return {};
}

}  // namespace bridge
