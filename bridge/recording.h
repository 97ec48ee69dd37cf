// Recording: messages in a file, as the journal held them: what `weir record` writes and `weir replay` reads.
// Format (little endian): the 8 bytes "weirrec1", then blocks: {u32 bytes of records, u32 count, u64 XXH3 of
// the records}, then the records: {i64 arrival ns, u32 payload bytes, u16 topic bytes, u16 packet id, u8 kind
// (0 message, 1 tick, 2 link down, 3 link up), u8 qos, u8 flags (1 duplicate, 2 stale), u8 connection, u32
// zero}, topic, payload, zeros to a multiple of 8. A tick has no topic and no payload: its arrival is how
// late it was when the edge had nothing to read. A block holds at most 256 KiB of records, or a single larger
// one. One owner, one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bridge/message.h"

namespace bridge {

class RecordingWriter {
 public:
  // Creates the file (it must not exist). Throws SetupError.
  explicit RecordingWriter(const std::string& path);
  ~RecordingWriter();  // close(), its failure is lost
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  // False once a write has failed (disk full); the file keeps its whole blocks.
  [[nodiscard]] bool add(const Message& message) noexcept;
  [[nodiscard]] bool add_tick(core::Time now) noexcept;
  // From `now` on nothing could be heard, or everything again.
  [[nodiscard]] bool add_link(bool up, core::Time now) noexcept;
  // Ends the block in hand and hands it to the system.
  [[nodiscard]] bool flush() noexcept;
  [[nodiscard]] bool close() noexcept;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
