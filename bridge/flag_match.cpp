#include "bridge/flag_match.h"

#include <algorithm>

namespace bridge {
namespace {

struct Side {
  const FlagSpan* flag;
  bool b;
};

core::Time end_of(const FlagSpan& flag) { return flag.ended.value_or(core::Time::max()); }

const FlagSpan& first_of(const FlagMatch& match) {
  if (match.a.empty()) return *match.b.front();
  if (match.b.empty()) return *match.a.front();
  return match.b.front()->raised < match.a.front()->raised ? *match.b.front() : *match.a.front();
}

}  // namespace

core::Time FlagMatch::begin() const { return first_of(*this).raised; }

std::vector<FlagMatch> match_flags(const std::vector<FlagSpan>& a, const std::vector<FlagSpan>& b) {
  std::vector<Side> all;
  for (const FlagSpan& flag : a) all.push_back({&flag, false});
  for (const FlagSpan& flag : b) all.push_back({&flag, true});
  std::stable_sort(all.begin(), all.end(), [](const Side& x, const Side& y) {
    return x.flag->series != y.flag->series ? x.flag->series < y.flag->series
                                            : x.flag->raised < y.flag->raised;
  });
  std::vector<FlagMatch> matches;
  core::Time last_raised{};  // of the last match
  core::Time end{};          // of all its flags
  for (const Side& side : all) {
    const FlagSpan& flag = *side.flag;
    const bool same = !matches.empty() && first_of(matches.back()).series == flag.series &&
                      (flag.raised < end || flag.raised == last_raised);
    end = same ? std::max(end, end_of(flag)) : end_of(flag);
    last_raised = flag.raised;
    if (!same) matches.emplace_back();
    (side.b ? matches.back().b : matches.back().a).push_back(&flag);
  }
  std::stable_sort(matches.begin(), matches.end(),
                   [](const FlagMatch& x, const FlagMatch& y) { return x.begin() < y.begin(); });
  return matches;
}

}  // namespace bridge
