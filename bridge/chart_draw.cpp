#include "bridge/chart_draw.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "bridge/chart_text.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

using namespace std::chrono_literals;

// Of the SVG's own coordinates.
constexpr double left = 72, right = 988, top = 8, bottom = 172, height = 200;
constexpr double flag_width_min = 3;

struct Range {
  double low;
  double high;  // > low
};

// Places times and values in the drawing. Values are quartered first: no difference of two overflows.
class Frame {
 public:
  Frame(TimeSpan span, Range range) : span_(span), range_(range) {}

  [[nodiscard]] double x(core::Time time) const {
    const double part = static_cast<double>((time - span_.begin).count()) /
                        static_cast<double>((span_.end - span_.begin).count());
    return left + (right - left) * std::clamp(part, 0.0, 1.0);
  }
  [[nodiscard]] double y(double value) const {
    const double part = (value / 4 - range_.low / 4) / (range_.high / 4 - range_.low / 4);
    return bottom - (bottom - top) * std::clamp(part, 0.0, 1.0);
  }
  [[nodiscard]] const TimeSpan& span() const { return span_; }
  [[nodiscard]] const Range& range() const { return range_; }

 private:
  TimeSpan span_;
  Range range_;
};

// A coordinate: tenths are less than what can be seen.
void append_place(double place, std::string& out) {
  std::array<char, 32> digits{};
  const double tenths = std::nearbyint(place * 10) / 10;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), tenths).ptr);
}

void append_place(std::string_view before, double place, std::string& out) {
  out += before;
  append_place(place, out);
}

void append_point(char command, double x, double y, std::string& out) {
  out += command;
  append_place(x, out);
  append_place(" ", y, out);
}

// A finite number near `value`.
double finite(double value) {
  constexpr double most = std::numeric_limits<double>::max();
  return std::clamp(value, -most, most);
}

// All values, and of what was expected as much as lies near them: a limit far away would make the values a
// flat line.
Range range_of(const Track& track) {
  Range values{std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
  for (const Column& column : track.columns()) {
    values = {std::min(values.low, column.min), std::max(values.high, column.max)};
  }
  if (track.columns().empty()) return {0, 1};
  const double length = finite(values.high - values.low);
  const double most = length > 0 ? length : std::max(std::abs(values.high) / 100, 1e-9);
  Range range = values;
  for (const Column& column : track.columns()) {
    for (const double bound : {column.low, column.high, column.expected}) {
      if (!std::isfinite(bound)) continue;
      range.low = std::min(range.low, std::max(bound, finite(values.low - most)));
      range.high = std::max(range.high, std::min(bound, finite(values.high + most)));
    }
  }
  const double edge = std::max(finite(range.high - range.low), most) / 20;
  return {finite(range.low - edge), finite(range.high + edge)};
}

// Whether so much time lies between two columns that no line should join them.
bool is_gap(const Column& before, const Column& after, const Track& track) {
  const auto& columns = track.columns();
  const core::Duration usual = (columns.back().time - columns.front().time) /
                               static_cast<core::Duration::rep>(std::max<std::size_t>(columns.size(), 2) - 1);
  return columns.size() >= 10 && after.time - before.time > 10 * usual;
}

void append_values(const Track& track, const Frame& frame, std::string& out) {
  if (track.columns().empty()) return;
  out += R"(<path class="value" d=")";
  const Column* before = nullptr;
  for (const Column& column : track.columns()) {
    const bool joined = before != nullptr && !is_gap(*before, column, track);
    append_point(joined ? 'L' : 'M', frame.x(column.time), frame.y(column.max), out);
    // A lone value is a line without length: its round ends are a dot.
    if (column.min != column.max || !joined) append_place("V", frame.y(column.min), out);
    before = &column;
  }
  out += "\"/>\n";
}

void append_expected(const Track& track, const Frame& frame, std::string& out) {
  std::string path;
  bool drawing = false;
  for (const Column& column : track.columns()) {
    const bool known = std::isfinite(column.expected);
    if (known) append_point(drawing ? 'L' : 'M', frame.x(column.time), frame.y(column.expected), path);
    drawing = known;
  }
  if (!path.empty()) out.append(R"(<path class="expected" d=")").append(path).append("\"/>\n");
}

using Columns = std::vector<Column>::const_iterator;

// From `begin` to `end` above, and back below. Where one bound is missing the band ends with the drawing.
void append_band_part(Columns begin, Columns end, const Frame& frame, std::string& path) {
  for (auto at = begin; at != end; ++at) {
    const double high = std::isfinite(at->high) ? at->high : frame.range().high;
    append_point(at == begin ? 'M' : 'L', frame.x(at->time), frame.y(high), path);
  }
  for (auto at = end; at != begin;) {
    --at;
    const double low = std::isfinite(at->low) ? at->low : frame.range().low;
    append_point('L', frame.x(at->time), frame.y(low), path);
  }
  path += 'Z';
}

void append_band(const Track& track, const Frame& frame, std::string& out) {
  const auto known = [](const Column& column) {
    return std::isfinite(column.low) || std::isfinite(column.high);
  };
  const auto& columns = track.columns();
  std::string path;
  for (auto at = columns.begin(); at != columns.end();) {
    const auto begin = std::find_if(at, columns.end(), known);
    at = std::find_if_not(begin, columns.end(), known);
    if (begin != at) append_band_part(begin, at, frame, path);
  }
  if (!path.empty()) out.append(R"(<path class="band" d=")").append(path).append("\"/>\n");
}

void append_rect(std::string_view classes, double x, double width, std::string_view title, std::string& out) {
  out.append(R"(<rect class=")").append(classes);
  append_place("\" x=\"", x, out);
  append_place("\" y=\"", top, out);
  append_place("\" width=\"", width, out);
  append_place("\" height=\"", bottom - top, out);
  out += "\"><title>";
  append_escaped(title, out);
  out += "</title></rect>\n";
}

void append_warming(const Track& track, const Frame& frame, std::string& out) {
  if (track.columns().empty()) return;
  const double begin = frame.x(track.columns().front().time);
  const double end = frame.x(track.warm().value_or(track.columns().back().time));
  if (end > begin) append_rect("warming", begin, end - begin, "warming up: knows too little to flag", out);
}

void append_flag(const FlagToDraw& drawn, const Frame& frame, std::string& out) {
  const core::FlagChange& raised = drawn.flag->raised;
  const core::Time until = drawn.flag->cleared.value_or(frame.span().end);
  std::string title = drawn.detector->name;
  title += raised.state == core::FlagState::flapping ? ", flapping, since " : " since ";
  append_time(raised.since, title);
  if (raised.time != raised.since) {
    title += ", raised at ";
    append_time(raised.time, title);
  }
  title += drawn.flag->cleared ? ", up for " + short_duration(until - raised.time) : ", still up";
  title += ": " + reason(raised);
  const double begin = frame.x(raised.since);
  const double width = std::max(frame.x(until) - begin, flag_width_min);
  append_rect("flag " + std::string{core::name(drawn.detector->severity)}, begin, width, title, out);
}

// 1, 2 or 5 times a power of ten, so that about `parts` of them make up `length`.
double nice_step(double length, int parts) {
  const double wanted = length / parts;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (power * factor >= wanted) return power * factor;
  }
  return power * 10;
}

void append_text(std::string_view anchor, double x, double y, std::string_view text, std::string& out) {
  out.append("<text text-anchor=\"").append(anchor);
  append_place("\" x=\"", x, out);
  append_place("\" y=\"", y, out);
  out += "\">";
  append_escaped(text, out);
  out += "</text>\n";
}

void append_line(double x1, double y1, double x2, double y2, std::string& out) {
  append_place("<path class=\"grid\" d=\"M", x1, out);
  append_place(" ", y1, out);
  append_place("L", x2, out);
  append_place(" ", y2, out);
  out += "\"/>\n";
}

void append_value_axis(const Frame& frame, std::string& out) {
  const Range range = frame.range();
  const double step = nice_step(range.high - range.low, 4);
  const double first = std::ceil(range.low / step);
  // A range of a few units in the last place has no ticks that could be told apart.
  if (!std::isfinite(step) || step <= 0 || !std::isfinite(first) || std::abs(first) > 1e12) return;
  for (int i = 0; i < 12; ++i) {
    const double value = (first + i) * step;
    if (!(value <= range.high)) return;
    append_line(left, frame.y(value), right, frame.y(value), out);
    append_text("end", left - 6, frame.y(value) + 4, short_number(value, 9), out);
  }
}

core::Duration time_step(core::Duration length) {
  static constexpr std::array<core::Duration, 28> steps{
      1us, 10us, 100us, 1ms,  2ms,  5ms,  10ms,  20ms,  50ms, 100ms, 200ms, 500ms, 1s,  2s,
      5s,  10s,  30s,   1min, 2min, 5min, 10min, 30min, 1h,   2h,    6h,    12h,   24h, 48h};
  for (const core::Duration step : steps) {
    if (length / step < 9) return step;
  }
  return 24h * (length / 24h / 8 + 1);
}

std::string time_label(core::Time time, core::Duration step) {
  std::string text;
  append_time(time, text);  // 2026-01-01T00:00:00.000Z
  if (step >= 24h) return text.substr(0, 10);
  if (step >= 1min) return text.substr(11, 5);
  if (step >= 1s) return text.substr(11, 8);
  return text.substr(17, text.size() - 18) + "s";
}

void append_time_axis(const Frame& frame, std::string& out) {
  const TimeSpan span = frame.span();
  const core::Duration step = time_step(span.end - span.begin);
  const core::Duration begin = span.begin.time_since_epoch();
  core::Time tick{begin - ((begin % step) + step) % step};
  if (tick < span.begin) tick += step;
  for (; tick <= span.end; tick += step) {
    append_line(frame.x(tick), top, frame.x(tick), bottom, out);
    append_text("middle", frame.x(tick), bottom + 16, time_label(tick, step), out);
  }
}

}  // namespace

void append_drawing(const Track& track, const std::vector<FlagToDraw>& flags, TimeSpan span,
                    std::string& out) {
  const Frame frame(span, range_of(track));
  append_place("<svg viewBox=\"0 0 1000 ", height, out);
  out += "\" role=\"img\">\n";
  append_band(track, frame, out);
  append_value_axis(frame, out);
  append_time_axis(frame, out);
  append_expected(track, frame, out);
  append_values(track, frame, out);
  // On top: what they say on hover must be reached.
  append_warming(track, frame, out);
  for (const FlagToDraw& flag : flags) append_flag(flag, frame, out);
  out += "</svg>\n";
}

}  // namespace bridge
