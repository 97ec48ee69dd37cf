#include "core/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/kernel_add.h"
#include "core/kernel_sorted.h"

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

// A summary of our own, so that its sums stay at hand.
template <class Rest>
[[gnu::always_inline]] inline void add_few(Summary& summary, std::span<const double> values,
                                           Rest rest) noexcept {
  Summary all = summary;
  for (const double value : values) all.add_more(value, rest);
  summary = all;
}

void add_few_portable(Summary& summary, std::span<const double> values) noexcept {
  add_few(summary, values, detail::error_of_square);
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

Moments moments_portable(const Summary& summary) noexcept { return moments_of<ByHalves>(summary); }

#if defined(__x86_64__)

// GCC's intrinsics leave an unused operand undefined, and it warns of that when it inlines them.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"

#define WEIR_AVX512 __attribute__((target("avx512f,avx512dq,fma")))
#define WEIR_AVX2 __attribute__((target("avx2,fma")))

WEIR_AVX2 Moments moments_fused(const Summary& summary) noexcept { return moments_of<Fused>(summary); }

WEIR_AVX2 void add_few_fused(Summary& summary, std::span<const double> values) noexcept {
  add_few(summary, values, [](double value, double square) { return Fused::rest(value, value, square); });
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
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0)
    found.push_back(
        {"avx512", add_each_avx2, add_few_fused, summarize_avx512, moments_fused, replace_avx512});
  if (avx2) {
    found.push_back({"avx2", add_each_avx2, add_few_fused, summarize_avx2, moments_fused, replace_portable});
  }
#endif
  found.push_back({"portable", add_each_portable, add_few_portable, summarize_portable, moments_portable,
                   replace_portable});
  return found;
}

const std::vector<Form> all_forms = find_forms();
const Form chosen = all_forms.front();

}  // namespace

void add_each(std::span<Summary* const> summaries, const double* values) noexcept {
  chosen.add_each(summaries, values);
}

Summary summarize(std::span<const double> values) noexcept { return chosen.summarize(values); }

Moments moments(const Summary& summary) noexcept { return chosen.moments(summary); }

bool replace(std::span<double> sorted, double out, double in) noexcept {
  return chosen.replace(sorted, out, in);
}

void add_run(Summary& summary, std::span<const double> values) noexcept {
  if (values.size() >= run_lanes) return summary.merge(summarize(values));
  chosen.add_few(summary, values);
}

std::string_view name() noexcept { return chosen.name; }

std::span<const Form> forms() noexcept { return all_forms; }

}  // namespace core::kernel
