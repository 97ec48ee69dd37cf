// Outbox: results on their way from one worker to the publisher. One producer thread, one consumer thread,
// bounded bytes; a full outbox refuses (the worker counts it): workers never wait for the broker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/item.h"

namespace bridge {

struct Result {
  core::Position cause;
  std::uint64_t series;  // its ordinal (core/series.h)
  std::string_view topic;
  std::string_view payload;
  bool retain = false;  // the broker is to keep it, whatever publish.retain says
  bool urgent = false;  // a flag: published before results that wait
};

class Outbox {
 public:
  // Memory follows what waits, up to `bytes_max`.
  explicit Outbox(std::size_t bytes_max);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Producer. False, and no effect but a count in refused(), when there is no room.
  bool push(const Result& result) noexcept;
  // Consumer. The oldest result or null; valid until pop().
  [[nodiscard]] const Result* front() noexcept;
  void pop() noexcept;

  // Any thread.
  [[nodiscard]] std::uint64_t pushed() const noexcept;
  [[nodiscard]] std::uint64_t popped() const noexcept;
  [[nodiscard]] std::uint64_t refused() const noexcept;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
