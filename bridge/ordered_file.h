// OrderedFile: what the workers wrote, one line each, in the order of the message that caused it, then of
// series as they began: the same bytes for any number of workers, whatever their queues and batches. One
// thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/outbox.h"

namespace bridge {

class OrderedFile {
 public:
  // Appends what stands in the file for a result, its end of line included.
  using Line = void (*)(const Result& result, std::string& out);

  // "-" is standard output; an empty path is nowhere: lines are only counted. `option`: what named the file,
  // for the message of the SetupError that is thrown when it exists already or cannot be created.
  OrderedFile(std::string_view option, const std::string& path, Line line);
  ~OrderedFile();
  OrderedFile(const OrderedFile&) = delete;
  OrderedFile& operator=(const OrderedFile&) = delete;

  // Writes text as it is: what comes before all lines.
  void write(std::string_view text);
  // Precondition: the engine is settled. Takes all that the outboxes hold.
  void take(const std::vector<Outbox*>& outboxes);

  // False, and a message on standard error, when something could not be written.
  [[nodiscard]] bool finish();
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  std::string path_;
  std::FILE* file_;  // null: nowhere
  Line line_;
  bool good_ = true;
  std::uint64_t lines_ = 0;
};

}  // namespace bridge
