// CHECK: our own bugs. On in every build; prints place, condition and values, then aborts.
// Bad input is never a CHECK: it is counted. Any thread may call it.
#pragma once

namespace core {

[[noreturn]] [[gnu::format(printf, 4, 5)]] void check_failed(const char* file, int line,
                                                             const char* condition, const char* format,
                                                             ...) noexcept;

}  // namespace core

// CHECK(a < b, "a %d, b %d", a, b): the text helps whoever reads the crash at night.
#define CHECK(condition, ...) \
  ((condition) ? void() : ::core::check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))
