// Which flags of two lists are about the same thing: of the same stream, detector, keys and field, and up at
// the same time. Pure, any thread.
#pragma once

#include <vector>

#include "bridge/flag_span.h"

namespace bridge {

// Flags that overlap, one with the next: a single one of A or of B; or some of both, as where B raises three
// times what A holds up as one.
struct FlagMatch {
  std::vector<const FlagSpan*> a;
  std::vector<const FlagSpan*> b;

  [[nodiscard]] core::Time begin() const;
};

// Precondition: both as FlagSpans::finish() gives them. The matches, by their begin, then series; they point
// into the lists. From its raise on a flag is up until it ends; flags that were raised at the same time
// overlap however short they are.
[[nodiscard]] std::vector<FlagMatch> match_flags(const std::vector<FlagSpan>& a,
                                                 const std::vector<FlagSpan>& b);

}  // namespace bridge
