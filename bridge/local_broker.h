// LocalBroker: a Mosquitto of our own on a loopback port, with a generated configuration in a temporary
// folder; for the demo, the bench and the live tests. One owner, one thread. Ends its process by its id, and
// removes the folder, when it goes.
#pragma once

#include <sys/types.h>

#include <string>

namespace bridge {

struct LocalBrokerOptions {
  bool tls = false;       // the listener speaks TLS; `settings` names the files
  bool anonymous = true;  // anybody may connect
  std::string settings;   // further lines of mosquitto.conf; {folder} becomes the broker's folder
};

class LocalBroker {
 public:
  // Makes the folder; starts nothing. Throws SetupError where Mosquitto is not installed.
  explicit LocalBroker(LocalBrokerOptions options = {});
  ~LocalBroker();  // kill()
  LocalBroker(const LocalBroker&) = delete;
  LocalBroker& operator=(const LocalBroker&) = delete;

  // Path of the program; empty when there is none.
  [[nodiscard]] static std::string program();

  // Starts it and waits until it takes connections; again on the same port. No effect while it runs. Throws
  // SetupError with the end of the broker's log when it does not come up.
  void start();
  void kill();    // SIGKILL: it saves nothing
  int stop();     // SIGTERM: it saves its sessions; its exit code, -1: a signal ended it, 0: it did not run
  void pause();   // SIGSTOP: connections stay open, nothing is answered
  void resume();  // SIGCONT
  void reload() const;  // SIGHUP: it reads its configuration again

  [[nodiscard]] int port() const { return port_; }  // 0 before the first start()
  [[nodiscard]] pid_t pid() const { return pid_; }  // 0: not running
  [[nodiscard]] std::string url() const;            // "mqtt://127.0.0.1:port"
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string log() const;  // what it wrote so far

 private:
  int end(int signal);  // how waitpid puts it
  void write_config() const;
  [[nodiscard]] bool came_up() const;
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }

  const LocalBrokerOptions options_;
  const std::string program_;
  std::string folder_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace bridge
