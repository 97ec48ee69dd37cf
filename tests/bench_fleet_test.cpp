// The bench's fleet and sweep: their load, what they make of what they see, and small ones that must add up.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "bridge/bench_report.h"

namespace {

using namespace bridge;

// How many figures; every one says what it is not a figure without.
std::size_t figures_in(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  for (const nlohmann::json& figure : json["figures"]) {
    CAPTURE(figure.dump());
    CHECK(figure["level"].get<std::string>().size() == 1);
    CHECK(figure["keys"] > 0);
    CHECK(figure["cores"] > 0);
    for (const char* name : {"what", "window", "unit", "yardstick"})
      CHECK_FALSE(figure[name].get<std::string>().empty());
    for (const char* name : {"value", "yardstick_value", "ratio"}) CHECK(figure[name] > 0);
  }
  return json["figures"].size();
}

TEST_CASE("a fleet is devices and the time between two points of each") {
  const auto check = [](const char* text, std::uint32_t devices, core::Duration interval) {
    CAPTURE(text);
    const std::optional<Fleet> fleet = parse_fleet(text);
    CHECK(fleet.has_value() == (devices != 0));
    if (fleet) CHECK((fleet->devices == devices && fleet->interval == interval));
  };
  check("6000000x1s", 6'000'000, std::chrono::seconds{1});
  check("600000x0.1s", 600'000, std::chrono::milliseconds{100});
  check("1x1us", 1, std::chrono::microseconds{1});
  for (const char* wrong : {"", "x", "0x1s", "10x", "10x1", "10x0s", "10x2h", "10 x1s", "-1x1s", "10X1s",
                            "10x1s ", "10000001x1s"}) {
    check(wrong, 0, {});
  }
}

TEST_CASE(
    "a fleet's messages: a topic per device and pass, arrays of points, another order after a shuffle") {
  FleetLoad load(100, 3);
  std::vector<std::string> first, second;
  for (std::uint64_t i = 0; i < 100; ++i) first.emplace_back(load.message(i).topic);
  CHECK(first[17] == "fleet/d0000017");
  CHECK(load.message(217).topic == "fleet/d0000017");
  load.shuffle();
  for (std::uint64_t i = 0; i < 100; ++i) second.emplace_back(load.message(i).topic);
  CHECK(first != second);
  CHECK(std::set(first.begin(), first.end()) == std::set(second.begin(), second.end()));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Message message = load.message(i);
    CHECK(message.topic.size() + message.payload.size() == load.message_bytes());
    const nlohmann::json json = nlohmann::json::parse(message.payload);
    REQUIRE(json["v"].size() == 3);
    for (const double value : json["v"]) CHECK((value >= 10 && value < 40));
  }
}

TEST_CASE("latencies: the bound below which a part of them lies") {
  Latencies latencies;
  CHECK(latencies.percentile_ms(0.5) == 0);
  for (int i = 1; i <= 100; ++i) latencies.add(i * 1e-3 - 10e-6);
  CHECK(latencies.percentile_ms(0.5) == doctest::Approx(50));
  CHECK(latencies.percentile_ms(0.99) == doctest::Approx(99));
  CHECK(latencies.percentile_ms(1) == doctest::Approx(99.99));
  latencies.add(60);  // beyond what is kept apart
  CHECK(latencies.most_ms() == 60'000);
  CHECK(latencies.percentile_ms(0.5) == doctest::Approx(51));
}

TEST_CASE("a small fleet by the clock: every point is told of in a result, and nothing is allocated") {
  BenchOptions options;
  options.fleet = "1000x100ms";
  options.duration = "1s";
  const FleetReport report = bench_fleet(options);
  CHECK(report.complete());
  CHECK(report.series == 1000);
  CHECK(report.received >= 1000);
  CHECK(report.samples == report.received * 10);
  CHECK(report.burst.journal_bytes_most <= report.journal_bytes_max);
  REQUIRE_FALSE(report.rounds.empty());
  CHECK(report.rounds[0].offered == 1000);
  CHECK(report.rounds[0].usage.allocations == 0);
  CHECK(figures_in(json_of(report)) == report.rounds.size());
  CHECK(text_of(report).find("nothing lost") != std::string::npos);
  const auto loses = [&](std::uint64_t FleetReport::*member, std::uint64_t by) {
    FleetReport other = report;
    other.*member += by;
    CHECK_FALSE(other.complete());
  };
  loses(&FleetReport::received, 1);
  loses(&FleetReport::decoded, 1);
  loses(&FleetReport::samples, 1);
  loses(&FleetReport::aggregated, 1);
  loses(&FleetReport::late, 1);
  loses(&FleetReport::refused, 1);
  loses(&FleetReport::result_samples, 1);
}

TEST_CASE("a fleet is held when the schedule is kept with less than 70 % of the cores") {
  FleetReport report;
  report.cores = 2;
  report.points = 10;
  OpenRound round;
  round.offered = 1000;
  round.messages = 10'000;
  round.usage.seconds = 10;
  round.usage.own_cpu = 8;
  round.usage.other_cpu = 5.9;
  CHECK(report.cpu_share(round) == doctest::Approx(0.695));
  CHECK(report.holds(round));
  round.behind_end_ms = 101;
  CHECK_FALSE(report.holds(round));
  round.behind_end_ms = 0;
  round.usage.other_cpu = 6.1;
  CHECK_FALSE(report.holds(round));
  report.rounds = {round};
  CHECK(report.cores_extrapolated() == doctest::Approx(1.41 / 0.7));
  CHECK(report.edges_extrapolated() == doctest::Approx(0.8 / 0.7));
}

TEST_CASE("a sweep has each key of `aggregation`, and its counts show what the key does") {
  BenchOptions options;
  options.devices = 50;
  options.messages = 4'000;
  options.rate = 1'000;
  options.rounds = 1;
  const SweepReport report = bench_sweep(options, 0.01);
  CHECK(report.complete());
  CHECK(report.series == 50);
  const auto row = [&](const std::string& key, const std::string& value) {
    const auto found = std::find_if(report.rows.begin(), report.rows.end(), [&](const SweepRow& one) {
      return one.key == key && one.value == value;
    });
    REQUIRE_MESSAGE(found != report.rows.end(), key << " " << value);
    return *found;
  };
  const SweepRow normal = row("default", "");
  CHECK(normal.ratio == 1);
  CHECK(row("batch_size", "1").batch_items == 1);
  CHECK(row("batch_size", "1").batches > 10 * normal.batches);
  CHECK(row("flush_interval", "1s").flushes[static_cast<std::size_t>(core::FlushCause::interval)] <
        normal.flushes[static_cast<std::size_t>(core::FlushCause::interval)]);
  CHECK(row("shard_count", "8").batches > row("shard_count", "1").batches);
  CHECK(row("ring_buffer_size", "512").rate > 0);
  CHECK(figures_in(json_of(report)) == report.rows.size());
  CHECK(text_of(report).find("nothing lost") != std::string::npos);
}

TEST_CASE("levels E, G and K print their figures in full, too") {
  const BenchTerms terms{"E", 10, 4, false, 40, "10s", 2, 1000};
  EngineReport engine;
  engine.terms = terms;
  engine.messages = 1000;
  engine.rounds = {{2e6, 1e6, 100, 200, 50, 40}};
  engine.usage.futex_waits = 2;
  CHECK(figures_in(json_of(engine)) == 1);
  const nlohmann::json figure = nlohmann::json::parse(json_of(engine))["figures"][0];
  CHECK(figure["samples"] == 4000);
  CHECK(figure["allocations_per_sample"] == 0);
  CHECK(figure["futex_waits_per_million_samples"] == 500);
  CHECK(figure["ratio"] == 0.5);

  GatewayReport gateway;
  gateway.terms = terms;
  gateway.rounds.resize(2);
  gateway.rounds[0].subject = "null";
  gateway.rounds[1].subject = "weir";
  for (GatewayRound& round : gateway.rounds) round.rate = 1000, round.cpu_us = 2;
  CHECK(figures_in(json_of(gateway)) == 2);

  BenchFigure random;
  random.what = "random series";
  random.level = "K";
  random.keys = 1000;
  random.cores = 1;
  random.window = "60s/10s";
  random.unit = "samples/s";
  random.yardstick = "the same lines";
  random.value = random.ratio = 1;
  random.yardstick_value = 1;
  random.bytes_per_series = 384;
  CHECK(figures_in(json_of(KernelReport{{random}})) == 1);
}

}  // namespace
