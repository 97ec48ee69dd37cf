#include "tests/live_program.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "tests/mosquitto.h"

namespace test {

LiveProgram::LiveProgram(const std::string& config, const std::string& recording, Command command) {
  std::vector<std::string> arguments{WEIR_PROGRAM, command == Command::run ? "run" : "record"};
  const std::string path = folder_.write("weir.json", config);
  const int output = ::open(folder_.file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  arguments.push_back(path);
  if (command == Command::run && !recording.empty()) arguments.emplace_back("--record");
  if (!recording.empty()) arguments.push_back(recording);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process for weir");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(WEIR_PROGRAM, pointers.data());
    ::_exit(127);
  }
  ::close(output);
}

LiveProgram::~LiveProgram() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

int LiveProgram::stop() {
  int status = 0;
  ::kill(pid_, SIGTERM);
  const bool ended = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (ended) pid_ = 0;
  const int code = ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code != 0) std::fprintf(stderr, "weir ended with %d; it said:\n%s\n", code, log().c_str());
  return code;
}

void LiveProgram::reload(const std::string& config, const std::string& outcome) {
  const int before = logged(outcome);
  (void)folder_.write("weir.json", config);
  ::kill(pid_, SIGHUP);
  if (!eventually([&] { return logged(outcome) > before; }))
    throw std::runtime_error("reload: no \"" + outcome + "\"; weir said:\n" + log());
}

int LiveProgram::logged(const std::string& text) const {
  const std::string all = log();
  int count = 0;
  for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + text.size()))
    ++count;
  return count;
}

int LiveProgram::http_port() const {
  const std::string before = "http=\"port ";
  std::size_t at = std::string::npos;
  eventually([&] { return (at = log().find(before)) != std::string::npos; });
  return at == std::string::npos ? 0 : std::atoi(log().c_str() + at + before.size());
}

}  // namespace test
