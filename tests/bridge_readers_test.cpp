// Whoever asks how weir is gets an answer: while it works, while it ends and afterwards. A reader that could
// wait for a worker, or a worker for a reader, would hang here.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "bridge/http.h"
#include "bridge/metrics.h"
#include "bridge/publisher.h"
#include "bridge/status.h"
#include "bridge/wire_sender.h"
#include "tests/pipeline_fixture.h"

using namespace std::chrono_literals;
using bridge::Stats;

namespace {

class Nowhere final : public bridge::Sink {
 public:
  Accepted publish(const bridge::Publication&, Ticket) noexcept override { return Accepted::done; }
  bool completed(Completion&) noexcept override { return false; }
};

// Every series has results, flags and revisions, and more series come than find room.
const char* const rules = R"({"aggregation":{"shard_count":3,"batch_size":16,"ring_buffer_size":64},
  "limits":{"series_max":50,"series_ttl":"1m"},"streams":[{"name":"s","from":"in/{device}","lateness":"1s",
  "windows":[{"length":"1s"},{"kind":"count","samples":5}],
  "detectors":[{"kind":"threshold","above":90},{"kind":"silence","after":"5s"}]}]})";

struct Reader {
  std::atomic<std::uint64_t> answers{0};
  std::atomic<bool> good{true};
  std::jthread thread;
};

}  // namespace

TEST_CASE("stress: readers of counters, metrics and status never wait, nor does anybody for them") {
  constexpr int messages = 4000;
  const bridge::Config config = bridge::parse_config(rules);
  bridge::Pipeline pipeline(config, true, 1 << 30);
  Nowhere sink;
  bridge::Publisher publisher(config.publish, pipeline.outboxes(), sink);
  const auto stats = [&] {
    Stats all;
    pipeline.add_to(all);
    all.published = publisher.counters().acknowledged.get();
    all.publish_held = publisher.counters().held.get();
    all.connected = all.subscribed = true;
    return all;
  };
  const auto sane = [](const Stats& all) {
    return all.samples_by[static_cast<std::size_t>(bridge::SampleOutcome::aggregated)] <= messages &&
           all.samples_in_flight <= messages && all.queue_items.size() == 3 && all.series[0].count <= 50;
  };
  bridge::HttpServer server("127.0.0.1:0", stats);
  std::array<Reader, 3> readers;
  const auto start = [](Reader& reader, auto read) {
    reader.thread = std::jthread([&reader, read](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (!read()) reader.good = false;
        ++reader.answers;
      }
    });
  };
  start(readers[0], [&] { return sane(stats()); });
  start(readers[1], [&] { return !metrics_text(stats()).empty() && !status_json(stats()).empty(); });
  start(readers[2], [&] {
    return bridge::wire::http_get(server.port(), "/metrics").find("weir_samples_total") !=
               std::string::npos &&
           !bridge::wire::http_get(server.port(), "/readyz").empty();
  });
  const auto all_answer = [&] {
    for (const Reader& reader : readers) {
      const std::uint64_t before = reader.answers;
      while (reader.answers < before + 3) std::this_thread::yield();
    }
  };

  publisher.start();
  std::string payload = "0";
  for (int i = 0; i < messages; ++i) {
    bridge::Message message;
    message.arrival = test::day + i * 50ms;
    payload = std::to_string(i % 100);
    const std::size_t size = payload.size();
    payload.append(bridge::payload_padding, '\0');
    const std::string topic = "in/" + std::to_string(i % 7 == 0 ? i : i % 30);
    message.topic = topic;
    message.payload = std::string_view{payload}.substr(0, size);
    pipeline.edge().take(message);
    if (i % 500 == 0) pipeline.engine().settle();
    if (i % 1000 == 0) all_answer();
  }
  pipeline.engine().finish(pipeline.edge().position());
  all_answer();
  pipeline.engine().close();
  all_answer();
  publisher.finish(1min);
  all_answer();
  for (Reader& reader : readers) {
    reader.thread.request_stop();
    reader.thread.join();
    CHECK(reader.good);
  }
  Stats end = stats();
  end.received = messages;
  CHECK(test::adds_up(end));
  CHECK(end.samples_in_flight == 0);
  CHECK(end.series_evicted > 0);
  CHECK(end.published > messages / 5);
  CHECK(end.publish_held == 0);
  CHECK(end.flags[0].count > 0);
}
