// What `weir check` prints: the effective configuration, and what follows from it. Pure; main thread.
#pragma once

#include <cstddef>
#include <string>

#include "bridge/config.h"

namespace bridge {

// `shards`: workers it would run with on this machine.
[[nodiscard]] std::string check_report(const Config& config, std::uint32_t shards);

// What a series takes in memory besides its state, about: its name of so many bytes (field and key values)
// with their lengths, its entry and its part of the index (core/series.h), its link in the wheel and its
// place (core/shard.h), and what tables that grow by doubling hold in reserve.
[[nodiscard]] constexpr std::size_t series_table_bytes(std::size_t name) {
  constexpr std::size_t lengths = 10, entry = 16, index = 20, link = 8, place = 4, reserve = 6;
  return name + lengths + entry + index + link + place + reserve;
}

}  // namespace bridge
