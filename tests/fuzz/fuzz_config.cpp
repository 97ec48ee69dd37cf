// The configuration loader: any text is taken or refused with a SetupError, in bounded time; what is taken
// survives describe.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bridge/config.h"
#include "bridge/error.h"
#include "bridge/rules.h"
#include "tests/config_equal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  bridge::Config config;
  try {
    config = bridge::parse_config(text);
  } catch (const bridge::SetupError&) {
    return 0;
  }
  // From here on nothing may be refused: what is valid can be printed, read again, and compiled into rules.
  const bridge::Config again = bridge::parse_config(bridge::describe(config));
  if (!test::same(config, again)) std::abort();
  const bridge::Rules rules(config);
  if (rules.streams().size() != config.streams.size()) std::abort();
  return 0;
}
