#include "bridge/native_bell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bridge {

Bell::Bell() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Bell::~Bell() { ::close(descriptor_); }

void Bell::ring() noexcept {
  if (rung_.exchange(true)) return;
  const std::uint64_t one = 1;
  (void)!::write(descriptor_, &one, sizeof one);
}

Bell::Ready Bell::wait(int socket, bool to_read, bool to_write, Clock::time_point until) noexcept {
  // A socket that is waited for nothing would still report its end, again and again.
  const bool watched = to_read || to_write;
  pollfd waited[2] = {
      {descriptor_, POLLIN, 0},
      {watched ? socket : -1, static_cast<short>((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0)), 0}};
  timespec most{};
  const bool ever = until == Clock::time_point::max();
  if (!ever) {
    const auto left = std::max(Clock::duration::zero(), until - Clock::now());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    most.tv_sec = seconds.count();
    most.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count();
  }
  if (::ppoll(waited, 2, ever ? nullptr : &most, nullptr) <= 0) return {};
  if (waited[0].revents != 0) {
    std::uint64_t rings;
    (void)!::read(descriptor_, &rings, sizeof rings);
    rung_ = false;
  }
  return {waited[1].revents != 0, waited[0].revents != 0};
}

}  // namespace bridge
