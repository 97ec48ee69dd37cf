// Quantiles: order statistics of a pane's samples. Exact while they are few, then within a relative error
// that it knows, in a state of fixed size. This object is constant and shared by all threads; a state belongs
// to one worker. It never allocates, and does nothing by libm that another machine could round differently.
//
// A state is bytes() zero bytes when empty, 8-byte aligned, and may be copied. What it answers depends on the
// samples alone, not on their order nor on how they were merged:
// * While there are at most `kept` samples, it keeps them. kept up to `buckets` costs no byte.
// * Then it counts them in buckets, values of one bucket being within the error of the bucket's middle
//   (DDSketch: Masson, Rim, Lee 2019). Buckets are numbered by a logarithm that is cubic between powers of
//   two (1 % more buckets than the true one), in integers.
// * Only buckets that hold something are stored, at most `buckets` of them. When one more is needed, each two
//   neighbours become one: the error e becomes 2e / (1 + e^2) (UDDSketch: Epicoco et al. 2020, "UDDSketch:
//   accurate tracking of quantiles in data streams"). That happens exactly as often as it takes to make the
//   samples seen fit, so it is a matter of the samples too.
// How far that reaches: at 1 %, 512 buckets hold all values from 1 to 25,000, or from 1 to 150 of both signs.
// 1e5 values of a normal distribution around zero, of which the smallest are as many buckets apart as the
// largest, need 900 and are known to 2 % with 512. Values from 1e-300 to 1e300 fit only with an error() near
// 1, by which nothing is known but the sign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/parts/log_scale.h"

namespace core {

class Quantiles {
 public:
  static constexpr double error_default = 0.01;
  static constexpr std::uint32_t buckets_default = 512;
  static constexpr std::uint32_t buckets_min = 16;
  static constexpr std::uint32_t buckets_max = 4096;
  static constexpr std::uint32_t kept_max = 4096;

  // error: of a value once samples are no longer kept, relative to it, unless there are too many buckets.
  // kept: how many samples are kept; 0 is allowed. buckets: how many are stored; 8 bytes each.
  Quantiles(double error, std::uint32_t kept, std::uint32_t buckets = buckets_default) noexcept;

  [[nodiscard]] std::size_t bytes() const noexcept;  // of one state, a multiple of 8

  // value is finite; -0.0 counts as 0.0. A state holds fewer than 2^40 samples.
  void add(std::byte* state, double value) const noexcept;
  // As if all samples of `from` had been added to `into`. Both are states of this object, and not the same.
  void merge(std::byte* into, const std::byte* from) const noexcept;

  [[nodiscard]] std::uint64_t count(const std::byte* state) const noexcept;
  [[nodiscard]] bool approximate(const std::byte* state) const noexcept;  // more samples than are kept
  // The relative error of order statistics now: 0 while not approximate.
  [[nodiscard]] double error(const std::byte* state) const noexcept;

  // Type 7: linear between order statistics, at p * (count - 1). p in [0, 1], count > 0. Exact while not
  // approximate; p 0 and p 1 always. Otherwise each of the two order statistics is within error(), and so is
  // what lies between them if they have one sign; where doubles are further apart than the error, below
  // 1e-306, within their distance of 5e-324 more. Never decreases with p.
  [[nodiscard]] double quantile(const std::byte* state, double p) const noexcept;
  // out[i] = quantile(state, ps[i]), for the price of one. out is as long as ps.
  void quantiles(const std::byte* state, std::span<const double> ps, std::span<double> out) const noexcept;

  // How many values lie strictly below `low` or above `high`. low <= high, which may be infinite. Exact while
  // not approximate; then values in the bucket of a limit count as inside: nothing is counted that does not
  // lie outside, and nothing is missed that is beyond the limit by more than a factor (1 + e) / (1 - e).
  [[nodiscard]] std::uint64_t outside(const std::byte* state, double low, double high) const noexcept;

  // The median (type 7) of the values' distances from `middle`. count > 0. Exact while not approximate; then
  // a value counts as the middle of its bucket.
  [[nodiscard]] double deviation(const std::byte* state, double middle) const noexcept;

 private:
  struct Head;
  struct Ordered;

  void add_bucket(std::byte* state, std::uint32_t key, std::uint32_t level,
                  std::uint64_t times) const noexcept;
  [[nodiscard]] bool put(std::byte* state, std::uint32_t key, std::uint64_t times) const noexcept;
  void to_buckets(std::byte* state) const noexcept;
  void collapse(std::byte* state) const noexcept;
  [[nodiscard]] std::uint32_t key_of(double value) const noexcept;
  [[nodiscard]] double middle_of(std::uint32_t key, std::uint32_t level) const noexcept;

  double error_;
  std::uint32_t kept_;
  std::uint32_t buckets_;
  LogScale scale_;
};

}  // namespace core
