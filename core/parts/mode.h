// Mode: the most frequent value of a pane. Exact while at most `kept` different values have been seen, then
// of the frequent ones, with bounds, in a state of fixed size. This object is constant and shared by all
// threads; a state belongs to one worker. It never allocates.
//
// A state is bytes() zero bytes when empty, 8-byte aligned, and may be copied. It counts each value; when
// there is no room for one more, as much is taken from every count as leaves room, and undercount() grows by
// it (Misra, Gries 1982; merging: Agarwal et al. 2012, "Mergeable summaries"). undercount() never exceeds the
// number of samples / (kept + 1). While not approximate, what it answers depends on the samples alone. Then
// merging two is still the same both ways, but how samples were grouped shows within undercount().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace core {

class Mode {
 public:
  static constexpr std::uint32_t kept_default = 64;
  static constexpr std::uint32_t kept_max = 1024;

  // kept: how many different values are counted, 1 to kept_max; 16 bytes each.
  explicit Mode(std::uint32_t kept) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept;  // of one state, a multiple of 8

  void add(std::byte* state, double value) const noexcept;  // finite; -0.0 equals 0.0
  // As if all samples of `from` had been added to `into`. Both are states of this object, and not the same.
  void merge(std::byte* into, const std::byte* from) const noexcept;

  [[nodiscard]] bool approximate(
      const std::byte* state) const noexcept;  // more different values than are kept
  // The value with the highest count, of several the smallest. Nothing when the state is empty, or so many
  // values have been seen that none stood out. Surely the most frequent if times() exceeds every other
  // value's by undercount(); a value of more than 1 / (kept + 1) of all samples is never lost.
  [[nodiscard]] std::optional<double> mode(const std::byte* state) const noexcept;
  // How often mode() was seen: at least this, at most undercount() more.
  [[nodiscard]] std::uint64_t times(const std::byte* state) const noexcept;
  [[nodiscard]] std::uint64_t undercount(const std::byte* state) const noexcept;  // 0 while not approximate

 private:
  struct Head;
  struct Counted;

  [[nodiscard]] bool put(std::byte* state, const Counted& counted) const noexcept;
  void take(std::byte* state, std::uint64_t times) const noexcept;
  [[nodiscard]] Counted most(const std::byte* state) const noexcept;

  std::uint32_t kept_;
};

}  // namespace core
