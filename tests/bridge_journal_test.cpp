#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bridge/journal.h"
#include "core/doorbell.h"

using namespace std::chrono_literals;
using bridge::Journal;
using bridge::Message;

namespace {

// Message number i: every byte of it follows from i and the sizes.
struct Sample {
  explicit Sample(std::uint64_t i, std::size_t topic_bytes, std::size_t payload_bytes)
      : topic(topic_bytes, static_cast<char>('a' + i % 26)),
        payload(payload_bytes, static_cast<char>('A' + i % 26)) {
    message.arrival = core::Time{core::Duration{static_cast<std::int64_t>(i)}};
    message.topic = topic;
    message.payload = payload;
    message.packet_id = static_cast<std::uint16_t>(i);
    message.qos = static_cast<std::uint8_t>(i % 3);
    message.duplicate = i % 5 == 0;
    message.stale = i % 7 == 0;
  }
  Sample(const Sample&) = delete;

  std::string topic;
  std::string payload;
  Message message;
};

bool same(const Message& a, const Message& b) {
  return a.arrival == b.arrival && a.topic == b.topic && a.payload == b.payload &&
         a.packet_id == b.packet_id && a.qos == b.qos && a.duplicate == b.duplicate && a.stale == b.stale;
}

// Reads what a parser may read behind a payload; a sanitizer or valgrind sees it if it may not.
unsigned padding_sum(const Message& message) {
  unsigned sum = 0;
  const char* end = message.payload.data() + message.payload.size();
  for (std::size_t i = 0; i < bridge::payload_padding; ++i) sum += static_cast<unsigned char>(end[i]);
  return sum;
}

// The sizes of message i of a seeded run: mostly small, some empty, a few larger than a block.
struct Sizes {
  explicit Sizes(std::uint32_t seed) : random(seed) {}
  std::pair<std::size_t, std::size_t> next() {
    const std::size_t topic = random() % 60;
    const auto kind = random() % 1000;
    if (kind < 3) return {topic, Journal::block_bytes + random() % (2 * Journal::block_bytes)};
    if (kind < 20) return {topic, random() % Journal::block_bytes};
    return {topic, random() % 200};
  }
  std::mt19937 random;
};

}  // namespace

TEST_CASE("messages come out in order, as they went in") {
  Journal journal(1 << 20);
  CHECK(journal.front() == nullptr);
  CHECK(journal.bytes() == 0);
  const Sample first(1, 5, 10), empty(35, 0, 0), third(3, 7, 100);
  for (const Sample* sample : {&first, &empty, &third}) REQUIRE(journal.push(sample->message));
  CHECK(journal.pushed() == 3);
  for (const Sample* sample : {&first, &empty, &third}) {
    const Message* message = journal.front();
    REQUIRE(message != nullptr);
    CHECK(journal.front() == message);
    CHECK(same(*message, sample->message));
    journal.pop();
  }
  CHECK(journal.front() == nullptr);
  CHECK(journal.popped() == 3);
  CHECK_FALSE(journal.finished());
  REQUIRE(journal.push(first.message));
  journal.close();
  CHECK_FALSE(journal.finished());
  REQUIRE(journal.front() != nullptr);
  journal.pop();
  CHECK(journal.finished());
}

TEST_CASE("a full journal refuses without effect and takes again once there is room") {
  constexpr std::size_t most = 4 * Journal::block_bytes;
  Journal journal(most);
  std::uint64_t pushed = 0;
  while (journal.push(Sample(pushed, 20, 100).message)) ++pushed;
  CHECK(journal.bytes() == most);
  // 24 + 20 + 100 + 64 and a few more bytes for each.
  CHECK(pushed > 4 * (Journal::block_bytes - 1024) / 224);
  CHECK(pushed < most / 208);
  CHECK_FALSE(journal.push(Sample(pushed, 20, 100).message));
  CHECK(journal.pushed() == pushed);
  std::uint64_t popped = 0;
  const auto pop = [&] {
    const Message* message = journal.front();
    REQUIRE(message != nullptr);
    REQUIRE(same(*message, Sample(popped, 20, 100).message));
    journal.pop();
    ++popped;
  };
  // The first block is free when its last message has gone and the next has been looked at.
  while (!journal.push(Sample(pushed, 20, 100).message)) pop();
  ++pushed;
  CHECK(popped <= pushed / 4 + 2);
  while (popped < pushed) pop();
  CHECK(journal.front() == nullptr);
}

TEST_CASE("a batch is what is there, as far as one block goes") {
  Journal journal(1 << 20);
  CHECK(journal.batch().empty());
  std::uint64_t pushed = 0;
  const auto push = [&](std::size_t payload_bytes) {
    REQUIRE(journal.push(Sample(pushed++, 20, payload_bytes).message));
  };
  std::uint64_t taken = 0;
  const auto take = [&](std::size_t payload_bytes) {
    const std::span<const Message> messages = journal.batch();
    CHECK(journal.batch().data() == messages.data());  // the same until they are popped
    for (const Message& message : messages)
      REQUIRE(same(message, Sample(taken++, 20, payload_bytes).message));
    const std::size_t count = messages.size();
    journal.pop();
    return count;
  };
  for (int i = 0; i < 3; ++i) push(100);
  CHECK(take(100) == 3);
  CHECK(journal.popped() == 3);
  CHECK(journal.batch().empty());
  for (std::size_t i = 0; i < Journal::batch_max + 1; ++i) push(100);
  CHECK(take(100) == Journal::batch_max);
  CHECK(take(100) == 1);
  // Three of these fill a block, beside what is in the first.
  for (int i = 0; i < 6; ++i) push(80'000);
  CHECK(take(80'000) == 2);
  CHECK(take(80'000) == 3);
  CHECK(take(80'000) == 1);
}

TEST_CASE("memory follows the backlog") {
  Journal journal(16 << 20);
  std::uint64_t pushed = 0;
  for (int round = 0; round < 2; ++round) {
    while (journal.push(Sample(pushed, 20, 1000).message)) ++pushed;
    CHECK(journal.bytes() == 16 << 20);
    while (journal.front() != nullptr) journal.pop();
    CHECK(journal.bytes() <= 5 * Journal::block_bytes);  // the one in use and a few to go on with
  }
  // Steady traffic lives in two blocks.
  Journal steady(64 << 20);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    REQUIRE(steady.push(Sample(i, 20, 100).message));
    REQUIRE(steady.front() != nullptr);
    steady.pop();
  }
  CHECK(steady.bytes() == 2 * Journal::block_bytes);
}

TEST_CASE("a message larger than a block gets one of its own, inside the same bound") {
  constexpr std::size_t most = 7 * Journal::block_bytes;
  Journal journal(most);
  const Sample small(1, 10, 50), large(2, 10, 3 * Journal::block_bytes), huge(3, 10, most);
  REQUIRE(journal.push(small.message));
  REQUIRE(journal.push(large.message));
  CHECK(journal.bytes() > 4 * Journal::block_bytes);
  CHECK(journal.bytes() < 4 * Journal::block_bytes + 8192);
  CHECK_FALSE(journal.push(huge.message));
  REQUIRE(journal.push(small.message));
  CHECK_FALSE(journal.push(large.message));  // a second one would be over the bound
  for (const Sample* sample : {&small, &large, &small}) {
    const Message* message = journal.front();
    REQUIRE(message != nullptr);
    CHECK(same(*message, sample->message));
    CHECK(padding_sum(*message) < 256 * bridge::payload_padding);
    journal.pop();
  }
  REQUIRE(journal.push(large.message));
  REQUIRE(journal.front() != nullptr);
  CHECK(same(*journal.front(), large.message));
}

TEST_CASE("the largest message finds room whenever the journal is read to its end; a larger one may not") {
  constexpr std::size_t most = 8 * Journal::block_bytes;
  const std::size_t bytes = Journal::message_bytes_max(most);
  const Sample largest(1, 10, bytes - 10), larger(2, 10, bytes - 9), small(3, 10, 50);
  Journal journal(most);
  for (const Sample* sample : {&largest, &largest, &small, &largest, &small, &small, &largest}) {
    REQUIRE(journal.push(sample->message));
    REQUIRE(journal.front() != nullptr);
    CHECK(same(*journal.front(), sample->message));
    journal.pop();
  }
  Journal tight(most);
  REQUIRE(tight.push(larger.message));
  REQUIRE(tight.front() != nullptr);
  tight.pop();
  CHECK_FALSE(tight.push(larger.message));
}

TEST_CASE("spare blocks give way to a large message") {
  constexpr std::size_t most = 6 * Journal::block_bytes;
  Journal journal(most);
  std::uint64_t i = 0;
  while (journal.push(Sample(i, 0, 1000).message)) ++i;
  while (journal.front() != nullptr) journal.pop();
  REQUIRE(journal.bytes() == 5 * Journal::block_bytes);
  const Sample large(1, 0, 4 * Journal::block_bytes);
  REQUIRE(journal.push(large.message));
  CHECK(journal.bytes() <= most);
  REQUIRE(journal.front() != nullptr);
  CHECK(same(*journal.front(), large.message));
}

TEST_CASE("property: one thread, any order of pushes and pops, as a queue of messages") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Sizes sizes(seed);
    constexpr std::size_t most = 8 * Journal::block_bytes;
    Journal journal(most);
    std::deque<std::unique_ptr<Sample>> model;
    std::uint64_t pushed = 0, refused = 0;
    for (int i = 0; i < 30'000; ++i) {
      if (random() % 100 < (i / 3000 % 2 == 0 ? 60U : 40U)) {
        const auto [topic, payload] = sizes.next();
        auto sample = std::make_unique<Sample>(pushed, topic, payload);
        if (journal.push(sample->message)) {
          model.push_back(std::move(sample));
          ++pushed;
        } else {
          ++refused;
        }
      } else if (random() % 300 == 0) {
        const std::span<const Message> messages = journal.batch();
        REQUIRE(messages.empty() == model.empty());
        REQUIRE(messages.size() <= std::min(model.size(), Journal::batch_max));
        for (const Message& message : messages) {
          REQUIRE(same(message, model.front()->message));
          model.pop_front();
        }
        if (!messages.empty()) journal.pop();
      } else {
        const Message* message = journal.front();
        REQUIRE((message == nullptr) == model.empty());
        if (message == nullptr) continue;
        REQUIRE(same(*message, model.front()->message));
        model.pop_front();
        journal.pop();
      }
      REQUIRE(journal.bytes() <= most);
      REQUIRE(journal.pushed() - journal.popped() == model.size());
    }
    CHECK(refused > 0);
  }
}

TEST_CASE(
    "stress: a thread on each side, random sizes; nothing lost or changed, never more memory than allowed") {
  struct Case {
    std::size_t most;
    bool slow_consumer;
  };
  for (const Case c :
       {Case{8 * Journal::block_bytes, false}, Case{8 * Journal::block_bytes, true}, Case{64 << 20, false}}) {
    for (const std::uint32_t seed : {1U, 2U}) {
      CAPTURE(c.most);
      CAPTURE(seed);
      constexpr std::uint64_t total = 6'000;
      Journal journal(c.most);
      std::size_t most_seen = 0;
      std::jthread producer([&] {
        Sizes sizes(seed);
        for (std::uint64_t i = 0; i < total; ++i) {
          const auto [topic, payload] = sizes.next();
          const Sample sample(i, topic, payload);
          while (!journal.push(sample.message)) core::nap(20us);
          most_seen = std::max(most_seen, journal.bytes());
          if (i % 1000 == 0) core::nap(core::Doorbell::quiet_max);
        }
        journal.close();
      });
      Sizes sizes(seed);
      std::uint64_t seen = 0;
      bool good = true;
      unsigned padding = 0;
      while (!journal.finished()) {
        const std::span<const Message> messages = journal.batch();
        if (messages.empty()) {
          journal.wait(10s);
          continue;
        }
        for (const Message& message : messages) {
          const auto [topic, payload] = sizes.next();
          good = good && same(message, Sample(seen, topic, payload).message);
          padding |= padding_sum(message);
          ++seen;
          if (c.slow_consumer && seen % 300 == 0) core::nap(1ms);
        }
        journal.pop();
      }
      producer.join();
      CHECK(good);
      CHECK(seen == total);
      CHECK(most_seen <= c.most);
      CHECK(padding < 256 * bridge::payload_padding);
      CHECK(journal.pushed() == total);
      CHECK(journal.popped() == total);
    }
  }
}

// --- several lanes

namespace {

// A message of lane `lane` that arrived at `arrival`; every byte of it follows from i.
std::unique_ptr<Sample> sample_of(std::size_t lane, std::int64_t arrival, std::uint64_t i,
                                  std::size_t payload) {
  auto sample = std::make_unique<Sample>(i, 1 + i % 40, payload);
  sample->message.arrival = core::Time{core::Duration{arrival}};
  sample->message.connection = static_cast<std::uint8_t>(lane);
  return sample;
}

// The same, but for when it arrived.
bool same_text(const Message& a, const Message& b) {
  Message stamped = a;
  stamped.arrival = b.arrival;
  return same(stamped, b) && a.connection == b.connection;
}

}  // namespace

TEST_CASE("several lanes are read as one, in order of arrival, each in its own order") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr std::size_t lanes = 3;
    Journal journal(96 << 20, lanes);
    std::vector<std::unique_ptr<Sample>> all;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::int64_t arrival = 1000;
      for (std::uint64_t i = 0; i < 2000; ++i) {
        arrival += random() % 4 == 0 ? 0 : static_cast<int>(random() % 50);  // many at the same time
        all.push_back(
            sample_of(lane, arrival, i, random() % 300 == 0 ? Journal::block_bytes : random() % 100));
        REQUIRE(journal.push(all.back()->message));
      }
    }
    std::ranges::stable_sort(all, {}, [](const auto& one) { return one->message.arrival; });
    std::size_t at = 0;
    for (auto messages = journal.batch(); !messages.empty(); messages = journal.batch()) {
      CHECK(journal.batch().data() == messages.data());
      for (const Message& message : messages) {
        REQUIRE(at < all.size());
        REQUIRE(same(message, all[at]->message));
        REQUIRE(message.connection == all[at]->message.connection);
        ++at;
      }
      journal.pop();
      REQUIRE(journal.popped() == at);
    }
    CHECK(at == all.size());
    CHECK(journal.pushed() == all.size());
  }
}

TEST_CASE("property: what is given of several lanes is the oldest there is, and arrivals never go back") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr std::size_t lanes = 4;
    constexpr std::size_t most = 16 * Journal::block_bytes;
    Journal journal(most, lanes);
    std::vector<std::deque<std::unique_ptr<Sample>>> model(lanes);
    std::vector<std::int64_t> clocks(lanes, 1000);
    std::uint64_t pushed = 0, refused = 0, raised = 0;
    core::Time last = core::time_min;
    const auto take = [&](std::span<const Message> messages) {
      for (const Message& message : messages) {
        std::size_t oldest = lanes;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          if (model[lane].empty()) continue;
          if (oldest == lanes || model[lane][0]->message.arrival < model[oldest][0]->message.arrival)
            oldest = lane;
        }
        REQUIRE(message.connection == oldest);
        const Message& expected = model[oldest][0]->message;
        REQUIRE(same_text(message, expected));
        REQUIRE(message.arrival == std::max(expected.arrival, last));
        if (message.arrival != expected.arrival) ++raised;
        last = message.arrival;
        model[oldest].pop_front();
      }
      if (!messages.empty()) journal.pop();
    };
    for (int i = 0; i < 30'000; ++i) {
      if (random() % 100 < (i / 3000 % 2 == 0 ? 90U : 60U)) {
        // The first lane comes often, the last seldom; their stamps are apart by as much as they like.
        const std::size_t lane = std::min<std::size_t>(random() % 4, random() % 4);
        clocks[lane] += static_cast<int>(random() % 20);
        auto sample = sample_of(lane, clocks[lane], pushed, random() % 3000);
        if (journal.push(sample->message)) {
          model[lane].push_back(std::move(sample));
          ++pushed;
        } else {
          ++refused;
        }
      } else if (random() % 40 == 0) {
        take(journal.batch());
      } else if (random() % 40 == 0) {
        const core::Time wished = last + core::Duration{random() % 3};
        REQUIRE(journal.advance(wished) == std::max(wished, last));
        last = std::max(wished, last);
      } else if (const Message* const message = journal.front(); message != nullptr) {
        take({message, 1});
      }
      REQUIRE(journal.bytes() <= most);
    }
    for (auto rest = journal.batch(); !rest.empty(); rest = journal.batch()) take(rest);
    for (const auto& lane : model) CHECK(lane.empty());
    CHECK(journal.pushed() == pushed);
    CHECK(refused > 0);
    CHECK(raised > 0);
  }
}

TEST_CASE("what is given after time has come to a moment has not arrived before it") {
  for (const std::size_t lanes : {1U, 2U}) {
    Journal journal(1 << 20, lanes);
    const auto at = [](std::int64_t i) { return core::Time{core::Duration{i}}; };
    const auto next = [&] {
      REQUIRE(journal.front() != nullptr);
      const core::Time arrival = journal.front()->arrival;
      journal.pop();
      return arrival;
    };
    for (const std::int64_t arrival : {10, 20}) REQUIRE(journal.push(sample_of(0, arrival, 1, 1)->message));
    CHECK(journal.advance(at(15)) == at(15));
    CHECK(next() == at(15));
    CHECK(next() == at(20));
    REQUIRE(journal.push(sample_of(lanes - 1, 12, 1, 1)->message));
    CHECK(next() == (lanes == 1 ? at(15) : at(20)));  // a lane's own order is its producer's
    CHECK(journal.advance(at(3)) == (lanes == 1 ? at(15) : at(20)));
  }
}

TEST_CASE("a lane's memory is its own, and the journal ends with its last lane") {
  constexpr std::size_t most = 12 * Journal::block_bytes;
  Journal journal(most, 3);
  std::uint64_t i = 0;
  while (journal.push(sample_of(1, 0, i, 5000)->message)) ++i;
  CHECK(journal.bytes() == most / 3);
  const std::size_t largest = Journal::message_bytes_max(most, 3);
  REQUIRE(journal.push(Sample(0, 0, largest).message));
  CHECK(journal.bytes() <= most);
  journal.close(0);
  journal.close(2);
  CHECK_FALSE(journal.finished());
  journal.close(1);
  CHECK_FALSE(journal.finished());
  while (journal.front() != nullptr) journal.pop();
  CHECK(journal.finished());
}

TEST_CASE("stress: a thread for each lane; nothing lost or changed, arrivals never go back") {
  constexpr std::size_t lanes = 3;
  constexpr std::uint64_t total = 20'000;  // of each
  constexpr std::size_t most = lanes * 8 * Journal::block_bytes;
  Journal journal(most, lanes);
  std::atomic<std::int64_t> clock{0};
  std::vector<std::jthread> producers;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    producers.emplace_back([&, lane] {
      std::mt19937 random(static_cast<std::uint32_t>(lane));
      for (std::uint64_t i = 0; i < total; ++i) {
        const auto sample = sample_of(lane, clock.fetch_add(1), i, random() % 400);
        while (!journal.push(sample->message)) core::nap(20us);
        if (i % 5000 == 0) core::nap(core::Doorbell::quiet_max);
      }
      journal.close(lane);
    });
  }
  std::vector<std::uint64_t> seen(lanes, 0);
  std::vector<std::mt19937> randoms;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) randoms.emplace_back(lane);
  core::Time last = core::time_min;
  bool good = true;
  while (!journal.finished()) {
    const std::span<const Message> messages = journal.batch();
    if (messages.empty()) {
      journal.wait(core::Doorbell::for_ever);  // a wake-up that is lost would hang here
      continue;
    }
    for (const Message& message : messages) {
      const std::size_t lane = message.connection;
      const auto sample = sample_of(lane, 0, seen[lane]++, randoms[lane]() % 400);
      good = good && same_text(message, sample->message) && message.arrival >= last;
      last = message.arrival;
    }
    journal.pop();
  }
  CHECK(good);
  CHECK(seen == std::vector<std::uint64_t>(lanes, total));
  CHECK(journal.popped() == lanes * total);
}

TEST_CASE("stress: waiting ends with a message, with closing, and after a while") {
  Journal journal(1 << 20);
  journal.wait(0s);
  journal.wait(5ms);
  CHECK(journal.front() == nullptr);
  // A wake-up that is lost would hang here.
  std::jthread producer([&] {
    for (std::uint64_t i = 0; i < 100; ++i) {
      if (i % 2 == 0) core::nap(core::Doorbell::quiet_max + std::chrono::microseconds{20 * i});
      REQUIRE(journal.push(Sample(i, 5, 5).message));
    }
    core::nap(5ms);
    journal.close();
  });
  std::uint64_t seen = 0;
  while (!journal.finished()) {
    journal.wait(core::Doorbell::for_ever);
    while (journal.front() != nullptr) {
      journal.pop();
      ++seen;
    }
  }
  CHECK(seen == 100);
}
