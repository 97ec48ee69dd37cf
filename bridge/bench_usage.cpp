#include "bridge/bench_usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "core/doorbell.h"

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

}  // namespace bridge
