#include "core/doorbell.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace core {
namespace {

// Whoever waits has time to count.
std::atomic<std::uint64_t> naps{0}, sleeps{0};

bool membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

Waits waits() noexcept {
  return {naps.load(std::memory_order_relaxed), sleeps.load(std::memory_order_relaxed)};
}

void nap(Duration length) noexcept {
  naps.fetch_add(1, std::memory_order_relaxed);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(length);
  const std::timespec time{static_cast<std::time_t>(seconds.count()),
                           static_cast<long>((length - seconds).count())};
  ::nanosleep(&time, nullptr);  // a signal may cut it short: whoever naps looks again
}

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

#ifdef __SANITIZE_THREAD__
const bool Doorbell::sleeper_fences = false;  // it does not know what the system does here
#else
const bool Doorbell::sleeper_fences = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
#endif

bool Doorbell::fence_ringers() noexcept {
  return !sleeper_fences || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void Doorbell::until_rung(std::unique_lock<std::mutex>& lock, Duration most) noexcept {
  sleeps.fetch_add(1, std::memory_order_relaxed);
  const auto rung = [this] { return !asleep_.load(std::memory_order_relaxed); };
  // Adding a very long wait to the clock's now would overflow.
  if (most > std::chrono::hours{24}) return rung_.wait(lock, rung);
  rung_.wait_for(lock, most, rung);
}

void Doorbell::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    asleep_.store(false, std::memory_order_seq_cst);  // the next ringers need not come here
  }
  rung_.notify_one();
}

}  // namespace core
