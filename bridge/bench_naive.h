// What level K is compared with: a bare sum, and statistics as they are often written: all of them anew for
// every point, after sorting a copy of the window. Not used by weir.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace bridge::naive {

// The sum of the values and nothing else, in vectors as wide as the processor has. As a plain loop becomes
// one: each addition waits for the one before.
[[nodiscard]] double sum(std::span<const double> values) noexcept;
// The same in four chains, so that nothing waits but for loads.
[[nodiscard]] double sum_in_four_chains(std::span<const double> values) noexcept;

// How a point's percentiles and outliers are come by. The first two are the predecessor's way: each of the
// seven copies the window and sorts it anew, exchanging whatever stands in the wrong order.
enum class Form : std::uint8_t {
  sorts_for_each_locked,  // with a lock round every point
  sorts_for_each,
  quadratic_sort_once,
  std_sort_once,
};

class PointByPoint {
 public:
  PointByPoint(Form form, std::size_t window, std::pair<double, double> range);
  // Adds a value and computes everything over the last `window`. Any thread where the form has a lock.
  void add(double value);
  [[nodiscard]] const std::vector<double>& results() const { return results_; }

 private:
  void compute();
  [[nodiscard]] const std::vector<double>& ordered();

  Form form_;
  std::size_t window_;
  std::pair<double, double> range_;
  std::mutex mutex_;
  std::vector<double> values_;
  std::vector<double> ordered_;
  bool in_order_ = false;  // ordered_ is this point's
  std::vector<double> results_;
};

}  // namespace bridge::naive
