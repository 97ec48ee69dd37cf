// The weir program as a process of its own, beside a live broker. One owner, one thread; ends it by its id
// when it goes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/temp_folder.h"

namespace test {

class LiveProgram {
 public:
  enum class Command { run, record };
  // weir run, with this configuration (JSON), and --record where a recording is named; or record, into it.
  explicit LiveProgram(const std::string& config, const std::string& recording = "",
                       Command command = Command::run);
  ~LiveProgram();  // SIGKILL
  LiveProgram(const LiveProgram&) = delete;
  LiveProgram& operator=(const LiveProgram&) = delete;

  // SIGTERM; its exit code, or -1 when it did not end by itself. Prints its log unless the code is 0.
  int stop();
  // SIGHUP, with this for the configuration; waits until its log says `outcome` once more.
  void reload(const std::string& config, const std::string& outcome);
  [[nodiscard]] std::string log() const { return folder_.read("log"); }
  // How often `text` stands in the log.
  [[nodiscard]] int logged(const std::string& text) const;
  // Port of its HTTP server; waits until it is known. 0: it never was.
  [[nodiscard]] int http_port() const;

 private:
  const TempFolder folder_;
  pid_t pid_ = 0;
};

}  // namespace test
