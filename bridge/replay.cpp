#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bridge/chart_page.h"
#include "bridge/commands.h"
#include "bridge/error.h"
#include "bridge/listener.h"
#include "bridge/log.h"
#include "bridge/ordered_file.h"
#include "bridge/replay_feed.h"

namespace bridge {
namespace {

void write_result(const Result& result, std::string& out) {
  out.append("{\"topic\":");
  append_json_string(result.topic, out);
  out.append(",\"payload\":").append(result.payload).append("}\n");
}

void write_score(const Result& result, std::string& out) { out.append(result.payload) += '\n'; }

void report(const Stats& stats, std::uint64_t results, std::uint64_t skipped, std::uint64_t reordered) {
  std::string line = "replayed " + std::to_string(stats.received) + " messages:";
  for (std::size_t i = 0; i < stats.messages.size(); ++i) {
    if (stats.messages[i] != 0)
      line += " " + std::string{message_outcome_names[i]} + " " + std::to_string(stats.messages[i]);
  }
  line += "; " + std::to_string(stats.samples) + " samples:";
  for (std::size_t i = 0; i < stats.samples_by.size(); ++i) {
    if (stats.samples_by[i] != 0)
      line += " " + std::string{sample_outcome_names[i]} + " " + std::to_string(stats.samples_by[i]);
  }
  line += "; " + std::to_string(results) + " results";
  if (skipped != 0) line += "; " + std::to_string(skipped) + " records could not be read";
  if (reordered != 0) line += "; " + std::to_string(reordered) + " records went back in time";
  std::fprintf(stderr, "%s\n", line.c_str());
}

// What is written beside the results: scores and charts. Its listeners are the pipeline's.
class Laboratory {
 public:
  explicit Laboratory(const Config& config, const ReplayOptions& options)
      : config_(config),
        series_max_(options.plot_series),
        scores_("--scores", options.scores, write_score),
        plot_("--plot", options.plot, nullptr) {
    spec_.outbox_bytes = replay_outbox_bytes;
    if (!options.scores.empty()) spec_.scores = format_of(options.scores);
    if (!options.plot.empty()) spec_.whole_max = std::max<std::uint64_t>(charts_whole, series_max_);
    if (spec_.scores == ScoreFormat::csv) scores_.write(score_csv_header(config));
  }

  // Empty where nothing is asked for: then nobody listens.
  [[nodiscard]] Tap tap() {
    if (!spec_.scores && !spec_.whole_max) return {};
    return [this](core::Output& encoder, const Rules& rules, const core::SeriesTable& table) {
      auto listener = std::make_unique<Listener>(spec_, encoder, rules, table);
      listeners_.push_back(listener.get());
      return listener;
    };
  }
  // Precondition: the engine is settled.
  void take() {
    std::vector<Outbox*> outboxes;
    for (Listener* listener : listeners_) outboxes.push_back(&listener->scores());
    scores_.take(outboxes);
  }
  // False when something could not be written.
  [[nodiscard]] bool finish() {
    if (spec_.whole_max) plot_.write(page());
    const bool good = scores_.finish();
    return plot_.finish() && good;
  }

 private:
  static constexpr std::uint64_t charts_whole = 2'000;  // some 60 kB for each detector of a series

  static ScoreFormat format_of(const std::string& path) {
    return path.ends_with(".csv") ? ScoreFormat::csv : ScoreFormat::json;
  }
  [[nodiscard]] std::string page() const {
    ChartPage page{config_, {}, 0, series_max_};
    for (const Listener* listener : listeners_) {
      for (const auto& [ordinal, chart] : listener->charts().charts()) page.charts.push_back(&chart);
      page.series += listener->charts().uncharted();
    }
    page.series += page.charts.size();
    return chart_page(page);
  }

  const Config& config_;
  std::size_t series_max_;
  ListenerSpec spec_{};
  OrderedFile scores_;
  OrderedFile plot_;
  std::vector<Listener*> listeners_;
};

// Where the results go.
std::string out_of(const ReplayOptions& options) {
  const std::string out = options.out.value_or(options.scores.empty() && options.plot.empty() ? "-" : "");
  if ((out == "-") + (options.scores == "-") + (options.plot == "-") > 1) {
    throw SetupError("replay: only one of --out, --scores and --plot can be standard output; name files");
  }
  return out;
}

}  // namespace

int replay(const Config& config, const ReplayOptions& options) {
  configure_log(config.log);
  ReplayFeed feed(options.files, options.csv);
  OrderedFile out("--out", out_of(options), write_result);
  Config sized = config;
  sized.aggregation.shard_count = std::max(options.workers, 1U);
  Laboratory laboratory(sized, options);
  Pipeline pipeline(sized, options.workers > 0, replay_outbox_bytes, laboratory.tap());
  feed.run(pipeline, [&] {
    out.take(pipeline.outboxes());
    laboratory.take();
  });
  Stats stats;
  pipeline.add_to(stats);
  stats.received = pipeline.edge().position();
  report(stats, out.lines(), feed.skipped(), feed.reordered());
  flush_throttled(true);
  const bool good = laboratory.finish();
  return out.finish() && good ? 0 : 1;
}

}  // namespace bridge
