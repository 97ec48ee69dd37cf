#include "core/plan.h"

#include <algorithm>

#include "core/layout.h"

namespace core {
namespace {

// Reserves room for `count` objects of T behind what is there.
template <class T>
std::size_t reserve(std::size_t& bytes, std::size_t count = 1) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8 && sizeof(T) % 8 == 0);
  const std::size_t offset = bytes;
  bytes += sizeof(T) * count;
  return offset;
}

}  // namespace

Layout::Layout(const Plan& plan) : lateness(plan.lateness), idle(plan.idle), silence_least(Duration::max()) {
  reserve<SeriesHead>(bytes);
  for (const WindowSpec& spec : plan.windows) {
    windows.emplace_back(spec, static_cast<std::uint32_t>(windows.size()), plan.lateness);
  }
  std::vector<std::size_t> states;
  for (std::size_t i = 0; i < windows.size(); ++i) states.push_back(reserve<WindowState>(bytes));
  for (std::uint32_t i = 0; i < plan.detectors.size(); ++i) {
    const DetectorSpec& spec = plan.detectors[i];
    if (const auto* threshold = std::get_if<ThresholdSpec>(&spec.kind)) {
      judges.push_back({i, reserve<ThresholdState>(bytes), spec.for_, Threshold{*threshold}});
    } else if (const auto* zscore = std::get_if<ZscoreSpec>(&spec.kind)) {
      judges.push_back({i, reserve<ZscoreState>(bytes), spec.for_, Zscore{*zscore}});
    } else {
      const Silence silence{std::get<SilenceSpec>(spec.kind)};
      silences.push_back({i, reserve<SilenceState>(bytes), silence});
      silence_least = std::min(silence_least, silence.after());
    }
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    windows[i].place(states[i], reserve<Pane>(bytes, windows[i].slots()));
  }
  bytes = (bytes + block_alignment - 1) / block_alignment * block_alignment;
}

std::size_t Plan::state_bytes() const noexcept { return Layout{*this}.bytes; }

}  // namespace core
