// Usage: what a piece of work took: time, processors, memory asked for, and waits. Plain values; measured on
// the thread that drives the work.
#pragma once

#include <atomic>
#include <cstdint>

namespace bridge {

// All of the process, but for `own_cpu`.
struct Usage {
  double seconds = 0;
  double own_cpu = 0;             // seconds of the calling thread
  double other_cpu = 0;           // of all other threads
  std::uint64_t allocations = 0;  // calls of operator new
  std::uint64_t naps = 0;         // timed waits for work or for room, without a lock
  std::uint64_t futex_waits = 0;  // sleeps until another thread rings
  double foreign_cpu = 0;         // seconds that other programs used, and that a hypervisor took
  std::uint64_t switches = 0;     // as the system counts them: a thread gave its processor up and waited

  Usage& operator+=(const Usage& more);
  Usage& operator-=(const Usage& less);
};

// So far; the difference of two is what lies between.
[[nodiscard]] Usage usage_now();
[[nodiscard]] double thread_cpu_seconds();
// Times that the calling thread gave its processor up and waited.
[[nodiscard]] std::uint64_t thread_switches();
[[nodiscard]] std::uint64_t resident_bytes();
[[nodiscard]] std::uint64_t resident_bytes_peak();

// Calls of operator new so far, by all threads, in a program that bench_allocations.cpp is part of: a relaxed
// addition each. Memory that C libraries ask for and pages mapped directly are not among them.
inline std::atomic<std::uint64_t> allocated{0};
[[nodiscard]] inline std::uint64_t allocations() noexcept {
  return allocated.load(std::memory_order_relaxed);
}

}  // namespace bridge
