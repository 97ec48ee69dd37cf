// Hash: of texts that others choose, for tables in memory. Seeded at random for each process, so that nobody
// outside can aim at one cell; never stored, never sent. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace bridge {

[[nodiscard]] std::uint64_t hash_text(std::string_view text) noexcept;

}  // namespace bridge
