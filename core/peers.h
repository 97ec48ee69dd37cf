// Peers: how far the members of a group stand from their usual levels, and the median of that over a member's
// peers: all members but itself. What all devices share (weather, load, the time of day) is in that median;
// what one does alone is not, nor that some always stand higher than others. For detectors that hold a device
// against its group. Owned by the edge thread, because members of a group live in different shards; memory
// follows the members, of which at most members_max of a group count; a group that has none is forgotten.
//   deviation  value - level, where the level follows value - median of the peers' deviations, by 1 / n of
//              what is missing up to 1 / 300, clipped at 3 times its usual size
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/item.h"

namespace core {

class Peers {
 public:
  // More members than this are judged, but do not count.
  static constexpr std::size_t members_max = 1024;

  // The series becomes a member of the group of that name, with nothing said yet. One that was a member under
  // the same id leaves its group.
  void join(SeriesId member, std::string_view group);
  // The member says `value` at the step `step`. The median of its peers' deviations before; nothing while
  // they are fewer than `least`. Precondition: it has joined.
  [[nodiscard]] std::optional<double> say(SeriesId member, double value, std::uint32_t step,
                                          std::uint32_t least);
  // Members that have said nothing since step `oldest` do not count until they do.
  void forget(std::uint32_t oldest);

  [[nodiscard]] std::size_t members() const noexcept { return members_.size(); }
  [[nodiscard]] std::size_t groups() const noexcept { return groups_.size(); }

 private:
  struct Group {
    std::vector<double> sorted;  // deviations of those that count
    std::size_t members = 0;
  };
  using Groups = std::unordered_map<std::string, Group>;
  struct Member {
    Groups::value_type* group = nullptr;  // which stays where it is
    std::uint32_t step = 0;
    std::uint32_t samples = 0;
    bool counts = false;  // its deviation is in the group
    double level = 0;
    double miss = 0;  // usual distance from the level
    double deviation = 0;
  };
  void leave(Member& member);
  static void learn(Member& member, double value);

  Groups groups_;  // by name
  std::unordered_map<SeriesId, Member> members_;
};

}  // namespace core
