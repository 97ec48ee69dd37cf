#include "bridge/chart_page.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "bridge/chart_draw.h"
#include "bridge/chart_text.h"
#include "bridge/rules.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

// The policy says what the page is: nothing is loaded, nothing runs.
constexpr std::string_view head = R"html(<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="viewport" content="width=device-width"/>
<title>weir replay</title>
<style>
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #666c73; --paper: #fff; --value: #1f5fa8; --band: #2e9e6b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6e9; --soft: #9aa1a9; --paper: #16181b; --value: #6fb0f5; --band: #4fc38e; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1100px;
  margin: 0 auto; padding: 1rem; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 0; } h3 { font-size: .9rem; font-weight: 500; margin: .6rem 0 0; }
small, caption { color: var(--soft); font-weight: 400; } svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } path { fill: none; stroke-linejoin: round; }
.value { stroke: var(--value); stroke-width: 1.4; stroke-linecap: round; }
.expected { stroke: var(--band); stroke-width: 1.2; stroke-dasharray: 4 3; }
.band { fill: var(--band); fill-opacity: .16; } .grid { stroke: var(--soft); stroke-opacity: .22; }
.warming { fill: var(--soft); fill-opacity: .12; } .flag { fill-opacity: .3; } .flag:hover { fill-opacity: .5; }
.info { fill: #3b82f6; } .warning { fill: #f59e0b; } .critical { fill: #dc2626; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } td, th { text-align: left;
  padding: .15rem .9rem .15rem 0; vertical-align: top; } caption { text-align: left; }
details { margin: .3rem 0; } summary { cursor: pointer; }
.key span { display: inline-block; width: 1.6em; height: .8em; margin: 0 .4em 0 1.2em; }
</style>
</head>
<body>
)html";

constexpr std::string_view legend = R"html(<p class="key"><small>
<span style="border-top: 2px solid var(--value)"></span>value
<span style="border-top: 2px dashed var(--band)"></span>expected
<span style="background: var(--band); opacity: .3"></span>what would not be flagged
<span style="background: #f59e0b; opacity: .5"></span>flag: point at it to see why
<span style="background: var(--soft); opacity: .3"></span>warming up</small></p>
)html";

const core::DetectorSpec& detector_of(const ChartPage& page, const Chart& chart, std::uint32_t detector) {
  return page.config.streams[chart.stream].detectors[chart.rules[detector]].spec;
}

core::Severity worst(const ChartPage& page, const Chart& chart) {
  core::Severity severity = core::Severity::info;
  for (const ChartFlag& flag : chart.flags) {
    severity = std::max(severity, detector_of(page, chart, flag.raised.detector).severity);
  }
  return severity;
}

// Those with flags first, the most severe and most often flagged before others; then as they began.
std::vector<const Chart*> in_order(const ChartPage& page) {
  std::vector<const Chart*> charts = page.charts;
  const auto rank = [&](const Chart* chart) {
    const bool flagged = chart->flags_total() != 0;
    return std::tuple{flagged ? 1 + static_cast<int>(worst(page, *chart)) : 0, chart->flags_total(),
                      ~chart->ordinal};
  };
  std::sort(charts.begin(), charts.end(), [&](const Chart* a, const Chart* b) { return rank(a) > rank(b); });
  return charts;
}

TimeSpan span_of(const Chart& chart) {
  core::Time begin = core::Time::max();
  core::Time end = core::Time::min();
  const auto add = [&](core::Time time) {
    begin = std::min(begin, time);
    end = std::max(end, time);
  };
  for (const Track& track : chart.tracks) {
    if (track.columns().empty()) continue;
    add(track.columns().front().time);
    add(track.columns().back().time);
  }
  for (const ChartFlag& flag : chart.flags) {
    add(flag.raised.since);
    add(flag.raised.time);
    if (flag.cleared) add(*flag.cleared);
  }
  if (begin == end) begin -= std::chrono::milliseconds{500};
  return {begin, std::max(end, begin + std::chrono::milliseconds{1})};
}

void append_cell(std::string_view text, std::string& out) {
  out += "<td>";
  append_escaped(text, out);
  out += "</td>";
}

std::string time_text(core::Time time) {
  std::string text;
  append_time(time, text);
  return text;
}

void append_flag_row(const core::DetectorSpec& detector, const ChartFlag& flag, std::string& out) {
  out += "<tr>";
  append_cell(time_text(flag.raised.time), out);
  append_cell(flag.cleared ? short_duration(*flag.cleared - flag.raised.time) : "still up", out);
  append_cell(detector.name, out);
  append_cell(core::name(detector.severity), out);
  append_cell(reason(flag.raised), out);
  out += "</tr>\n";
}

void append_flag_table(const ChartPage& page, const Chart& chart, std::string& out) {
  const std::uint64_t total = chart.flags_total();
  if (total == 0) return;
  out += "<details><summary>" + std::to_string(total) + (total == 1 ? " flag" : " flags") +
         "</summary>\n<table>";
  if (total > chart.flags.size()) {
    out += "<caption>the first " + std::to_string(Chart::flags_max) + " of a detector</caption>";
  }
  out += "<tr><th>raised</th><th>up</th><th>detector</th><th>severity</th><th>why</th></tr>\n";
  for (const ChartFlag& flag : chart.flags) {
    append_flag_row(detector_of(page, chart, flag.raised.detector), flag, out);
  }
  out += "</table></details>\n";
}

// The flags that a drawing of the detector's track shows: its own, and with the first drawing those of
// detectors that judge no values.
std::vector<FlagToDraw> flags_of(const ChartPage& page, const Chart& chart, std::uint32_t detector,
                                 bool first) {
  std::vector<FlagToDraw> flags;
  for (const ChartFlag& flag : chart.flags) {
    const std::uint32_t by = flag.raised.detector;
    if (by != detector && !(first && chart.tracks[by].columns().empty())) continue;
    flags.push_back({&detector_of(page, chart, by), &flag});
  }
  return flags;
}

// Detectors whose tracks are drawn: those that have flagged a value, or the first one.
std::vector<std::uint32_t> drawn_detectors(const Chart& chart) {
  std::vector<std::uint32_t> drawn;
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < chart.tracks.size(); ++i) {
    if (chart.tracks[i].columns().empty()) continue;
    if (chart.tracks[first].columns().empty()) first = i;
    const bool flagged = std::any_of(chart.flags.begin(), chart.flags.end(),
                                     [&](const ChartFlag& flag) { return flag.raised.detector == i; });
    if (flagged) drawn.push_back(i);
  }
  if (drawn.empty()) drawn.push_back(first);
  return drawn;
}

// "device d7, temperature" and the stream.
void append_title(const ChartPage& page, const Chart& chart, std::string& out) {
  const StreamConfig& stream = page.config.streams[chart.stream];
  out += "<h2>";
  for (std::size_t i = 0; i < chart.keys.size(); ++i) {
    append_escaped(chart.names[i], out);
    out += " <bdi>";
    append_escaped(chart.keys[i], out);
    out += "</bdi>, ";
  }
  out += "<bdi>";
  append_escaped(chart.field, out);
  out += "</bdi> <small>";
  append_escaped(stream.name, out);
  out += "</small></h2>\n";
}

void append_series(const ChartPage& page, const Chart& chart, std::string& out) {
  out += "<section>\n";
  append_title(page, chart, out);
  const TimeSpan span = span_of(chart);
  bool first = true;
  for (const std::uint32_t detector : drawn_detectors(chart)) {
    const core::DetectorSpec& spec = detector_of(page, chart, detector);
    out += "<h3>";
    append_escaped(spec.name, out);
    out.append(" <small>").append(core::kind_name(spec)).append(", ");
    out += time_text(span.begin) + " to " + time_text(span.end) + "</small></h3>\n";
    append_drawing(chart.tracks[detector], flags_of(page, chart, detector, first), span, out);
    first = false;
  }
  append_flag_table(page, chart, out);
  out += "</section>\n";
}

// How much each detector has flagged, of all series.
void append_summary(const ChartPage& page, std::string& out) {
  struct Count {
    std::uint64_t flags = 0;
    std::uint64_t series = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Count> counts;  // by stream and detector
  for (const Chart* chart : page.charts) {
    for (std::size_t i = 0; i < chart->rules.size(); ++i) {
      if (chart->flag_counts[i] == 0) continue;
      Count& count = counts[{chart->stream, chart->rules[i]}];
      count.flags += chart->flag_counts[i];
      ++count.series;
    }
  }
  if (counts.empty()) {
    out += "<p>No flags.</p>\n";
    return;
  }
  out += "<table><tr><th>stream</th><th>detector</th><th>flags</th><th>series</th></tr>\n";
  for (const auto& [place, count] : counts) {
    const StreamConfig& stream = page.config.streams[place.first];
    out += "<tr>";
    append_cell(stream.name, out);
    append_cell(stream.detectors[place.second].spec.name, out);
    append_cell(std::to_string(count.flags), out);
    append_cell(std::to_string(count.series), out);
    out += "</tr>\n";
  }
  out += "</table>\n";
}

}  // namespace

std::string chart_page(const ChartPage& page) {
  const std::vector<const Chart*> charts = in_order(page);
  const std::size_t shown = std::min(charts.size(), page.series_max);
  std::string out{head};
  out += "<h1>weir replay</h1>\n<p>" + std::to_string(page.series) + " series judged, " +
         std::to_string(shown) + " shown";
  if (shown < page.series) {
    out += ", " + std::to_string(page.series - shown) + " left out (<code>--plot-series</code>)";
  }
  out += ".</p>\n";
  append_summary(page, out);
  out += legend;
  for (std::size_t i = 0; i < shown; ++i) append_series(page, *charts[i], out);
  out += "</body>\n</html>\n";
  return out;
}

}  // namespace bridge
