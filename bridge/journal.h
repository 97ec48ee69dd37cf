// Journal: messages received and not yet read, in order. One lane for each connection of the source, with one
// producer thread for each; one consumer thread (the edge), for which all lanes are one: the oldest message
// goes first, and arrivals never go back. Records lie in blocks of block_bytes that are allocated as they are
// needed and used again, so memory follows the backlog, and never exceeds the bound. A record is never split;
// one larger than a block gets a block of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "bridge/message.h"

namespace bridge {

class Journal {
 public:
  static constexpr std::size_t block_bytes = 256 << 10;
  static constexpr std::size_t batch_max = 128;  // of a lane

  // Blocks in use never exceed `bytes_max` in all; each lane has its part of it (at least two blocks).
  explicit Journal(std::size_t bytes_max, std::size_t lanes = 1);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // The fewest bytes_max that so many lanes keep to.
  [[nodiscard]] static constexpr std::size_t bytes_least(std::size_t lanes) noexcept {
    return 2 * block_bytes * lanes;
  }
  // Topic and payload together: messages of at most so many bytes find room as soon as all before them are
  // read. Precondition: bytes_max >= bytes_least(lanes).
  [[nodiscard]] static std::size_t message_bytes_max(std::size_t bytes_max, std::size_t lanes = 1) noexcept;

  // Producer of lane message.connection, in which arrivals never go back. Copies the message in and wakes a
  // waiting consumer; false, and no effect, when there is no room. A message larger than message_bytes_max()
  // may never find room.
  [[nodiscard]] bool push(const Message& message) noexcept;
  // Producer, after its last push.
  void close(std::size_t lane = 0) noexcept;

  // Consumer. The oldest message, or null when there is none now. Its views stay valid until pop().
  [[nodiscard]] const Message* front() noexcept;
  // Consumer. The oldest messages, as front(): of a lane as many as are there and lie in one block, at most
  // batch_max; of several, in order of arrival, until one that had some may have more.
  [[nodiscard]] std::span<const Message> batch() noexcept;
  // Consumer. Removes what front() or batch() gave. Precondition: that was something.
  void pop() noexcept;
  // Consumer. Time has come to `now`, or further where a message says so: to which time. What is given
  // afterwards has not arrived before that.
  core::Time advance(core::Time now) noexcept;
  // Consumer. Waits until there is a message, all lanes are closed, or `most` has passed.
  void wait(core::Duration most) noexcept;
  // Consumer. Closed by every producer, and every message popped.
  [[nodiscard]] bool finished() const noexcept;

  // Any thread.
  [[nodiscard]] std::uint64_t pushed() const noexcept;
  [[nodiscard]] std::uint64_t popped() const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept;  // blocks allocated

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
