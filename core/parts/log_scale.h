// LogScale: numbers the magnitudes of doubles so that those of one number, a bucket, are within a relative
// error of its middle. Constant, any thread. In integers and single roundings: the same on every machine.
//
// The number is a logarithm to base 2 that is cubic between powers of two, where the true logarithm would
// need 1 % fewer buckets (Masson, Rim, Lee 2019, "DDSketch", 4: mappings). Two neighbours 2i and 2i + 1 make
// one bucket i of the next level, whose error is 2e / (1 + e^2) (Epicoco et al. 2020, "UDDSketch").
#pragma once

#include <bit>
#include <cstdint>

namespace core {

class LogScale {
 public:
  static constexpr double error_min = 0.0005;
  static constexpr double error_max = 0.1;

  // error: of level 0, from error_min to error_max.
  explicit LogScale(double error) noexcept;

  // The bucket at level 0 of the magnitude with these bits: a double that is not zero, its sign cleared;
  // infinity counts as 2^1024. Below 2^21. At level n it is index >> n.
  [[nodiscard]] std::uint32_t index(std::uint64_t bits) const noexcept {
    return static_cast<std::uint32_t>((position(bits) * per_octave_) >> 32U);
  }
  // The number whose relative distance to the furthest value in the bucket is least: the harmonic mean of the
  // bucket's edges. Infinite when it is larger than all doubles.
  [[nodiscard]] double middle(std::uint32_t index, std::uint32_t level) const noexcept;

 private:
  static constexpr std::uint64_t steps = std::uint64_t{1} << 30U;

  // A number that may be larger than any double: scale in [1, 2], times 2^octave.
  struct Edge {
    double scale;
    int octave;
  };
  static Edge edge(std::uint64_t position) noexcept;

  // log2(1 + t / 2^30), nearly, times 2^32: 6/35 t^3 - 3/5 t^2 + 10/7 t, whose slope times (1 + t) is least,
  // 10/7, at t = 0 and at t = 2/3. For t < 2^30. Each step of t raises it by at least 0.74 * 2^-30 before the
  // last digits are cut off, rounding takes less than 2^-32 of that; so it never decreases, and stays below
  // 2^32.
  static constexpr std::uint64_t fraction(std::uint64_t t) noexcept {
    constexpr std::uint64_t cubic = (std::uint64_t{6} << 33U) / 35;
    constexpr std::uint64_t quadratic = (std::uint64_t{3} << 33U) / 5;
    constexpr std::uint64_t linear = (std::uint64_t{10} << 33U) / 7;
    return ((linear - (((quadratic - ((cubic * t) >> 30U)) * t) >> 30U)) * t) >> 31U;
  }

  // The number of the octave, above 32 bits of fraction. Octave 0 begins at the smallest double.
  static std::uint64_t position(std::uint64_t bits) noexcept {
    std::uint64_t octave = (bits >> 52U) + 51;
    if (octave == 51) [[unlikely]] {  // a double without a leading one
      const auto shift = static_cast<unsigned>(std::countl_zero(bits)) - 11U;
      bits <<= shift;
      octave = 52 - shift;
    }
    return (octave << 32U) + fraction((bits >> 22U) & (steps - 1));
  }

  std::uint64_t per_octave_;  // buckets from one power of two to the next
};

}  // namespace core
