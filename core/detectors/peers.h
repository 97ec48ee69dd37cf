// peers: a device against its group. The value it judges is the difference between what the device says and
// how far its peers stand from their usual levels (core/peers.h), and it judges that as zscore judges a
// value: by its distance from what the difference usually is. So what all devices share (weather, load,
// season) raises nothing, and a device that always stands a little apart has its own usual distance.
//   expected, low, high   the peers' median deviation plus what is usual of this device
//   fires   at the second sample in a row: the first to follow a change that all make stands apart until the
//           others have said so too
// Source: as zscore; medians because they hold with up to half of the group at fault. State: 160 bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "core/detectors/zscore.h"

namespace core {

class PeersDetector {
 public:
  using Spec = PeersSpec;
  struct State {
    ZscoreState zscore;
    std::uint64_t apart = 0;  // 1: the sample before was beyond `raise`
  };

  explicit PeersDetector(const PeersSpec& spec) noexcept : zscore_(ZscoreSpec{spec}) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }
  [[nodiscard]] Verdict add(State& state, const Point& difference, bool explain) const noexcept {
    constexpr double most = std::numeric_limits<double>::max();
    Verdict verdict =
        zscore_.add(state.zscore, {difference.time, std::clamp(difference.value, -most, most)}, explain);
    const bool apart = verdict.condition == Condition::fire;
    if (apart && state.apart == 0) verdict.condition = Condition::between;
    state.apart = apart ? 1 : 0;
    return verdict;
  }

 private:
  Zscore zscore_;
};

}  // namespace core
