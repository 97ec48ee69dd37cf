// Every window kind, every aggregate, on every shape of input, against the model that keeps every sample.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <iomanip>
#include <sstream>
#include <tuple>

#include "tests/core_fixture.h"
#include "tests/core_model.h"
#include "tests/core_random.h"

using namespace std::chrono_literals;
using core::AggregateKind;
using core::ItemKind;
using core::WindowKind;
using core::WindowSpec;
using fixture::Dice;
using fixture::Duration;
using fixture::Step;
using fixture::Time;

namespace {

// Results to compare, in all.
std::size_t cases() {
  const char* text = std::getenv("WEIR_CASES");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 100'000;
}

// Clocks go forward an hour, and back, while timelines last; then back by half of one.
core::Zone zone() {
  return {"Hand/Made",
          {{core::time_min, 1h},
           {Time{1'700'100'000s}, 2h},
           {Time{1'700'200'200s}, 1h},
           {Time{1'700'400'600s}, 30min}}};
}

std::vector<core::Aggregate> all_aggregates() {
  std::vector<core::Aggregate> result;
  for (int kind = 0; kind <= static_cast<int>(AggregateKind::outlier_count); ++kind) {
    if (kind != static_cast<int>(AggregateKind::percentile))
      result.push_back({static_cast<AggregateKind>(kind)});
  }
  for (const std::uint32_t fraction : {0U, 10'000U, 250'000U, 500'000U, 950'000U, 999'900U, 1'000'000U}) {
    result.push_back({AggregateKind::percentile, fraction});
  }
  return result;
}

void pick_aggregates(Dice& dice, WindowSpec& spec) {
  const auto all = all_aggregates();
  spec.aggregates = all;
  if (dice.chance(40)) return;
  spec.aggregates.clear();
  for (auto n = 1 + dice.below(6); n > 0; --n) {
    spec.aggregates.push_back(all[static_cast<std::size_t>(dice.below(std::ssize(all)))]);
  }
}

void pick_parameters(Dice& dice, WindowSpec& spec) {
  spec.above = dice.one_of({0.0, 5.0, -3.0});
  spec.below = dice.one_of({0.0, -5.0, 21.0});
  spec.range = {dice.one_of({-10.0, 0.0}), dice.one_of({0.0, 10.0, 1e12})};
  spec.outliers = dice.one_of({core::Outliers::iqr, core::Outliers::zscore, core::Outliers::mad});
  spec.error = dice.one_of({0.01, 0.05});
  spec.kept = dice.one_of<std::uint32_t>({64, 64, 8, 3, 0});
  spec.half_life = dice.one_of<Duration>({2s, 30s});
  if (spec.length > 0s && dice.chance(50)) spec.half_life = 0s;
  spec.hold = dice.one_of<Duration>({0s, 0s, 2s, 60s});
  spec.linear = dice.chance(50);
  spec.cadence = dice.one_of<Duration>({0s, 1s});
}

// Of the given kind.
WindowSpec window(Dice& dice, WindowKind kind) {
  WindowSpec spec;
  if (kind == WindowKind::tumbling || kind == WindowKind::hopping || kind == WindowKind::cumulative) {
    spec = fixture::random_window(dice);
  }
  spec.kind = kind;
  if (kind == WindowKind::tumbling) spec.length = spec.every;
  if (kind == WindowKind::cumulative) spec.length = 0s;
  if (kind == WindowKind::sliding) {
    spec.length = dice.one_of<Duration>({1ns, 1s, 7s, 60s});
    spec.samples_max = dice.one_of<std::uint32_t>({1000, 5, 1});
  }
  if (kind == WindowKind::count) {
    spec.step = dice.one_of<std::uint32_t>({1, 1, 2, 5});
    spec.samples = spec.step * dice.one_of<std::uint32_t>({1, 2, 4});
  }
  if (kind == WindowKind::session) {
    spec.gap = dice.one_of<Duration>({1s, 5s, 30s});
    spec.retention = dice.one_of<Duration>({0s, 1s, 30s});
  }
  if (kind == WindowKind::calendar) {
    spec.calendar.emplace();
    spec.calendar->zone = zone();
    spec.calendar->unit =
        dice.one_of({core::CalendarUnit::day, core::CalendarUnit::hour, core::CalendarUnit::shifts});
    if (spec.calendar->unit == core::CalendarUnit::hour) spec.calendar->zone.changes.pop_back();
    if (spec.calendar->unit == core::CalendarUnit::shifts) spec.calendar->shifts = {6h, 14h, 22h};
    if (spec.calendar->unit == core::CalendarUnit::day) {
      spec.calendar->day_start = dice.one_of<std::chrono::minutes>({0min, 90min});
    }
    spec.retention = dice.one_of<Duration>({0s, 1h, 24h});
  }
  if (spec.panes() > 0) {
    spec.emit =
        dice.one_of({core::Emit::on_close, core::Emit::on_close, core::Emit::on_change, core::Emit::every});
    spec.emit_every = dice.one_of<Duration>({500ms, 3s, 10s});
    if (dice.chance(25) && (spec.calendar || spec.every >= 5s)) {
      spec.empty = dice.one_of({core::Empty::zero, core::Empty::null, core::Empty::last});
    }
    if (kind != WindowKind::calendar && dice.chance(30)) spec.spread = dice.up_to(spec.every - 1ns);
  }
  pick_aggregates(dice, spec);
  pick_parameters(dice, spec);
  return spec;
}

core::Plan plan(Dice& dice) {
  core::Plan plan = fixture::random_plan(dice);
  plan.windows.clear();
  for (auto n = dice.one_of<std::int64_t>({1, 1, 3}); n > 0; --n) {
    plan.windows.push_back(window(dice, static_cast<WindowKind>(dice.below(core::window_kinds))));
    const auto problems = plan.windows.back().problems(plan.lateness);
    REQUIRE_MESSAGE(problems.empty(), problems.front());
  }
  return plan;
}

// So that a model of a second's panes, and of a calendar's year, is not asked for centuries.
fixture::Wild limits(Dice& dice, const core::Plan& plan) {
  fixture::Wild wild;
  for (const WindowSpec& spec : plan.windows) {
    if (spec.empty != core::Empty::skip) wild.pause = 5min;
    if (spec.empty != core::Empty::skip && dice.chance(90)) wild.jump = 5min;
    if (spec.calendar) wild.jump = 24h * 3;
  }
  wild.nulls = dice.one_of<std::int64_t>({0, 0, 10});
  wild.runs = dice.one_of<std::int64_t>({0, 0, 10});
  wild.evictions = dice.one_of<std::int64_t>({0, 0, 3});
  return wild;
}

// As items, in which a run is several; positions count the steps that are no ticks.
std::vector<core::Item> items(const std::vector<Step>& steps) {
  std::vector<core::Item> result;
  core::Position position = 0;
  for (const Step& step : steps) {
    if (step.kind == ItemKind::tick) result.push_back(core::Item::tick(step.time, position));
    if (step.kind == ItemKind::end) result.push_back(core::Item::end(position));
    if (step.kind == ItemKind::evict) result.push_back(core::Item::evict(step.series, position));
    if (step.kind == ItemKind::null) result.push_back(core::Item::null(step.series, step.time, position));
    if (step.kind == ItemKind::sample) {
      result.push_back(core::Item::sample(step.series, step.time, step.values[0], position));
    }
    if (step.kind == ItemKind::run) {
      result.push_back(core::Item::run(step.series, step.time, step.between,
                                       static_cast<std::uint32_t>(step.values.size()), position));
      for (std::size_t i = 0; i < step.values.size(); i += 3) {
        std::array<double, 3> three{};
        std::copy_n(&step.values[i], std::min<std::size_t>(3, step.values.size() - i), three.begin());
        result.push_back(std::bit_cast<core::Item>(three));
      }
    }
    if (step.kind != ItemKind::tick && step.kind != ItemKind::end) ++position;
  }
  return result;
}

void tell(model::Series& series, core::SeriesId id, const std::vector<Step>& steps) {
  core::Position position = 0;
  for (const Step& step : steps) {
    if (step.kind == ItemKind::tick) series.tick(step.time, position);
    if (step.kind == ItemKind::end) series.end(position);
    if (step.kind == ItemKind::tick || step.kind == ItemKind::end) continue;
    if (step.series == id) {
      if (step.kind == ItemKind::evict) series.evict(position);
      if (step.kind == ItemKind::null) series.sample(step.time, model::none, position);
      Time time = step.time;
      for (const double value : step.values) {
        if (step.kind != ItemKind::sample && step.kind != ItemKind::run) break;
        series.sample(time, value, position);
        time += step.between;
      }
    }
    ++position;
  }
}

bool same_bits(const model::Event& a, const model::Event& b) {
  return std::tie(a.is_flag, a.cause, a.rule, a.start, a.end, a.rev, a.up, a.count, a.approximate, a.nulls,
                  a.score) == std::tie(b.is_flag, b.cause, b.rule, b.start, b.end, b.rev, b.up, b.count,
                                       b.approximate, b.nulls, b.score) &&
         a.got.size() == b.got.size() &&
         std::memcmp(a.got.data(), b.got.data(), a.got.size() * sizeof(double)) == 0;
}

// What to look at when they disagree.
std::string story(const core::Plan& plan, const std::vector<Step>& steps, core::SeriesId id) {
  std::ostringstream text;
  text << std::setprecision(19) << "lateness " << plan.lateness.count() << " idle " << plan.idle.count()
       << '\n';
  for (const WindowSpec& spec : plan.windows) {
    text << core::name(spec.kind) << " length " << spec.length.count() << " every " << spec.every.count()
         << " offset " << spec.offset.count() << " retention " << spec.retention.count() << " samples "
         << spec.samples << '/' << spec.step << " max " << spec.samples_max << " gap " << spec.gap.count()
         << " emit " << static_cast<int>(spec.emit) << ' ' << spec.emit_every.count() << " empty "
         << static_cast<int>(spec.empty) << " spread " << spec.spread.count() << " hold " << spec.hold.count()
         << " linear " << spec.linear << " kept " << spec.kept << " cadence " << spec.cadence.count() << ':';
    for (const auto& aggregate : spec.aggregates) text << ' ' << core::name(aggregate);
    text << '\n';
  }
  core::Position position = 0;
  for (const Step& step : steps) {
    const auto time = static_cast<long double>(step.time.time_since_epoch().count()) * 1e-9L;
    if (step.is_tick()) text << "tick " << time << '\n';
    if (step.is_tick() || step.kind == ItemKind::end) continue;
    if (step.series == id) {
      text << position << ": kind " << static_cast<int>(step.kind) << " at " << time << ':';
      for (const double value : step.values) text << ' ' << value;
      text << " each " << step.between.count() << '\n';
    }
    ++position;
  }
  return text.str();
}

}  // namespace

TEST_CASE("the shard says what the model says: every kind, every aggregate, every shape of input") {
  std::array<std::size_t, core::window_kinds> by_kind{};
  std::array<std::size_t, static_cast<std::size_t>(AggregateKind::outlier_count) + 1> by_aggregate{};
  std::size_t results = 0, values = 0, revisions = 0, early = 0, empties = 0, approximate = 0, flags = 0;
  std::uint64_t late = 0, round = 0;
  for (; results < cases(); ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    Dice dice{seed};
    const core::Plan rules = plan(dice);
    const auto count = static_cast<std::uint32_t>(1 + dice.below(3));
    auto steps = fixture::random_steps(dice, rules, count, limits(dice, rules));
    if (dice.chance(50)) steps.push_back({ItemKind::end, 0, {}, {}, {}});

    core::SeriesTable table{count};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(i);
      const std::string_view key[] = {name};
      REQUIRE(table.intern(rules, key, "field") == i);
    }
    model::Recorder recorder{count};
    core::Shard shard{0, 1, table, recorder};
    const auto all = items(steps);
    const auto most = dice.one_of<std::int64_t>({1, 7, 100});
    for (std::size_t done = 0; done < all.size();) {
      const auto size = std::min(all.size() - done, static_cast<std::size_t>(1 + dice.below(most)));
      shard.process({&all[done], size});
      done += size;
    }

    // To the bit, wherever the input, and any run in it, is cut.
    model::Recorder whole{count};
    core::Shard{0, 1, table, whole}.process(all);
    for (core::SeriesId id = 0; id < count; ++id) {
      REQUIRE(std::equal(recorder.by_series[id].begin(), recorder.by_series[id].end(),
                         whole.by_series[id].begin(), whole.by_series[id].end(), same_bits));
    }

    std::uint64_t model_aggregated = 0, model_late = 0;
    for (core::SeriesId id = 0; id < count; ++id) {
      model::Series series{rules, model::name_hash(table.name(id))};
      tell(series, id, steps);
      INFO(story(rules, steps, id));
      REQUIRE(model::difference(rules, recorder.by_series[id], series.events) == "");
      model_aggregated += series.aggregated;
      model_late += series.late;
      for (const model::Event& event : series.events) {
        if (event.is_flag) {
          ++flags;
          continue;
        }
        const WindowSpec& spec = rules.windows[event.rule];
        ++results;
        values += event.expected.size();
        ++by_kind[static_cast<std::size_t>(spec.kind)];
        for (const auto& aggregate : spec.aggregates)
          ++by_aggregate[static_cast<std::size_t>(aggregate.kind)];
        revisions += event.rev > 1 ? 1U : 0U;
        early += event.up ? 0U : 1U;
        empties += event.count == 0 ? 1U : 0U;
        approximate += event.approximate ? 1U : 0U;
      }
    }
    REQUIRE(shard.counters().aggregated.get() == model_aggregated);
    REQUIRE(shard.counters().late.get() == model_late);
    late += model_late;
  }
  MESSAGE(round << " timelines, " << results << " results, " << values << " values, " << revisions
                << " revisions, " << early << " not final, " << empties << " empty, " << approximate
                << " by sketches, " << flags << " flags, " << late << " late");
  // The timelines reach what they are made for.
  for (const auto reached : by_kind) CHECK(reached > cases() / 200);
  for (const auto reached : by_aggregate) CHECK(reached > cases() / 20);
  for (const auto reached : {revisions, early, empties, approximate}) CHECK(reached > cases() / 50);
  CHECK(flags > cases() / 100);
  CHECK(late > cases() / 1000);
}
