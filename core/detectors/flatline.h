// flatline: values that have stopped to move.
//   run     the newest values that lie within `tolerance` of each other: it begins with a value that does not
//           fit to the run before
//   fires   the run lasts since `after`, or longer, and has at least `samples` values; since = its first
//   clears  with the first value that ends the run
//   score   1 when it fires; else half of the part of `after`, or of `samples`, that is reached: the smaller
// A constant by nature is flat as well. A slow drift ends the run each time it has used up the tolerance.
// Times without samples count, as nothing is known of them; that many samples came is what `samples` is for.
// Low and high, when it fires, are the lowest and the highest value of the run. A tolerance that is exactly
// used up is not exceeded, though doubles hold no tenths (parts/written.h). Source: stuck-at checks, as in
// the QARTOD manuals of IOOS ("flat line test"). State: 32 bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/flag.h"
#include "core/parts/ends.h"
#include "core/parts/written.h"

namespace core {

struct FlatlineState {
  Time since{};
  double low = 0;
  double high = 0;
  std::uint32_t count = 0;  // of the run; stays at its largest value
};
static_assert(sizeof(FlatlineState) == 32);

// Constant after construction.
class Flatline {
 public:
  using Spec = FlatlineSpec;
  using State = FlatlineState;

  explicit Flatline(const FlatlineSpec& spec) noexcept
      : after_(spec.after), tolerance_(spec.tolerance), samples_(spec.samples) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool explain) const noexcept {
    take(state, point);
    const Duration lasts = point.time - state.since;
    Verdict verdict;
    if (lasts >= after_ && state.count >= samples_) {
      verdict.condition = Condition::fire;
      verdict.score = 1;
      verdict.low = state.low;
      verdict.high = state.high;
      verdict.since = state.since;
    } else if (explain) {
      verdict.score =
          0.5 * std::min({static_cast<double>(lasts.count()) / static_cast<double>(after_.count()),
                          static_cast<double>(state.count) / samples_, 1.0});
    }
    return verdict;
  }

 private:
  void take(State& state, const Point& point) const noexcept {
    const double low = std::min(state.low, point.value), high = std::max(state.high, point.value);
    const double allowed = tolerance_ == 0 ? 0 : tolerance_ + written_error(low, high);
    if (state.count == 0 || high - low > allowed) {
      state = {.since = point.time, .low = point.value, .high = point.value, .count = 1};
      return;
    }
    state.low = low;
    state.high = high;
    if (state.count != std::numeric_limits<std::uint32_t>::max()) ++state.count;
  }

  Duration after_;
  double tolerance_;
  std::uint32_t samples_;
};

}  // namespace core
