// The bytes of a recording, as recording.h tells them; for its writer and its reader only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace bridge::recording_format {

static_assert(std::endian::native == std::endian::little,
              "recordings are little endian and written as they lie in memory");

inline constexpr std::string_view magic = "weirrec1";
inline constexpr std::string_view magic_any_version = "weirrec";
// Records of one block; a larger block holds exactly one record.
inline constexpr std::size_t block_bytes = 256 << 10;

struct BlockHeader {
  std::uint32_t bytes;
  std::uint32_t count;
  std::uint64_t hash;
};
static_assert(sizeof(BlockHeader) == 16 && std::is_trivially_copyable_v<BlockHeader>);

inline constexpr std::uint8_t kind_message = 0;
inline constexpr std::uint8_t kind_tick = 1;
inline constexpr std::uint8_t kind_link_down = 2;
inline constexpr std::uint8_t kind_link_up = 3;
inline constexpr std::uint8_t flag_duplicate = 1;
inline constexpr std::uint8_t flag_stale = 2;

struct RecordHeader {
  std::int64_t arrival;
  std::uint32_t payload_bytes;
  std::uint16_t topic_bytes;
  std::uint16_t packet_id;
  std::uint8_t kind;
  std::uint8_t qos;
  std::uint8_t flags;
  std::uint8_t connection;
  std::uint32_t zero32;
};
static_assert(sizeof(RecordHeader) == 24 && std::is_trivially_copyable_v<RecordHeader>);

// Bytes of the whole record, zeros at its end included.
constexpr std::uint64_t record_bytes(const RecordHeader& header) {
  return (sizeof(RecordHeader) + std::uint64_t{header.topic_bytes} + header.payload_bytes + 7) / 8 * 8;
}

}  // namespace bridge::recording_format
