#include "core/kernel_sorted.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace core::kernel {

bool replace_portable(std::span<double> sorted, double out, double in) noexcept {
  double* const from = sorted.data() + count_below(sorted, out);
  double* to = sorted.data() + count_below(sorted, in);
  if (from == sorted.data() + sorted.size() || *from != out) return false;
  if (to > from) {
    --to;
    std::memmove(from, from + 1, static_cast<std::size_t>(to - from) * sizeof(double));
  } else {
    std::memmove(to + 1, to, static_cast<std::size_t>(from - to) * sizeof(double));
  }
  *to = in;
  return true;
}

#if defined(__x86_64__)

// GCC's intrinsics leave an unused operand undefined, and it warns of that when it inlines them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"

#define WEIR_AVX512 __attribute__((target("avx512f")))

namespace {

// Of the values without `out`, and with `in`, eight at a time from the first on. Value i without `out` is
// value i where that is below `out`, else the one behind it; with `in` it is the middle one of itself, the
// one before it, and `in`. So nothing depends on where they are, which no processor could guess.
class Sweep {
 public:
  WEIR_AVX512 Sweep(double out, double in) noexcept
      : out_(_mm512_set1_pd(out)), in_(_mm512_set1_pd(in)), before_(in_) {}

  WEIR_AVX512 void step(double* place, __mmask8 here = 0xff, __mmask8 behind = 0xff) noexcept {
    const __m512d none = _mm512_set1_pd(std::numeric_limits<double>::infinity());
    const __m512d value = _mm512_mask_loadu_pd(none, here, place);
    const __m512d next = _mm512_mask_loadu_pd(none, behind, place + 1);
    found_ |= _mm512_cmp_pd_mask(value, out_, _CMP_EQ_OQ);
    const __m512d without = _mm512_mask_mov_pd(next, _mm512_cmp_pd_mask(value, out_, _CMP_LT_OQ), value);
    const __m512d one_before = _mm512_castsi512_pd(
        _mm512_alignr_epi64(_mm512_castpd_si512(without), _mm512_castpd_si512(before_), 7));
    const __m512d with = _mm512_min_pd(without, _mm512_max_pd(in_, one_before));
    _mm512_mask_storeu_pd(place, here, with);
    before_ = without;
  }
  [[nodiscard]] bool found() const noexcept { return found_ != 0; }

 private:
  __m512d out_, in_, before_;
  __mmask8 found_ = 0;
};

}  // namespace

// What changes lies between the two values' places, which are looked for roughly; both at once.
WEIR_AVX512 bool replace_avx512(std::span<double> sorted, double out, double in) noexcept {
  constexpr std::size_t rough = 12;
  const double low = std::min(out, in), high = std::max(out, in);
  double *first = sorted.data(), *last = first;
  std::size_t left = sorted.size();
  while (left > rough) {
    const std::size_t half = left / 2;
    first += half & -static_cast<std::size_t>(first[half - 1] < low);
    last += half & -static_cast<std::size_t>(last[half - 1] < high);
    left -= half;
  }
  last += left;  // no value from here on is below the higher one
  first =
      sorted.data() + (static_cast<std::size_t>(first - sorted.data()) & ~std::size_t{7});  // a whole line
  Sweep sweep(out, in);
  double* const end = sorted.data() + sorted.size();
  for (; first <= last && first + 8 < end; first += 8) sweep.step(first);
  if (first <= last && first < end) {
    const auto here = static_cast<__mmask8>((1U << (end - first)) - 1);
    sweep.step(first, here, here >> 1);
  }
  return sweep.found();
}

#pragma GCC diagnostic pop

#endif

}  // namespace core::kernel
