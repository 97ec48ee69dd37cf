#include "bridge/offenders.h"

#include <algorithm>

namespace bridge {

void Offenders::add(std::string_view key, std::string_view value) {
  value = value.substr(0, value_bytes_max);
  const std::scoped_lock lock(mutex_);
  for (Offender& one : names_) {
    if (one.value != value || one.key != key) continue;
    ++one.samples;
    return;
  }
  if (names_.size() < names_max) {
    names_.push_back({std::string{key}, std::string{value}, 1});
    return;
  }
  // The newcomer may be all that the least of them was.
  Offender& least = *std::min_element(names_.begin(), names_.end(), [](const Offender& a, const Offender& b) {
    return a.samples < b.samples;
  });
  least.key = key;
  least.value = value;
  ++least.samples;
}

std::vector<Offender> Offenders::top(std::size_t most) const {
  std::vector<Offender> sorted;
  {
    const std::scoped_lock lock(mutex_);
    sorted = names_;
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Offender& a, const Offender& b) { return a.samples > b.samples; });
  sorted.resize(std::min(most, sorted.size()));
  return sorted;
}

}  // namespace bridge
