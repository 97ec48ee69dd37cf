// The timing wheel against a map of deadlines: nothing is met late, nothing is met twice, nothing is lost.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "core/wheel.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Duration;
using core::Time;

TEST_CASE("every deadline is met by the first advance past it, whatever the steps") {
  for (std::uint64_t round = 0; round < 300; ++round) {
    const std::uint64_t seed = fixture::seed() + round;
    INFO("WEIR_SEED=" << seed);
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t bound) {
      return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
    };
    constexpr std::uint32_t series = 50;
    core::Wheel wheel;
    wheel.grow(series);
    std::map<std::uint32_t, Time> deadlines;  // what the wheel is asked for
    Time now{1'700'000'000s};
    wheel.advance(now, [](std::uint32_t) { FAIL("nothing was scheduled"); });
    const std::int64_t reach = Duration{round % 3 == 0 ? 1s : round % 3 == 1 ? 300s : 30 * 24h}.count();
    for (int step = 0; step < 300; ++step) {
      if (below(3) != 0) {
        const auto id = static_cast<std::uint32_t>(below(series));
        const Time deadline = now + Duration{below(reach) - reach / 20};
        const Time met = wheel.schedule(id, deadline);
        REQUIRE(met <= deadline);
        deadlines[id] = deadline;
        continue;
      }
      now += Duration{below(10) == 0 ? below(reach) : below(200'000'000)};
      wheel.advance(now, [&](std::uint32_t id) {
        REQUIRE(deadlines.count(id) == 1);
        if (deadlines[id] <= now) {
          deadlines.erase(id);
        } else {
          wheel.schedule(id, deadlines[id]);  // met early: put back, as a shard does
        }
      });
      for (const auto& [id, deadline] : deadlines) REQUIRE(deadline > now);
    }
  }
}
