#include "bridge/recording.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/recording_format.h"
#include "core/check.h"

namespace bridge {

namespace format = recording_format;

namespace {

int create(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (file >= 0) return file;
  const std::string place = "recording: cannot create " + printable(path) + ": ";
  if (errno == EEXIST) throw SetupError(place + "it exists; give another name, or remove it first");
  throw SetupError(place + std::strerror(errno) + "; give a file in a folder that exists and may be written");
}

}  // namespace

struct RecordingWriter::Inner {
  int file;
  off_t whole = 0;  // bytes of the file up to the end of its last whole block
  bool failed = false;
  std::uint32_t count = 0;
  std::string block;  // the header's place, then records

  explicit Inner(const std::string& path) : file(create(path)) {
    block = format::magic;
    if (!write_out()) {
      const std::string cause = std::strerror(errno);
      ::close(file);
      ::unlink(path.c_str());
      throw SetupError("recording: cannot write " + printable(path) + ": " + cause);
    }
    start_block();
  }

  void start_block() {
    block.assign(sizeof(format::BlockHeader), '\0');
    count = 0;
  }

  // All of `block`, or nothing: what was written of it is taken back.
  bool write_out() {
    for (std::size_t done = 0; done < block.size();) {
      const ssize_t wrote = ::write(file, block.data() + done, block.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        const int cause = errno;
        // When this fails too, the reader meets a block that is cut off, and skips it.
        if (::ftruncate(file, whole) == 0) ::lseek(file, whole, SEEK_SET);
        errno = cause;
        failed = true;
        return false;
      }
      done += static_cast<std::size_t>(wrote);
    }
    whole += static_cast<off_t>(block.size());
    return true;
  }

  bool end_block() {
    if (failed) return false;
    if (count == 0) return true;
    const std::size_t bytes = block.size() - sizeof(format::BlockHeader);
    const format::BlockHeader header{static_cast<std::uint32_t>(bytes), count,
                                     XXH3_64bits(block.data() + sizeof(format::BlockHeader), bytes)};
    std::memcpy(block.data(), &header, sizeof header);
    const bool good = write_out();
    start_block();
    return good;
  }

  bool add(const format::RecordHeader& header, std::string_view topic, std::string_view payload) {
    if (failed) return false;
    const std::size_t bytes = format::record_bytes(header);
    if (block.size() - sizeof(format::BlockHeader) + bytes > format::block_bytes && !end_block())
      return false;
    const std::size_t end = block.size() + bytes;
    block.append(reinterpret_cast<const char*>(&header), sizeof header);
    block += topic;
    block += payload;
    block.resize(end, '\0');
    ++count;
    return true;
  }
};

RecordingWriter::RecordingWriter(const std::string& path) : inner_(std::make_unique<Inner>(path)) {}

RecordingWriter::~RecordingWriter() { static_cast<void>(close()); }

bool RecordingWriter::add(const Message& message) noexcept {
  CHECK(message.topic.size() <= std::numeric_limits<std::uint16_t>::max(), "topic of %zu bytes",
        message.topic.size());
  CHECK(message.payload.size() <= (std::size_t{1} << 31), "payload of %zu bytes", message.payload.size());
  const int flags =
      (message.duplicate ? format::flag_duplicate : 0) | (message.stale ? format::flag_stale : 0);
  return inner_->add(
      {message.arrival.time_since_epoch().count(), static_cast<std::uint32_t>(message.payload.size()),
       static_cast<std::uint16_t>(message.topic.size()), message.packet_id, format::kind_message, message.qos,
       static_cast<std::uint8_t>(flags), message.connection, 0},
      message.topic, message.payload);
}

bool RecordingWriter::add_tick(core::Time now) noexcept {
  return inner_->add({now.time_since_epoch().count(), 0, 0, 0, format::kind_tick, 0, 0, 0, 0}, {}, {});
}

bool RecordingWriter::add_link(bool up, core::Time now) noexcept {
  const std::uint8_t kind = up ? format::kind_link_up : format::kind_link_down;
  return inner_->add({now.time_since_epoch().count(), 0, 0, 0, kind, 0, 0, 0, 0}, {}, {});
}

bool RecordingWriter::flush() noexcept { return inner_->end_block(); }

bool RecordingWriter::close() noexcept {
  if (inner_->file < 0) return !inner_->failed;
  inner_->end_block();
  if (::close(inner_->file) != 0) inner_->failed = true;
  inner_->file = -1;
  return !inner_->failed;
}

}  // namespace bridge
