// What the tests of detectors share: one fed by hand, or the flags of a series with a sample a second.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/detector.h"
#include "core/flag.h"
#include "core/parts/ends.h"
#include "tests/core_fixture.h"

namespace fixture {

inline constexpr Time t0{std::chrono::seconds{1'700'000'000}};

// A detector and the state of one series.
template <class Kind>
class Fed {
 public:
  explicit Fed(const typename Kind::Spec& spec) : kind_(spec), block_(kind_.bytes() / 8 + 1) {}

  core::Verdict add(Time time, double value, bool explain = true) {
    return kind_.add(*reinterpret_cast<typename Kind::State*>(block_.data()), {time, value}, explain);
  }
  // A sample a second.
  core::Verdict add(double value, bool explain = true) {
    return add(t0 + std::chrono::seconds{next_++}, value, explain);
  }
  [[nodiscard]] const std::vector<std::uint64_t>& state() const { return block_; }
  [[nodiscard]] std::size_t bytes() const { return kind_.bytes(); }

 private:
  Kind kind_;
  std::vector<std::uint64_t> block_;  // one more than it needs, which stays 0
  std::int64_t next_ = 0;
};

inline std::vector<Event> flags(const core::DetectorSpec::Kind& kind, const std::vector<double>& values) {
  core::Plan plan;
  plan.lateness = std::chrono::seconds{5};
  plan.idle = std::chrono::seconds{10};
  core::DetectorSpec spec;
  spec.name = "it";
  spec.life.flaps = 0;
  spec.kind = kind;
  plan.detectors = {spec};
  Bed bed{plan, 1};
  bed.tick(t0);
  for (std::size_t i = 0; i < values.size(); ++i) bed.sample(0, t0 + std::chrono::seconds{i}, values[i]);
  return bed.take();
}

// Seconds after t0 at which flags were raised, or cleared.
inline std::vector<std::int64_t> turns(const std::vector<Event>& events, bool up) {
  std::vector<std::int64_t> result;
  for (const Event& event : events) {
    if (event.up == up)
      result.push_back(std::chrono::duration_cast<std::chrono::seconds>(event.end - t0).count());
  }
  return result;
}

inline std::vector<double> generate(std::size_t count, const std::function<double(std::size_t)>& make) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = make(i);
  return values;
}

}  // namespace fixture
