#include "bridge/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "bridge/config_node.h"
#include "bridge/error.h"
#include "bridge/text.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

constexpr std::array<std::pair<std::string_view, Duration>, 7> units{
    {{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}, {"us", 1us}, {"ns", 1ns}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether the first byte can be read; a folder opens, but cannot be read. An empty file cannot be of use
// either.
bool readable(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return in && in.peek() != std::ifstream::traits_type::eof();
}

}  // namespace

PayloadConfig::PayloadConfig() : exclude(housekeeping()) {}

std::vector<std::string> tag_names(const PayloadConfig& payload) {
  std::vector<std::string> names;
  for (const auto& [name, pointer] : payload.tags) names.push_back(name);
  if (payload.each && payload.each->as == EachAs::map) names.emplace_back("key");
  return names;
}

std::vector<std::string> series_keys(const StreamConfig& stream) {
  std::vector<std::string> keys;
  try {
    keys = TopicPattern(stream.from).names();
  } catch (const SetupError&) {
    return {};
  }
  std::erase(keys, "field");
  for (std::string& tag : tag_names(stream.payload)) keys.push_back(std::move(tag));
  return keys;
}

std::vector<std::string> series_keys(const StreamConfig& stream, const DetectorConfig& detector) {
  const auto value = find_value(stream, detector.on);
  return value ? stream.windows[value->window].by : series_keys(stream);
}

// Names of windows may hold points, and so may percentiles.
std::optional<core::DetectorSpec::WindowValue> find_value(const StreamConfig& stream, std::string_view on) {
  for (std::uint32_t i = 0; i < stream.windows.size(); ++i) {
    const core::WindowSpec& window = stream.windows[i].spec;
    if (!on.starts_with(window.name + '.')) continue;
    const auto aggregate = core::find_aggregate(on.substr(window.name.size() + 1));
    const auto& all = window.aggregates;
    const auto found = aggregate ? std::find(all.begin(), all.end(), *aggregate) : all.end();
    if (found != all.end()) return {{i, static_cast<std::uint32_t>(found - all.begin())}};
  }
  return std::nullopt;
}

Config load_config(const std::string& path) {
  errno = 0;
  if (!readable(path)) {
    const std::string why = errno != 0 ? std::strerror(errno) : "is empty";
    throw SetupError("config: " + shown(path) + ": " + why + "; name a JSON file that can be read");
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  try {
    return parse_config(text);
  } catch (const SetupError& error) {
    throw SetupError("config: " + shown(path) + " cannot be used:\n" + error.what());
  }
}

std::vector<std::string> missing_files(const Config& config) {
  Problems problems;
  const auto check = [&](std::string_view pointer, const std::string& path, std::string_view what) {
    if (path.empty() || readable(path)) return;
    problems.add(pointer, shown(path) + ": is missing, empty or cannot be read; " + std::string{what});
  };
  const BrokerConfig& broker = config.broker;
  check("/broker/password_file", broker.password_file, "its first line must be the password");
  check("/broker/tls/ca", broker.tls.ca, "it must be a PEM file of trusted authorities");
  check("/broker/tls/cert", broker.tls.cert, "it must be a PEM file with our certificate");
  check("/broker/tls/key", broker.tls.key, "it must be a PEM file with our private key");
  if (!broker.password_env.empty() && std::getenv(broker.password_env.c_str()) == nullptr) {
    problems.add("/broker/password_env",
                 shown(broker.password_env) + ": is not in the environment; it must hold the password");
  }
  return problems.lines();
}

std::optional<Duration> parse_duration(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&](std::size_t begin) {
    while (at < text.size() && is_digit(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  const std::string_view whole = digits(0);
  if (whole.empty()) return std::nullopt;
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    fraction = digits(++at);
    if (fraction.empty()) return std::nullopt;
  }
  Duration unit{0};
  for (const auto& [name, length] : units) {
    if (text.substr(at) == name) unit = length;
  }
  if (unit == Duration{0}) return std::nullopt;

  // In whole nanoseconds, so that the result is exact or nothing.
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t count = 0;
  for (const char digit : whole) {
    if (count > (most - (digit - '0')) / 10) return std::nullopt;
    count = count * 10 + (digit - '0');
  }
  std::int64_t part = 0;  // of the fraction, from its last digit to its first
  for (std::size_t i = fraction.size(); i-- > 0;) {
    part += (fraction[i] - '0') * unit.count();
    if (part % 10 != 0) return std::nullopt;
    part /= 10;
  }
  if (count > (most - part) / unit.count()) return std::nullopt;
  return Duration{count * unit.count() + part};
}

std::string format_duration(Duration duration) {
  if (duration == Duration{0}) return "0s";
  for (const auto& [name, unit] : units) {
    if (duration % unit == Duration{0}) return std::to_string(duration / unit) + std::string{name};
  }
  return {};  // not reached: every duration is whole in nanoseconds
}

}  // namespace bridge
