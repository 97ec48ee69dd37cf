// Throttle: which repeated events are printed and how many were held back. Knows no clock and no output; not
// thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace bridge {

class Throttle {
 public:
  explicit Throttle(core::Duration period) : period_(period) {}

  struct Due {
    std::string key;
    std::uint64_t held_back;
  };

  // True when an event with this key may be printed now; then held_back says how many since the last one were
  // not.
  [[nodiscard]] bool admit(std::string_view key, core::Time now, std::uint64_t& held_back);
  // Takes out all that has been held back for a whole period (with `all`: for any time) and forgets keys that
  // are quiet.
  [[nodiscard]] std::vector<Due> due(core::Time now, bool all);

 private:
  struct State {
    core::Time printed;
    std::uint64_t held_back;
  };
  core::Duration period_;
  std::map<std::string, State, std::less<>> states_;
};

}  // namespace bridge
