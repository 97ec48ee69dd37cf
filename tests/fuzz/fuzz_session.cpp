// The retained message that says what our session has subscribed (session_filters.h): any bytes are read or
// refused, and what is read comes back the same when it is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bridge/session_filters.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto filters = bridge::read_session_filters({reinterpret_cast<const char*>(bytes), size});
  if (filters && bridge::read_session_filters(bridge::session_filters_json(*filters)) != filters)
    std::abort();
  return 0;
}
