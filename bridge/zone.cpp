#include "bridge/zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>
#include <string_view>

#include "bridge/error.h"
#include "bridge/text.h"

namespace bridge {
namespace {

using Instant = cctz::time_point<cctz::seconds>;

constexpr std::chrono::days margin{366};

// The library reads other things too: files anywhere, zones of a fixed offset, zones that count leap seconds.
bool is_iana_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  const auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), allowed) &&
         !name.starts_with("right/");
}

core::Zone::Change change_at(Instant since, const cctz::time_zone& zone) {
  return {core::Time{since}, cctz::seconds{zone.lookup(since).offset}};
}

}  // namespace

core::Zone load_zone(const std::string& name) {
  cctz::time_zone zone;
  if (!is_iana_name(name) || !cctz::load_time_zone(name, &zone)) {
    throw SetupError(
        shown(name) +
        " is no time zone of this system; use an IANA name as in /usr/share/zoneinfo, for example "
        "Europe/Berlin or UTC (if that folder is missing, install tzdata)");
  }
  Instant since = std::chrono::floor<cctz::seconds>(core::time_min - margin);
  core::Zone result{name, {change_at(since, zone)}};
  cctz::time_zone::civil_transition move;
  while (zone.next_transition(since, &move)) {
    // The library names a transition by what clocks show; until then they show the offset before it.
    const cctz::seconds local{move.from - cctz::civil_second{1970, 1, 1}};
    since = Instant{local} - cctz::seconds{zone.lookup(since).offset};
    if (since > core::time_max + margin) break;
    const core::Zone::Change change = change_at(since, zone);
    // One of the zone's abbreviation alone is none of ours.
    if (change.offset != result.changes.back().offset) result.changes.push_back(change);
  }
  return result;
}

}  // namespace bridge
