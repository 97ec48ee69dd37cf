// ReplayInput: a file (or standard input) as a run of bytes that is read as it is needed, and what the three
// readers of replayed traffic share. Not part of what other rooms use: they see replay_reader.h. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/replay_reader.h"

namespace bridge {

// The longest line, row or block that is read; a longer one is skipped and counted.
inline constexpr std::size_t replay_line_bytes_max = 64 << 20;

class ReplayInput {
 public:
  // "-": standard input. Throws SetupError.
  explicit ReplayInput(const std::string& path);
  ~ReplayInput();
  ReplayInput(const ReplayInput&) = delete;
  ReplayInput& operator=(const ReplayInput&) = delete;

  // What lies ahead: at least `wanted` bytes, unless the input ends before. payload_padding readable bytes
  // follow. Valid until the next call of fill().
  std::string_view fill(std::size_t wanted);
  // Passes over the first `bytes` of what fill() gave last.
  void consume(std::size_t bytes);
  // Bytes passed over since the beginning.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  // Why reading ended early; empty: it did not.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  void read_some();
  void make_room(std::size_t wanted);

  int file_;
  bool ended_ = false;
  std::string failure_;
  std::uint64_t offset_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;  // without the padding
  std::size_t begin_ = 0;     // of what is not consumed
  std::size_t end_ = 0;
};

// What the readers have in common: the input, counting what cannot be read, and times that never go back.
class InputReader : public ReplayReader {
 protected:
  InputReader(const std::string& path, std::unique_ptr<ReplayInput> input)
      : path_(path), input_(std::move(input)) {}

  // Counts one unreadable record; `what` is remembered if it is the first ("line 17: no topic").
  void skip(const std::string& what);
  // Sets message.arrival, or to the time of the record before, if that was later.
  void set_arrival(core::Time time, Record& record);
  // To be called at the end of the input: says when it was no proper end.
  void finish();

  std::string path_;
  std::unique_ptr<ReplayInput> input_;

 private:
  core::Time latest_ = core::no_time;
  bool finished_ = false;
};

[[nodiscard]] std::unique_ptr<ReplayReader> open_recording(const std::string& path,
                                                           std::unique_ptr<ReplayInput> input);
[[nodiscard]] std::unique_ptr<ReplayReader> open_json_lines(const std::string& path,
                                                            std::unique_ptr<ReplayInput> input);
[[nodiscard]] std::unique_ptr<ReplayReader> open_csv(const std::string& path,
                                                     std::unique_ptr<ReplayInput> input,
                                                     const CsvOptions& options);

// Why no message can have this topic; empty: it can.
[[nodiscard]] std::string_view topic_problem(std::string_view topic);
// The whole of `text` is a number as JSON writes them.
[[nodiscard]] bool is_json_number(std::string_view text);

}  // namespace bridge
