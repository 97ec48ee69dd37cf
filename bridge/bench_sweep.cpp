#include "bridge/bench_sweep.h"

#include <algorithm>
#include <iterator>
#include <thread>

#include "bridge/bench_open_loop.h"
#include "bridge/bench_report.h"

namespace bridge {
namespace {

constexpr core::Duration window = std::chrono::seconds{1};  // so that a short round has many results

struct Setting {
  const char* key;
  const char* value;  // as in the configuration
};
constexpr Setting settings[] = {
    {"default", ""},
    {"shard_count", "1"},
    {"shard_count", "2"},
    {"shard_count", "4"},
    {"shard_count", "8"},
    {"batch_size", "1"},
    {"batch_size", "10"},
    {"batch_size", "100"},
    {"batch_size", "1000"},
    {"batch_size", "4096"},
    {"flush_interval", R"("0s")"},
    {"flush_interval", R"("200us")"},
    {"flush_interval", R"("1ms")"},
    {"flush_interval", R"("100ms")"},
    {"flush_interval", R"("1s")"},
    {"ring_buffer_size", "512"},
    {"ring_buffer_size", "1024"},
    {"ring_buffer_size", "16384"},
    {"ring_buffer_size", "262144"},
};

std::string members_of(const Setting& setting) {
  if (*setting.value == '\0') return {};
  return '"' + std::string(setting.key) + "\": " + setting.value;
}

// What one run of a setting shows.
SweepRow measure(const Setting& setting, const FleetLoad& load, SweepReport& report) {
  const Config config = parse_config(fleet_config(load.devices(), window, window, members_of(setting)));
  OpenLoop loop(config, load);
  (void)loop.flood(report.paced_rate, std::max<std::uint64_t>(load.devices() * 2ULL, report.messages / 4));
  Stats before, after, end;
  loop.pipeline().add_to(before);
  const OpenRound fast = loop.flood(report.paced_rate, report.messages);
  loop.pipeline().add_to(after);
  const OpenRound paced = loop.keep_pace(report.paced_rate, report.paced_seconds);
  loop.finish();
  loop.pipeline().add_to(end);
  report.series = loop.pipeline().table().size();
  report.samples += end.samples;
  report.aggregated += end.samples_by[static_cast<std::size_t>(SampleOutcome::aggregated)];
  report.refused += end.publish_dropped;

  SweepRow row;
  row.key = setting.key;
  row.value = setting.value;
  std::erase(row.value, '"');
  const double thousands = static_cast<double>(fast.messages) / 1000;
  row.rate = fast.reached() * load.points();
  for (std::size_t i = 0; i < core::flush_causes; ++i) {
    row.flushes[i] = static_cast<double>(after.flushes[i] - before.flushes[i]) / thousands;
    row.batches += row.flushes[i];
  }
  row.batch_items = static_cast<double>(after.batch_items - before.batch_items) / (row.batches * thousands);
  row.queue_waits = static_cast<double>(after.queue_waits - before.queue_waits) / thousands;
  row.latency_p50_ms = paced.latency_p50_ms;
  row.latency_p99_ms = paced.latency_p99_ms;
  row.paced_cpu_us = paced.cpu() * 1e6;
  return row;
}

// Figure by figure the middle of the rounds.
SweepRow middle(const std::vector<std::vector<SweepRow>>& rounds, std::size_t at) {
  SweepRow row = rounds.front()[at];
  const auto set = [&](auto get) {
    std::vector<double> values;
    for (std::vector<SweepRow> round : rounds) values.push_back(get(round[at]));
    get(row) = median(std::move(values));
  };
  set([](SweepRow& r) -> double& { return r.rate; });
  set([](SweepRow& r) -> double& { return r.ratio; });
  set([](SweepRow& r) -> double& { return r.batch_items; });
  set([](SweepRow& r) -> double& { return r.batches; });
  for (std::size_t i = 0; i < core::flush_causes; ++i)
    set([i](SweepRow& r) -> double& { return r.flushes[i]; });
  set([](SweepRow& r) -> double& { return r.queue_waits; });
  set([](SweepRow& r) -> double& { return r.latency_p50_ms; });
  set([](SweepRow& r) -> double& { return r.latency_p99_ms; });
  set([](SweepRow& r) -> double& { return r.paced_cpu_us; });
  return row;
}

}  // namespace

SweepReport bench_sweep(const BenchOptions& options, double paced_seconds) {
  SweepReport report;
  report.devices = options.devices;
  report.points = options.points;
  report.rounds = options.rounds;
  report.messages = options.messages;
  report.paced_rate = options.rate;
  report.paced_seconds = paced_seconds;
  report.window = format_duration(window);
  report.cores = std::max(std::thread::hardware_concurrency(), 1U);
  FleetLoad load(options.devices, options.points);
  load.shuffle();
  std::vector<std::vector<SweepRow>> rounds(options.rounds);
  for (std::vector<SweepRow>& rows : rounds) {
    for (const Setting& setting : settings) rows.push_back(measure(setting, load, report));
    for (SweepRow& row : rows) row.ratio = row.rate / rows.front().rate;
  }
  for (std::size_t i = 0; i < std::size(settings); ++i) report.rows.push_back(middle(rounds, i));
  return report;
}

}  // namespace bridge
