// A way to a broker that a test can cut. Listens on 127.0.0.1, carries each connection on to a port there,
// and knows it by the client id of its CONNECT.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace test {

class Relay {
 public:
  explicit Relay(int to_port);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  [[nodiscard]] std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }

  // Of the connection that this client has now. From now on nothing that the client sends arrives.
  void mute(const std::string& client_id);
  // Bytes that did not arrive.
  [[nodiscard]] std::size_t lost(const std::string& client_id) const;
  // Breaks it, both ways. False: the client has none.
  bool cut(const std::string& client_id);

 private:
  struct Way;

  void serve();
  static void carry(Way& way);
  [[nodiscard]] std::shared_ptr<Way> find(const std::string& client_id) const;

  const int to_port_;
  int port_ = 0;
  int listener_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Way>> ways_;  // the latest last
  std::vector<std::jthread> carriers_;
  std::atomic<bool> stopping_{false};
  std::jthread server_;
};

}  // namespace test
