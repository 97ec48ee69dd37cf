// The model's panes: every `every`, or the periods of a calendar, found by watching a clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <vector>

#include "core/window.h"

namespace model {

using core::Duration;
using core::Time;

// Periods of a year around the timelines, each where local time first reaches a start.
inline const std::vector<Time>& periods(const core::CalendarSpec& spec) {
  static std::map<std::pair<core::CalendarUnit, std::chrono::minutes>, std::vector<Time>> known;
  auto& starts = known[{spec.unit, spec.day_start}];
  if (!starts.empty()) return starts;
  constexpr Duration day = std::chrono::hours{24};
  const auto offset_at = [&](Time time) {
    Duration offset = spec.zone.changes.front().offset;
    for (const auto& change : spec.zone.changes) {
      if (change.since <= time) offset = change.offset;
    }
    return offset;
  };
  const auto number = [&](Time time) {
    const Duration local = time.time_since_epoch() + offset_at(time);
    if (spec.unit == core::CalendarUnit::day) return (local - spec.day_start) / day;
    if (spec.unit == core::CalendarUnit::hour)
      return time.time_since_epoch() / Duration{std::chrono::hours{1}};
    std::int64_t begun = 0;
    for (const auto shift : spec.shifts) begun += local % day >= shift ? 1 : 0;
    return local / day * std::ssize(spec.shifts) + begun;
  };
  Time time{std::chrono::seconds{1'684'000'000 / 900 * 900}};
  for (auto newest = number(time); time < Time{std::chrono::seconds{1'716'000'000}};
       time += std::chrono::minutes{15}) {
    if (number(time) <= newest) continue;
    newest = number(time);
    starts.push_back(time);
  }
  return starts;
}

class Grid {
 public:
  Grid(const core::WindowSpec& spec, std::uint64_t hash) : every_(spec.every), offset_(spec.offset) {
    if (spec.spread > Duration{0}) {
      offset_ += Duration{static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(spec.spread.count()))};
    }
    if (spec.calendar) starts_ = &periods(*spec.calendar);
  }
  [[nodiscard]] std::int64_t index(Time time) const {
    if (starts_ != nullptr)
      return std::upper_bound(starts_->begin(), starts_->end(), time) - starts_->begin() - 1;
    const auto since = (time.time_since_epoch() - offset_).count();
    const auto every = every_.count();
    return since >= 0 ? since / every : -((-since + every - 1) / every);
  }
  [[nodiscard]] Time start(std::int64_t index) const {
    if (starts_ != nullptr) return starts_->at(static_cast<std::size_t>(index));
    return Time{offset_ + every_ * index};
  }
  [[nodiscard]] Time end(std::int64_t index) const { return start(index + 1); }

 private:
  Duration every_, offset_;
  const std::vector<Time>* starts_ = nullptr;
};

}  // namespace model
