// The fleet's random numbers: functions of a seed, a purpose and up to three indices, so that any of them can
// be asked for in any order. Arithmetic only: the math library's last digits differ between machines. Pure;
// any thread.
#pragma once

#include <cmath>
#include <cstdint>

namespace bridge::fleet_random {

// What a random number is for: each purpose draws from a sequence of its own, so that more fields or faults
// do not change the rest.
enum class Purpose : std::uint64_t { noise = 1, offset, wave, order, field, length, place, sign, size };

inline std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

inline std::uint64_t draw(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b = 0,
                          std::uint64_t c = 0) {
  return mix(mix(mix(mix(seed ^ (static_cast<std::uint64_t>(purpose) << 56)) + a) + b) + c);
}

// In [0, 1).
inline double uniform(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// Mean 0, deviation 1, never beyond 6: the sum of twelve 16-bit uniform numbers. Needs no logarithm, which
// differs by library.
inline double normal(std::uint64_t bits) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 3; ++i) {
    sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    bits = mix(bits);
  }
  return (static_cast<double>(sum) + 6) * 0x1p-16 - 6;
}

// sin(2 pi turns), to 0.002 (Bhaskara): arithmetic only.
inline double wave(double turns) {
  const double u = turns - std::floor(turns);
  const double half = u < 0.5 ? 2 * u : 2 * u - 1;
  const double arch = 16 * half * (1 - half) / (5 - 4 * half * (1 - half));
  return u < 0.5 ? arch : -arch;
}

}  // namespace bridge::fleet_random
