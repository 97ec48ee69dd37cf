#include "bridge/local_broker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "bridge/error.h"
#include "bridge/loopback.h"

namespace bridge {
namespace {

constexpr auto up_within = std::chrono::seconds{10};
constexpr int ports_tried = 5;  // another program may take a free port before Mosquitto does

bool takes_connections(int port) {
  const int socket = connect_loopback(port);
  if (socket >= 0) ::close(socket);
  return socket >= 0;
}

std::string make_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "weir-broker-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw SetupError("local broker: no temporary folder " + pattern);
  return pattern;
}

std::string with_folder(std::string settings, const std::string& folder) {
  constexpr std::string_view name = "{folder}";
  for (std::size_t at = settings.find(name); at != std::string::npos; at = settings.find(name, at)) {
    settings.replace(at, name.size(), folder);
  }
  return settings;
}

// Runs in the child: only what is allowed between fork and exec.
[[noreturn]] void become(const char* program, const char* config, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // goes with the thread that started it
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execl(program, program, "-c", config, static_cast<char*>(nullptr));
  ::_exit(127);
}

}  // namespace

LocalBroker::LocalBroker(LocalBrokerOptions options)
    : options_(std::move(options)), program_(program()), folder_(make_folder()) {
  if (program_.empty()) {
    throw SetupError(
        "local broker: mosquitto is not installed (looked in PATH, /usr/sbin and /usr/local/sbin); install "
        "the "
        "package mosquitto");
  }
}

LocalBroker::~LocalBroker() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string LocalBroker::program() {
  const char* const path = ::getenv("PATH");
  std::stringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/usr/local/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/mosquitto";
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::string LocalBroker::url() const {
  return (options_.tls ? "mqtts://127.0.0.1:" : "mqtt://127.0.0.1:") + std::to_string(port_);
}

std::string LocalBroker::log() const {
  std::ifstream in(file("mosquitto.log"));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void LocalBroker::write_config() const {
  std::ofstream out(file("mosquitto.conf"));
  out << "listener " << port_ << " 127.0.0.1\n"
      << "allow_anonymous " << (options_.anonymous ? "true" : "false") << "\n"
      << "max_queued_messages 100000\n"  // the default, 1000, drops what it has already acknowledged
      << "persistence true\n"
      << "persistence_location " << folder_ << "/\n";
  if (::geteuid() == 0) out << "user root\n";  // else it would give up root, and with it the folder
  out << with_folder(options_.settings, folder_) << "\n";
  if (!out.flush()) throw SetupError("local broker: cannot write " + file("mosquitto.conf"));
}

void LocalBroker::start() {
  if (pid_ != 0) return;
  const bool first = port_ == 0;
  for (int attempt = 0; attempt < (first ? ports_tried : 1); ++attempt) {
    if (first) port_ = free_port();
    write_config();
    const std::string config = file("mosquitto.conf");
    const int output = ::open(file("mosquitto.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_ = ::fork();
    if (pid_ == 0) become(program_.c_str(), config.c_str(), output);
    ::close(output);
    if (pid_ < 0) {
      pid_ = 0;
      throw SetupError("local broker: no process for mosquitto");
    }
    if (came_up()) return;
    kill();
  }
  throw SetupError("local broker: mosquitto does not come up on 127.0.0.1:" + std::to_string(port_) +
                   "; it says: " + log());
}

bool LocalBroker::came_up() const {
  const auto end = std::chrono::steady_clock::now() + up_within;
  while (std::chrono::steady_clock::now() < end) {
    siginfo_t ended{};
    const int asked = ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (asked == 0 && ended.si_pid == pid_) return false;
    if (takes_connections(port_)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return false;
}

int LocalBroker::end(int signal) {
  int status = 0;
  if (pid_ == 0) return status;
  ::kill(pid_, signal);
  ::kill(pid_, SIGCONT);  // a paused one hears nothing else
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return status;
}

void LocalBroker::kill() { (void)end(SIGKILL); }
int LocalBroker::stop() {
  const int status = end(SIGTERM);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
void LocalBroker::reload() const {
  if (pid_ != 0) ::kill(pid_, SIGHUP);
}
void LocalBroker::pause() {
  if (pid_ != 0) ::kill(pid_, SIGSTOP);
}
void LocalBroker::resume() {
  if (pid_ != 0) ::kill(pid_, SIGCONT);
}

}  // namespace bridge
