// Novelty: how new a deviation is among those a series has shown before. Two questions, of which the smaller
// answer counts: is it far, compared with the usual size of deviations, and is it larger than the largest
// that is remembered. The first keeps noise, random walks and smooth seasons quiet at a known rate; the
// second lets a series that is spiky by nature set its own standard.
//   novelty   min(s / (z * scale * (1 + widen / n)), s / (ratio * record * (1 + 8 / n))), s = |deviation|
//   scale     mean of s, each clipped at max(4 * scale, record / 10)
//   record    the largest s on the same side, at least half of that on the other; each sample keeps the part
//             `keep` of it, and raises it sixfold at most
// Sources: record statistics (Chandler 1952): of n like deviations the last is the largest with probability
// 1 / n; clipped learning (Huber 1964). 24 bytes; zero bytes: nothing was seen. Owned by one worker.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "core/parts/written.h"

namespace core {

class Novelty {
 public:
  struct Rule {
    double z;      // of the usual size
    double ratio;  // of the record
    double widen;  // deviations that must be known before z is believed
    double keep;
    double rate;  // of learning the scale
  };
  static constexpr double clip = 4;

  // The `n`-th deviation, which the value `value` after `before` has shown: 1 and more is new. Learns from
  // it. `floor`: no scale is smaller.
  double add(double deviation, double n, double floor, const Rule& rule, double value,
             double before) noexcept {
    const double s = std::abs(deviation);
    const std::size_t side = deviation < 0 ? 1 : 0;
    const double usual = std::max(scale_, floor);
    const double own = record_[side];
    double record = std::max({own, record_[1 - side] / 2, usual});
    double novelty = 0;
    if (s > record) [[unlikely]] {
      record = std::max({record, least(value, before)});
      if (n > few && s > record) novelty = compare(s, record, usual, n, rule);
    }
    record_[side] = std::max(own * rule.keep, record > 0 ? std::min(s, growth * record) : s);
    record_[1 - side] *= rule.keep;
    const double most = n > few ? std::max(clip * usual, own / 10) : growth * record;
    scale_ += (std::min(s, most) - scale_) * (n * rule.rate < 1 ? 1 / n : rule.rate);
    return novelty;
  }

  [[nodiscard]] double scale() const noexcept { return scale_; }
  // The largest deviation that is remembered, upwards and downwards.
  [[nodiscard]] double up() const noexcept { return record_[0]; }
  [[nodiscard]] double down() const noexcept { return record_[1]; }

 private:
  static constexpr double few = 16;    // deviations that must be known to judge
  static constexpr double growth = 6;  // of a record by one deviation
  static constexpr double most_new = 1e150;

  // A deviation of two of the steps that values are written in, or of their last digits, is none.
  static double least(double value, double before) noexcept {
    return std::max(2 * written_step(value, before), 1e-9 * std::min(std::abs(value), std::abs(before)));
  }
  static double compare(double s, double record, double usual, double n, const Rule& rule) noexcept {
    const double far = s / (rule.z * usual * (1 + rule.widen / n));  // infinite where nothing has moved yet
    const double large = s / (rule.ratio * record * (1 + 8 / n));
    return std::min({far, large, most_new});
  }

  double scale_ = 0;
  std::array<double, 2> record_{};  // upwards, downwards
};

}  // namespace core
