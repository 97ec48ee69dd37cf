#include "bridge/ordered_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bridge/error.h"

namespace bridge {
namespace {

std::FILE* open(const std::string& path) {
  if (path.empty()) return nullptr;
  return path == "-" ? stdout : std::fopen(path.c_str(), "wbx");
}

}  // namespace

OrderedFile::OrderedFile(std::string_view option, const std::string& path, Line line)
    : path_(path), file_(open(path)), line_(line) {
  if (file_ != nullptr || path.empty()) return;
  throw SetupError(std::string{option} + ": " + path + " cannot be created: " + std::strerror(errno) +
                   "; name a file that does not exist yet");
}

OrderedFile::~OrderedFile() {
  if (file_ != stdout && file_ != nullptr) std::fclose(file_);
}

void OrderedFile::write(std::string_view text) {
  if (file_ != nullptr) good_ = std::fwrite(text.data(), 1, text.size(), file_) == text.size() && good_;
}

void OrderedFile::take(const std::vector<Outbox*>& outboxes) {
  struct Place {
    core::Position cause;
    std::uint64_t series;
    std::size_t begin;
    std::size_t size;
  };
  std::string text;
  std::vector<Place> places;
  for (Outbox* outbox : outboxes) {
    for (const Result* result = outbox->front(); result != nullptr; result = outbox->front()) {
      ++lines_;
      if (file_ != nullptr) {
        const std::size_t begin = text.size();
        line_(*result, text);
        places.push_back({result->cause, result->series, begin, text.size() - begin});
      }
      outbox->pop();
    }
  }
  // Stable: what one series says because of one message keeps its order.
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.cause != b.cause ? a.cause < b.cause : a.series < b.series;
  });
  for (const Place& place : places) write(std::string_view{text}.substr(place.begin, place.size));
}

bool OrderedFile::finish() {
  good_ = (file_ == nullptr || std::fflush(file_) == 0) && good_;
  if (!good_) {
    std::fprintf(stderr, "weir: %s could not be written whole; is the disk full?\n", path_.c_str());
  }
  return good_;
}

}  // namespace bridge
