// Child: a process that the bench starts and measures. Ends with its owner: killed and waited for by the
// destructor, and by the kernel when the bench itself dies. Owned by the bench's one thread (a process with
// threads must not fork without exec).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"

namespace bridge {

// CPU that a process has used so far, all its threads; zero when it has ended.
[[nodiscard]] core::Duration cpu_of(pid_t process);

class Child {
 public:
  // Runs `body` in a copy of this process; its result is the exit code. Precondition: this process has one
  // thread.
  static Child of(const std::function<int()>& body);
  // Runs a program; what it says goes to the file `log`. Throws std::runtime_error when it cannot be started.
  static Child of(const std::vector<std::string>& command, const std::string& log);

  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  // Has not ended.
  [[nodiscard]] bool runs();
  // SIGTERM, SIGKILL after `most`; the exit code, or 128 + signal. Once.
  int stop(core::Duration most);

  // Of the whole process so far. Zero when it has ended.
  [[nodiscard]] core::Duration cpu() const;
  [[nodiscard]] std::uint64_t resident_bytes() const;
  [[nodiscard]] std::uint64_t resident_bytes_peak() const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  bool wait(bool block);

  pid_t pid_;
  bool ended_ = false;
  int code_ = 0;
};

// Memory that this process and the children it forks see alike; zero at first. T needs no destructor.
template <class T>
class Shared;
void* map_shared(std::size_t bytes);
void unmap_shared(void* memory, std::size_t bytes);

template <class T>
class Shared {
 public:
  Shared() : value_(new (map_shared(sizeof(T))) T()) {}
  ~Shared() { unmap_shared(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  static_assert(std::is_trivially_destructible_v<T>);
  T* value_;
};

}  // namespace bridge
