// Peers: medians of a group without the one who asks, and what is flagged by them.
#include "core/peers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "core/detectors/peers.h"
#include "tests/core_fixture.h"

using namespace std::chrono_literals;
using core::Duration;
using core::Peers;
using core::SeriesId;
using core::Time;
using fixture::Bed;

namespace {

constexpr Time t0{1'700'000'000s};

// Keeps what everybody said and sorts it each time.
struct Naive {
  struct Member {
    std::string group;
    int samples = 0;
    double level = 0, miss = 0;
    std::optional<double> deviation;
    std::uint32_t step = 0;
  };
  std::map<SeriesId, Member> members;

  std::optional<double> say(SeriesId id, double value, std::uint32_t step, std::uint32_t least) {
    Member& member = members[id];
    const auto median = median_of_others(id, least);
    const double alone = value - median.value_or(0);
    ++member.samples;
    if (member.samples == 1) {
      member.level = alone;
    } else {
      const double weight = 1.0 / std::min(member.samples, 300);
      const double miss = alone - member.level;
      const double most = member.miss > 0 ? 3 * member.miss : std::abs(miss);
      member.level += weight * std::max(-most, std::min(most, miss));
      member.miss += weight * (std::min(std::abs(miss), most) - member.miss);
    }
    member.deviation = value - member.level;
    member.step = step;
    return median;
  }

 private:
  std::optional<double> median_of_others(SeriesId id, std::uint32_t least) const {
    std::vector<double> values;
    for (const auto& [other, member] : members) {
      if (other != id && member.deviation && member.group == members.at(id).group)
        values.push_back(*member.deviation);
    }
    if (values.size() < least) return std::nullopt;
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  }
};

}  // namespace

TEST_CASE("peers: the median of all others, as members come, move, fall silent and come back") {
  std::mt19937_64 random{fixture::seed()};
  for (int round = 0; round < 50; ++round) {
    Peers peers;
    Naive naive;
    const auto members = static_cast<SeriesId>(1 + random() % 12);
    std::uint32_t step = 1;
    for (int i = 0; i < 600; ++i) {
      const auto id = static_cast<SeriesId>(random() % members);
      if (!naive.members.contains(id) || random() % 50 == 0) {
        const std::string group = random() % 2 == 0 ? "a" : "b";
        peers.join(id, group);
        naive.members[id] = {};
        naive.members[id].group = group;
      }
      if (random() % 40 == 0) {
        peers.forget(step);
        for (auto& [member, state] : naive.members) {
          if (state.step < step) state.deviation.reset();
        }
        ++step;
      }
      const double value = static_cast<double>(random() % 20);
      const auto least = static_cast<std::uint32_t>(1 + random() % 4);
      REQUIRE(peers.say(id, value, step, least) == naive.say(id, value, step, least));
    }
  }
}

TEST_CASE(
    "peers: a level follows its member, at most three times as fast as usual, and no spike moves it far") {
  Peers peers;
  for (SeriesId id = 0; id < 4; ++id) peers.join(id, "all");
  std::mt19937_64 random{fixture::seed()};
  std::normal_distribution<double> noise{0, 1};
  const auto round = [&](double shared, double odd) {
    double median = 0;
    for (SeriesId id = 0; id < 4; ++id)
      median = peers.say(id, 1000.0 * id + shared + (id == 0 ? odd : 0) + noise(random), 1, 3).value_or(0);
    return median;  // of the first three, as the last sees it
  };
  for (int i = 0; i < 1000; ++i) round(0, 0);
  CHECK(std::abs(round(0, 0)) < 5);
  CHECK(std::abs(round(500, 0) - 500) < 5);
  CHECK(std::abs(round(0, 1e15)) < 5);
  CHECK(std::abs(round(0, 0)) < 5);
  for (int i = 0; i < 1000; ++i) CHECK(std::abs(round(i, 0) - i) < 8);
}

TEST_CASE("peers: of a very large group the first count, and the others are judged") {
  Peers peers;
  for (SeriesId id = 0; id < 3000; ++id) {
    peers.join(id, "all");
    (void)peers.say(id, 5, 1, 3);
  }
  for (SeriesId id = 0; id < 3000; ++id) (void)peers.say(id, id < Peers::members_max ? 8 : 100, 1, 3);
  CHECK(std::abs(peers.say(2999, 100, 1, 3).value() - 1.5) <= 1.5);
  CHECK(peers.members() == 3000);
}

TEST_CASE("peers: groups that nobody is a member of any more take no memory") {
  Peers peers;
  for (int i = 0; i < 1000; ++i) {
    for (SeriesId id = 0; id < 3; ++id) {
      peers.join(id, "group " + std::to_string(i));
      (void)peers.say(id, i, 1, 1);
    }
    CHECK(peers.groups() == 1);
  }
  CHECK(peers.members() == 3);
}

TEST_CASE("peers: what all devices do raises nothing, what one does alone is flagged against the others") {
  core::Plan plan;
  plan.paired = true;
  core::DetectorSpec spec;
  spec.name = "apart";
  spec.kind = core::PeersSpec{};
  plan.detectors = {spec};
  constexpr SeriesId devices = 8;
  for (const std::uint32_t shards : {1U, 3U}) {
    Bed bed{plan, devices, shards};
    Peers peers;
    std::mt19937_64 random{fixture::seed()};
    std::normal_distribution<double> noise{0, 0.1};
    for (SeriesId id = 0; id < devices; ++id) peers.join(id, "site");
    double last_median = 0;
    for (int i = 0; i < 500; ++i) {
      const Time now = t0 + i * 60s;
      bed.tick(now);
      const double shared = i < 300 ? 20 : 60;  // a jump that all make
      for (SeriesId id = 0; id < devices; ++id) {
        const double alone = id == 3 && i >= 400 ? 5 : 0;
        const double value = shared + 2.0 * id + noise(random) + alone;
        const auto median = peers.say(id, value, 1, 3);
        if (id == 3) last_median = median.value_or(0);
        if (median) bed.pair(id, now, value, *median);
      }
    }
    std::size_t flagged = 0;
    for (const auto& [id, events] : bed.recorder.by_series) {
      flagged += events.size();
      CHECK(id == 3);
    }
    REQUIRE(flagged >= 1);
    const fixture::Event& first = bed.recorder.by_series[3][0];
    CHECK(first.up);
    CHECK(first.end == t0 + 401 * 60s);
    CHECK(std::abs(first.value.value() - (60 + 6 + 5)) < 1);
    CHECK(std::abs(first.expected.value() - (60 + 6)) < 1);
    CHECK(first.low.value() < first.expected.value());
    CHECK(first.high.value() < first.value.value());
    CHECK(std::abs(last_median - 40) < 1);
    CHECK(bed.total(&core::ShardCounters::aggregated) > 3900);
  }
}

TEST_CASE("peers: differences beyond a double are as far as can be") {
  core::PeersDetector detector{core::PeersSpec{}};
  core::PeersDetector::State state;
  for (int i = 0; i < 100; ++i) (void)detector.add(state, {t0, 1e308 * (i % 2 == 0 ? 1 : -1) * 10}, true);
  const core::Verdict verdict = detector.add(state, {t0, 0}, true);
  CHECK(std::isfinite(verdict.score));
}
