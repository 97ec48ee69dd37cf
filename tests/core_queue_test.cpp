#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "core/doorbell.h"
#include "core/queue.h"

using core::Item;
using core::ShardQueue;

namespace {

Item item(std::uint64_t i) {
  return {core::Time{core::Duration{static_cast<std::int64_t>(i)}}, i * 3, static_cast<std::uint32_t>(i), 7};
}

bool is(const Item& seen, std::uint64_t i) {
  return seen.time.time_since_epoch().count() == static_cast<std::int64_t>(i) && seen.bits == i * 3 &&
         seen.series == static_cast<std::uint32_t>(i) && seen.tag == 7;
}

std::vector<Item> items(std::uint64_t from, std::size_t count) {
  std::vector<Item> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(item(from + i));
  return out;
}

}  // namespace

TEST_CASE("items come out in order, as they went in") {
  ShardQueue queue(10);
  queue.push(items(0, 3));
  queue.push(items(3, 0));
  queue.push(items(3, 7));
  CHECK(queue.size() == 10);
  std::vector<Item> out(4);
  const auto check = [&](std::uint64_t from, std::size_t expected) {
    CAPTURE(from);
    REQUIRE(queue.pop(out) == expected);
    for (std::size_t i = 0; i < expected; ++i) CHECK(is(out[i], from + i));
  };
  check(0, 4);
  check(4, 4);
  CHECK(queue.size() == 2);
  queue.push(items(10, 1));
  check(8, 3);
  CHECK(queue.size() == 0);
  queue.push(items(11, 2));
  queue.close();
  check(11, 2);
  CHECK(queue.pop(out) == 0);
  CHECK(queue.pop(out) == 0);
  CHECK(queue.waits() == 0);
}

TEST_CASE("it holds exactly what it says, at every offset") {
  for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{255}, std::size_t{256},
                                 std::size_t{257}, std::size_t{4096}}) {
    CAPTURE(most);
    ShardQueue queue(most);
    std::vector<Item> out(most);
    std::uint64_t next = 0;
    for (int round = 0; round < 700; ++round) {
      queue.push(items(next, most));  // would wait for ever if there were less room
      REQUIRE(queue.size() == most);
      std::size_t taken = 0;
      while (taken < most) {
        const std::size_t n = queue.pop(std::span(out).first(std::min<std::size_t>(most, 1 + next % 97)));
        for (std::size_t i = 0; i < n; ++i) REQUIRE(is(out[i], next + i));
        next += n;
        taken += n;
      }
      if (most > 1) {  // shifts where the next round begins
        queue.push(items(next, 1));
        REQUIRE(queue.pop(out) == 1);
        REQUIRE(is(out[0], next++));
      }
    }
  }
}

TEST_CASE("stress: a thread on each side, any sizes; nothing lost, nothing out of order") {
  constexpr std::uint64_t total = 300'000;
  struct Case {
    std::size_t queue, push, pop;
  };
  for (const Case c :
       {Case{4096, 500, 1024}, Case{500, 500, 3}, Case{64, 7, 64}, Case{1000, 1, 1000}, Case{513, 300, 77}}) {
    CAPTURE(c.queue);
    ShardQueue queue(c.queue);
    const std::vector<Item> all = items(0, total);
    std::vector<Item> out(c.pop);
    std::uint64_t largest = 0;
    std::jthread producer([&] {
      std::mt19937 random(7);
      for (std::uint64_t at = 0; at < total;) {
        const auto count = std::min<std::uint64_t>(1 + random() % c.push, total - at);
        queue.push(std::span(all).subspan(at, count));
        at += count;
      }
      queue.close();
    });
    std::uint64_t seen = 0;
    bool good = true;
    while (const std::size_t n = queue.pop(out)) {
      largest = std::max<std::uint64_t>(largest, queue.size() + n);
      for (std::size_t i = 0; i < n; ++i) good = good && is(out[i], seen + i);
      seen += n;
    }
    CHECK(good);
    CHECK(seen == total);
    CHECK(largest <= c.queue + c.pop);
  }
}

TEST_CASE("stress: a queue of one item") {
  ShardQueue queue(1);
  std::jthread producer([&] {
    for (std::uint64_t i = 0; i < 2000; ++i) queue.push(items(i, 1));
    queue.close();
  });
  std::vector<Item> out(8);
  std::uint64_t seen = 0, pops = 0;
  bool good = true;
  while (const std::size_t n = queue.pop(out)) {  // to its end in any case: the producer waits for us
    ++pops;
    for (std::size_t i = 0; i < n; ++i) good = good && is(out[i], seen + i);
    seen += n;
  }
  CHECK(good);
  CHECK(seen == 2000);
  CHECK(pops == seen);
  CHECK(queue.waits() > 0);
}

// Each message is answered before the next is sent, with pauses that let the consumer fall asleep: a lost
// wake-up would hang.
TEST_CASE("stress: no wake-up is lost") {
  ShardQueue there(8), back(8);
  std::jthread echo([&] {
    std::vector<Item> out(8);
    while (const std::size_t n = there.pop(out)) back.push(std::span(out).first(n));
    back.close();
  });
  std::vector<Item> out(8);
  for (std::uint64_t i = 0; i < 300; ++i) {
    if (i % 3 == 0)
      core::nap(core::Doorbell::quiet_max +
                std::chrono::microseconds{i * 10});  // around the moment it lies down
    there.push(items(i, 1));
    REQUIRE(back.pop(out) == 1);
    REQUIRE(is(out[0], i));
  }
  there.close();
  CHECK(back.pop(out) == 0);
}

TEST_CASE("a doorbell says whether there was something, and gives up in time") {
  core::Doorbell bell;
  CHECK(bell.wait([] { return true; }));
  CHECK_FALSE(bell.wait([] { return false; }, core::Duration{0}));
  for (int i = 0; i < 10; ++i) CHECK_FALSE(bell.wait([] { return false; }, std::chrono::milliseconds{1}));
}
