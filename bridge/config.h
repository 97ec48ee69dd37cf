// Config: everything an operator can set, with its defaults. Plain structs; constant after loading, readable
// by any thread. A member's initialiser is its default; compose/weir/weir.json shows every key.
//
// load: parse (strict) and validate; every problem at once, each with its JSON pointer. Nothing is repaired
// in silence. describe: the effective configuration as JSON text that load() reads back to an equal Config.
// Never holds a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/aggregate.h"
#include "core/detector.h"
#include "core/time.h"
#include "core/window.h"

namespace bridge {

using core::Duration;
using namespace std::chrono_literals;

struct TlsConfig {
  std::string ca;    // PEM file of trusted authorities; empty with an mqtts:// url: the system's
  std::string cert;  // PEM file: our certificate (mTLS); needs key
  std::string key;   // PEM file: its private key
};

enum class Client : std::uint8_t { paho, native };

inline constexpr std::uint32_t connections_max = 8;

struct BrokerConfig {
  std::string url = "mqtt://localhost:1883";  // mqtt:// or mqtts://, host, optional port (1883, 8883). Host
                                              // names are checked
  std::string client_id =
      "weir";  // one per running weir: the broker keeps our session under it; one topic level
  std::string username;
  std::string password_file;  // first line is the password
  std::string password_env;   // name of an environment variable; at most one of the two
  TlsConfig tls;
  int protocol = 5;  // 5 (MQTT 5) or 4 (MQTT 3.1.1)
  Duration keep_alive =
      30s;  // 1s to 18h, whole seconds; a dead link is noticed after about 1.5 (native) or 2.5 times this
  Duration session_expiry =
      1h;  // how long the broker keeps messages for us while we are away; whole seconds, 0s to 365d
  std::uint32_t receive_maximum =
      100;                         // QoS 1 and 2 messages the broker may have under way to us; 1 to 65535
  Client client = Client::native;  // weir's own, or the Paho library
  // The native client reads at most once in so long while messages of QoS 0 keep coming, which costs much
  // less for each; 0s to 100ms, 0s: whenever something has come.
  Duration read_interval = 1ms;
  // For a broker that gives one connection less than it has; 1 to 8. What they have is in connections.h.
  std::uint32_t connections = 1;
  std::string share;  // group of shared subscriptions (MQTT 5); empty: filters are split over the connections
};

enum class WhenFull : std::uint8_t { block, shed };

struct AggregationConfig {
  std::uint32_t shard_count = 0;   // workers; 0 = one for two cores; 1 to 1024
  std::uint32_t batch_size = 500;  // most items that travel to a shard at once; 1 to 1000000
  Duration flush_interval = 10ms;  // longest time an item waits for its batch to fill; 0s to 10s
  std::uint32_t ring_buffer_size =
      4096;  // items a shard's queue holds: a power of two, at least batch_size, up to 2^24
  WhenFull when_full =
      WhenFull::block;  // journal full: hold the source back (at most keep_alive / 4), or count and go on
};

struct LimitsConfig {
  std::uint32_t series_max = 1'000'000;  // in use at once; 1 to 2^31
  Duration series_ttl = 24h;  // a series without a sample for so long is given up; 1m to 10 years, 0s: never
  std::uint64_t journal_bytes =
      64ULL << 20;  // messages received and not yet read; 1 MiB to 1 TiB, room for two of the largest
  std::uint32_t payload_bytes_max = 256 << 10;  // 1 to 256 MiB; a larger message is counted as oversize
  std::uint32_t topic_bytes_max = 1024;         // 1 to 65535
};

// Bytes of results that may wait between one worker and the publisher; no key. What the broker cannot take
// waits in publish.buffer.
inline constexpr std::size_t outbox_bytes_max = 16U << 20;

// One field of a payload, by JSON pointer (RFC 6901; "" is the whole value).
struct FieldConfig {
  std::string name;
  std::string at;
  bool strings = false;               // "strings": "number": a number inside a string counts
  bool bools = false;                 // "number_from": "bool": true is 1, false is 0
  std::map<std::string, double> map;  // texts and their numbers: {"ON": 1, "OFF": 0}
  std::vector<double> nulls;          // "null": values that mean "no reading"
  double scale = 1;                   // value = raw * scale + offset
  double offset = 0;
  std::optional<std::pair<double, double>> range;  // raw values outside [low, high] count as "no reading"
};

enum class Format : std::uint8_t { json, jsonl, number };
// How the value at `each` is read as rows. array: one row per element. map: one row per member; its key
// becomes the tag "key", which stands last among the stream's tags, behind those of `tags`. columns: an
// object of arrays of equal length; row i has the i-th element of each.
enum class EachAs : std::uint8_t { array, map, columns };

struct EachConfig {
  std::string at;
  EachAs as = EachAs::array;
};

enum class TimeUnit : std::uint8_t { automatic, s, ms, us, ns };

// Globs of include and exclude are matched against the path of a number: the keys from the root (from the
// row, with `each`) as they stand in the payload, not escaped, joined by '/'; array indices are not part of
// it. With "name"/"value" rows the path is the name. In a glob '*' stands for any run of characters, none and
// '/' too; every other character for itself; ASCII letters match in either case. A glob must match the whole
// path; one without '/' may match the last key alone instead. A payload that is one bare number has no path
// and is always taken.
struct PayloadConfig {
  Format format = Format::json;
  std::map<std::string, std::string>
      when;  // JSON pointer -> JSON text of the value it must hold: a string, number, true, false, null
  std::optional<EachConfig> each;
  std::vector<FieldConfig> fields;  // empty: every number, by include and exclude
  std::string name_at;  // "name", "value": rows that are name/value pairs; both or neither, not with fields
  std::string value_at;
  FieldConfig
      value_as;  // how the number at value_at is read ("value" in its long form); name and at are empty
  std::vector<std::string> include{"*"};  // globs, see above: a number is taken when one of these matches
  std::vector<std::string>
      exclude;  // and none of these; default: housekeeping(). Only where `fields` is empty
  std::vector<std::pair<std::string, std::string>> tags;  // name -> JSON pointer
  std::vector<std::string> time;  // JSON pointers, tried in order; empty: arrival time
  TimeUnit time_unit = TimeUnit::automatic;

  PayloadConfig();  // exclude = housekeeping()
};

// Globs of keys of a JSON payload that are no measurements of the device's surroundings (link quality, ids,
// uptimes, epochs, ...).
[[nodiscard]] const std::vector<std::string>& housekeeping();

struct WindowConfig {
  // Which keys there are depends on the kind, and on the aggregates; defaults are the spec's, but: retention
  // is `every`, of a calendar window one period (1h, 1d, 7d, 31d; of shifts 1h), of a session 0s; `step` is
  // `samples`.
  core::WindowSpec spec;
  std::vector<std::string> by;      // captures and tags that make a series; default: all of the stream's
  std::vector<std::string> fields;  // only these fields; empty: all
  std::string to;                   // topic template; default derived/{stream}/{by...}/{field}/{window}
};

struct DetectorConfig {
  core::DetectorSpec spec;          // but for its `on`: which plan has it is the rules' (rules.h)
  std::vector<std::string> fields;  // only these fields; empty: all
  std::string on;                   // "1m.p95": a value of a window of the stream; empty: the samples
  std::vector<std::string> by;      // of peers: captures and tags that a group has in common; not all of them
  // Topic template of its flags; empty: flags_to. Default: empty, but where flags_to names keys that the
  // series of the window in `on` lack: derived/{stream}/{by...}/{field}/flag/{detector}.
  std::string to;
  // Of a silence: devices that count before they were ever seen, by the values of the stream's keys. Needs
  // fields, of the detector or the payload.
  std::vector<std::map<std::string, std::string>> expect;
  std::string retain_to;  // topic template of how each of its flags stands, retained; default: nowhere
};

enum class Retained : std::uint8_t { ignore, seed, accept };

// A message belongs to the first stream, in the order of the file, whose pattern takes its topic. Patterns
// may not overlap, with one exception: an ignored stream may cut a piece out of streams that stand after it.
// Ignored streams are not subscribed.
struct StreamConfig {
  std::string name;  // one topic level; default: the first fixed level of `from`, made unique
  std::string from;  // topic pattern
  bool ignore =
      false;  // take messages of this pattern and count them as ignored; only name and from beside it
  int qos = 1;
  Retained retained =
      Retained::ignore;          // ignore: no sample; seed: knows the series, no sample; accept: a sample
  std::uint32_t series_max = 0;  // of this stream in use at once; default: limits.series_max; 1 to 2^31
  PayloadConfig payload;
  Duration lateness = 5s;  // 0s to 30 days
  Duration future = 1min;  // event times further ahead of arrival are counted, never used; 0s to 365 days
  Duration idle = 10s;     // 0s to 30 days
  std::optional<Duration> cadence;        // of all its windows: expected time between samples; 0: learned
  std::vector<WindowConfig> windows;      // default: one, "1m", tumbling
  std::vector<DetectorConfig> detectors;  // default: one, "odd", auto; [] for none
  std::string late_to;       // where samples go that come too late for every window; default: nowhere
  std::string flags_to;      // of detectors without `to`; default derived/{stream}/{captures and
                             // tags...}/{field}/flag/{detector}
  std::string flag_days_to;  // where it is told, after each day (UTC), what each series' flags came to;
                             // default: nowhere
};

struct PublishConfig {
  int qos = 1;
  bool retain = false;
  std::uint32_t buffer =
      100'000;  // results held while the broker is away or slow; the oldest is dropped beyond; 1 to 10000000
  std::uint32_t max_rate = 0;  // messages per second, at most 1000000; 0 = no limit
};

struct StatusConfig {
  std::string topic = "weir/{client_id}/status";
  Duration every = 10s;  // 1s to 1h
};

struct HttpConfig {
  std::string listen = "127.0.0.1:9641";  // address:port; port 0: any free one; empty: no HTTP
};

struct LogConfig {
  std::string level = "info";   // debug, info, warn, error
  std::string format = "text";  // text: key=value lines; json: one object per line
};

struct Config {
  BrokerConfig broker;
  AggregationConfig aggregation;
  LimitsConfig limits;
  std::vector<StreamConfig> streams;
  PublishConfig publish;
  StatusConfig status;
  HttpConfig http;
  LogConfig log;
};

// Names that make a series of the stream: the captures of `from` but {field}, then the tags. A capture called
// {field} names the field of payloads that are one bare number, instead of being a key. Empty when `from` is
// no pattern.
[[nodiscard]] std::vector<std::string> series_keys(const StreamConfig& stream);
// Names that make a series of what the detector judges: the stream's, or those of the window in `on`.
[[nodiscard]] std::vector<std::string> series_keys(const StreamConfig& stream,
                                                   const DetectorConfig& detector);
// The value that `on` names: the places of a window in the stream and of an aggregate in the window. Nothing
// where there is none.
[[nodiscard]] std::optional<core::DetectorSpec::WindowValue> find_value(const StreamConfig& stream,
                                                                        std::string_view on);
// Of one row of the payload, in order: `tags`, then "key" where `each` reads a map.
[[nodiscard]] std::vector<std::string> tag_names(const PayloadConfig& payload);

// Text with // and /* */ comments. Throws SetupError with one line per problem: "config: <pointer>: ...".
// Defaults that depend on other keys (stream and window names, `to`, `flags_to`, `by` of a window, retention,
// the aggregates that a cadence adds) are filled in.
[[nodiscard]] Config parse_config(std::string_view text);
// Reads the file; adds its name to the errors.
[[nodiscard]] Config load_config(const std::string& path);
// The smallest configuration, for `weir run --from PATTERN`.
[[nodiscard]] Config config_from_pattern(std::string_view pattern);
// Files and environment variables the configuration names (certificates, password): a line for each that is
// missing or cannot be read. Touches no network.
[[nodiscard]] std::vector<std::string> missing_files(const Config& config);
[[nodiscard]] std::string describe(const Config& config);
[[nodiscard]] std::string describe(const StreamConfig& stream);

// "250ms", "1.5s", "1m", "2h", "7d": a number and ns, us, ms, s, m, h or d. Nothing when it is not one, or no
// whole number of nanoseconds.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// In the largest unit that keeps it whole: 90s -> "90s", 60s -> "1m".
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace bridge
