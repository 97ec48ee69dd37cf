// What a series takes in memory: as `weir check` says, and really.
#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "bridge/check.h"
#include "bridge/config.h"
#include "bridge/rules.h"
#include "core/shard.h"
#include "tests/every_rule.h"

namespace {

using namespace std::chrono_literals;

constexpr core::Time start{std::chrono::seconds{1'767'225'600}};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // memory is then the sanitizer's
#else
constexpr bool sanitized = false;
#endif

class Nowhere final : public core::Output {
 public:
  void window(core::Position, core::SeriesId, const core::WindowResult&) noexcept override {}
  void flag(core::Position, core::SeriesId, const core::FlagChange&) noexcept override {}
};

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double size = 0, resident = 0;
  in >> size >> resident;
  REQUIRE(resident > 0);
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void process(core::Shard& shard, const core::Item& item) { shard.process({&item, 1}); }

}  // namespace

TEST_CASE("a series takes what its plan says, with windows of every kind and aggregates of every name") {
  const std::string all = "," + test::aggregate_keys(test::every_aggregate());
  for (const std::string& kind : test::every_kind()) {
    for (const std::string& keys : {all, std::string{R"(,"cadence":"learned")"}}) {
      CAPTURE(kind + keys);
      const bridge::Config config =
          bridge::parse_config(R"({"streams":[{"from":"in/{d}","windows":[)" + kind + keys + "}]}]}");
      const bridge::Rules rules(config);
      const core::Plan& plan = *rules.streams()[0]->groupings[0].plan_for("f");
      core::SeriesTable table(3);
      Nowhere nowhere;
      core::Shard shard(0, 1, table, nowhere);
      process(shard, core::Item::tick(start, 0));
      for (const std::string_view name : {"a", "b", "c"}) {
        const core::SeriesId series = table.intern(plan, {&name, 1}, "f").value();
        process(shard, core::Item::sample(series, start, 1, 0));
      }
      CHECK(shard.counters().series.get() == 3);
      CHECK(shard.counters().state_bytes.get() == 3 * plan.state_bytes());
    }
  }
}

TEST_CASE("what `weir check` says of a series is what it takes, within 15 %" * doctest::skip(sanitized)) {
  constexpr std::uint32_t series = 200'000;
  const bridge::Config config = bridge::parse_config(
      R"({"streams":[{"from":"in/{d}","windows":[{"length":"1m","every":"10s"}],"detectors":[]}]})");
  const bridge::Rules rules(config);
  const core::Plan& plan = *rules.streams()[0]->groupings[0].plan_for("temperature");
  Nowhere nowhere;
  const double before = resident_bytes();
  core::SeriesTable table(series);
  core::Shard shard(0, 1, table, nowhere);
  process(shard, core::Item::tick(start, 0));
  const std::string prefix = "hall-4/line-12/";
  for (std::uint32_t i = 0; i < series; ++i) {
    const std::string name = prefix + std::to_string(100'000 + i);
    const std::string_view key = name;
    REQUIRE(table.intern(plan, {&key, 1}, "temperature") == i);
  }
  for (int step = 0; step < 8; ++step) {
    const core::Time now = start + step * 10s;
    process(shard, core::Item::tick(now, 0));
    for (std::uint32_t i = 0; i < series; ++i) process(shard, core::Item::sample(i, now, i, 0));
  }
  const double taken = (resident_bytes() - before) / series;
  const std::size_t name = prefix.size() + 6 + std::string_view("temperature").size();
  const double said = static_cast<double>(plan.state_bytes() + bridge::series_table_bytes(name));
  MESSAGE("a series takes " << taken << " bytes, as said: " << said);
  CHECK(taken > said * 0.85);
  CHECK(taken < said * 1.15);
}
