#include "bridge/intake.h"

#include <thread>

#include "bridge/oversize.h"

namespace bridge {
namespace {
// The journal's reader frees a block of many messages at a time; it tells nobody.
constexpr auto look_again = std::chrono::microseconds{200};
}  // namespace

bool Intake::take(Message message) noexcept {
  message.arrival = clock_.now();
  message.connection = connection_;
  counters_.received.add();
  if (oversize(message, limits_)) {
    counters_.oversize.add();
    return false;
  }
  Push pushed = push(message);
  if (pushed == Push::full) {
    counters_.waits.add();
    if (when_full_ == WhenFull::block && !stuck_) pushed = push_waiting(message) ? Push::done : Push::full;
    stuck_ = pushed != Push::done;
  } else {
    stuck_ = false;
  }
  if (pushed != Push::done) counters_.shed.add();
  return pushed == Push::done;
}

bool Intake::push_waiting(const Message& message) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + hold_most_;
  while (std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(look_again);
    const Push pushed = push(message);
    if (pushed != Push::full) return pushed == Push::done;
  }
  return false;
}

Intake::Push Intake::push(const Message& message) noexcept {
  const std::lock_guard lock(mutex_);
  if (!open_ || journal_ == nullptr) return Push::closed;
  return journal_->push(message) ? Push::done : Push::full;
}

void Intake::stop() noexcept {
  const std::lock_guard lock(mutex_);
  if (open_ && journal_ != nullptr) journal_->close(connection_);
  open_ = false;
}

}  // namespace bridge
