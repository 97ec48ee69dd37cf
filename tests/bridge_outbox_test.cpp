#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "bridge/outbox.h"
#include "core/doorbell.h"

using bridge::Outbox;
using bridge::Result;

TEST_CASE("results come out in order, as they went in") {
  Outbox outbox(1 << 20);
  CHECK(outbox.front() == nullptr);
  CHECK(outbox.push({7, 3, "a/b", "{}"}));
  CHECK(outbox.push({1ULL << 40, 4'000'000'000, "", "", true}));
  const auto check = [&](core::Position cause, core::SeriesId series, std::string_view topic,
                         std::string_view payload, bool retain) {
    CAPTURE(cause);
    const Result* result = outbox.front();
    REQUIRE(result != nullptr);
    CHECK(outbox.front() == result);
    CHECK(result->cause == cause);
    CHECK(result->series == series);
    CHECK(result->topic == topic);
    CHECK(result->payload == payload);
    CHECK(result->retain == retain);
    outbox.pop();
  };
  check(7, 3, "a/b", "{}", false);
  check(1ULL << 40, 4'000'000'000, "", "", true);
  CHECK(outbox.front() == nullptr);
  CHECK(outbox.pushed() == 2);
  CHECK(outbox.popped() == 2);
  CHECK(outbox.refused() == 0);
}

TEST_CASE("a full outbox refuses and counts; what it took stays") {
  Outbox outbox(1 << 20);
  const std::string payload(1000, 'x');
  std::uint64_t taken = 0;
  while (outbox.push({taken, 1, "topic", payload})) ++taken;
  CHECK(taken > 900);
  CHECK(taken < 1050);
  CHECK(outbox.refused() == 1);
  CHECK_FALSE(outbox.push({taken, 1, "topic", payload}));
  CHECK(outbox.refused() == 2);
  CHECK(outbox.pushed() == taken);
  for (std::uint64_t i = 0; i < taken; ++i) {
    REQUIRE(outbox.front() != nullptr);
    REQUIRE(outbox.front()->cause == i);
    outbox.pop();
  }
  CHECK(outbox.front() == nullptr);
  CHECK(outbox.push({taken, 1, "topic", payload}));
}

TEST_CASE("stress: pushed = popped + refused + left, exactly, with a thread on each side") {
  Outbox outbox(1 << 18);
  constexpr std::uint64_t total = 100'000;
  std::jthread producer([&] {
    for (std::uint64_t i = 0; i < total; ++i) {
      outbox.push({i, static_cast<core::SeriesId>(i % 97), "t",
                   std::string(i % 301, static_cast<char>('a' + i % 26))});
      if (i % 10'000 == 0) core::nap(std::chrono::microseconds{100});
    }
  });
  std::uint64_t popped = 0;
  std::uint64_t next = 0;
  bool good = true;
  while (outbox.pushed() + outbox.refused() < total || outbox.front() != nullptr) {
    const Result* result = outbox.front();
    if (result == nullptr) continue;
    const std::uint64_t i = result->cause;
    good = good && i >= next && result->series == i % 97 && result->topic == "t" &&
           result->payload == std::string(i % 301, static_cast<char>('a' + i % 26));
    next = i + 1;
    outbox.pop();
    ++popped;
  }
  CHECK(good);
  CHECK(popped == outbox.popped());
  CHECK(outbox.pushed() == popped);
  CHECK(popped + outbox.refused() == total);
}
