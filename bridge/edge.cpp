#include "bridge/edge.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bridge/decode.h"
#include "bridge/hash.h"
#include "bridge/log.h"
#include "bridge/oversize.h"
#include "bridge/repeats.h"
#include "bridge/routes.h"
#include "bridge/topic.h"
#include "core/peers.h"

namespace bridge {

// One stream at the edge: its rules with the state that reading it needs.
struct EdgeStream {
  const StreamRules* rules = nullptr;
  std::size_t index = 0;
  std::uint64_t ordinal = 0;  // how many streams were made before, under all configurations
  FieldTable fields;
  std::unique_ptr<Decoder> decoder;
  std::unordered_map<std::string, std::string>
      safe_names;       // as published -> as received, of names that may collide
  Offenders offenders;  // whose samples found no room
};

namespace {

using core::Duration;
using core::Position;
using core::SeriesId;
using core::Time;

// So many readings of one field that follow each other go to the engine as one run.
constexpr std::size_t run_least = 8;

// Payload times before this are boot clocks that were never set (1970, 2000-01-01), not measurements.
constexpr Time plausible_from{std::chrono::seconds{978'307'200}};  // 2001-01-01

// A position's low bits must not wrap between two ticks of a shard (core/item.h).
constexpr Position positions_between_ticks = Position{1} << 28;

// Fields that a new route has room for at once, where its stream has so many.
constexpr std::uint32_t fields_at_first = 8;

// How many messages before its turn a topic is expected, and expected soon: about as many as are taken while
// memory is fetched.
constexpr std::size_t soon = 4, far = 12;
constexpr std::size_t hashes_held = 16;  // a power of two, more than `far`

// So many samples that found no room make one line for the log, which throttles them further.
constexpr std::uint64_t overflows_between_lines = 64;

}  // namespace

struct Edge::Inner {
  Inner(const Rules& the_rules, core::SeriesTable& the_table, core::Engine& the_engine)
      : rules(the_rules),
        engine(the_engine),
        routes(the_rules.limits().series_max),
        roster(the_rules, the_table, the_engine) {
    for (const auto& stream_rules : rules.streams()) streams.push_back(make(*stream_rules));
    number_streams();
  }

  std::unique_ptr<EdgeStream> make(const StreamRules& stream_rules) {
    auto stream = std::make_unique<EdgeStream>();
    stream->rules = &stream_rules;
    stream->ordinal = streams_made++;
    stream->decoder = Decoder::make(stream_rules.config->payload, stream->fields);
    return stream;
  }

  void number_streams() {
    for (std::size_t i = 0; i < streams.size(); ++i) streams[i]->index = i;
  }

  void adopt(const Adoption& adoption) {
    auto old = std::exchange(streams, {});
    for (std::size_t i = 0; i < adoption.from.size(); ++i) {
      const std::size_t from = adoption.from[i];
      streams.push_back(from == Adoption::none ? make(*rules.streams()[i]) : std::move(old[from]));
    }
    number_streams();
    roster.adopt(rules, adoption);
    routes.clear();  // a topic may be another stream's now
    begun = false;   // the next tick tells who is expected
  }

  // --- time
  // ---------------------------------------------------------------------------------------------------------

  bool tick_due(Time now) noexcept {
    if (now < next_tick && position - tick_position < positions_between_ticks) return false;
    const Time tick =
        core::pane_start(core::pane_index(now, tick_every, Duration{0}), tick_every, Duration{0});
    next_tick = std::max(tick + tick_every, next_tick);
    tick_position = position;
    engine.tick(next_tick - tick_every, position);
    const std::uint32_t step = roster.step();
    const double part = roster.tick(next_tick - tick_every, position);
    if (part > 0) routes.forget(roster.step(), Roster::ttl_steps, part);
    if (!std::exchange(begun, true) || roster.step() != step) begin_step();
    return true;
  }

  // Peers that said nothing in the step before do not count; what is expected stays in use.
  void begin_step() {
    peers.forget(std::max(roster.step(), 1U) - 1);
    for (const auto& stream : streams) {
      for (const ExpectedSeries& expected : stream->rules->expected) expect(*stream, expected);
    }
  }

  void expect(EdgeStream& stream, const ExpectedSeries& expected) {
    const core::Plan* plan = stream.rules->groupings[0].plan_for(expected.field);
    key.assign(expected.key.begin(), expected.key.end());
    const auto [id, fresh] = roster.enter(*plan, key, expected.field, position);
    if (id == limited_series) {
      log_throttled(Level::warn, "edge", "no room for a series that is expected; raise limits.series_max",
                    {{"stream", stream.rules->config->name}, {"field", expected.field}});
    } else if (fresh) {
      engine.expect(id, position);
    }
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

  // The route of a topic that has this hash; one that is not remembered is good until the next call.
  Route* route(std::string_view topic, std::uint64_t hash) {
    if (Route* const known = routes.find(topic, hash)) {
      if (known->step != roster.step()) renew(*known);
      return known;
    }
    resolve(topic);
    // Topics nobody wants are not remembered: they must not use up the room of those somebody wants.
    if (passing.stream == nullptr) return &passing;
    if (!routes.full()) {
      const std::size_t fields = std::min(passing.stream->fields.size(), fields_at_first);
      return routes.add(passing, hash, fields * passing.stream->rules->groupings.size());
    }
    counters.topics_uncached.add();
    return &passing;
  }

  // Another step has begun: which of the series are in use has to be looked up again.
  void renew(Route& from) noexcept {
    from.step = roster.step();
    for (SeriesId& id : from.series) {
      if (id != unwanted_series) id = unknown_series;
    }
  }

  // Makes `passing` the route of `topic`.
  void resolve(std::string_view topic) {
    passing = {};
    passing.step = roster.step();
    passing.topic = topic;
    std::string_view rest;
    for (const auto& stream : streams) {
      const TopicPattern& pattern = stream->rules->pattern;
      if (!pattern.match(topic, captures, rest)) continue;
      passing.stream = stream.get();
      passing.captures = captures;
      passing.bare_field = rest.empty() ? nameless_field : rest;
      for (std::size_t i = 0; i < pattern.names().size(); ++i) {
        if (pattern.names()[i] == "field") passing.bare_field = captures[i];
      }
      return;
    }
  }

  // --- names to series
  // ----------------------------------------------------------------------------------------------

  // Series of (route, field, grouping, tags of the row); or unwanted, or limited.
  SeriesId series_of(Route& from, FieldId field, std::size_t g, const std::string_view* row_tags) {
    const SeriesId known = from.known(field * from.stream->rules->groupings.size() + g);
    if (known != unknown_series && known != limited_series) [[likely]]
      return known;
    return look_up(from, known, field, g, row_tags);
  }

  // For a route that does not know it, or knows that there was no room.
  SeriesId look_up(Route& from, SeriesId known, FieldId field, std::size_t g,
                   const std::string_view* row_tags) {
    const std::vector<Grouping>& groupings = from.stream->rules->groupings;
    const auto evicted = static_cast<std::uint32_t>(roster.evicted());
    if (known == limited_series && from.evicted == evicted) return known;
    if (from.evicted != evicted)
      std::replace(from.series.begin(), from.series.end(), limited_series, unknown_series);
    from.evicted = evicted;
    const SeriesId id = intern(from, field, groupings[g], row_tags);
    if (groupings[g].has_tags) return id;  // another row is another series
    const std::size_t at = field * groupings.size() + g;
    if (at >= from.series.size()) widen(from, (std::size_t{field} + 1) * groupings.size());
    return from.series[at] = id;
  }

  void widen(Route& from, std::size_t least) {
    const std::size_t wanted = std::max(least, 2 * from.series.size());
    if (&from != &passing) return routes.widen(from, wanted);
    passing_series.assign(from.series.begin(), from.series.end());
    passing_series.resize(wanted, unknown_series);
    passing.series = passing_series;
  }

  SeriesId intern(const Route& from, FieldId field, const Grouping& grouping,
                  const std::string_view* row_tags) {
    EdgeStream& stream = *from.stream;
    const std::string& field_name = stream.fields.name(field);
    const core::Plan* plan = grouping.plan_for(field_name);
    if (plan == nullptr) return unwanted_series;
    key.clear();
    for (const KeySource& source : grouping.keys) {
      key.push_back(source.tag ? row_tags[source.index] : from.captures[source.index]);
    }
    const auto [id, fresh] = roster.enter(*plan, key, field_name, position);
    if (fresh && grouping.paired) peers.join(id, group_name(from, field_name, grouping));
    if (fresh) {
      note_name(stream, field_name);
      for (const std::string_view value : key) note_name(stream, value);
    }
    return id;
  }

  // Of those whose samples are compared: what their series are alike in. `key` has the values.
  std::string group_name(const Route& from, const std::string& field, const Grouping& grouping) const {
    std::string name = std::to_string(from.stream->ordinal) + '/' +
                       std::to_string(&grouping - from.stream->rules->groupings.data()) + '/' +
                       std::to_string(field.size()) + '/' + field;
    for (const std::size_t i : grouping.alike) {
      name += '/' + std::to_string(key[i].size()) + '/';
      name += key[i];
    }
    return name;
  }

  // A sample has found no room.
  void note_overflow(const Route& from, FieldId field, const Grouping& grouping,
                     const std::string_view* row_tags) {
    EdgeStream& stream = *from.stream;
    counters.series_limit.add();
    if (grouping.keys.empty()) {
      stream.offenders.add("field", stream.fields.name(field));
    } else {
      const KeySource& first = grouping.keys[0];
      stream.offenders.add(grouping.names[0], first.tag ? row_tags[first.index] : from.captures[first.index]);
    }
    if (counters.series_limit.get() % overflows_between_lines != 1) return;
    const Offender top = stream.offenders.top(1).front();
    log_throttled(Level::warn, "edge", "series limit reached",
                  {{"stream", stream.rules->config->name},
                   {"series", std::to_string(roster.series(from.stream->index))},
                   {"samples", std::to_string(counters.series_limit.get())},
                   {top.key, top.value},
                   {"of_them", std::to_string(top.samples)}});
  }

  // Counts names that differ and look alike in a topic. Only those that hold what a replaced character
  // becomes can.
  void note_name(EdgeStream& stream, std::string_view received) {
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

  void take(std::span<const Message> messages) {
    std::array<std::uint64_t, hashes_held> hashes;
    std::size_t hashed = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      for (; hashed < std::min(i + far, messages.size()); ++hashed) {
        hashes[hashed % hashes_held] = hash_text(messages[hashed].topic);
        routes.expect(hashes[hashed % hashes_held]);
      }
      if (i + soon < messages.size()) routes.expect_soon(hashes[(i + soon) % hashes_held]);
      const Time arrival = std::clamp(messages[i].arrival, core::time_min, core::time_max - Duration{1});
      tick_due(arrival);
      const MessageOutcome outcome = take(messages[i], arrival, hashes[i % hashes_held]);
      counters.messages[static_cast<std::size_t>(outcome)].add();
      ++position;
    }
  }

  MessageOutcome take(const Message& message, Time arrival, std::uint64_t topic_hash) {
    if (oversize(message, rules.limits())) return MessageOutcome::oversize;
    if (message.qos > 0 && message.packet_id != 0 && repeats.seen(message, topic_hash))
      return MessageOutcome::duplicate;
    Route* const from = route(message.topic, topic_hash);
    if (from->stream == nullptr) return MessageOutcome::unmatched;
    const StreamConfig& stream = *from->stream->rules->config;
    if (stream.ignore) return MessageOutcome::ignored;
    if (message.stale && stream.retained == Retained::ignore) return MessageOutcome::retained;

    decoded.wants_nulls = from->stream->rules->wants_nulls;
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
    take_readings(*from, arrival, seed);
    return seed ? MessageOutcome::retained : MessageOutcome::decoded;
  }

  void count_decoded(std::size_t groupings) noexcept {
    if (decoded.nothing_odd()) return;
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
    const Duration future = stream.config->future;
    const std::size_t groupings = stream.groupings.size();
    const std::size_t tag_count = stream.tag_names.size();
    const bool alone = seed || stream.has_peers;  // each reading by itself
    for (std::size_t i = alone || groupings != 1 ? 0 : take_plain(from, arrival); i < decoded.readings.size();
         ++i) {
      if (const std::size_t run = alone || tag_count != 0 ? 0 : take_run(from, i, arrival); run != 0) {
        i += run - 1;
        continue;
      }
      const Reading& reading = decoded.readings[i];
      bool quarantined = false;
      const Time time = event_time(reading.time, arrival, future, quarantined);
      if (std::isnan(reading.value)) [[unlikely]] {
        if (!seed) take_null(from, reading, time, quarantined);
        continue;
      }
      for (std::size_t g = 0; g < groupings; ++g) {
        const std::string_view* const row_tags = decoded.tags.data() + reading.row * tag_count;
        const SeriesId id = series_of(from, reading.field, g, row_tags);
        if (id == unwanted_series || seed) continue;
        const Grouping& grouping = stream.groupings[g];
        const bool good = id != limited_series && !quarantined;
        if (good && grouping.paired) {
          take_paired(grouping, id, time, reading.value);
          continue;
        }
        counters.samples.add();
        if (good) {
          counters.pushed.add();
          engine.push(id, time, reading.value, position);
        } else if (quarantined) {
          counters.future.add();
        } else {
          note_overflow(from, reading.field, grouping, row_tags);
        }
      }
    }
  }

  // While there are too few peers the number is no sample of that grouping.
  void take_paired(const Grouping& grouping, SeriesId id, Time time, double value) {
    const auto median = peers.say(id, value, roster.step(), grouping.members_least);
    if (!median) return;
    counters.samples.add();
    counters.pushed.add();
    engine.push_pair(id, time, value, *median, position);
  }

  // The first readings, as long as they are what nearly all are: one number of a field, at the time of
  // arrival, of a series that is known. How many.
  std::size_t take_plain(Route& from, Time arrival) {
    const std::span<const Reading> all = decoded.readings;
    std::size_t count = 0;
    for (FieldId before = FieldTable::none; count < all.size(); before = all[count++].field) {
      const Reading& reading = all[count];
      if (reading.time != core::no_time || std::isnan(reading.value) || reading.field == before) break;
      if (from.known(reading.field) >= limited_series) break;
    }
    // Where the next one is of the same field, an array begins here.
    if (count > 0 && count < all.size() && all[count].field == all[count - 1].field) --count;
    counters.samples.add(count);
    counters.pushed.add(count);
    for (const Reading& reading : all.first(count)) {
      engine.push(from.series[reading.field], arrival, reading.value, position);
    }
    return count;
  }

  // Readings from `begin` on that are one field's, equally far apart in time: an array of values. The engine
  // takes them at once. How many there are; 0: too few, or something about them wants a closer look.
  std::size_t take_run(Route& from, std::size_t begin, Time arrival) {
    const std::vector<Reading>& all = decoded.readings;
    if (begin + run_least > all.size() || all[begin + 1].field != all[begin].field) return 0;
    const Reading& first = all[begin];
    const bool told = first.time != core::no_time;
    if (told != (all[begin + 1].time != core::no_time)) return 0;
    const Duration step = told ? all[begin + 1].time - first.time : Duration{0};
    if (step < Duration{0} || step > core::Item::run_step_max) return 0;
    run_values.clear();
    Time expected = first.time;
    for (std::size_t i = begin; i < all.size(); ++i, expected += step) {
      if (all[i].field != first.field || all[i].time != expected || std::isnan(all[i].value)) break;
      run_values.push_back(all[i].value);
    }
    const Time last = expected - step;
    const bool plain = !told || (first.time >= plausible_from && last <= arrival);
    if (run_values.size() < run_least || !plain) return 0;
    const StreamRules& stream = *from.stream->rules;
    for (std::size_t g = 0; g < stream.groupings.size(); ++g) {
      const SeriesId id = series_of(from, first.field, g, nullptr);
      if (id == unwanted_series) continue;
      counters.samples.add(run_values.size());
      if (id != limited_series) {
        counters.pushed.add(run_values.size());
        engine.push_run(id, told ? first.time : arrival, step, run_values, position);
      } else {
        for (std::size_t i = 0; i < run_values.size(); ++i) {
          note_overflow(from, first.field, stream.groupings[g], nullptr);
        }
      }
    }
    return run_values.size();
  }

  // A null enters the groupings whose windows count nulls of this field; where there are none, it is no
  // reading.
  void take_null(Route& from, const Reading& reading, Time time, bool quarantined) {
    const StreamRules& stream = *from.stream->rules;
    const std::size_t groupings = stream.groupings.size();
    const std::size_t tag_count = stream.tag_names.size();
    bool taken = false;
    for (std::size_t g = 0; g < groupings; ++g) {
      const core::Plan* const plan = stream.groupings[g].plan_for(from.stream->fields.name(reading.field));
      if (plan == nullptr || !plan->wants_nulls()) continue;
      taken = true;
      const std::string_view* const row_tags = decoded.tags.data() + reading.row * tag_count;
      const SeriesId id = series_of(from, reading.field, g, row_tags);
      counters.samples.add();
      if (id != limited_series && !quarantined) {
        counters.pushed.add();
        engine.push_null(id, time, position);
      } else if (quarantined) {
        counters.future.add();
      } else {
        note_overflow(from, reading.field, stream.groupings[g], row_tags);
      }
    }
    if (!taken) counters.no_readings.add();
  }

  const Rules& rules;
  core::Engine& engine;
  std::vector<std::unique_ptr<EdgeStream>> streams;
  std::uint64_t streams_made = 0;
  Routes routes;
  Roster roster;
  Route passing;  // the topic resolved last; what it looks into:
  std::vector<std::string_view> captures;
  std::vector<SeriesId> passing_series;
  Repeats repeats;
  core::Peers peers;
  bool begun = false;  // a tick has told who is expected
  Decoded decoded;
  std::vector<std::string_view> key;
  std::string safe;
  std::vector<double> run_values;
  EdgeCounters counters;
  Position position = 0;
  Position tick_position = 0;
  Time next_tick = core::time_min;
};

Edge::Edge(const Rules& rules, core::SeriesTable& table, core::Engine& engine)
    : inner_(std::make_unique<Inner>(rules, table, engine)) {}
Edge::~Edge() = default;

void Edge::take(std::span<const Message> messages) noexcept { inner_->take(messages); }

bool Edge::take_tick(Time now) noexcept { return inner_->tick_due(now); }

void Edge::take_link(bool up, Time now) noexcept {
  inner_->tick_due(now);
  inner_->engine.link(up, inner_->next_tick - tick_every, inner_->position);
}

void Edge::retire(const Adoption& adoption) noexcept { inner_->roster.retire(adoption, inner_->position); }

void Edge::adopt(const Adoption& adoption) { inner_->adopt(adoption); }

Position Edge::position() const noexcept { return inner_->position; }

const EdgeCounters& Edge::counters() const noexcept { return inner_->counters; }

const Roster& Edge::roster() const noexcept { return inner_->roster; }

const Offenders& Edge::offenders(std::size_t stream) const noexcept {
  return inner_->streams[stream]->offenders;
}

}  // namespace bridge
