// BrokerBell: makes the loop of an idle broker turn. Mosquitto's thread sleeps in epoll_wait, up to 100 ms; a
// signal sent to that thread alone ends the sleep. The signal is SIGURG, which nobody uses and which is
// ignored where nobody asks for it; its handler does nothing.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace bridge {

class BrokerBell {
 public:
  // The broker's thread. `works` false: ring() has no effect.
  explicit BrokerBell(bool works);
  ~BrokerBell();  // the broker's thread, when nobody rings any more
  BrokerBell(const BrokerBell&) = delete;
  BrokerBell& operator=(const BrokerBell&) = delete;

  // Any thread. Lost when the broker is awake and about to sleep.
  void ring() const noexcept;

 private:
  const bool works_;
  const pthread_t broker_;
};

// While it lives, threads that its thread starts are asked to take no signal: they are the broker's to take.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace bridge
