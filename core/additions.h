// Additions: samples of plain series on the way into their panes, in order, so that many are added at once.
// On the stack of whoever handles items; the summaries are a shard's.
#pragma once

#include <array>
#include <cstddef>

#include "core/kernel.h"
#include "core/summary.h"

namespace core {

// The arrays are apart so that the compiler keeps the number of samples at hand.
struct AdditionRoom {
  static constexpr std::size_t most = 32;

  std::array<Summary*, most> panes;
  std::array<double, most> values;
};

class Additions {
 public:
  explicit Additions(AdditionRoom& room) noexcept : panes_(room.panes.data()), values_(room.values.data()) {}
  // How many more there may be before the next flush().
  [[nodiscard]] std::size_t room() const noexcept { return AdditionRoom::most - size_; }
  // Precondition: there is room.
  void add(Summary* pane, double value) noexcept {
    panes_[size_] = pane;
    values_[size_] = value;
    ++size_;
  }
  void flush() noexcept {
    if (size_ == 0) return;
    kernel::add_each({panes_, size_}, values_);
    size_ = 0;
  }

 private:
  Summary** panes_;
  double* values_;
  std::size_t size_ = 0;
};

}  // namespace core
