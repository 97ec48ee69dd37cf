// One value for another in sorted values: the kernel's forms of it. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>

namespace core::kernel {

// How many values are below `value`. Without a branch on what it finds: which way a search goes nobody can
// guess.
inline std::size_t count_below(std::span<const double> sorted, double value) noexcept {
  const double* base = sorted.data();
  std::size_t left = sorted.size();
  while (left > 1) {
    const std::size_t half = left / 2;
    base += half & -static_cast<std::size_t>(base[half - 1] < value);
    left -= half;
  }
  return static_cast<std::size_t>(base - sorted.data()) + (left == 1 && *base < value ? 1 : 0);
}

// False, and the values are no longer of use, where `out` is not one of them. No zero is negative.
bool replace_portable(std::span<double> sorted, double out, double in) noexcept;
#if defined(__x86_64__)
bool replace_avx512(std::span<double> sorted, double out, double in) noexcept;
#endif

}  // namespace core::kernel
