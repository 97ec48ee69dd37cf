#include "core/peers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/check.h"

namespace core {
namespace {

constexpr double largest = std::numeric_limits<double>::max();

double clamped(double value) { return std::clamp(value, -largest, largest); }

std::optional<double> median(const std::vector<double>& sorted, std::uint32_t least) {
  const std::size_t size = sorted.size();
  if (size < least) return std::nullopt;
  return size % 2 == 1 ? sorted[size / 2] : std::midpoint(sorted[size / 2 - 1], sorted[size / 2]);
}

}  // namespace

void Peers::join(SeriesId member, std::string_view group) {
  Groups::value_type& to = *groups_.try_emplace(std::string{group}).first;
  ++to.second.members;
  Member& here = members_[member];
  if (here.group != nullptr) {
    leave(here);
    if (--here.group->second.members == 0) groups_.erase(groups_.find(here.group->first));
  }
  here = {.group = &to};
}

std::optional<double> Peers::say(SeriesId id, double value, std::uint32_t step, std::uint32_t least) {
  const auto found = members_.find(id);
  CHECK(found != members_.end(), "series %u is a member of no group", id);
  Member& member = found->second;
  leave(member);
  std::vector<double>& sorted = member.group->second.sorted;
  const std::optional<double> of_peers = median(sorted, least);
  learn(member, clamped(value - of_peers.value_or(0)));
  member.deviation = clamped(value - member.level);
  member.step = step;
  member.counts = sorted.size() < members_max;
  if (member.counts)
    sorted.insert(std::lower_bound(sorted.begin(), sorted.end(), member.deviation), member.deviation);
  return of_peers;
}

void Peers::learn(Member& member, double value) {
  constexpr std::uint32_t memory = 300;
  constexpr double clip = 3;
  if (member.samples++ == 0) {
    member.level = value;
    return;
  }
  member.samples = std::min(member.samples, memory);
  const double weight = 1.0 / member.samples;
  const double miss = clamped(value - member.level);
  const double most = member.miss > 0 ? std::min(clip * member.miss, largest) : std::abs(miss);
  member.level = clamped(member.level + weight * std::clamp(miss, -most, most));
  member.miss += weight * (std::min(std::abs(miss), most) - member.miss);
}

void Peers::forget(std::uint32_t oldest) {
  for (auto& [id, member] : members_) {
    if (member.counts && member.step < oldest) leave(member);
  }
}

void Peers::leave(Member& member) {
  if (!member.counts) return;
  std::vector<double>& sorted = member.group->second.sorted;
  sorted.erase(std::lower_bound(sorted.begin(), sorted.end(), member.deviation));
  member.counts = false;
}

}  // namespace core
