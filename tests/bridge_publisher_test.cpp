#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bridge/outgoing.h"
#include "bridge/publisher.h"
#include "bridge/token_bucket.h"
#include "core/doorbell.h"

using namespace std::chrono_literals;
using bridge::Outbox;
using bridge::Outgoing;
using bridge::Publication;
using bridge::PublishConfig;
using bridge::PublishCounters;
using bridge::Publisher;
using bridge::Result;
using bridge::Sink;
using bridge::TokenBucket;
using Accepted = Sink::Accepted;
using Ended = Sink::Ended;
using Clock = Outgoing::Clock;

namespace {

PublishConfig config(std::uint32_t buffer, std::uint32_t max_rate = 0) {
  PublishConfig config;
  config.buffer = buffer;
  config.max_rate = max_rate;
  return config;
}

// A sink that does as it is told: says `answer`, and ends what is under way when the test wants it.
class Scripted final : public Sink {
 public:
  Accepted publish(const Publication& publication, Ticket ticket) noexcept override {
    if (answer == Accepted::done || answer == Accepted::pending)
      log.push_back(publication.topic + " " + publication.payload);
    if (answer == Accepted::pending)
      under_way.push_back({ticket, publication.topic + " " + publication.payload});
    ++asked;
    return answer;
  }
  bool completed(Completion& out) noexcept override {
    if (endings.empty()) return false;
    out = endings.front();
    endings.erase(endings.begin());
    return true;
  }
  // Ends the i-th under way.
  void end(std::size_t i, Ended ended) {
    endings.push_back({under_way[i].first, ended});
    under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
  }

  Accepted answer = Accepted::pending;
  int asked = 0;
  std::vector<std::string> log;  // accepted, in order
  std::vector<std::pair<Ticket, std::string>> under_way;
  std::vector<Completion> endings;
};

Result result_of(std::string_view topic, std::string_view payload, bool urgent = false) {
  return {.cause = {}, .series = 0, .topic = topic, .payload = payload, .retain = false, .urgent = urgent};
}

struct Desk {
  explicit Desk(const PublishConfig& config) : outgoing(config, sink, counters) {}

  void add(const std::string& topic, const std::string& payload, bool urgent = false) {
    outgoing.add(result_of(topic, payload, urgent));
  }
  bool pump(Clock::duration later = 0ms) { return outgoing.pump(now += later); }
  void check_counts(std::uint64_t acknowledged, std::uint64_t refused, std::uint64_t dropped,
                    std::uint64_t again, std::uint64_t held) {
    CHECK(counters.acknowledged.get() == acknowledged);
    CHECK(counters.refused.get() == refused);
    CHECK(counters.dropped.get() == dropped);
    CHECK(counters.again.get() == again);
    CHECK(counters.held.get() == held);
  }

  Scripted sink;
  PublishCounters counters;
  Outgoing outgoing;
  Clock::time_point now{1h};
};

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("what the sink answers is what is counted") {
  Desk desk(config(10));
  desk.sink.answer = Accepted::done;
  desk.add("t", "1");
  CHECK(desk.counters.held.get() == 1);
  CHECK(desk.pump());
  desk.check_counts(1, 0, 0, 0, 0);
  desk.sink.answer = Accepted::refused;
  desk.add("t", "2");
  CHECK(desk.pump());
  desk.check_counts(1, 1, 0, 0, 0);
  desk.sink.answer = Accepted::pending;
  desk.add("t", "3");
  desk.add("t", "4");
  CHECK(desk.pump());
  CHECK_FALSE(desk.pump());
  desk.check_counts(1, 1, 0, 0, 2);
  desk.sink.end(1, Ended::refused);
  desk.sink.end(0, Ended::acknowledged);
  CHECK(desk.pump());
  desk.check_counts(2, 2, 0, 0, 0);
  CHECK(desk.outgoing.empty());
  CHECK(desk.sink.log == Log{"t 1", "t 3", "t 4"});
}

TEST_CASE("quality of service and retain are the configuration's, but of a result that is to be kept") {
  PublishConfig retained = config(10);
  retained.qos = 2;
  retained.retain = true;
  struct Last final : Sink {
    Accepted publish(const Publication& publication, Ticket) noexcept override {
      last = publication;
      return Accepted::done;
    }
    bool completed(Completion&) noexcept override { return false; }
    Publication last;
  } sink;
  PublishCounters counters;
  Outgoing outgoing(retained, sink, counters);
  outgoing.add(result_of("t", "1"));
  outgoing.pump(Clock::time_point{});
  CHECK(sink.last.qos == 2);
  CHECK(sink.last.retain);
  Outgoing plain(config(10), sink, counters);
  for (const bool keep : {true, false}) {
    Result result = result_of("t", "2");
    result.retain = keep;
    plain.add(result);
    plain.pump(Clock::time_point{});
    CHECK(sink.last.payload == "2");
    CHECK(sink.last.retain == keep);
  }
}

TEST_CASE(
    "a sink that cannot take more is asked less and less often, and at once when something was "
    "acknowledged") {
  Desk desk(config(10));
  desk.add("t", "1");
  desk.pump();
  desk.sink.answer = Accepted::later;
  desk.add("t", "2");
  const auto check = [&](Clock::duration later, int asked) {
    CAPTURE(later.count());
    desk.pump(later);
    CHECK(desk.sink.asked == asked);
  };
  check(0ms, 2);
  check(0ms, 2);
  check(1ms, 3);
  check(1ms, 3);
  check(1ms, 4);
  for (int i = 0; i < 10; ++i) desk.pump(50ms);
  check(49ms, 14);
  check(1ms, 15);
  desk.sink.end(0, Ended::acknowledged);
  desk.sink.answer = Accepted::pending;
  check(0ms, 16);
  CHECK(desk.sink.log == Log{"t 1", "t 2"});
  desk.check_counts(1, 0, 0, 0, 1);
}

TEST_CASE("the buffer is full: the oldest that waits is dropped, what is under way is kept") {
  Desk desk(config(3));
  for (const char* payload : {"1", "2"}) desk.add("t", payload);
  desk.pump();
  desk.sink.answer = Accepted::later;
  for (const char* payload : {"3", "4", "5"}) desk.add("t", payload);
  desk.pump(1s);
  desk.check_counts(0, 0, 2, 0, 3);
  desk.sink.answer = Accepted::pending;
  desk.pump(1s);
  CHECK(desk.sink.log == Log{"t 1", "t 2", "t 5"});
  CHECK_FALSE(desk.outgoing.room());  // all three are under way
  desk.sink.end(1, Ended::acknowledged);
  desk.pump();
  CHECK(desk.outgoing.room());
  desk.check_counts(1, 0, 2, 0, 2);
}

TEST_CASE("a flag goes ahead of results that wait, and none is dropped while a result waits") {
  Desk desk(config(4));
  desk.add("t", "1");
  desk.pump();
  desk.sink.answer = Accepted::later;
  for (const char* payload : {"2", "3", "4"}) desk.add("t", payload);
  for (const char* payload : {"1", "2"}) desk.add("flag", payload, true);
  desk.pump(1s);
  desk.check_counts(0, 0, 2, 0, 4);  // of the results
  desk.sink.answer = Accepted::pending;
  desk.pump(1s);
  CHECK(desk.sink.log == Log{"t 1", "flag 1", "flag 2", "t 4"});
  // What was lost keeps its rank.
  for (int i = 0; i < 4; ++i) desk.sink.end(0, Ended::lost);
  desk.pump();
  CHECK(desk.sink.log == Log{"t 1", "flag 1", "flag 2", "t 4", "flag 1", "flag 2", "t 1", "t 4"});
}

TEST_CASE("only flags wait and the buffer is full: the oldest flag is dropped") {
  Desk desk(config(2));
  desk.sink.answer = Accepted::later;
  for (const char* payload : {"1", "2", "3"}) desk.add("flag", payload, true);
  desk.sink.answer = Accepted::pending;
  desk.pump();
  CHECK(desk.sink.log == Log{"flag 2", "flag 3"});
  desk.check_counts(0, 0, 1, 0, 2);
}

TEST_CASE("a flag that comes while nothing more may be under way goes as soon as one has ended") {
  Desk desk(config(100));
  for (int i = 0; i < 8; ++i) desk.add("t", std::to_string(i));
  desk.pump();
  desk.sink.answer = Accepted::later;
  desk.add("t", "8");
  desk.add("flag", "1", true);
  desk.pump();
  desk.sink.answer = Accepted::pending;
  desk.pump();  // not yet: the pause
  CHECK(desk.sink.log.size() == 8);
  desk.sink.end(0, Ended::acknowledged);
  desk.pump();
  CHECK(desk.sink.log.at(8) == "flag 1");
}

TEST_CASE("a flag does not wait until a sink is asked for results again") {
  Desk desk(config(100));
  desk.sink.answer = Accepted::later;
  desk.add("t", "1");
  desk.pump();
  desk.sink.answer = Accepted::pending;
  desk.add("flag", "1", true);
  desk.pump();
  CHECK(desk.sink.log == Log{"flag 1"});
  desk.pump(1ms);
  CHECK(desk.sink.log == Log{"flag 1", "t 1"});
}

TEST_CASE("no more than a thousand are under way") {
  Desk desk(config(100'000));
  for (int i = 0; i < 3000; ++i) desk.add("t", std::to_string(i));
  while (desk.pump()) {
  }
  CHECK(desk.sink.under_way.size() == Outgoing::under_way_max);
  desk.sink.end(500, Ended::acknowledged);
  desk.pump();
  CHECK(desk.sink.under_way.size() == Outgoing::under_way_max);
  desk.check_counts(1, 0, 0, 0, 2999);
}

TEST_CASE("what was lost goes again, in its order, before what is newer") {
  Desk desk(config(10));
  for (const char* payload : {"1", "2", "3"}) desk.add("t", payload);
  desk.pump();
  desk.add("t", "4");
  desk.sink.end(2, Ended::lost);
  desk.pump();
  CHECK(desk.sink.log.size() == 3);  // 1 and 2 have not ended: nothing may go
  desk.sink.end(1, Ended::acknowledged);
  desk.pump();
  CHECK(desk.sink.log.size() == 3);
  desk.sink.end(0, Ended::lost);
  desk.pump();
  CHECK(desk.sink.log == Log{"t 1", "t 2", "t 3", "t 1", "t 3", "t 4"});
  desk.check_counts(1, 0, 0, 2, 3);
  for (int i = 0; i < 3; ++i) desk.sink.end(0, Ended::acknowledged);
  desk.pump();
  desk.check_counts(4, 0, 0, 2, 0);
}

TEST_CASE("a status goes first, the newest replaces an unsent one of its topic, none is counted") {
  Desk desk(config(2));
  desk.sink.answer = Accepted::later;
  desk.add("t", "1");
  desk.outgoing.add_status({"status", "a", 1, true});
  desk.outgoing.add_status({"other", "x", 1, true});
  desk.outgoing.add_status({"status", "b", 1, true});
  desk.pump();
  for (const char* payload : {"2", "3"}) desk.add("t", payload);
  desk.sink.answer = Accepted::pending;
  desk.pump(1s);
  CHECK(desk.sink.log == Log{"other x", "status b", "t 2", "t 3"});
  desk.check_counts(0, 0, 1, 0, 2);
  desk.sink.end(3, Ended::acknowledged);
  desk.sink.end(2, Ended::acknowledged);
  desk.pump();
  CHECK_FALSE(desk.outgoing.empty());
  desk.sink.end(0, Ended::acknowledged);
  desk.sink.end(0, Ended::refused);
  desk.pump();
  CHECK(desk.outgoing.empty());
  desk.check_counts(2, 0, 1, 0, 0);
}

TEST_CASE("a lost status goes again only while it is the newest") {
  Desk desk(config(2));
  desk.outgoing.add_status({"status", "a", 1, true});
  desk.pump();
  desk.outgoing.add_status({"status", "b", 1, true});
  desk.pump();
  desk.sink.end(0, Ended::lost);
  desk.pump();
  CHECK(desk.sink.log == Log{"status a", "status b"});
  desk.sink.end(0, Ended::lost);
  desk.pump();
  CHECK(desk.sink.log == Log{"status a", "status b", "status b"});
  CHECK_FALSE(desk.outgoing.empty());
}

TEST_CASE("a status is sent when a thousand results are under way") {
  Desk desk(config(100'000));
  for (int i = 0; i < 2000; ++i) desk.add("t", "x");
  while (desk.pump()) {
  }
  desk.outgoing.add_status({"status", "a", 1, true});
  CHECK(desk.pump());
  CHECK(desk.sink.log.back() == "status a");
}

TEST_CASE("a rate is kept to") {
  const auto sent = [](std::uint32_t rate, const std::vector<Clock::duration>& at) {
    TokenBucket bucket(rate);
    std::vector<int> counts;
    for (const Clock::duration time : at) {
      counts.push_back(0);
      while (counts.back() < 1000 && bucket.ready(Clock::time_point{1h} + time)) {
        bucket.take();
        ++counts.back();
      }
    }
    return counts;
  };
  using Counts = std::vector<int>;
  CHECK(sent(1, {0s, 500ms, 999ms, 1s, 2s, 10s}) == Counts{1, 0, 0, 1, 1, 1});
  CHECK(sent(100, {0s, 1ms, 10ms, 20ms, 1s, 1s}) == Counts{10, 0, 1, 1, 10, 0});
  CHECK(sent(3, {0s, 333ms, 334ms, 1s}) == Counts{1, 0, 1, 1});
  CHECK(sent(0, {0s, 0s}) == Counts{1000, 1000});

  Desk desk(config(1000, 100));
  for (int i = 0; i < 500; ++i) desk.add("t", std::to_string(i));
  desk.outgoing.add_status({"status", "a", 1, true});  // statuses do not wait for it
  desk.pump();
  CHECK(desk.sink.log.size() == 11);
  desk.pump(50ms);
  CHECK(desk.sink.log.size() == 16);
}

TEST_CASE("giving up drops what is held") {
  Desk desk(config(10));
  for (const char* payload : {"1", "2", "3"}) desk.add("t", payload);
  desk.pump();
  desk.add("t", "4");
  desk.sink.end(0, Ended::acknowledged);
  desk.sink.end(0, Ended::lost);
  desk.pump();
  desk.outgoing.give_up();
  desk.check_counts(1, 0, 3, 1, 0);
  CHECK(desk.outgoing.empty());
}

namespace {

// A broker with moods: says later and no, acknowledges in any order, loses its connection. Checks while it
// does so that within one connection the results of a topic come in order, none twice.
class Moody final : public Sink {
 public:
  explicit Moody(std::uint32_t seed) : random_(seed) {}

  Accepted publish(const Publication& publication, Ticket ticket) noexcept override {
    const std::lock_guard lock(mutex_);
    if (!losing_.empty()) return Accepted::later;
    const bool status = publication.topic == "status";
    const auto mood = calm_ ? 100 : random_() % 100;
    if (mood < 10) return Accepted::later;
    if (mood < 13 && !status) {
      ++refused_;
      return Accepted::refused;
    }
    const auto number = std::stoull(publication.payload);
    std::uint64_t& newest = newest_[publication.topic];
    in_order_ = in_order_ && number > newest;
    newest = number;
    if (mood < 20) {
      if (!status) ++acknowledged_;
      return Accepted::done;
    }
    under_way_.push_back({ticket, status});
    return Accepted::pending;
  }

  bool completed(Completion& out) noexcept override {
    const std::lock_guard lock(mutex_);
    if (!losing_.empty()) {  // the losses of one end come a few at a time, in any order
      if (random_() % 8 == 0) return false;
      out = {take(losing_).ticket, Ended::lost};
      return true;
    }
    if (under_way_.empty() || (!calm_ && random_() % 3 == 0)) return false;
    if (!calm_ && random_() % 200 == 0) {
      losing_.swap(under_way_);
      newest_.clear();
      for (const Flight& flight : losing_) lost_ += flight.status ? 0 : 1;
      return false;
    }
    const Flight flight = take(under_way_);
    const bool no = !calm_ && random_() % 50 == 0;
    if (!flight.status) ++(no ? refused_ : acknowledged_);
    out = {flight.ticket, no ? Ended::refused : Ended::acknowledged};
    return true;
  }

  void calm_down() {
    const std::lock_guard lock(mutex_);
    calm_ = true;
  }

  // After the publisher has ended.
  void check(const PublishCounters& counters) const {
    CHECK(in_order_);
    CHECK(counters.acknowledged.get() == acknowledged_);
    CHECK(counters.refused.get() == refused_);
    CHECK(counters.again.get() == lost_);
  }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Flight {
    Ticket ticket;
    bool status;
  };
  Flight take(std::vector<Flight>& from) {
    std::swap(from[random_() % from.size()], from.back());
    const Flight flight = from.back();
    from.pop_back();
    return flight;
  }

  std::mutex mutex_;
  std::mt19937 random_;
  bool calm_ = false;
  bool in_order_ = true;
  std::vector<Flight> under_way_;
  std::vector<Flight> losing_;
  std::map<std::string, std::uint64_t> newest_;
  std::uint64_t acknowledged_ = 0, refused_ = 0, lost_ = 0;
};

}  // namespace

TEST_CASE("property: the ledger adds up at every step, whatever the sink does") {
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U}) {
    for (const std::uint32_t buffer : {1U, 2U, 50U, 5000U}) {
      CAPTURE(seed);
      CAPTURE(buffer);
      std::mt19937 random(seed);
      Moody sink(seed + 100);
      PublishCounters counters;
      Outgoing outgoing(config(buffer), sink, counters);
      Clock::time_point now{1h};
      std::uint64_t added = 0, statuses = 0;
      bool adds_up = true;
      for (int i = 0; i < 5000; ++i) {
        for (auto n = random() % 20; n > 0 && outgoing.room(); --n) {
          ++added;
          const auto number = random() % 5;
          const std::string topic = "t" + std::to_string(number), payload = std::to_string(added);
          outgoing.add(result_of(topic, payload, number == 0));
        }
        if (random() % 50 == 0) outgoing.add_status({"status", std::to_string(++statuses), 1, true});
        now += std::chrono::milliseconds{random() % 5};
        outgoing.pump(now);
        const std::uint64_t held = counters.held.get();
        adds_up =
            adds_up && held <= buffer &&
            added == counters.acknowledged.get() + counters.refused.get() + counters.dropped.get() + held;
      }
      CHECK(adds_up);
      sink.calm_down();
      for (int i = 0; i < 20'000 && !outgoing.empty(); ++i) outgoing.pump(now += 50ms);
      CHECK(outgoing.empty());
      CHECK(counters.held.get() == 0);
      CHECK(added == counters.acknowledged.get() + counters.refused.get() + counters.dropped.get());
      sink.check(counters);
      if (buffer > 2) CHECK(sink.lost() > 0);
    }
  }
}

TEST_CASE("stress: workers, a publisher and a moody broker; every result is accounted for") {
  for (const std::uint32_t seed : {1U, 2U}) {
    for (const std::uint32_t buffer : {10U, 100'000U}) {
      CAPTURE(seed);
      CAPTURE(buffer);
      constexpr std::uint64_t total = 10'000;  // per worker
      std::vector<std::unique_ptr<Outbox>> owned;
      std::vector<Outbox*> outboxes;
      for (int i = 0; i < 3; ++i)
        outboxes.push_back(owned.emplace_back(std::make_unique<Outbox>(1 << 20)).get());
      Moody sink(seed);
      PublishConfig settings = config(buffer);
      Publisher publisher(settings, outboxes, sink);
      publisher.start();
      {
        std::vector<std::jthread> workers;
        for (std::size_t w = 0; w < outboxes.size(); ++w) {
          workers.emplace_back([outbox = outboxes[w], w] {
            const std::string topic = "t" + std::to_string(w);
            for (std::uint64_t i = 1; i <= total; ++i) {
              outbox->push({i, 0, topic, std::to_string(i)});
              if (i % 500 == 0) core::nap(1ms);
            }
          });
        }
        for (int i = 1; i <= 50; ++i) {
          publisher.publish_status({"status", std::to_string(i), 1, true});
          core::nap(100us);
        }
      }
      sink.calm_down();
      publisher.finish(60s);
      const PublishCounters& counters = publisher.counters();
      std::uint64_t pushed = 0;
      for (Outbox* outbox : outboxes) {
        pushed += outbox->pushed();
        CHECK(outbox->pushed() + outbox->refused() == total);
        CHECK(outbox->popped() == outbox->pushed());
      }
      CHECK(counters.held.get() == 0);
      CHECK(pushed == counters.acknowledged.get() + counters.refused.get() + counters.dropped.get());
      if (buffer == 100'000U) CHECK(counters.dropped.get() == 0);
      sink.check(counters);
    }
  }
}

TEST_CASE("stress: finishing gives up on a sink that never answers; what is left is counted as dropped") {
  struct Silent final : Sink {
    Accepted publish(const Publication&, Ticket) noexcept override { return Accepted::pending; }
    bool completed(Completion&) noexcept override { return false; }
  } sink;
  Outbox outbox(1 << 20);
  Publisher publisher(config(100), {&outbox}, sink);
  publisher.start();
  for (std::uint64_t i = 0; i < 500; ++i) REQUIRE(outbox.push({i, 0, "t", "1"}));  // most stay in the outbox
  publisher.finish(20ms);
  publisher.finish(20ms);
  CHECK(publisher.counters().dropped.get() == 500);
  CHECK(publisher.counters().held.get() == 0);
  CHECK(outbox.front() == nullptr);
}

TEST_CASE("a publisher that was never started ends") {
  Scripted sink;
  Outbox outbox(1 << 20);
  Publisher publisher(config(100), {&outbox}, sink);
  publisher.publish_status({"status", "a", 1, true});
  publisher.finish(1s);
  CHECK(sink.asked == 0);
}
