#include "bridge/bench_report.h"

#include <algorithm>
#include <thread>

#include "bridge/bench_load.h"

namespace bridge {

// Of the ratios, not the ratio of medians: the two halves of a round ran side by side on the same machine.
double engine_ratio(const EngineReport& report) {
  std::vector<double> ratios;
  for (const EngineRound& round : report.rounds) ratios.push_back(round.weir_rate / round.yardstick_rate);
  return median(std::move(ratios));
}

namespace {

std::vector<GatewayRound> rounds_of(const GatewayReport& report, const std::string& subject) {
  std::vector<GatewayRound> found;
  for (const GatewayRound& round : report.rounds) {
    if (round.subject == subject) found.push_back(round);
  }
  return found;
}

BenchFigure figure_in(const BenchTerms& terms) {
  BenchFigure figure;
  figure.level = terms.level;
  figure.keys = terms.series;
  figure.cores = terms.cores;
  figure.window = terms.window;
  return figure;
}

std::string points_in(std::uint32_t points) { return "arrays of " + std::to_string(points) + " points"; }

BenchFigure figure_of(const FleetReport& report, const OpenRound& round) {
  BenchFigure figure;
  figure.level = "E";
  figure.keys = report.series;
  figure.cores = report.cores;
  figure.window = report.window;
  figure.what =
      "fleet by the clock, " + points_in(report.points) + (report.holds(round) ? ", held" : ", not held");
  figure.value = round.reached() * report.points;
  figure.unit = "points/s";
  figure.yardstick = "offered";
  figure.yardstick_value = round.offered * report.points;
  figure.ratio = figure.value / figure.yardstick_value;
  figure.bytes_per_series = report.resident_bytes / report.fleet.devices;
  figure.samples = round.messages * report.points;
  figure.allocations = round.usage.allocations;
  figure.futex_waits = round.usage.futex_waits;
  return figure;
}

}  // namespace

double gateway_ratio(const GatewayReport& report, double GatewayRound::*member) {
  const std::vector<GatewayRound> null = rounds_of(report, "null"), weir = rounds_of(report, "weir");
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(null.size(), weir.size()); ++i)
    ratios.push_back(weir[i].*member / (null[i].*member));
  return median(std::move(ratios));
}

std::vector<BenchFigure> figures_of(const KernelReport& report) { return report.figures; }

std::vector<BenchFigure> figures_of(const EngineReport& report) {
  BenchFigure figure = figure_in(report.terms);
  figure.what = "recorded bytes to results, one edge and one worker";
  figure.value = middle(report.rounds, &EngineRound::weir_rate);
  figure.unit = "messages/s";
  figure.yardstick = "simdjson alone, the same bytes";
  figure.yardstick_value = middle(report.rounds, &EngineRound::yardstick_rate);
  figure.ratio = engine_ratio(report);
  figure.samples = report.messages * report.rounds.size() * report.terms.fields;
  figure.allocations = report.usage.allocations;
  figure.futex_waits = report.usage.futex_waits;
  return {figure};
}

BenchTerms gateway_terms(const BenchOptions& options) {
  return {"G",
          options.devices,
          options.fields,
          options.discover,
          std::uint64_t{options.devices} * options.fields,
          format_duration(bench_window),
          std::thread::hardware_concurrency(),
          options.rate};
}

std::vector<BenchFigure> figures_of(const GatewayReport& report) {
  std::vector<BenchFigure> figures;
  const auto add = [&](const std::string& what, double GatewayRound::*member, const char* unit) {
    BenchFigure figure = figure_in(report.terms);
    figure.what = what;
    figure.value = middle(rounds_of(report, "weir"), member);
    figure.unit = unit;
    figure.yardstick =
        report.client == "native" ? "a raw reader that only counts" : "a Paho subscriber that only counts";
    figure.yardstick_value = middle(rounds_of(report, "null"), member);
    figure.ratio = gateway_ratio(report, member);
    figures.push_back(figure);
  };
  const std::string way = (report.direct ? "without a broker" : "through Mosquitto") +
                          std::string(" at QoS 0, ") + report.client + " client";
  add(way, &GatewayRound::rate, "messages/s");
  add("CPU " + way, &GatewayRound::cpu_us, "us/message");
  return figures;
}

std::vector<BenchFigure> figures_of(const FleetReport& report) {
  std::vector<BenchFigure> figures;
  for (const OpenRound& round : report.rounds) figures.push_back(figure_of(report, round));
  return figures;
}

std::vector<BenchFigure> figures_of(const SweepReport& report) {
  std::vector<BenchFigure> figures;
  for (const SweepRow& row : report.rows) {
    BenchFigure figure;
    figure.what = "aggregation." + row.key + (row.value.empty() ? "" : " " + row.value) + ", " +
                  points_in(report.points);
    figure.level = "E";
    figure.keys = report.series;
    figure.cores = report.cores;
    figure.window = report.window;
    figure.value = row.rate;
    figure.unit = "points/s";
    figure.yardstick = "the default configuration";
    figure.yardstick_value = report.rows.front().rate;
    figure.ratio = row.ratio;
    figures.push_back(figure);
  }
  return figures;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

bool EngineReport::complete() const {
  return received == decoded && samples == decoded * terms.fields && aggregated == samples && refused == 0;
}

bool GatewayRound::complete(std::uint32_t fields) const {
  if (received != sent || broker_dropped != 0) return false;
  if (subject != "weir") return true;
  return decoded == sent && samples == sent * fields && aggregated == samples && result_samples == samples &&
         results + revisions == made;
}

bool GatewayReport::complete() const {
  return !interrupted && std::all_of(rounds.begin(), rounds.end(),
                                     [&](const GatewayRound& round) { return round.complete(terms.fields); });
}

}  // namespace bridge
