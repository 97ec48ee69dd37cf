#include "bridge/bench_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <new>
#include <system_error>

namespace bridge {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// The kernel ends the child when its parent is gone, also when that happened before this call.
void end_with_parent(pid_t parent, int signal) {
  (void)::setpgid(0, 0);  // Ctrl-C is for the bench alone, which ends its children in order
  (void)::prctl(PR_SET_PDEATHSIG, signal);
  if (::getppid() != parent) ::_exit(1);
}

// No signal reaches the child before default_signals(): the parent's handlers are not for it.
pid_t fork_without_signals() {
  sigset_t all, before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int error = errno;
  if (pid != 0) (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

void default_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) (void)::signal(signal, SIG_DFL);
  sigset_t none;
  (void)::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::uint64_t status_kib(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(key, 0) == 0) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  return 0;
}

}  // namespace

core::Duration cpu_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
    return core::Duration{0};
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

Child Child::of(const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  (void)std::fflush(nullptr);
  const pid_t pid = fork_without_signals();
  if (pid < 0) fail("bench: fork");
  if (pid > 0) return Child(pid);
  default_signals();
  end_with_parent(parent, SIGKILL);
  int code = 1;
  try {
    code = body();
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "%s\n", error.what());
  }
  ::_exit(code);
}

Child Child::of(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) fail(("bench: " + log).c_str());
  const pid_t parent = ::getpid();
  const pid_t pid = fork_without_signals();
  if (pid == 0) {
    default_signals();
    end_with_parent(parent, SIGTERM);
    (void)::dup2(out, 1);
    (void)::dup2(out, 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(out);
  if (pid < 0) fail("bench: fork");
  return Child(pid);
}

Child::~Child() {
  if (pid_ <= 0 || ended_) return;
  (void)::kill(pid_, SIGKILL);
  (void)wait(true);
}

// Whether it has ended.
bool Child::wait(bool block) {
  if (ended_) return true;
  int status = 0;
  pid_t got = 0;
  do got = ::waitpid(pid_, &status, block ? 0 : WNOHANG);
  while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  ended_ = true;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool Child::runs() { return !wait(false); }

int Child::stop(core::Duration most) {
  if (wait(false)) return code_;
  (void)::kill(pid_, SIGTERM);
  constexpr core::Duration step = std::chrono::milliseconds{10};
  const timespec nap{0, step.count()};
  for (core::Duration waited{0}; waited < most && !wait(false); waited += step)
    (void)::nanosleep(&nap, nullptr);
  if (!ended_) (void)::kill(pid_, SIGKILL);
  (void)wait(true);
  return code_;
}

core::Duration Child::cpu() const { return ended_ ? core::Duration{0} : cpu_of(pid_); }

std::uint64_t Child::resident_bytes() const { return status_kib(pid_, "VmRSS:") << 10; }
std::uint64_t Child::resident_bytes_peak() const { return status_kib(pid_, "VmHWM:") << 10; }

void* map_shared(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

void unmap_shared(void* memory, std::size_t bytes) { (void)::munmap(memory, bytes); }

}  // namespace bridge
