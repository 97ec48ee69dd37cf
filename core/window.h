// Window: tumbling and hopping windows of one series, made of panes that are merged and never subtracted from.
// Owned by one worker; lives in the state block of its series (see plan.h), so it holds no pointer.
//
// `every` divides `length`; a pane is `every` long; window k ends where pane k ends and covers the last
// length / every panes. Start inclusive, end exclusive, aligned to the epoch plus `offset`.
// A window closes when the watermark reaches its end: it is emitted with rev 1 if it has samples. A later sample inside
// `retention` after the end re-emits it with rev + 1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/aggregate.h"
#include "core/summary.h"
#include "core/time.h"

namespace core {

// What a window is. Constant after construction.
struct WindowSpec {
  std::string name;
  Duration length{};
  Duration every{};      // = length: tumbling
  Duration offset{0};    // in [0, every)
  Duration retention{};  // how long after its end (by watermark) a closed window still takes late samples

  // All that is wrong with it, in words, without the place ("every: 3s does not divide length 10s; ..."); empty when valid.
  // Also refuses more than panes_max panes.
  [[nodiscard]] std::vector<std::string> problems() const;

  static constexpr std::int64_t panes_max = 100'000;
};

// A window's result as it leaves a shard. `summary` is valid only during the call.
struct WindowResult {
  std::uint32_t window;  // index in the plan
  Time start;
  Time end;
  std::uint32_t rev;     // 1, 2, ... per (series, window, start)
  bool final;            // the window has closed; false for early results
  const Summary& summary;
};

}  // namespace core
