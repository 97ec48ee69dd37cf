// Uncancelled: as long as it lives, its thread cannot be cancelled (pthread_cancel), and says so in the one
// way that costs nothing. In a process with more than one thread the C library makes ready to be cancelled
// before every read() and epoll_wait(), and undoes it behind them, with a locked instruction each: a tenth of
// what a broker does for a message, from the moment a plugin starts a thread. It leaves that out where the
// type of cancellation is asynchronous already, which is of no effect while the state is disabled. Nobody
// cancels a broker's thread.
#pragma once

#include <pthread.h>

namespace bridge {

class Uncancelled {
 public:
  Uncancelled() {
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state_);  // first
    (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type_);
  }
  ~Uncancelled() {
    (void)pthread_setcanceltype(type_, nullptr);
    (void)pthread_setcancelstate(state_, nullptr);
  }
  Uncancelled(const Uncancelled&) = delete;
  Uncancelled& operator=(const Uncancelled&) = delete;

 private:
  int state_ = PTHREAD_CANCEL_ENABLE;
  int type_ = PTHREAD_CANCEL_DEFERRED;
};

}  // namespace bridge
