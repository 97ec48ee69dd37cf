#include "core/plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/heads.h"
#include "core/layout.h"

namespace core {
namespace {

template <class T>
std::size_t reserve(Room& room) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8 && sizeof(T) % 8 == 0);
  return room.reserve(sizeof(T), 8);
}

Window make_window(const WindowSpec& spec, std::uint32_t index, Duration lateness, Room& room) {
  switch (spec.kind) {
    case WindowKind::sliding:
      return SampledWindow(spec, index, lateness, room);
    case WindowKind::count:
      if (spec.step == 1 && spec.samples > 1) return SampledWindow(spec, index, lateness, room);
      return CountedWindow(spec, index, room);
    case WindowKind::session:
      return SessionWindow(spec, index, lateness, room);
    default:
      return PanedWindow(spec, index, lateness, room);
  }
}

// Of windows that samples enter without a look at the watermark: panes until their horizon, and the last N
// always.
bool takes_usual_samples(const Window& window) {
  const auto* const sampled = std::get_if<SampledWindow>(&window);
  return std::holds_alternative<PanedWindow>(window) || std::holds_alternative<CountedWindow>(window) ||
         (sampled != nullptr && !sampled->sliding());
}

bool learns_cadence(const WindowSpec& spec) {
  return spec.cadence == Duration{0} &&
         std::any_of(spec.aggregates.begin(), spec.aggregates.end(),
                     [](const Aggregate& one) { return one.kind == AggregateKind::completeness; });
}

}  // namespace

Layout::Layout(const Plan& plan)
    : lateness(plan.lateness),
      idle(plan.idle),
      paired(plan.paired),
      reports_late(plan.reports_late),
      reports_scores(plan.reports_scores) {
  Room room;
  reserve<SeriesRest>(room);
  if (std::any_of(plan.windows.begin(), plan.windows.end(), learns_cadence)) gaps = reserve<Gaps>(room);
  for (std::uint32_t i = 0; i < plan.detectors.size(); ++i) {
    const DetectorSpec& spec = plan.detectors[i];
    if (auto detector = make_detector(spec.kind)) {
      (spec.on ? result_judges : judges).emplace_back(i, spec, *std::move(detector), room);
    } else {
      const Silence silence{std::get<SilenceSpec>(spec.kind)};
      silences.push_back({i, room.reserve(silence.bytes(), 8), silence});
      learns_silence = learns_silence || silence.learns();
    }
  }
  for (const WindowSpec& spec : plan.windows) {
    windows.push_back(make_window(spec, static_cast<std::uint32_t>(windows.size()), plan.lateness, room));
    usual = usual && takes_usual_samples(windows.back());
  }
  usual = usual && gaps == 0;
  only_panes = judges.empty() && !learns_silence &&
               std::all_of(windows.begin(), windows.end(),
                           [](const Window& window) { return std::holds_alternative<PanedWindow>(window); });
  const auto* first = windows.size() == 1 ? std::get_if<PanedWindow>(&windows.front()) : nullptr;
  plain = first != nullptr && first->accumulator().summary_only() && only_panes;
  bytes = room.reserve(0, block_alignment);
  scratch = room.scratch;
}

std::size_t Plan::state_bytes() const noexcept { return sizeof(SeriesHead) + Layout{*this}.bytes; }

bool Plan::wants_nulls() const noexcept {
  return std::any_of(windows.begin(), windows.end(), [](const WindowSpec& spec) {
    return std::any_of(spec.aggregates.begin(), spec.aggregates.end(), [](const Aggregate& one) {
      return one.kind == AggregateKind::null_count || one.kind == AggregateKind::null_ratio;
    });
  });
}

// The lower median of the newest gaps.
Duration Gaps::median() const noexcept {
  const std::size_t known = std::min<std::size_t>(count, kept);
  if (known < 3) return Duration{0};
  std::array<Duration, kept> sorted;
  std::copy_n(gaps, known, sorted.begin());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((known - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(known));
  return *middle;
}

}  // namespace core
