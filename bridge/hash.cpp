#include "bridge/hash.h"

#define XXH_INLINE_ALL  // a call costs as much as a short text
#include <xxhash.h>

#include <random>

namespace bridge {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}
const std::uint64_t seed = random_seed();

}  // namespace

std::uint64_t hash_text(std::string_view text) noexcept {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

}  // namespace bridge
