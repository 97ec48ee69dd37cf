#include "core/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace core {

void check_failed(const char* file, int line, const char* condition, const char* format, ...) noexcept {
  std::fprintf(stderr, "weir: a bug in weir at %s:%d: CHECK(%s) failed: ", file, line, condition);
  std::va_list values;
  va_start(values, format);
  std::vfprintf(stderr, format, values);
  va_end(values);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace core
