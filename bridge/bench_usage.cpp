#include "bridge/bench_usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>

#include "core/doorbell.h"

namespace {

std::atomic<std::uint64_t> news{0};

void* counted(std::size_t size) noexcept {
  news.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}

void* counted(std::size_t size, std::align_val_t alignment) noexcept {
  news.fetch_add(1, std::memory_order_relaxed);
  const std::size_t unit = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}

void* need(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return need(counted(size)); }
void* operator new[](std::size_t size) { return need(counted(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return need(counted(size, alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return need(counted(size, alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace bridge {
namespace {

double cpu_seconds(clockid_t clock) {
  timespec used{};
  (void)::clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

// Of all cores since the machine started, in steps of some 10 ms: user, nice, system, interrupts, stolen.
// Allocates nothing, which would be counted.
double busy_seconds() {
  std::array<char, 512> text{};
  const int file = ::open("/proc/stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  (void)!::read(file, text.data(), text.size() - 1);
  (void)::close(file);
  unsigned long long user = 0, nice = 0, system = 0, interrupts = 0, soft = 0, stolen = 0;
  if (std::sscanf(text.data(), "cpu %llu %llu %llu %*u %*u %llu %llu %llu", &user, &nice, &system,
                  &interrupts, &soft, &stolen) != 6)
    return 0;
  return static_cast<double>(user + nice + system + interrupts + soft + stolen) /
         static_cast<double>(::sysconf(_SC_CLK_TCK));
}

rusage used_by(int who) {
  rusage used{};
  (void)::getrusage(who, &used);
  return used;
}

}  // namespace

Usage& Usage::operator+=(const Usage& more) {
  seconds += more.seconds;
  own_cpu += more.own_cpu;
  other_cpu += more.other_cpu;
  foreign_cpu += more.foreign_cpu;
  allocations += more.allocations;
  naps += more.naps;
  futex_waits += more.futex_waits;
  switches += more.switches;
  return *this;
}

Usage& Usage::operator-=(const Usage& less) {
  seconds -= less.seconds;
  own_cpu -= less.own_cpu;
  other_cpu -= less.other_cpu;
  foreign_cpu -= less.foreign_cpu;
  allocations -= less.allocations;
  naps -= less.naps;
  futex_waits -= less.futex_waits;
  switches -= less.switches;
  return *this;
}

Usage usage_now() {
  const core::Waits waits = core::waits();
  const double all = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  Usage usage;
  usage.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  usage.own_cpu = thread_cpu_seconds();
  usage.other_cpu = all - usage.own_cpu;
  usage.foreign_cpu = busy_seconds() - all;
  usage.allocations = allocations();
  usage.naps = waits.naps;
  usage.futex_waits = waits.sleeps;
  usage.switches = static_cast<std::uint64_t>(used_by(RUSAGE_SELF).ru_nvcsw);
  return usage;
}

double thread_cpu_seconds() { return cpu_seconds(CLOCK_THREAD_CPUTIME_ID); }

std::uint64_t thread_switches() { return static_cast<std::uint64_t>(used_by(RUSAGE_THREAD).ru_nvcsw); }

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t resident_bytes_peak() {
  return static_cast<std::uint64_t>(used_by(RUSAGE_SELF).ru_maxrss) << 10;
}

std::uint64_t allocations() noexcept { return news.load(std::memory_order_relaxed); }

}  // namespace bridge
