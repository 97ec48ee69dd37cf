// Figure: one number that the bench found, with everything it is not a figure without. Plain values; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bridge {

struct BenchFigure {
  std::string what;  // "random series", ...
  std::string level;
  std::uint64_t keys = 0;  // series
  unsigned cores = 0;      // that it could use
  std::string window;
  double value = 0;  // median of the rounds
  std::string unit;
  std::string yardstick;
  double yardstick_value = 0;
  double ratio = 0;                    // median of the rounds' ratios
  std::uint64_t bytes_per_series = 0;  // 0: it does not say
  // What was counted beside time, in steady state; no samples: it was not.
  std::uint64_t samples = 0;
  std::uint64_t allocations = 0;
  std::uint64_t futex_waits = 0;

  [[nodiscard]] double allocations_per_sample() const {
    return static_cast<double>(allocations) / static_cast<double>(samples);
  }
  [[nodiscard]] double futex_waits_per_million() const {
    return static_cast<double>(futex_waits) * 1e6 / static_cast<double>(samples);
  }
};

// The middle value; of an even number the mean of the middle two. 0 of none.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace bridge
