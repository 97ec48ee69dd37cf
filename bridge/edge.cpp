#include "bridge/edge.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bridge/decode.h"
#include "bridge/log.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

using core::Duration;
using core::Position;
using core::SeriesId;
using core::Time;

// In a route's table of series: not looked up yet; no rule wants the field; the series limit is reached.
constexpr SeriesId unknown = ~SeriesId{0};
constexpr SeriesId unwanted = unknown - 1;
constexpr SeriesId limited = unknown - 2;

// Payload times before this are boot clocks that were never set (1970, 2000-01-01), not measurements.
constexpr Time plausible_from{std::chrono::seconds{978'307'200}};  // 2001-01-01

// A position's low bits must not wrap between two ticks of a shard (core/item.h).
constexpr Position positions_between_ticks = Position{1} << 28;

// One stream at the edge: its rules with the state that reading it needs.
struct Stream {
  const StreamRules* rules = nullptr;
  std::uint32_t index = 0;
  FieldTable fields;
  std::unique_ptr<Decoder> decoder;
  bool any_tags = false;  // some grouping has tags: series depend on the row
  std::unordered_map<std::string, std::string>
      safe_names;  // as published -> as received, of names that may collide
  core::Counter series;
};

// What is remembered of a topic: it is parsed once.
struct Route {
  std::string topic;         // the views below look into it
  Stream* stream = nullptr;  // null: no stream takes it
  std::vector<std::string_view> captures;
  std::string_view bare_field;   // name of a payload that is one bare number
  std::vector<SeriesId> series;  // [field * groupings + grouping], for groupings without tags
};

// Topics seen, open addressing by hash. Bounded: beyond routes_max a topic is parsed each time.
class RouteCache {
 public:
  explicit RouteCache(std::size_t routes_max) : routes_max_(routes_max), cells_(1024) {}

  [[nodiscard]] Route* find(std::string_view topic, std::size_t hash) const noexcept {
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Cell& cell = cells_[i];
      if (!cell.route) return nullptr;
      if (cell.hash == hash && cell.route->topic == topic) return cell.route.get();
    }
  }
  [[nodiscard]] bool full() const noexcept { return size_ >= routes_max_; }

  // Precondition: not full, and not found.
  Route* add(std::unique_ptr<Route> route, std::size_t hash) {
    if ((size_ + 1) * 2 > cells_.size()) grow();
    ++size_;
    return place(std::move(route), hash);
  }

 private:
  struct Cell {
    std::size_t hash = 0;
    std::unique_ptr<Route> route;
  };

  [[nodiscard]] std::size_t mask() const noexcept { return cells_.size() - 1; }

  Route* place(std::unique_ptr<Route> route, std::size_t hash) {
    std::size_t i = hash & mask();
    while (cells_[i].route) i = (i + 1) & mask();
    cells_[i] = {hash, std::move(route)};
    return cells_[i].route.get();
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (Cell& cell : old) {
      if (cell.route) place(std::move(cell.route), cell.hash);
    }
  }

  std::size_t routes_max_;
  std::size_t size_ = 0;
  std::vector<Cell> cells_;
};

// Messages delivered again: the broker says "maybe again" (which alone proves nothing), and the packet id,
// topic and payload are those of a recent one.
class Repeats {
 public:
  // True when `message` was already taken; remembers it otherwise. QoS 1 and 2 only.
  bool seen(const Message& message, Position position) noexcept {
    const std::hash<std::string_view> hash;
    const std::size_t content = hash(message.payload) * 31 + hash(message.topic);
    Recent& recent = recent_[message.packet_id % recent_.size()];
    const bool again = message.duplicate && recent.used && recent.packet_id == message.packet_id &&
                       recent.content == content && position - recent.position <= horizon;
    recent = {true, message.packet_id, content, position};
    return again;
  }

 private:
  static constexpr Position horizon =
      1000;  // messages; the broker repeats what was under way, at most receive_maximum
  struct Recent {
    bool used = false;
    std::uint16_t packet_id = 0;
    std::size_t content = 0;
    Position position = 0;
  };
  std::array<Recent, 2048> recent_{};
};

}  // namespace

struct Edge::Inner {
  Inner(const Rules& the_rules, core::SeriesTable& the_table, core::Engine& the_engine)
      : rules(the_rules), table(the_table), engine(the_engine), routes(the_rules.config().limits.series_max) {
    for (const auto& stream_rules : rules.streams()) {
      auto stream = std::make_unique<Stream>();
      stream->rules = stream_rules.get();
      stream->index = static_cast<std::uint32_t>(streams.size());
      stream->decoder = Decoder::make(stream_rules->config->payload, stream->fields);
      for (const Grouping& grouping : stream_rules->groupings) stream->any_tags |= grouping.has_tags;
      streams.push_back(std::move(stream));
    }
  }

  // --- time
  // ---------------------------------------------------------------------------------------------------------

  bool tick_due(Time now) noexcept {
    const std::int64_t index = core::pane_index(now, tick_every, Duration{0});
    if (index <= tick_index && position - tick_position < positions_between_ticks) return false;
    tick_index = std::max(index, tick_index);
    tick_position = position;
    engine.tick(core::pane_start(tick_index, tick_every, Duration{0}), position);
    return true;
  }

  // Which time a sample has: the payload's where it can be believed, else the arrival's. Nothing when it lies
  // so far ahead that it must be quarantined.
  [[nodiscard]] Time event_time(Time said, Time arrival, Duration future, bool& quarantined) noexcept {
    quarantined = false;
    if (said == core::no_time) return arrival;
    if (said < plausible_from || said >= core::time_max) {
      counters.implausible_times.add();
      return arrival;
    }
    quarantined = said > arrival + future;
    return said;
  }

  // --- topics to streams
  // --------------------------------------------------------------------------------------------

  Route* route(std::string_view topic) {
    const std::size_t hash = std::hash<std::string_view>{}(topic);
    if (Route* known = routes.find(topic, hash)) return known;
    auto fresh = std::make_unique<Route>();
    fresh->topic = topic;
    resolve(*fresh);
    // Topics nobody wants are not remembered: they must not use up the room of those somebody wants.
    if (fresh->stream != nullptr && !routes.full()) return routes.add(std::move(fresh), hash);
    if (fresh->stream != nullptr) counters.topics_uncached.add();
    passing = std::move(fresh);
    return passing.get();
  }

  void resolve(Route& fresh) {
    std::string_view rest;
    for (const auto& stream : streams) {
      const TopicPattern& pattern = stream->rules->pattern;
      if (!pattern.match(fresh.topic, fresh.captures, rest)) continue;
      fresh.stream = stream.get();
      fresh.bare_field = rest.empty() ? std::string_view{"value"} : rest;
      for (std::size_t i = 0; i < pattern.names().size(); ++i) {
        if (pattern.names()[i] == "field") fresh.bare_field = fresh.captures[i];
      }
      return;
    }
  }

  // --- names to series
  // ----------------------------------------------------------------------------------------------

  // Series of (route, field, grouping, tags of the row). `unwanted` and `limited` as above.
  SeriesId series(Route& from, FieldId field, std::size_t g, const std::string_view* row_tags) {
    Stream& stream = *from.stream;
    const std::vector<Grouping>& groupings = stream.rules->groupings;
    if (groupings[g].has_tags) return intern(from, field, groupings[g], row_tags);
    const std::size_t at = field * groupings.size() + g;
    if (at >= from.series.size()) from.series.resize((std::size_t{field} + 1) * groupings.size(), unknown);
    SeriesId& known = from.series[at];
    if (known == unknown) known = intern(from, field, groupings[g], row_tags);
    return known;
  }

  SeriesId intern(const Route& from, FieldId field, const Grouping& grouping,
                  const std::string_view* row_tags) {
    Stream& stream = *from.stream;
    const std::string& field_name = stream.fields.name(field);
    const core::Plan* plan = grouping.plan_for(field_name);
    if (plan == nullptr) return unwanted;
    key.clear();
    for (const KeySource& source : grouping.keys) {
      key.push_back(source.tag ? row_tags[source.index] : from.captures[source.index]);
    }
    const std::uint32_t before = table.size();
    const std::optional<SeriesId> id = table.intern(*plan, key, field_name);
    if (!id) {
      log_throttled(Level::warn, "edge", "series limit reached",
                    {{"limits.series_max", std::to_string(before)}});
      return limited;
    }
    if (table.size() != before) {
      stream.series.add();
      note_name(stream, field_name);
      for (const std::string_view value : key) note_name(stream, value);
    }
    return *id;
  }

  // Counts names that differ and look alike in a topic. Only those that hold what a replaced character
  // becomes can.
  void note_name(Stream& stream, std::string_view received) {
    constexpr std::size_t names_max = 65536;
    safe.clear();
    append_topic_level(received, safe);
    if (safe.find_first_of("._") == std::string::npos || stream.safe_names.size() >= names_max) return;
    const auto [found, fresh] = stream.safe_names.try_emplace(safe, received);
    if (fresh || found->second == received) return;
    counters.name_collisions.add();
    log_throttled(
        Level::warn, "edge", "two names look alike in a topic",
        {{"stream", stream.rules->config->name}, {"one", found->second}, {"other", std::string{received}}});
  }

  // --- messages
  // -----------------------------------------------------------------------------------------------------

  MessageOutcome take(const Message& message) {
    const LimitsConfig& limits = rules.config().limits;
    if (message.topic.size() > limits.topic_bytes_max || message.payload.size() > limits.payload_bytes_max) {
      return MessageOutcome::oversize;
    }
    if (message.qos > 0 && message.packet_id != 0 && repeats.seen(message, position))
      return MessageOutcome::duplicate;
    Route* const from = route(message.topic);
    if (from->stream == nullptr) return MessageOutcome::unmatched;
    const StreamConfig& stream = *from->stream->rules->config;
    if (stream.ignore) return MessageOutcome::ignored;
    if (message.stale && stream.retained == Retained::ignore) return MessageOutcome::retained;

    const MessageOutcome outcome = from->stream->decoder->decode(message.payload, from->bare_field, decoded);
    if (outcome == MessageOutcome::malformed) {
      log_throttled(Level::warn, "edge", "payload could not be read",
                    {{"stream", stream.name},
                     {"topic", std::string{message.topic}},
                     {"bytes", std::to_string(message.payload.size())}});
    }
    if (outcome != MessageOutcome::decoded) return outcome;
    const bool seed = message.stale && stream.retained == Retained::seed;
    if (!seed) count_decoded(from->stream->rules->groupings.size());
    take_readings(*from, message.arrival, seed);
    return seed ? MessageOutcome::retained : MessageOutcome::decoded;
  }

  void count_decoded(std::size_t groupings) noexcept {
    counters.bad_rows.add(decoded.bad_rows);
    counters.bad_times.add(decoded.bad_times);
    counters.no_readings.add(decoded.no_readings);
    counters.wrong_types.add(decoded.wrong_types);
    counters.inexact.add(decoded.inexact);
    counters.field_overflow.add(decoded.field_overflow);
    // What is not finite has no field by now: it would have entered every grouping.
    counters.samples.add(decoded.not_finite * groupings);
    counters.not_finite.add(decoded.not_finite * groupings);
  }

  // `seed`: the series become known, and nothing else happens.
  void take_readings(Route& from, Time arrival, bool seed) {
    const StreamRules& stream = *from.stream->rules;
    const std::size_t groupings = stream.groupings.size();
    const std::size_t tag_count = stream.tag_names.size();
    for (const Reading& reading : decoded.readings) {
      const std::string_view* row_tags =
          tag_count == 0 ? nullptr : decoded.tags.data() + reading.row * tag_count;
      bool quarantined = false;
      const Time time = event_time(reading.time, arrival, stream.config->future, quarantined);
      for (std::size_t g = 0; g < groupings; ++g) {
        const SeriesId id = series(from, reading.field, g, row_tags);
        if (id == unwanted || seed) continue;
        counters.samples.add();
        if (quarantined) {
          counters.future.add();
        } else if (id == limited) {
          counters.series_limit.add();
        } else {
          counters.pushed.add();
          engine.push(id, time, reading.value, position);
        }
      }
    }
  }

  const Rules& rules;
  core::SeriesTable& table;
  core::Engine& engine;
  std::vector<std::unique_ptr<Stream>> streams;
  RouteCache routes;
  std::unique_ptr<Route> passing;  // the route of a topic that is not remembered
  Repeats repeats;
  Decoded decoded;
  std::vector<std::string_view> key;
  std::string safe;
  EdgeCounters counters;
  Position position = 0;
  Position tick_position = 0;
  std::int64_t tick_index = -1;
};

Edge::Edge(const Rules& rules, core::SeriesTable& table, core::Engine& engine)
    : inner_(std::make_unique<Inner>(rules, table, engine)) {}
Edge::~Edge() = default;

void Edge::take(const Message& message) noexcept {
  Inner& in = *inner_;
  Message in_range = message;
  in_range.arrival = std::clamp(message.arrival, core::time_min, core::time_max - Duration{1});
  in.tick_due(in_range.arrival);
  const MessageOutcome outcome = in.take(in_range);
  in.counters.messages[static_cast<std::size_t>(outcome)].add();
  ++in.position;
}

bool Edge::take_tick(Time now) noexcept { return inner_->tick_due(now); }

Position Edge::position() const noexcept { return inner_->position; }

const EdgeCounters& Edge::counters() const noexcept { return inner_->counters; }

std::uint64_t Edge::series(std::size_t stream) const noexcept {
  return inner_->streams[stream]->series.get();
}

}  // namespace bridge
