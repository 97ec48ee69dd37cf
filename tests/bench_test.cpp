// The bench itself: its options, its load, what it makes of what it sees, and a tiny level E that must add
// up.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "bridge/bench_child.h"
#include "bridge/bench_generator.h"
#include "bridge/bench_load.h"
#include "bridge/bench_naive.h"
#include "bridge/bench_observer.h"
#include "bridge/bench_report.h"
#include "bridge/bench_yardstick.h"
#include "bridge/error.h"
#include "tests/temp_folder.h"

namespace {

using namespace bridge;

TEST_CASE("wrong options: each is named with what is allowed, all at once") {
  auto check = [](auto change, const std::vector<std::string>& expected) {
    BenchOptions options;
    change(options);
    CHECK(problems(options) == expected);
  };
  check([](BenchOptions&) {}, {});
  check([](BenchOptions& o) { o.level = "L"; },
        {"bench: --level L: must be K (samples into windows), E (recorded bytes to results) or G (through a "
         "broker)"});
  check([](BenchOptions& o) { o.keys = 999; }, {"bench: --keys 999: must be 1000 to 100000000"});
  check([](BenchOptions& o) { o.samples = 0; }, {"bench: --samples 0: must be 100000 to 1000000000"});
  check([](BenchOptions& o) { o.subject = "paho"; }, {"bench: --subject paho: must be null, weir or both"});
  check([](BenchOptions& o) { o.client = "other"; }, {"bench: --client other: must be paho or native"});
  check([](BenchOptions& o) { o.direct = true; }, {"bench: --direct is of level G, and not with --flags"});
  check([](BenchOptions& o) { o.devices = 0; }, {"bench: --devices 0: must be 1 to 1000000"});
  check([](BenchOptions& o) { o.devices = 1'000'001; }, {"bench: --devices 1000001: must be 1 to 1000000"});
  check([](BenchOptions& o) { o.fields = 5; }, {"bench: --fields 5: must be 0 to 4"});
  check([](BenchOptions& o) { o.messages = 0; }, {"bench: --messages 0: must be 1 to 1000000000"});
  check([](BenchOptions& o) { o.rounds = 1001; }, {"bench: --rounds 1001: must be 0 to 1000"});
  check([](BenchOptions& o) { o.rate = 10'000'001; }, {"bench: --rate 10000001: must be 0 to 10000000"});
  check([](BenchOptions& o) { o.points = 0, o.workers = 0; },
        {"bench: --points 0: must be 1 to 1000", "bench: --workers 0: must be 1 to 1024"});
  check([](BenchOptions& o) { o.fleet = "6000000x1s"; }, {});
  check(
      [](BenchOptions& o) { o.fleet = "10000001x1s"; },
      {"bench: --fleet 10000001x1s: must be devices (1 to 10000000), x, and the time between two points of a "
       "device, as 600000x100ms"});
  check([](BenchOptions& o) { o.sweep = true, o.fleet = "1x1s"; }, {"bench: --fleet or --sweep, not both"});
  check([](BenchOptions& o) { o.sweep = true, o.level = "G"; },
        {"bench: --fleet and --sweep are of level E"});
  check([](BenchOptions& o) { o.duration = "10"; },
        {"bench: --duration 10: must be 1s to 24h, with its unit, for instance 10s"});
  check([](BenchOptions& o) { o.duration = "999ms"; },
        {"bench: --duration 999ms: must be 1s to 24h, with its unit, for instance 10s"});
  check([](BenchOptions& o) { o.duration = "25h"; },
        {"bench: --duration 25h: must be 1s to 24h, with its unit, for instance 10s"});
  check([](BenchOptions& o) { o.discover = true, o.fields = 1; },
        {"bench: --fields 1 with --discover: leave --fields out; all 4 numbers are found"});
  check([](BenchOptions& o) { o.level = "", o.devices = 0, o.rounds = 5000; },
        {"bench: --level : must be K (samples into windows), E (recorded bytes to results) or G (through a "
         "broker)",
         "bench: --devices 0: must be 1 to 1000000", "bench: --rounds 5000: must be 0 to 1000"});
  BenchOptions wrong;
  wrong.level = "L";
  CHECK_THROWS_AS((void)bench(wrong), SetupError);
}

TEST_CASE("what 0 stands for depends on the level") {
  auto check = [](BenchOptions options, std::uint32_t fields, std::uint32_t rounds, std::uint32_t rate) {
    options = effective(options);
    CHECK(options.fields == fields);
    CHECK(options.rounds == rounds);
    CHECK(options.rate == rate);
  };
  BenchOptions options;
  check(options, 4, 5, 100'000);
  options.level = "G";
  check(options, 1, 3, 0);
  options.duration = "60s";
  check(options, 1, 1, 0);
  options.discover = true;
  options.rounds = 7;
  options.rate = 5;
  check(options, 4, 7, 5);
}

TEST_CASE("payloads: 80 bytes, the four numbers readable") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    const std::string payload = bench_payload(seed);
    CHECK(payload.size() == 80);
    seen.insert(payload);
    std::string padded = payload + std::string(payload_padding, ' ');
    Message message{};
    message.payload = std::string_view(padded).substr(0, payload.size());
    const double sum = yardstick_json({&message, 1});
    CHECK(sum > 10 + 20 + 1000 + 220);
    CHECK(sum < 40 + 90 + 1050 + 240);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("the yardstick reads all four numbers") {
  std::string text = R"({"temperature":1.5,"humidity":20.25,"pressure":300,"voltage":4000})";
  const std::size_t size = text.size();
  text += std::string(payload_padding, ' ');
  Message message{};
  message.payload = std::string_view(text).substr(0, size);
  CHECK(yardstick_json({&message, 1}) == 4321.75);
}

TEST_CASE("each pass meets every device once") {
  DeviceOrder order(100);
  std::vector<std::uint32_t> first;
  for (int pass = 0; pass < 5; ++pass) {
    std::vector<std::uint32_t> met;
    for (int i = 0; i < 100; ++i) met.push_back(order.next());
    if (pass == 0) first = met;
    CHECK((pass == 0 || met != first));
    std::sort(met.begin(), met.end());
    for (std::uint32_t i = 0; i < 100; ++i) CHECK(met[i] == i);
  }
}

TEST_CASE("both loads hold the same messages") {
  const RecordedLoad recorded = record_load(7, 30);
  const WireLoad sent = wire_load(wire::Protocol::v5, "bench", 7, 30);
  REQUIRE(recorded.messages.size() == 30);
  REQUIRE(sent.starts.size() == 31);
  CHECK(sent.starts.back() == sent.bytes.size());
  for (std::size_t i = 0; i < 30; ++i) {
    std::string_view bytes =
        std::string_view(sent.bytes).substr(sent.starts[i], sent.starts[i + 1] - sent.starts[i]);
    wire::Packet packet;
    wire::Publish message;
    REQUIRE(wire::cut_packet(bytes, packet) == wire::Cut::packet);
    REQUIRE(wire::open_publish(wire::Protocol::v5, packet, message) == wire::Fault::none);
    CHECK(bytes.empty());
    CHECK(message.topic == recorded.messages[i].topic);
    CHECK(message.payload == recorded.messages[i].payload);
    CHECK(recorded.bytes.data() + recorded.bytes.size() - payload_padding >=
          recorded.messages[i].payload.data() + recorded.messages[i].payload.size());
  }
  CHECK(bench_topic("bench", 17) == "bench/d0000017/telemetry");
}

TEST_CASE("the configuration of the bench is one weir accepts, without detectors") {
  auto check = [](std::uint32_t fields, bool discover, std::size_t configured) {
    const Config config = parse_config(bench_config("bench", fields, discover, ""));
    REQUIRE(config.streams.size() == 1);
    CHECK(config.streams[0].payload.fields.size() == configured);
    CHECK(config.streams[0].detectors.empty());
    REQUIRE(config.streams[0].windows.size() == 1);
    CHECK(config.streams[0].windows[0].spec.length == bench_window);
    CHECK(config.streams[0].windows[0].spec.every == bench_window);
    CHECK(config.streams[0].qos == 0);
  };
  check(1, false, 1);
  check(4, false, 4);
  check(4, true, 0);
}

TEST_CASE("results are added up; revisions are kept apart") {
  ResultTally tally;
  tally.take("$SYS/broker/publish/messages/dropped", "12");
  tally.take("$SYS/broker/uptime", "7 seconds");
  tally.take("derived/bench/d1/temperature/10s", R"({"v":1,"rev":1,"final":true,"count":60,"mean":2.5})");
  tally.take("derived/bench/d2/temperature/10s", R"({"v":1,"rev":1,"final":true,"count":1})");
  tally.take("derived/bench/d2/temperature/10s", R"({"v":1,"rev":2,"final":true,"count":2})");
  CHECK(tally.dropped == 12);
  CHECK(tally.beats == 1);
  CHECK(tally.results == 2);
  CHECK(tally.revisions == 1);
  CHECK(tally.samples == 61);
}

TEST_CASE("counts are found in metrics") {
  constexpr const char* text =
      "# HELP a_total x{\n# TYPE a_total counter\na_total{outcome=\"decoded\"} 15\na_total{outcome=\"late\"} "
      "2\n"
      "a_total_more{} 100\nb_total 1.5e+06\nb_total_more 3\n";
  CHECK(metric_sum(text, "a_total{") == 17);
  CHECK(metric_sum(text, "a_total{outcome=\"late\"}") == 2);
  CHECK(metric_sum(text, "b_total ") == 1'500'000);
  CHECK(metric_sum(text, "c_total") == 0);
  CHECK(metric_sum("", "a") == 0);
}

TEST_CASE("median") {
  CHECK(median({}) == 0);
  CHECK(median({3}) == 3);
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 3, 2}) == 2.5);
}

TEST_CASE("a round is complete only when every figure says so") {
  GatewayRound whole;
  whole.subject = "weir";
  whole.sent = whole.received = whole.decoded = 100;
  whole.samples = whole.aggregated = whole.result_samples = 400;
  whole.made = 12;
  whole.results = 10;
  whole.revisions = 2;
  CHECK(whole.complete(4));
  CHECK_FALSE(whole.complete(1));
  auto check = [&](std::uint64_t GatewayRound::*member) {
    GatewayRound round = whole;
    round.*member += 1;
    CHECK_FALSE(round.complete(4));
  };
  check(&GatewayRound::sent);
  check(&GatewayRound::received);
  check(&GatewayRound::decoded);
  check(&GatewayRound::samples);
  check(&GatewayRound::aggregated);
  check(&GatewayRound::result_samples);
  check(&GatewayRound::made);
  check(&GatewayRound::results);
  check(&GatewayRound::broker_dropped);

  GatewayReport report;
  report.terms.fields = 4;
  report.rounds = {whole};
  CHECK(report.complete());
  report.interrupted = true;
  CHECK_FALSE(report.complete());
}

TEST_CASE("ratios are medians over rounds of weir to the null subject") {
  GatewayReport report;
  report.terms.fields = 1;
  auto add = [&](const char* subject, double rate, double cpu) {
    GatewayRound round;
    round.subject = subject;
    round.rate = rate;
    round.cpu_us = cpu;
    report.rounds.push_back(round);
  };
  add("null", 100, 2);
  add("weir", 90, 4);
  add("null", 200, 2);
  add("weir", 100, 3);
  add("null", 100, 4);
  add("weir", 100, 4);
  const std::string json = json_of(report);
  CHECK_MESSAGE(json.find(R"("rate_ratio":0.9,)") != std::string::npos, json);
  CHECK_MESSAGE(json.find(R"("cpu_ratio":1.5,)") != std::string::npos, json);
  CHECK(text_of(report).find("0.900 of the rate, 1.500 of the CPU per message") != std::string::npos);
}

TEST_CASE("children: a result, an end on request, memory in common") {
  Shared<std::atomic<int>> shared;
  Child adds = Child::of([&] { return shared->fetch_add(41) + 1; });
  while (adds.runs()) {
  }
  CHECK(adds.stop(std::chrono::seconds{1}) == 1);
  CHECK(shared->load() == 41);

  Child throws = Child::of([]() -> int { throw std::runtime_error("as the test wants"); });
  while (throws.runs()) {
  }
  CHECK(throws.stop(std::chrono::seconds{1}) == 1);

  const test::TempFolder folder;
  Child sleeps = Child::of({"/bin/sleep", "1000"}, folder.file("log"));
  CHECK(sleeps.runs());
  CHECK(sleeps.stop(std::chrono::seconds{60}) == 128 + 15);
  CHECK_FALSE(sleeps.runs());

  Child missing = Child::of({"/nowhere/at/all"}, folder.file("log"));
  while (missing.runs()) {
  }
  CHECK(missing.stop(std::chrono::seconds{1}) == 127);
}

TEST_CASE("a tiny level E adds up: every message, sample and window") {
  BenchOptions options;
  options.devices = 50;
  options.messages = 5'000;
  options.rounds = 2;
  options.rate = 1'000;  // 5 s of event time a round, and a round to warm up: 0 to 15 s
  auto check = [&](std::uint32_t fields, bool discover) {
    options.fields = fields;
    options.discover = discover;
    const EngineReport report = bench_engine(effective(options));
    CHECK(report.complete());
    CHECK(report.received == 15'000);
    CHECK(report.decoded == 15'000);
    CHECK(report.samples == 15'000 * fields);
    CHECK(report.aggregated == 15'000 * fields);
    CHECK(report.terms.series == 50 * fields);
    REQUIRE(report.rounds.size() == 2);
    // Of every series the window that ends between 5 and 15 s: the results are spread.
    CHECK(report.rounds[0].results > 0);
    CHECK(report.rounds[0].results + report.rounds[1].results == 50 * fields);
  };
  check(4, false);
  check(1, false);
  check(4, true);
}

}  // namespace

TEST_CASE("every form of the point-by-point yardstick says the same") {
  using bridge::naive::Form;
  using bridge::naive::PointByPoint;
  PointByPoint good(Form::std_sort_once, 40, {22, 28});
  PointByPoint others[] = {{Form::sorts_for_each_locked, 40, {22, 28}},
                           {Form::sorts_for_each, 40, {22, 28}},
                           {Form::quadratic_sort_once, 40, {22, 28}}};
  for (int i = 0; i < 100; ++i) {
    const double value = 20 + (i * 37 % 100) * 0.1 + (i % 33 == 0 ? 90 : 0);
    good.add(value);
    for (PointByPoint& other : others) {
      other.add(value);
      REQUIRE(other.results() == good.results());
    }
  }
  REQUIRE(good.results().size() == 22);
  CHECK(good.results()[0] == 40);
  CHECK(good.results()[17] == 2);  // outliers: the two of 90 more that are still among the last 40
}
