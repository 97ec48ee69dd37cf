// For tests of a link by itself: a listener that writes down what it hears, and a broker that the test plays.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/mqtt_link.h"
#include "bridge/wire_writer.h"
#include "tests/client_under_test.h"
#include "tests/mosquitto.h"

namespace test {

using bridge::MqttLink;

struct Heard {
  std::string topic;
  std::string payload;
  int qos;
  int packet_id;
  bool duplicate;
  bool stale;
  friend bool operator==(const Heard&, const Heard&) = default;
};

struct Ended {
  std::uint64_t id;
  bridge::Sink::Ended ended;
  int reason;
  friend bool operator==(const Ended&, const Ended&) = default;
};

class Recorder final : public bridge::MqttListener {
 public:
  void on_connected(const bridge::BrokerLimits& limits) noexcept override {
    note([&] { connected.push_back(limits); });
  }
  void on_connect_failed(bridge::ConnectFailure failure) noexcept override {
    note([&] { failed.push_back(failure.code); });
  }
  void on_lost(int reason) noexcept override {
    note([&] { lost.push_back(reason); });
  }
  void on_subscribed(std::size_t subscription, int code) noexcept override {
    note([&] { subscribed.emplace_back(subscription, code); });
  }
  void on_published(Id id, bridge::Sink::Ended how, int reason) noexcept override {
    note([&] { ended.push_back({id, how, reason}); });
  }
  void on_message(const bridge::Message& message) noexcept override {
    note([&] {
      messages.push_back({std::string(message.topic), std::string(message.payload), message.qos,
                          message.packet_id, message.duplicate, message.stale});
    });
  }
  void on_oversize() noexcept override {
    note([&] { ++oversize; });
  }

  // Waits until as many have come; a copy of them all. Fails the test when they do not come.
  template <class List>
  List take(List Recorder::*list, std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return (this->*list).size() >= count; }));
    return this->*list;
  }
  template <class List>
  std::size_t count(List Recorder::*list) {
    const std::lock_guard lock(mutex_);
    return (this->*list).size();
  }
  int oversize_count() {
    const std::lock_guard lock(mutex_);
    return oversize;
  }

  std::vector<bridge::BrokerLimits> connected;
  std::vector<int> failed;
  std::vector<int> lost;
  std::vector<std::pair<std::size_t, int>> subscribed;
  std::vector<Ended> ended;
  std::vector<Heard> messages;
  int oversize = 0;

 private:
  template <class Note>
  void note(const Note& what) {
    {
      const std::lock_guard lock(mutex_);
      what();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

// A port of 127.0.0.1 that the test answers itself, on its own thread.
class Peer {
 public:
  Peer();
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] int port() const { return port_; }
  // The next connection. Throws when none comes.
  [[nodiscard]] Wire accept() const;

 private:
  int port_ = 0;
  int listener_;
};

// A link and its broker.
class Played {
 public:
  explicit Played(int protocol, bridge::Client client = client_under_test());

  // Connects; the broker answers CONNECT with this, or without properties, refusals and a session.
  void connect(bool session = false);
  void connect_with(const std::string& connack);
  // Closes the broker's end, and waits until the link has noticed.
  void cut();
  void send(const std::string& bytes) const { wire.at(0).send(bytes); }
  // The next packet from the link; pings are left out.
  [[nodiscard]] Wire::Packet next() const;
  [[nodiscard]] bool closed() const;  // waits for the end of the connection; false: a packet came instead
  [[nodiscard]] MqttLink& link() { return *link_; }
  void destroy() { bridge::retire(std::move(link_)); }

  [[nodiscard]] std::string acknowledgement(bridge::wire::Type type, std::uint16_t id, int reason = 0) const;
  [[nodiscard]] std::string publish(const bridge::wire::Publish& message) const;

  const bridge::wire::Protocol protocol;
  Peer peer;
  Recorder recorder;
  bridge::MqttLinkSpec spec;  // until connect()
  std::vector<Wire> wire;     // one, or none

 private:
  std::unique_ptr<MqttLink> link_;
  std::size_t connects_ = 0, losses_ = 0;
};

}  // namespace test
