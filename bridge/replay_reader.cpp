#include "bridge/replay_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/recording_format.h"
#include "bridge/replay_input.h"
#include "core/check.h"

namespace bridge {

namespace {

constexpr std::size_t read_bytes = 256 << 10;

int open_input(const std::string& path) {
  if (path == "-") return STDIN_FILENO;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat what {};
  if (file >= 0 && ::fstat(file, &what) == 0 && S_ISDIR(what.st_mode)) {
    ::close(file);
    throw SetupError("replay: " + printable(path) + " is a folder; give the files in it");
  }
  if (file < 0) {
    throw SetupError("replay: cannot open " + printable(path) + ": " + std::strerror(errno) +
                     "; give a recording, JSON lines or CSV, or - for standard input");
  }
  return file;
}

// The first byte that is not blank, or 0.
char first_character(std::string_view text) {
  const std::size_t at = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return at == std::string_view::npos ? '\0' : text[at];
}

std::size_t digits(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at - begin;
}

}  // namespace

ReplayInput::ReplayInput(const std::string& path) : file_(open_input(path)) {}

ReplayInput::~ReplayInput() {
  if (file_ != STDIN_FILENO) ::close(file_);
}

std::string_view ReplayInput::fill(std::size_t wanted) {
  make_room(wanted);
  while (end_ - begin_ < wanted && !ended_) read_some();
  return {buffer_.get() + begin_, end_ - begin_};
}

void ReplayInput::consume(std::size_t bytes) {
  CHECK(bytes <= end_ - begin_, "%zu of %zu bytes", bytes, end_ - begin_);
  begin_ += bytes;
  offset_ += bytes;
}

void ReplayInput::make_room(std::size_t wanted) {
  if (capacity_ - begin_ >= wanted) return;
  const std::size_t held = end_ - begin_;
  if (capacity_ < wanted) {
    const std::size_t larger = std::max({wanted, capacity_ * 2, read_bytes});
    auto buffer = std::make_unique<char[]>(larger + payload_padding);
    if (held != 0) std::memcpy(buffer.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  } else {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
}

void ReplayInput::read_some() {
  const ssize_t got = ::read(file_, buffer_.get() + end_, capacity_ - end_);
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
  } else if (got == 0 || errno != EINTR) {
    ended_ = true;
    if (got < 0) failure_ = std::string("cannot be read further: ") + std::strerror(errno);
  }
}

void InputReader::skip(const std::string& what) {
  if (skipped_++ == 0) first_problem_ = what;
}

void InputReader::set_arrival(core::Time time, Record& record) {
  if (time < latest_) {
    ++reordered_;
  } else {
    latest_ = time;
  }
  record.message.arrival = latest_;
}

void InputReader::finish() {
  if (!std::exchange(finished_, true) && !input_->failure().empty()) {
    skip("byte " + std::to_string(input_->offset()) + ": " + input_->failure());
  }
}

std::unique_ptr<ReplayReader> ReplayReader::open(const std::string& path, const CsvOptions& csv) {
  auto input = std::make_unique<ReplayInput>(path);
  const std::string_view start = input->fill(recording_format::magic.size());
  if (start.starts_with(recording_format::magic_any_version)) return open_recording(path, std::move(input));
  const bool no_json = !csv.topic.empty() && first_character(input->fill(64)) != '{';
  if (path.ends_with(".csv") || no_json) return open_csv(path, std::move(input), csv);
  return open_json_lines(path, std::move(input));
}

std::string_view topic_problem(std::string_view topic) {
  if (topic.empty()) return "an empty topic";
  if (topic.size() > 65535) return "a topic of more than 65535 bytes";
  if (topic.find_first_of(std::string_view("+#\0", 3)) != std::string_view::npos)
    return "a topic with +, # or NUL";
  return {};
}

bool is_json_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = digits(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits(text, ++at);
    if (fraction == 0) return false;
    at += fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = digits(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

}  // namespace bridge
