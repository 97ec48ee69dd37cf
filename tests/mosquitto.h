// What live tests share: a real Mosquitto (or none, then the test says so and is skipped), a raw MQTT client
// that does exactly what it is told, a broker that follows a script, and certificates. Loopback only.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/local_broker.h"

namespace test {

// Ends the program with exit code 77 (skipped) where Mosquitto is not installed. Called before main:
// const bool have_broker = test::require_mosquitto();
bool require_mosquitto();
// The same for a program in PATH.
bool require_program(const std::string& name, const std::string& package);

// Waits for an event, which is looked for often; false when it has not come within a generous time.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds within = std::chrono::seconds{60});

// A TCP connection to 127.0.0.1, or one accepted there, that carries MQTT packets. Throws std::runtime_error
// when it breaks or nothing comes for 20 s.
class Wire {
 public:
  struct Packet {
    std::uint8_t head = 0;  // type and flags
    std::string body;
    [[nodiscard]] int type() const { return head >> 4; }
  };
  explicit Wire(int descriptor) : descriptor_(descriptor) {}
  static Wire connect(int port);
  Wire(Wire&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Wire();

  void send(std::string_view bytes) const;
  [[nodiscard]] Packet read() const;
  void shut() const;  // wakes a reader on another thread

 private:
  [[nodiscard]] std::string bytes(std::size_t count) const;
  int descriptor_;
};

std::string mqtt_text(std::string_view text);                       // length and bytes
std::string mqtt_packet(std::uint8_t head, std::string_view body);  // with its remaining length

// A MQTT 3.1.1 client, one thread.
class RawClient {
 public:
  struct Received {
    std::string topic;
    std::string payload;
    bool retained;
    friend bool operator==(const Received&, const Received&) = default;
  };
  struct Login {
    std::string user;
    std::string password;
  };
  // `clean` false: the broker keeps its session.
  RawClient(int port, std::string_view client_id, const Login& login = {}, bool clean = true);
  // Waits for the broker's acknowledgement (QoS 1, 2).
  void publish(std::string_view topic, std::string_view payload, int qos = 0, bool retain = false);
  void subscribe(std::string_view filter, int qos = 0);
  // The next message; acknowledged.
  Received next();
  [[nodiscard]] bool pending() const { return !held_.empty(); }  // next() would not wait
  // Returns when the broker has handled all that was sent before.
  void flush();

 private:
  Wire::Packet await(int type);
  Wire wire_;
  std::uint16_t id_ = 0;
  std::vector<Received> held_;
};

// Listens on a port, lets one client in after the other, and answers with the bytes of the script.
class ScriptedBroker {
 public:
  struct Script {
    std::string connack;                                     // whole packet
    std::function<std::string(const Wire::Packet&)> answer;  // to any other packet; empty: silence
  };
  explicit ScriptedBroker(Script script);
  ~ScriptedBroker();
  [[nodiscard]] std::string url() const { return "mqtt://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<std::string> connects() const;  // bodies of the CONNECT packets so far

 private:
  void serve();
  const Script script_;
  int port_ = 0;
  int listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> connects_;
  std::atomic<int> client_{-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Certificates made with the openssl command in a folder: ca.pem, other-ca.pem, and per name NAME.pem with
// NAME.key.
class Certificates {
 public:
  explicit Certificates(std::string folder);
  // `host`: subject alternative name, as openssl writes it ("IP:127.0.0.1", "DNS:elsewhere.example").
  void issue(const std::string& name, const std::string& host, bool expired = false) const;
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }

 private:
  void authority(const std::string& name) const;
  std::string folder_;
};

}  // namespace test
