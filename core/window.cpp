#include "core/window.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/accumulator.h"
#include "core/check.h"
#include "core/words.h"

namespace core {
namespace {

using Problems = std::vector<std::string>;

constexpr std::int64_t sessions_max = 64;

constexpr std::int64_t ceil_divide(Duration value, Duration by) noexcept {
  return (value.count() + by.count() - 1) / by.count();
}

// No period of the calendar is shorter.
Duration shortest_period(const CalendarSpec& calendar) {
  using namespace std::chrono_literals;
  switch (calendar.unit) {
    case CalendarUnit::hour:
      return 30min;
    case CalendarUnit::day:
      return 22h;
    case CalendarUnit::week:
      return 24h * 6;
    case CalendarUnit::month:
      return 24h * 27;
    case CalendarUnit::shifts:
      break;
  }
  const auto& shifts = calendar.shifts;
  Duration shortest = shifts.empty() ? Duration{22h} : shifts.front() + 24h - shifts.back();
  for (std::size_t i = 1; i < shifts.size(); ++i) {
    shortest = std::min<Duration>(shortest, shifts[i] - shifts[i - 1]);
  }
  return std::max<Duration>(shortest - 2h, 1min);
}

// The nearest divisors of `length` on both sides of `every`.
std::string divisors_near(Duration length, Duration every) {
  const auto divides = [&](std::int64_t parts) { return length.count() % parts == 0; };
  std::int64_t more = length / every + 1;
  while (more < WindowSpec::panes_max && !divides(more)) ++more;
  std::int64_t fewer = length / every;
  while (!divides(fewer)) --fewer;
  std::string text = words(length / fewer);
  if (divides(more)) text = words(length / more) + " or " + text;
  return text;
}

std::string refused(const char* key, Duration value, const std::string& allowed) {
  return std::string(key) + ": " + words(value) + " is not allowed; choose " + allowed;
}

void check_length(const char* key, Duration value, Problems& problems) {
  if (value > Duration{0} && value <= duration_max) return;
  problems.push_back(refused(key, value, "above 0s and at most " + words(duration_max)));
}

void check_every(const WindowSpec& spec, Duration lateness, Problems& problems) {
  const std::string every = "every: " + words(spec.every);
  const bool divided = spec.kind != WindowKind::cumulative;
  if (spec.every <= Duration{0}) {
    problems.push_back(every + " is not a length of time; choose one above 0s");
  } else if (divided && spec.every > spec.length) {
    problems.push_back(every + " is longer than length " + words(spec.length) +
                       "; choose at most the length");
  } else if (const auto slots = spec.slots(lateness); slots > WindowSpec::panes_max) {
    problems.push_back(every + " needs " + std::to_string(slots) + " panes for length " + words(spec.length) +
                       ", lateness " + words(lateness) + " and retention " + words(spec.retention) +
                       "; at most " + std::to_string(WindowSpec::panes_max) +
                       " are allowed: choose a longer every");
  } else if (divided && spec.length % spec.every != Duration{0}) {
    problems.push_back(every + " does not divide length " + words(spec.length) + "; choose " +
                       divisors_near(spec.length, spec.every));
  }
}

void check_grid(const WindowSpec& spec, Problems& problems) {
  if (spec.every <= Duration{0}) return;
  if (spec.offset < Duration{0} || spec.offset >= spec.every) {
    problems.push_back(refused("offset", spec.offset, "0s or more and less than every " + words(spec.every)));
  }
  if (spec.spread < Duration{0} || spec.spread >= spec.every) {
    problems.push_back(refused("spread", spec.spread, "0s or more and less than every " + words(spec.every)));
  }
}

void check_samples(const char* key, std::uint32_t value, Problems& problems) {
  if (value >= 1 && value <= WindowSpec::samples_limit) return;
  problems.push_back(std::string(key) + ": " + std::to_string(value) + " is not allowed; choose 1 to " +
                     std::to_string(WindowSpec::samples_limit));
}

void check_kind(const WindowSpec& spec, Duration lateness, Problems& problems) {
  switch (spec.kind) {
    case WindowKind::tumbling:
    case WindowKind::hopping:
      check_length("length", spec.length, problems);
      break;
    case WindowKind::sliding:
      check_length("length", spec.length, problems);
      check_samples("samples_max", spec.samples_max, problems);
      return;
    case WindowKind::count:
      check_samples("samples", spec.samples, problems);
      if (spec.step < 1 || spec.step > spec.samples || spec.samples % spec.step != 0) {
        problems.push_back("step: " + std::to_string(spec.step) + " does not divide samples " +
                           std::to_string(spec.samples) + "; choose 1, " + std::to_string(spec.samples) +
                           " or a divisor between them");
      }
      return;
    case WindowKind::session:
      check_length("gap", spec.gap, problems);
      if (problems.empty() && spec.slots(lateness) > sessions_max) {
        problems.push_back(refused("gap", spec.gap,
                                   "a longer one, or a shorter lateness (" + words(lateness) +
                                       ") and retention (" + words(spec.retention) +
                                       "): together they may span at most " +
                                       std::to_string(sessions_max - 3) + " gaps"));
      }
      return;
    case WindowKind::cumulative:
      break;
    case WindowKind::calendar:
      for (const std::string& problem : spec.calendar.value_or(CalendarSpec{}).problems()) {
        problems.push_back(problem);
      }
      if (problems.empty() && spec.slots(lateness) > WindowSpec::panes_max) {
        problems.push_back(refused("retention", spec.retention, "a shorter one"));
      }
      return;
  }
  // The rest compares with these, so it waits until they are right.
  if (problems.empty()) check_every(spec, lateness, problems);
  check_grid(spec, problems);
}

void check_emit(const WindowSpec& spec, Problems& problems) {
  const bool paned = spec.panes() > 0;
  if (spec.emit != Emit::on_close && !paned) {
    problems.push_back("emit: has no meaning for a " + std::string(name(spec.kind)) +
                       " window; leave it out: its results come at once, or when it is over");
  }
  if (spec.empty != Empty::skip && !paned) {
    problems.push_back("empty: has no meaning for a " + std::string(name(spec.kind)) +
                       " window, which is never without samples; leave it out");
  }
  if (spec.spread != Duration{0} && (!paned || spec.kind == WindowKind::calendar)) {
    problems.push_back("spread: has no meaning for a " + std::string(name(spec.kind)) +
                       " window; leave it out");
  }
  if (spec.emit == Emit::every && paned) check_length("emit", spec.emit_every, problems);
}

void check_parameters(const WindowSpec& spec, Problems& problems) {
  const auto asked = [&](AggregateKind kind) {
    return std::any_of(spec.aggregates.begin(), spec.aggregates.end(),
                       [=](const Aggregate& one) { return one.kind == kind; });
  };
  const auto needs = [&](AggregateKind kind, bool there, const char* key) {
    if (!asked(kind) || there) return;
    problems.push_back(std::string(key) + ": is missing; " + core::name(Aggregate{kind}) + " needs it");
  };
  needs(AggregateKind::above_count, spec.above.has_value(), "above");
  needs(AggregateKind::below_count, spec.below.has_value(), "below");
  needs(AggregateKind::in_range_count, spec.range.has_value(), "range");
  needs(AggregateKind::ewma, spec.half_life != Duration{0} || spec.length != Duration{0}, "half_life");
  if (spec.aggregates.empty() || spec.aggregates.size() > Accumulator::aggregates_limit) {
    problems.push_back("aggregates: " + std::to_string(spec.aggregates.size()) +
                       " of them are not allowed; choose 1 to " +
                       std::to_string(Accumulator::aggregates_limit));
  }
  if (!(spec.error >= 0.0005 && spec.error <= 0.1)) {
    problems.push_back("error: " + words(spec.error) + " is not allowed; choose 0.0005 to 0.1");
  }
  if (spec.kept > 1024) {
    problems.push_back("kept: " + std::to_string(spec.kept) + " is not allowed; choose 0 to 1024");
  }
  if (spec.range && !(spec.range->first <= spec.range->second)) {
    problems.push_back("range: the first of " + words(spec.range->first) + ", " + words(spec.range->second) +
                       " must not be larger than the second");
  }
  for (const auto& [key, value] :
       {std::pair{"half_life", spec.half_life}, {"hold", spec.hold}, {"cadence", spec.cadence}}) {
    if (value < Duration{0} || value > duration_max) {
      problems.push_back(refused(key, value, "0s to " + words(duration_max)));
    }
  }
}

}  // namespace

std::string_view name(WindowKind kind) noexcept {
  constexpr std::array<std::string_view, window_kinds> names{"tumbling", "hopping",    "sliding", "count",
                                                             "session",  "cumulative", "calendar"};
  return names[static_cast<std::size_t>(kind)];
}

std::int64_t WindowSpec::panes() const noexcept {
  switch (kind) {
    case WindowKind::tumbling:
    case WindowKind::hopping:
      return every > Duration{0} ? length / every : 1;
    case WindowKind::cumulative:
    case WindowKind::calendar:
      return 1;
    default:
      return 0;
  }
}

// At watermark w the oldest window that can still change ends with the pane of w - retention, and covers
// panes() of them; the newest pane in use is that of w + lateness. A session that retention needs begins no
// earlier than one gap before.
std::int64_t WindowSpec::slots(Duration lateness) const {
  if (kind == WindowKind::session) return ceil_divide(lateness + retention + gap, gap) + 2;
  const Duration pane = kind == WindowKind::calendar ? shortest_period(*calendar) : every;
  return panes() + ceil_divide(lateness + retention, pane);
}

std::vector<std::string> WindowSpec::problems(Duration lateness) const {
  Problems result;
  if (retention < Duration{0} || retention > duration_max) {
    result.push_back(refused("retention", retention, "0s to " + words(duration_max)));
  }
  check_kind(*this, lateness, result);
  check_emit(*this, result);
  check_parameters(*this, result);
  return result;
}

}  // namespace core
