#include "bridge/flag_days.h"

#include <algorithm>

namespace bridge {
namespace {

constexpr core::Duration day_length = std::chrono::hours{24};

core::Time day_of(core::Time time) {
  return core::pane_start(core::pane_index(time, day_length, core::Duration{0}), day_length,
                          core::Duration{0});
}

// That of the detector, a new one in its place where there is none.
FlagDays::Flag& flag_of(std::uint32_t detector, std::vector<FlagDays::Flag>& flags) {
  auto at =
      std::lower_bound(flags.begin(), flags.end(), detector,
                       [](const FlagDays::Flag& flag, std::uint32_t index) { return flag.detector < index; });
  if (at == flags.end() || at->detector != detector) at = flags.insert(at, {.detector = detector});
  return *at;
}

// Counts the time until `until` that it is up.
void count(FlagDays::Flag& flag, core::Time until) {
  if (!flag.up) return;
  flag.up_for += std::max(until - flag.since, core::Duration{0});
  flag.since = until;
}

}  // namespace

void FlagDays::flag(core::SeriesId series, const core::FlagChange& change, const Tell& tell) {
  // What is told of a time before today is told today.
  const core::Time told = std::max(change.told, end_ - day_length);
  auto& entry = *entries_.try_emplace(series, Entry{day_of(told), {}}).first;
  roll(entry, day_of(told), tell);
  Flag& flag = flag_of(change.detector, entry.second.flags);
  count(flag, told);
  flag.up = change.state != core::FlagState::cleared;
  flag.since = told;
  if (flag.up) ++flag.raised;
}

void FlagDays::time(core::Time now, const Tell& tell) {
  if (now < end_) return;
  const core::Time today = day_of(now);
  end_ = today + day_length;
  for (auto at = entries_.begin(); at != entries_.end();) {
    roll(*at, today, tell);
    at = at->second.flags.empty() ? entries_.erase(at) : std::next(at);
  }
}

void FlagDays::give_up(core::SeriesId series, core::Time now, const Tell& tell) {
  const auto found = entries_.find(series);
  if (found == entries_.end()) return;
  tell_until(*found, now, false, tell);
  entries_.erase(found);
}

void FlagDays::end(core::Time now, const Tell& tell) {
  for (auto& entry : entries_) tell_until(entry, now, false, tell);
  entries_.clear();
}

// Tells its days before `day`; afterwards it holds the flags that are up still.
void FlagDays::roll(Entries::value_type& entry, core::Time day, const Tell& tell) {
  auto& [start, flags] = entry.second;
  while (start < day) {
    if (!flags.empty()) tell_until(entry, start + day_length, true, tell);
    std::erase_if(flags, [](const Flag& flag) { return !flag.up; });
    start = flags.empty() ? day : std::max(start + day_length, day - days_at_once * day_length);
    for (Flag& flag : flags) flag = {.detector = flag.detector, .up = true, .since = start};
  }
}

void FlagDays::tell_until(Entries::value_type& entry, core::Time until, bool final, const Tell& tell) {
  auto& [start, flags] = entry.second;
  for (Flag& flag : flags) count(flag, until);
  tell(entry.first, {start, start + day_length, final, flags});
}

}  // namespace bridge
