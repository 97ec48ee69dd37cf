// What weir allocates for a message once it knows the topic, the fields and the series: nothing. Counted by
// the bench's operator new, with everything in place on one thread.
#include <doctest/doctest.h>

#include <cstdint>

#include "bridge/bench_load.h"
#include "bridge/bench_usage.h"
#include "bridge/pipeline.h"

namespace {

using namespace bridge;

class Run {
 public:
  Run(std::uint32_t fields, bool discover)
      : config_(
            parse_config(bench_config("bench", fields, discover, R"("aggregation": {"shard_count": 1}, )"))),
        load_(record_load(100, 10'000)),
        pipeline_(config_, false, 64 << 20) {}

  // Messages at 1,000 per second of event time; returns what they allocated.
  std::uint64_t take(std::uint64_t messages) {
    const std::uint64_t before = allocations();
    for (std::uint64_t i = 0; i < messages; ++i, ++taken_) {
      Message& message = load_.messages[taken_ % load_.messages.size()];
      message.arrival = core::Time{std::chrono::seconds{1'767'225'600}} + std::chrono::milliseconds{taken_};
      pipeline_.edge().take(message);
    }
    pipeline_.engine().flush(core::FlushCause::idle);
    return allocations() - before;
  }
  std::uint64_t drain() {
    std::uint64_t results = 0;
    for (Outbox* outbox : pipeline_.outboxes()) {
      for (; outbox->front() != nullptr; outbox->pop()) ++results;
    }
    return results;
  }

 private:
  Config config_;
  RecordedLoad load_;
  Pipeline pipeline_;
  std::uint64_t taken_ = 0;
};

TEST_CASE("no allocation per message, none per result") {
  auto check = [](std::uint32_t fields, bool discover) {
    Run run(fields, discover);
    CHECK(run.take(25'000) > 0);  // to know a hundred devices costs something
    CHECK(run.drain() == 2 * 100 * fields);
    CHECK(run.take(4'900) == 0);  // to just before 30 s: samples only
    CHECK(run.drain() == 0);
    CHECK(run.take(10'000) == 0);  // over the end of a window: results too
    CHECK(run.drain() == 100 * fields);
  };
  check(1, false);
  check(4, false);
  check(4, true);
}

}  // namespace
