// One value into each of many summaries: the kernel's forms of it. Pure; any thread.
#pragma once

#include <span>

#include "core/summary.h"

namespace core::kernel {

// kernel::add_each, which see.
void add_each_portable(std::span<Summary* const> summaries, const double* values) noexcept;
#if defined(__x86_64__)
void add_each_avx2(std::span<Summary* const> summaries, const double* values) noexcept;
#endif

}  // namespace core::kernel
