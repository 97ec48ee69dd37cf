#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "bridge/bench_flags.h"
#include "bridge/fleet_random.h"
#include "core/judge.h"

namespace bridge {
namespace {

using core::Time;

constexpr core::Duration interval = std::chrono::minutes{1};
constexpr Time begin{std::chrono::seconds{1'767'225'600}};  // 2026-01-01

// Independent normal numbers, with the tails that fleet_random::normal has not.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : bits_(fleet_random::mix(seed)) {}
  double operator()() {
    bits_ = fleet_random::mix(bits_);
    const double radius = std::sqrt(-2 * std::log(1 - fleet_random::uniform(bits_)));
    bits_ = fleet_random::mix(bits_);
    return radius * std::cos(2 * std::numbers::pi * fleet_random::uniform(bits_));
  }

 private:
  std::uint64_t bits_;
};

// How often the detector, as it is by default, raises its flag.
std::uint64_t raises(const core::Detector& detector, std::uint64_t minutes, auto value) {
  const std::size_t bytes = std::visit([](const auto& kind) { return kind.bytes(); }, detector);
  std::vector<std::uint64_t> room(bytes / sizeof(std::uint64_t) + 1);
  core::FlagLife life;
  std::uint64_t count = 0;
  Time time = begin;
  std::visit(
      [&]<class Kind>(const Kind& kind) {
        auto& state = *reinterpret_cast<typename Kind::State*>(room.data());
        for (std::uint64_t i = 0; i < minutes; ++i, time += interval) {
          const core::Verdict verdict = kind.add(state, {time, value(i)}, life.up());
          const auto change = life.advance(verdict, time, core::LifeSpec{});
          count += change == core::FlagLife::Change::raise || change == core::FlagLife::Change::flap ? 1 : 0;
        }
      },
      detector);
  return count;
}

double day_wave(std::uint64_t minute) {
  return std::sin(2 * std::numbers::pi * static_cast<double>(minute % 1440) / 1440);
}

}  // namespace

std::vector<FlagsQuiet> try_quiet(std::uint32_t series, double days) {
  const core::Detector detector = core::make_detector(core::AutoSpec{}).value();
  const auto minutes = static_cast<std::uint64_t>(days * 1440);
  std::array<FlagsQuiet, 4> signals{{{"white noise", series, days, 0},
                                     {"a random walk", series, days, 0},
                                     {"a day's wave of 3 deviations, with noise", series, days, 0},
                                     {"a day's wave of 20 deviations, with noise", series, days, 0}}};
  for (std::uint64_t one = 0; one < series; ++one) {
    Noise noise(one + 1);
    double walk = 0;
    const auto wave = [&](double size) {
      return [&, size](std::uint64_t minute) { return 100 + size * day_wave(minute) + noise(); };
    };
    signals[0].raised += raises(detector, minutes, [&](std::uint64_t) { return noise(); });
    signals[1].raised += raises(detector, minutes, [&](std::uint64_t) { return walk += noise(); });
    signals[2].raised += raises(detector, minutes, wave(3));
    signals[3].raised += raises(detector, minutes, wave(20));
  }
  return {signals.begin(), signals.end()};
}

}  // namespace bridge
