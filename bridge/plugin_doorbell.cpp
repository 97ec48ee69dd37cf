#include "bridge/plugin_doorbell.h"

#include <signal.h>

namespace bridge {

BrokerBell::BrokerBell(bool works) : works_(works), broker_(pthread_self()) {
  if (!works_) return;
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;  // epoll_wait is never restarted, reads and writes are
  (void)sigaction(SIGURG, &action, nullptr);
}

BrokerBell::~BrokerBell() {
  if (works_) (void)signal(SIGURG, SIG_DFL);  // ignored; the handler goes with the plugin
}

void BrokerBell::ring() const noexcept {
  if (works_) (void)pthread_kill(broker_, SIGURG);
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace bridge
