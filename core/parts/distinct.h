// Distinct: how many different values a pane has seen. Exact while they are few, then an estimate with a
// stated error, in a state of fixed size. This object is constant and shared by all threads; a state belongs
// to one worker. It never allocates.
//
// A state is bytes() zero bytes when empty, 8-byte aligned, and may be copied. What it answers depends on the
// set of values alone, not on their order nor on how they were merged. While there are at most `kept`, it
// keeps them; then it is a HyperLogLog (Flajolet et al. 2007) over 64-bit hashes that are the same on every
// machine, with the estimator of Ertl 2017, "New cardinality estimation algorithms for HyperLogLog sketches",
// which has no bias to correct, for any number.
#pragma once

#include <cstddef>
#include <cstdint>

namespace core {

class Distinct {
 public:
  static constexpr double error_default = 0.025;  // 2048 bytes
  static constexpr double error_min = 0.005;      // 65536 bytes
  static constexpr double error_max = 0.25;
  static constexpr std::uint32_t kept_max = 4096;

  // error: the standard error of an estimate, relative to it: two of three are within it, all but 3 in 1000
  // within three times as much. kept: how many different values are kept; 0 is allowed, and those that fit in
  // the memory that the estimate needs anyway (256 by default) cost no byte.
  Distinct(double error, std::uint32_t kept) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept;  // of one state, a multiple of 8

  void add(std::byte* state, double value) const noexcept;  // finite; -0.0 equals 0.0
  // As if all samples of `from` had been added to `into`. Both are states of this object, and not the same.
  void merge(std::byte* into, const std::byte* from) const noexcept;

  [[nodiscard]] bool approximate(const std::byte* state) const noexcept;  // more values than are kept
  // The standard error of estimate(): 0 while not approximate.
  [[nodiscard]] double error(const std::byte* state) const noexcept;
  [[nodiscard]] std::uint64_t estimate(const std::byte* state) const noexcept;

 private:
  struct Head;

  void add_key(std::byte* state, std::uint64_t key) const noexcept;
  void count_in(std::byte* state, std::uint64_t key) const noexcept;
  void to_registers(std::byte* state) const noexcept;

  std::uint32_t kept_;
  std::uint32_t index_bits_;  // there are 2^index_bits registers, a byte each
};

}  // namespace core
