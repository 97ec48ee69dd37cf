// rate_of_change: too fast a change since the sample before.
//   change  value - before, in the time since before: the last sample of an earlier time. So samples of one
//           time are each measured from the same one, and a jump between equal times is measured too
//   limit   rise (or fall) * time since before / per
//   fires   change > limit      clears  change <= clear * limit
//   score   1 beyond the limit, 0 from the clear level on, in proportion between them
// A change as fast as the limit is not beyond it, though doubles hold no tenths (parts/written.h). After a
// gap a value may have changed as far as the limit allows in that time. Until a sample of an earlier time is
// known it is warming. Expected is the value before; the bounds are the limits of this sample. Source:
// rate-of-change alarms of ISA-18.2. State: 40 bytes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/flag.h"
#include "core/parts/ends.h"
#include "core/parts/written.h"

namespace core {

struct RateOfChangeState {
  Point before{};           // the last of an earlier time than `last`
  Point last{};             // the newest sample
  std::uint64_t known = 0;  // of the two, the newest first
};

// Constant after construction.
class RateOfChange {
 public:
  using Spec = RateOfChangeSpec;
  using State = RateOfChangeState;

  explicit RateOfChange(const RateOfChangeSpec& spec) noexcept
      : rise_(spec.rise.value_or(unlimited)),
        fall_(spec.fall.value_or(unlimited)),
        per_(static_cast<double>(spec.per.count())),
        clear_(spec.clear) {}

  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(State); }

  [[nodiscard]] Verdict add(State& state, const Point& point, bool) const noexcept {
    if (state.known != 0 && point.time > state.last.time) {
      state.before = state.last;
      state.known = 2;
    }
    state.last = point;
    if (state.known == 2) [[likely]]
      return judge(state.before, point);
    state.known = 1;
    Verdict verdict;
    verdict.condition = Condition::warming;
    return verdict;
  }

 private:
  static constexpr double unlimited = std::numeric_limits<double>::infinity();
  static constexpr double most = std::numeric_limits<double>::max();

  [[nodiscard]] Verdict judge(const Point& before, const Point& point) const noexcept {
    const double periods = static_cast<double>((point.time - before.time).count()) / per_;
    const double rounding = written_error(point.value, before.value);
    const bool rises = point.value > before.value;
    const double change = std::min(std::abs(point.value - before.value), most);
    const double allowed = (rises ? rise_ : fall_) * periods;
    const double limit = std::min(allowed + rounding, most);
    const double back = std::min(clear_ * allowed + rounding, most);
    Verdict verdict;
    verdict.expected = before.value;
    if (rise_ != unlimited) verdict.high = before.value + rise_ * periods;
    if (fall_ != unlimited) verdict.low = before.value - fall_ * periods;
    if (change > limit) {
      verdict.condition = Condition::fire;
      verdict.score = 1;
    } else if (change > back) {
      verdict.condition = Condition::between;
      verdict.score = (change - back) / (limit - back);
    }
    return verdict;
  }

  double rise_;
  double fall_;
  double per_;
  double clear_;
};

}  // namespace core
