// Reload: what a configuration that takes the place of another has in common with it. Streams, HTTP and log
// are exchanged while weir runs; all else is for a new life. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/rules.h"

namespace bridge {

// "broker, limits": the sections besides streams, http and log in which they differ. Empty: none.
[[nodiscard]] std::string sections_that_differ(const Config& a, const Config& b);
// What became of the streams, by name: as they were; begun anew; not there before; not there any more.
struct Outcome {
  std::vector<std::string> kept, reset, begun, gone;
};
[[nodiscard]] Outcome outcome_of(const std::vector<StreamConfig>& before,
                                 const std::vector<StreamConfig>& now, const Adoption& adoption);
// "kept: a, b; reset: c; new: d; gone: e"
[[nodiscard]] std::string text_of(const Outcome& outcome);
// "a, b"
[[nodiscard]] std::string text_of(const std::vector<std::string>& names);

}  // namespace bridge
