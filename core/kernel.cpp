#include "core/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace core::kernel {
namespace {

constexpr std::size_t run_lanes = 32;

struct Lanes {
  std::array<double, run_lanes> sum{}, squares{}, min{}, max{};
};

// The lanes' sums as one summary.
Summary gather(const Lanes& lanes, double reference, std::size_t count) noexcept {
  Summary result{.count = count, .reference = reference, .min = lanes.min[0], .max = lanes.max[0]};
  for (std::size_t i = 0; i < run_lanes; ++i) {
    detail::add_exactly(lanes.sum[i], result.sum_shifted, result.sum_compensation);
    detail::add_exactly(lanes.squares[i], result.squares_shifted, result.squares_compensation);
    if (lanes.min[i] < result.min) result.min = lanes.min[i];
    if (lanes.max[i] > result.max) result.max = lanes.max[i];
  }
  return result;
}

void add_to_lane(Lanes& lanes, std::size_t lane, double value, double reference) noexcept {
  const double difference = value - reference;
  lanes.sum[lane] += difference;
  lanes.squares[lane] = std::fma(difference, difference, lanes.squares[lane]);
  if (value < lanes.min[lane]) lanes.min[lane] = value;
  if (value > lanes.max[lane]) lanes.max[lane] = value;
}

// The values behind the last whole row of lanes.
Summary finish(Lanes& lanes, std::span<const double> values) noexcept {
  const std::size_t whole = values.size() / run_lanes * run_lanes;
  for (std::size_t i = whole; i < values.size(); ++i) add_to_lane(lanes, i - whole, values[i], values[0]);
  return gather(lanes, values[0], values.size());
}

void start(Lanes& lanes, double reference) noexcept {
  lanes.min.fill(reference);
  lanes.max.fill(reference);
}

void add_each_portable(Summary* const* summaries, const double* values) noexcept {
  for (std::size_t i = 0; i < width; ++i) summaries[i]->add(values[i]);
}

Summary summarize_portable(std::span<const double> values) noexcept {
  Lanes lanes;
  start(lanes, values[0]);
  for (std::size_t i = 0; i + run_lanes <= values.size(); i += run_lanes) {
    for (std::size_t lane = 0; lane < run_lanes; ++lane) {
      add_to_lane(lanes, lane, values[i + lane], values[0]);
    }
  }
  return finish(lanes, values);
}

#if defined(__x86_64__)

// GCC's intrinsics leave an unused operand undefined, and it warns of that when it inlines them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"

#define WEIR_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,fma")))
#define WEIR_AVX2 __attribute__((target("avx2,fma")))

// Rows become columns: eight summaries become vectors of one member each, and back.
WEIR_AVX512 inline void transpose(std::array<__m512d, 8>& row) noexcept {
  std::array<__m512d, 8> pair, four;
  for (std::size_t i = 0; i < 8; i += 2) {
    pair[i] = _mm512_unpacklo_pd(row[i], row[i + 1]);
    pair[i + 1] = _mm512_unpackhi_pd(row[i], row[i + 1]);
  }
  for (std::size_t half = 0; half < 8; half += 4) {
    for (std::size_t i = 0; i < 2; ++i) {
      four[half + i] = _mm512_shuffle_f64x2(pair[half + i], pair[half + i + 2], 0x88);
      four[half + i + 2] = _mm512_shuffle_f64x2(pair[half + i], pair[half + i + 2], 0xDD);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    row[i] = _mm512_shuffle_f64x2(four[i], four[i + 4], 0x88);
    row[i + 4] = _mm512_shuffle_f64x2(four[i], four[i + 4], 0xDD);
  }
}

// sum += value; returns what rounding took from it.
WEIR_AVX512 inline __m512d add_exactly(__m512d value, __m512d& sum) noexcept {
  const __m512d result = _mm512_add_pd(sum, value);
  const __m512d taken = _mm512_sub_pd(result, sum);
  const __m512d error =
      _mm512_add_pd(_mm512_sub_pd(sum, _mm512_sub_pd(result, taken)), _mm512_sub_pd(value, taken));
  sum = result;
  return error;
}

// Summary::add, step by step, for eight at once.
WEIR_AVX512 void add_each_avx512(Summary* const* summaries, const double* values) noexcept {
  std::array<__m512d, 8> row;
  for (std::size_t i = 0; i < 8; ++i) row[i] = _mm512_loadu_pd(reinterpret_cast<const double*>(summaries[i]));
  transpose(row);
  auto& [count, reference, sum, sum_rest, squares, squares_rest, min, max] = row;
  const __m512d value = _mm512_loadu_pd(values);
  count = _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(count), _mm512_set1_epi64(1)));
  const __m512d difference = _mm512_sub_pd(value, reference);
  const __m512d taken = _mm512_sub_pd(difference, value);
  const __m512d error =
      _mm512_sub_pd(_mm512_sub_pd(value, _mm512_sub_pd(difference, taken)), _mm512_add_pd(reference, taken));
  sum_rest = _mm512_add_pd(sum_rest, add_exactly(difference, sum));
  sum_rest = _mm512_add_pd(sum_rest, error);
  const __m512d square = _mm512_mul_pd(difference, difference);
  squares_rest = _mm512_add_pd(squares_rest, add_exactly(square, squares));
  const __m512d of_square = _mm512_fmsub_pd(difference, difference, square);
  const __m512d of_difference = _mm512_mul_pd(_mm512_mul_pd(_mm512_set1_pd(2), difference), error);
  squares_rest = _mm512_add_pd(squares_rest, _mm512_add_pd(of_square, of_difference));
  min = _mm512_min_pd(value, min);
  max = _mm512_max_pd(value, max);
  transpose(row);
  for (std::size_t i = 0; i < 8; ++i) _mm512_storeu_pd(reinterpret_cast<double*>(summaries[i]), row[i]);
}

WEIR_AVX512 Summary summarize_avx512(std::span<const double> values) noexcept {
  Lanes lanes;
  start(lanes, values[0]);
  const __m512d reference = _mm512_set1_pd(values[0]);
  std::array<__m512d, 4> sum, squares, min, max;
  for (std::size_t i = 0; i < 4; ++i) {
    sum[i] = squares[i] = _mm512_setzero_pd();
    min[i] = max[i] = reference;
  }
  for (std::size_t at = 0; at + run_lanes <= values.size(); at += run_lanes) {
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512d value = _mm512_loadu_pd(values.data() + at + 8 * i);
      const __m512d difference = _mm512_sub_pd(value, reference);
      sum[i] = _mm512_add_pd(sum[i], difference);
      squares[i] = _mm512_fmadd_pd(difference, difference, squares[i]);
      min[i] = _mm512_min_pd(value, min[i]);
      max[i] = _mm512_max_pd(value, max[i]);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    _mm512_storeu_pd(lanes.sum.data() + 8 * i, sum[i]);
    _mm512_storeu_pd(lanes.squares.data() + 8 * i, squares[i]);
    _mm512_storeu_pd(lanes.min.data() + 8 * i, min[i]);
    _mm512_storeu_pd(lanes.max.data() + 8 * i, max[i]);
  }
  return finish(lanes, values);
}

WEIR_AVX2 Summary summarize_avx2(std::span<const double> values) noexcept {
  Lanes lanes;
  start(lanes, values[0]);
  const __m256d reference = _mm256_set1_pd(values[0]);
  // Two passes over each piece of a row: eight vectors of four sums do not fit into the registers at once.
  for (std::size_t part = 0; part < run_lanes; part += 16) {
    std::array<__m256d, 4> sum, squares, min, max;
    for (std::size_t i = 0; i < 4; ++i) {
      sum[i] = squares[i] = _mm256_setzero_pd();
      min[i] = max[i] = reference;
    }
    for (std::size_t at = 0; at + run_lanes <= values.size(); at += run_lanes) {
      for (std::size_t i = 0; i < 4; ++i) {
        const __m256d value = _mm256_loadu_pd(values.data() + at + part + 4 * i);
        const __m256d difference = _mm256_sub_pd(value, reference);
        sum[i] = _mm256_add_pd(sum[i], difference);
        squares[i] = _mm256_fmadd_pd(difference, difference, squares[i]);
        min[i] = _mm256_min_pd(value, min[i]);
        max[i] = _mm256_max_pd(value, max[i]);
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      _mm256_storeu_pd(lanes.sum.data() + part + 4 * i, sum[i]);
      _mm256_storeu_pd(lanes.squares.data() + part + 4 * i, squares[i]);
      _mm256_storeu_pd(lanes.min.data() + part + 4 * i, min[i]);
      _mm256_storeu_pd(lanes.max.data() + part + 4 * i, max[i]);
    }
  }
  return finish(lanes, values);
}

#pragma GCC diagnostic pop

#endif

// Best first.
std::vector<Form> find_forms() {
  std::vector<Form> found;
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0;
  if (avx512) found.push_back({"avx512", add_each_avx512, summarize_avx512});
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    found.push_back({"avx2", add_each_portable, summarize_avx2});
  }
#endif
  found.push_back({"portable", add_each_portable, summarize_portable});
  return found;
}

const std::vector<Form> all_forms = find_forms();
const Form chosen = all_forms.front();

}  // namespace

void add_each(Summary* const* summaries, const double* values) noexcept {
  chosen.add_each(summaries, values);
}

Summary summarize(std::span<const double> values) noexcept { return chosen.summarize(values); }

std::string_view name() noexcept { return chosen.name; }

std::span<const Form> forms() noexcept { return all_forms; }

}  // namespace core::kernel
