// Between which bounds a window's values are no outliers. Pure.
#pragma once

#include "core/summary.h"
#include "core/window.h"

namespace core {

struct Bounds {
  double low, high;
};

// quantile(p), deviation(middle): of the window's values, deviation being the median distance from `middle`;
// summary(): theirs. Sources: Tukey 1977 (1.5 quartile distances); Hampel 1974 (median absolute deviation,
// 1.4826 of which are a standard deviation where values are normal).
template <class Quantile, class Deviation, class Summarize>
Bounds outlier_bounds(Outliers kind, const Quantile& quantile, const Deviation& deviation,
                      const Summarize& summary) noexcept {
  switch (kind) {
    case Outliers::iqr: {
      const double lower = quantile(0.25), upper = quantile(0.75), reach = 1.5 * (upper - lower);
      return {lower - reach, upper + reach};
    }
    case Outliers::zscore: {
      const Summary& all = summary();
      const double mean = all.mean(), reach = 3 * all.stddev();
      return {mean - reach, mean + reach};
    }
    case Outliers::mad:
      break;
  }
  const double middle = quantile(0.5), reach = 3 * 1.4826 * deviation(middle);
  return {middle - reach, middle + reach};
}

}  // namespace core
