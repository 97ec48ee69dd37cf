// Kernel: the additions that most of the time is spent in, many at once where the processor can (AVX-512;
// AVX2 for runs), chosen when the program starts. Every form gives the same bits. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

#include "core/moments.h"
#include "core/summary.h"

namespace core::kernel {

// summaries[i]->add(values[i]) for each i, in order; none is empty, and one may come again. Where none of
// four comes twice they are added at once: the bits are those of Summary::add as long as no square leaves the
// range of normal doubles (a difference from the reference beyond 1e150, or below 1e-140 and not 0); then
// they differ by less than what a sum of such squares rounds.
void add_each(std::span<Summary* const> summaries, const double* values) noexcept;

// All of `values`, in order, not empty. Moments relate to the first value. Values are added in 32 lanes
// without compensation, and the lanes with: the relative error of the sum of squares is at most (n / 32 + 3)
// / 2^53.
[[nodiscard]] Summary summarize(std::span<const double> values) noexcept;

// Adds all of `values` to a summary that is not empty: a short run one by one (with the bits of Summary::add,
// as above), a longer one summarised, for which 32 lanes have to be put together first.
void add_run(Summary& summary, std::span<const double> values) noexcept;

// Of a summary that is not empty: what sum(), mean(), variance() and stddev() say, at once.
[[nodiscard]] Moments moments(const Summary& summary) noexcept;

// One value of sorted ones leaves, another comes. False, and they are no longer of use, where `out` is not
// one of them. No zero is negative.
[[nodiscard]] bool replace(std::span<double> sorted, double out, double in) noexcept;

// Which form was chosen: "avx512", "avx2", "portable".
[[nodiscard]] std::string_view name() noexcept;

// For tests: all forms this machine has.
struct Form {
  std::string_view name;
  void (*add_each)(std::span<Summary* const>, const double*) noexcept;
  void (*add_few)(Summary&, std::span<const double>) noexcept;
  Summary (*summarize)(std::span<const double>) noexcept;
  Moments (*moments)(const Summary&) noexcept;
  bool (*replace)(std::span<double>, double, double) noexcept;
};
[[nodiscard]] std::span<const Form> forms() noexcept;

}  // namespace core::kernel
