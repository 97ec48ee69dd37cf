// Cursor: takes MQTT's fields off the front of a packet's body; once a field is not there, or not as it must
// be, all that follow fail too, and fault() says what was wrong first. For the wire readers. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bridge/wire_reader.h"

namespace bridge::wire {

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] Fault fault() const noexcept { return fault_; }
  [[nodiscard]] bool ok() const noexcept { return fault_ == Fault::none; }
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::string_view rest() const noexcept { return {at_, left()}; }
  // The first fault stays.
  void fail(Fault fault) noexcept {
    if (fault_ == Fault::none) fault_ = fault;
    at_ = end_;
  }
  void require(bool good, Fault fault) noexcept {
    if (!good) fail(fault);
  }

  std::uint8_t u8() noexcept { return has(1) ? byte() : std::uint8_t{0}; }
  std::uint16_t u16() noexcept {
    if (!has(2)) return 0;
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::uint32_t u32() noexcept {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::string_view bytes(std::size_t count) noexcept {
    if (!has(count)) return {};
    const std::string_view taken(at_, count);
    at_ += count;
    return taken;
  }
  // A variable byte integer.
  std::uint32_t number() noexcept {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
      const unsigned digit = u8();
      value |= (digit & 0x7F) << shift;
      if (digit < 0x80) {
        require(digit != 0 || shift == 0, Fault::length);  // not in as few bytes as it needs
        return value;
      }
    }
    fail(Fault::length);
    return 0;
  }
  std::string_view binary() noexcept { return bytes(u16()); }
  // UTF-8 without NUL.
  std::string_view text() noexcept {
    const std::string_view taken = binary();
    require(valid_text(taken), Fault::text);
    return taken;
  }
  std::uint16_t packet_id() noexcept {
    const std::uint16_t id = u16();
    require(!ok() || id != 0, Fault::packet_id);
    return id;
  }
  // What is left must be nothing.
  [[nodiscard]] Fault end() noexcept {
    require(left() == 0, Fault::trailing);
    return fault_;
  }

 private:
  bool has(std::size_t count) noexcept {
    if (left() >= count) return true;
    fail(Fault::cut_short);
    return false;
  }
  std::uint8_t byte() noexcept { return static_cast<std::uint8_t>(*at_++); }

  const char* at_;
  const char* end_;
  Fault fault_ = Fault::none;
};

// The properties of a packet of this kind, with their length before them (wire_properties.cpp). A will's:
// Type::none.
void read_properties(Type kind, Cursor& in, Properties& out) noexcept;

}  // namespace bridge::wire
