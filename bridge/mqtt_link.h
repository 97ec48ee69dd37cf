// MqttLink: one client object of the Paho library, and the only place that calls it. It does what it is told,
// once: it does not retry, wait or decide; that is MqttClient's part. What happens is told to the listener on
// the library's threads.
//
// All methods may be called by one thread at a time (MqttClient sees to it), and none but publish() from
// inside a listener's method.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/config.h"
#include "bridge/message.h"
#include "bridge/sink.h"

namespace bridge {

// What the broker allows us, from its CONNACK.
struct BrokerLimits {
  bool session_present = false;
  std::uint32_t receive_maximum = 65535;     // our publications at QoS 1 and 2 that may be under way
  std::uint32_t packet_bytes_max = 0;        // 0: no limit
  std::uint32_t session_expiry_seconds = 0;  // what it grants, where it differs from what we asked for
  bool session_expiry_differs = false;
};

// How a connection attempt failed. `code` > 0: the broker's CONNACK said so (MQTT reason code); else the
// connection broke before it answered.
struct ConnectFailure {
  int code;
};

// Called on the library's threads while it holds its own lock: must not wait or throw.
class MqttListener {
 public:
  using Id = std::uint64_t;
  virtual ~MqttListener() = default;
  virtual void on_connected(const BrokerLimits& limits) noexcept = 0;
  virtual void on_connect_failed(ConnectFailure failure) noexcept = 0;
  // reason: code of the broker's DISCONNECT packet; 0: it closed the connection, or it broke.
  virtual void on_lost(int reason) noexcept = 0;
  // code: 0 to 2 is the QoS granted; anything else a refusal, or -1: no answer any more.
  virtual void on_subscribed(std::size_t subscription, int code) noexcept = 0;
  // reason: a refusal's code.
  virtual void on_published(Id id, Sink::Ended ended, int reason) noexcept = 0;
  // Arrival is not set.
  virtual void on_message(const Message& message) noexcept = 0;
};

struct MqttLinkSpec {
  std::string uri;      // "tcp://host:port" or "ssl://host:port"
  BrokerConfig broker;  // all but url and secrets
  bool tls = false;
  std::string password;
  std::string will_topic;    // empty: no will
  std::string will_payload;  // retained, QoS 1
  std::uint32_t publish_buffer = 1000;
};

class MqttLink {
 public:
  // `listener` outlives the link. Throws SetupError where the library refuses the parameters.
  MqttLink(const MqttLinkSpec& spec, MqttListener& listener);
  // Closes the connection and drops what is under way (each publication is told as lost). No listener's
  // method runs afterwards. See retire().
  ~MqttLink();
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  // Begins an attempt; on_connected or on_connect_failed follows. False: the library refuses; nothing
  // follows.
  [[nodiscard]] bool connect() noexcept;
  // Begins a clean end; the session is kept. True: it has ended within `most`, and no on_lost follows.
  bool disconnect(core::Duration most) noexcept;
  // on_subscribed follows. False: not connected; nothing follows.
  [[nodiscard]] bool subscribe(std::size_t subscription, const std::string& filter, int qos,
                               bool retained_wanted) noexcept;
  // The broker has done it when a later publication is acknowledged. False: not connected.
  [[nodiscard]] bool unsubscribe(const std::string& filter) noexcept;
  enum class Sent { sent, later, refused };
  // At QoS 1 and 2 on_published follows where it was sent. `later`: not connected, or the library's buffer is
  // full.
  [[nodiscard]] Sent publish(const Publication& publication, MqttListener::Id id) noexcept;

  // A write of a publication has failed, and the library keeps pointers to memory it has freed (see the
  // .cpp): the link must not connect again.
  [[nodiscard]] bool poisoned() const noexcept;
  // Destroys the link; a poisoned one whose destruction would not be safe is kept for ever instead, and hears
  // nothing more.
  static void retire(std::unique_ptr<MqttLink> link) noexcept;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
