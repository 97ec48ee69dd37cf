#include "bridge/metrics.h"

#include <dirent.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace bridge {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::array<std::string_view, core::flush_causes> flush_cause_names{"full", "interval", "idle",
                                                                             "tick"};

// Collects families. A family is opened once and then gets its metrics.
class Families {
 public:
  Families& family(MetricType type, std::string name, std::string help) {
    families_.push_back({std::move(name), std::move(help), type, {}});
    return *this;
  }
  Families& counter(std::string name, std::string help) {
    return family(MetricType::Counter, std::move(name), std::move(help));
  }
  Families& gauge(std::string name, std::string help) {
    return family(MetricType::Gauge, std::move(name), std::move(help));
  }
  Families& add(double value, Labels labels = {}) {
    ClientMetric& metric = metric_with(std::move(labels));
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    return *this;
  }
  Families& add(std::uint64_t value, Labels labels = {}) {
    return add(static_cast<double>(value), std::move(labels));
  }
  // `bounds` has one value less than `counts`; the last bucket has no bound.
  void add_histogram(std::span<const std::uint64_t> counts, std::span<const double> bounds, double sum,
                     Labels labels) {
    ClientMetric& metric = metric_with(std::move(labels));
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      cumulative += counts[i];
      metric.histogram.bucket.push_back({cumulative, i < bounds.size() ? bounds[i] : infinity});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = sum;
  }

  [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& metric_with(Labels labels) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
};

Labels label(std::string name, std::string_view value) { return {{std::move(name), std::string(value)}}; }

void add_ledger(const Stats& stats, Families& out) {
  out.counter("weir_messages_received_total", "Messages received, whatever became of them.")
      .add(stats.received);
  out.counter("weir_messages_total", "Messages by what became of them.");
  for (std::size_t i = 0; i < stats.messages.size(); ++i) {
    out.add(stats.messages[i], label("outcome", message_outcome_names[i]));
  }
  out.gauge("weir_messages_in_flight", "Messages received and not yet read.").add(stats.messages_in_flight);
  out.counter("weir_samples_entered_total",
              "Numbers that entered a series, once for each grouping they feed.")
      .add(stats.samples);
  out.counter("weir_samples_total", "Samples by what became of them.");
  for (std::size_t i = 0; i < stats.samples_by.size(); ++i) {
    out.add(stats.samples_by[i], label("outcome", sample_outcome_names[i]));
  }
  out.gauge("weir_samples_in_flight", "Samples on their way to a shard.").add(stats.samples_in_flight);
}

void add_notes(const Stats& stats, Families& out) {
  out.counter("weir_input_notes_total", "Things seen in the input that lost no message, by kind.")
      .add(stats.bad_rows, label("kind", "bad_row"))
      .add(stats.bad_times, label("kind", "bad_time"))
      .add(stats.implausible_times, label("kind", "implausible_time"))
      .add(stats.no_readings, label("kind", "no_reading"))
      .add(stats.wrong_types, label("kind", "wrong_type"))
      .add(stats.inexact, label("kind", "inexact"))
      .add(stats.field_overflow, label("kind", "field_overflow"))
      .add(stats.topics_uncached, label("kind", "topic_uncached"))
      .add(stats.name_collisions, label("kind", "name_collision"));
  out.counter("weir_source_waits_total", "Times the journal was full and the source was held back.")
      .add(stats.source_waits);
}

void add_stages(const Stats& stats, Families& out) {
  std::array<double, StageHistogram::buckets - 1> bounds{};
  // From whole microseconds, so that bounds are the doubles nearest to their decimal text.
  double microseconds = 1;
  for (double& bound : bounds) {
    bound = microseconds / 1e6;
    microseconds *= 4;
  }
  out.family(MetricType::Histogram, "weir_stage_seconds", "Time a message spends in a stage.");
  for (const auto& stage : stats.stages) {
    out.add_histogram(stage.counts, bounds, stage.sum_seconds, label("stage", stage.stage));
  }
}

void add_shards(const Stats& stats, Families& out) {
  out.gauge("weir_queue_items", "Items waiting in a shard's queue.");
  for (std::size_t i = 0; i < stats.queue_items.size(); ++i) {
    out.add(stats.queue_items[i], label("shard", std::to_string(i)));
  }
  out.counter("weir_queue_waits_total", "Times a shard's queue was full and the edge waited.")
      .add(stats.queue_waits);
  std::array<double, core::Engine::batch_buckets - 1> bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i) bounds[i] = static_cast<double>(std::uint64_t{1} << i);
  out.family(MetricType::Histogram, "weir_batch_items", "Items in a batch that left for its shard.");
  out.add_histogram(stats.batch_buckets, bounds, static_cast<double>(stats.batch_items), {});
  out.counter("weir_flush_total", "Batches that left for their shard, by cause.");
  for (std::size_t i = 0; i < stats.flushes.size(); ++i)
    out.add(stats.flushes[i], label("cause", flush_cause_names[i]));
}

void add_results(const Stats& stats, Families& out) {
  out.gauge("weir_series", "Series in use.");
  for (const auto& count : stats.series) out.add(count.count, label("stream", count.stream));
  out.counter("weir_series_evicted_total", "Series given up, as they had no sample for limits.series_ttl.")
      .add(stats.series_evicted);
  out.gauge("weir_state_bytes", "Memory of windows and detectors.").add(stats.state_bytes);
  out.counter("weir_windows_total", "Window results, revisions included.");
  for (const auto& rule : stats.windows)
    out.add(rule.count, {{"stream", rule.stream}, {"window", rule.rule}});
  out.counter("weir_flags_total", "Flags raised and cleared.");
  for (const auto& rule : stats.flags) {
    out.add(rule.count, {{"stream", rule.stream}, {"detector", rule.rule}, {"state", "raised"}});
    out.add(rule.cleared, {{"stream", rule.stream}, {"detector", rule.rule}, {"state", "cleared"}});
  }
}

void add_publish(const Stats& stats, Families& out) {
  out.counter("weir_publish_total", "Results by what became of them.")
      .add(stats.published, label("outcome", "acknowledged"))
      .add(stats.publish_refused, label("outcome", "refused"))
      .add(stats.publish_dropped, label("outcome", "dropped"));
  out.counter("weir_publish_again_total", "Publications repeated because a connection was lost.")
      .add(stats.publish_again);
  out.gauge("weir_publish_held", "Results waiting or under way to the broker.").add(stats.publish_held);
}

void add_broker(const Stats& stats, Families& out) {
  out.gauge("weir_broker_connected", "1 while connected to the broker.").add(stats.connected ? 1.0 : 0.0);
  out.gauge("weir_broker_subscribed", "1 while every subscription is granted.")
      .add(stats.subscribed ? 1.0 : 0.0);
  out.counter("weir_broker_connects_total", "Successful connects.").add(stats.connects);
  out.counter("weir_broker_disconnects_total", "Connections lost or ended.").add(stats.disconnects);
  out.gauge("weir_journal_bytes", "Memory of messages received and not yet read.").add(stats.journal_bytes);
  out.gauge("weir_build_info", "1; says which version runs.").add(1.0, label("version", stats.version));
}

// Fields of /proc/self/stat, from field 3 on: what follows the name in brackets, which may hold anything.
std::vector<double> process_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return {};
  std::istringstream rest(text.substr(bracket + 4));  // "S " is field 3
  std::vector<double> fields;
  for (double field = 0; rest >> field;) fields.push_back(field);
  return fields;
}

std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::uint64_t entries = 0;
  while (readdir(folder) != nullptr) ++entries;
  closedir(folder);
  return entries - 3;  // ".", ".." and the folder itself
}

void add_process(Families& out) {
  const std::vector<double> stat = process_stat();
  const auto field = [&](std::size_t number) { return stat[number - 4]; };  // as proc(5) counts them
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  if (stat.size() > 24 - 4) {
    out.counter("process_cpu_seconds_total", "User and system CPU time spent.")
        .add((field(14) + field(15)) / ticks);
    out.gauge("process_resident_memory_bytes", "Resident memory size.").add(field(24) * page);
    out.gauge("process_virtual_memory_bytes", "Virtual memory size.").add(field(23));
    out.gauge("process_threads", "Threads of the process.").add(field(20));
    if (const auto boot = boot_time()) {
      out.gauge("process_start_time_seconds", "Start time since 1970.").add(*boot + field(22) / ticks);
    }
  }
  if (const auto files = open_files()) out.gauge("process_open_fds", "Open file descriptors.").add(*files);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    out.gauge("process_max_fds", "Most file descriptors that may be open.")
        .add(static_cast<std::uint64_t>(limit.rlim_cur));
  }
}

}  // namespace

std::string metrics_text(const Stats& stats) {
  Families out;
  add_ledger(stats, out);
  add_notes(stats, out);
  add_stages(stats, out);
  add_shards(stats, out);
  add_results(stats, out);
  add_publish(stats, out);
  add_broker(stats, out);
  add_process(out);
  return out.text();
}

}  // namespace bridge
