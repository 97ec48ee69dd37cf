#include "core/kernel_add.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace core::kernel {

void add_each_portable(std::span<Summary* const> summaries, const double* values) noexcept {
  for (std::size_t i = 0; i < summaries.size(); ++i) summaries[i]->add(values[i]);
}

#if defined(__x86_64__)

// GCC's intrinsics leave an unused operand undefined, and it warns of that when it inlines them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

#define WEIR_AVX2 __attribute__((target("avx2,fma")))

namespace {

// Two members that lie side by side, of four summaries: of the first and the third, of the second and the
// fourth. They are put together as they are loaded and taken apart as they are stored, which costs no
// shuffle.
struct Pairs {
  __m256d even, odd;
};

WEIR_AVX2 inline __m256d load_two(const Summary* low, const Summary* high, std::size_t at) noexcept {
  const auto pair = [at](const Summary* summary) {
    return _mm_loadu_pd(reinterpret_cast<const double*>(summary) + at);
  };
  return _mm256_insertf128_pd(_mm256_castpd128_pd256(pair(low)), pair(high), 1);
}

WEIR_AVX2 inline Pairs load(Summary* const* four, std::size_t at) noexcept {
  return {load_two(four[0], four[2], at), load_two(four[1], four[3], at)};
}

WEIR_AVX2 inline void store_two(__m256d pairs, Summary* low, Summary* high, std::size_t at) noexcept {
  _mm_storeu_pd(reinterpret_cast<double*>(low) + at, _mm256_castpd256_pd128(pairs));
  _mm_storeu_pd(reinterpret_cast<double*>(high) + at, _mm256_extractf128_pd(pairs, 1));
}

WEIR_AVX2 inline void store(const Pairs& pairs, Summary* const* four, std::size_t at) noexcept {
  store_two(pairs.even, four[0], four[2], at);
  store_two(pairs.odd, four[1], four[3], at);
}

// Two members of four summaries, in order, as pairs; of pairs, the two members.
WEIR_AVX2 inline Pairs zip(__m256d first, __m256d second) noexcept {
  return {_mm256_unpacklo_pd(first, second), _mm256_unpackhi_pd(first, second)};
}

// sum += value; returns what rounding took from it.
WEIR_AVX2 inline __m256d add_exactly(__m256d value, __m256d& sum) noexcept {
  const __m256d result = sum + value;
  const __m256d taken = result - sum;
  const __m256d error = (sum - (result - taken)) + (value - taken);
  sum = result;
  return error;
}

WEIR_AVX2 inline __m256d count_up(__m256d counts_and_references) noexcept {
  const __m256i counts = _mm256_castpd_si256(counts_and_references);
  return _mm256_castsi256_pd(_mm256_add_epi64(counts, _mm256_setr_epi64x(1, 0, 1, 0)));
}

// Summary::add, step by step, for four at once. The two sums of a summary, and what rounding takes from them,
// lie side by side and are added to as they lie.
[[gnu::always_inline]] WEIR_AVX2 inline void add_four(Summary* const* first, const double* values) noexcept {
  Summary* const four[] = {first[0], first[1], first[2], first[3]};  // what is stored may not be them
  Pairs begin = load(four, 0), ends = load(four, 2), sums = load(four, 4), rests = load(four, 6);
  const __m256d value = _mm256_loadu_pd(values);
  const __m256d reference = _mm256_unpackhi_pd(begin.even, begin.odd);
  const __m256d difference = value - reference;
  const __m256d taken = difference - value;
  const __m256d error = (value - (difference - taken)) - (reference + taken);
  const __m256d square = difference * difference;
  const __m256d of_square = _mm256_fmsub_pd(difference, difference, square);
  const __m256d of_difference = (difference + difference) * error;
  const Pairs added = zip(difference, square);
  const Pairs errors = zip(error, of_square + of_difference);
  rests.even = rests.even + add_exactly(added.even, sums.even) + errors.even;
  rests.odd = rests.odd + add_exactly(added.odd, sums.odd) + errors.odd;
  begin = {count_up(begin.even), count_up(begin.odd)};
  const Pairs extremes = zip(ends.even, ends.odd);
  ends = zip(_mm256_min_pd(value, extremes.even), _mm256_max_pd(value, extremes.odd));
  store(begin, four, 0);
  store(ends, four, 2);
  store(sums, four, 4);
  store(rests, four, 6);
}

// Whether one of four summaries comes twice. Not with vectors, whose shuffles wait for those of add_four.
bool any_twice(Summary* const* four) noexcept {
  return four[0] == four[1] || four[0] == four[2] || four[0] == four[3] || four[1] == four[2] ||
         four[1] == four[3] || four[2] == four[3];
}

}  // namespace

// Not with the vectors of eight that AVX-512 has: what they save, its shuffles lose, which wait for one port.
WEIR_AVX2 void add_each_avx2(std::span<Summary* const> summaries, const double* values) noexcept {
  constexpr std::size_t width = 4;
  while (summaries.size() >= width) {
    if (any_twice(summaries.data())) [[unlikely]] {
      add_each_portable(summaries.first(width), values);
    } else {
      add_four(summaries.data(), values);
    }
    summaries = summaries.subspan(width);
    values += width;
  }
  add_each_portable(summaries, values);
}

#pragma GCC diagnostic pop

#endif

}  // namespace core::kernel
