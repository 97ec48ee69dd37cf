// MqttLink: one client object that speaks MQTT, behind the supervisor: Paho's (paho_link.h) or our own
// (native_link.h), by broker.client. It does what it is told, once: it does not retry, wait or decide; that
// is the supervisor's part. What happens is told to the listener, on threads of the link's own.
//
// All methods may be called by one thread at a time (MqttSupervisor sees to it), and none but publish() from
// inside a listener's method.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

// Called on the link's threads, which may hold a lock of their library: must not wait or throw.
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
  // A message so far beyond the limits that it was not even kept.
  virtual void on_oversize() noexcept = 0;
};

struct MqttLinkSpec {
  std::string uri;   // "tcp://host:port" or "ssl://host:port"
  std::string host;  // the same in parts
  int port = 0;
  BrokerConfig broker;                         // all but url and secrets
  std::size_t payload_bytes_max = 256U << 10;  // a larger message need not be kept whole
  bool tls = false;
  std::string password;
  std::string will_topic;    // empty: no will
  std::string will_payload;  // retained, QoS 1
  std::uint32_t publish_buffer = 1000;
};

// MQTT 5 forbids No Local with a shared subscription.
[[nodiscard]] inline bool is_shared(std::string_view filter) noexcept {
  return filter.starts_with("$share/");
}

class MqttLink {
 public:
  MqttLink() = default;
  // Closes the connection and drops what is under way (each publication is told as lost). No listener's
  // method runs afterwards. See retire().
  virtual ~MqttLink() = default;
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  // Begins an attempt; on_connected or on_connect_failed follows. False: it cannot begin; nothing follows.
  [[nodiscard]] virtual bool connect() noexcept = 0;
  // Begins a clean end; the session is kept. True: it has ended within `most`, and no on_lost follows.
  virtual bool disconnect(core::Duration most) noexcept = 0;
  // on_subscribed follows. False: not connected; nothing follows.
  [[nodiscard]] virtual bool subscribe(std::size_t subscription, const std::string& filter, int qos,
                                       bool retained_wanted) noexcept = 0;
  // The broker has done it when a later publication is acknowledged. False: not connected.
  [[nodiscard]] virtual bool unsubscribe(const std::string& filter) noexcept = 0;
  enum class Sent { sent, later, refused };
  // At QoS 1 and 2 on_published follows where it was sent. `later`: not connected, or the link's buffer is
  // full.
  [[nodiscard]] virtual Sent publish(const Publication& publication, MqttListener::Id id) noexcept = 0;

  // Something in it is broken: it must not connect again.
  [[nodiscard]] virtual bool poisoned() const noexcept { return false; }
  // True: to destroy it would not be safe. It has ended all it could, its listener hears nothing more, and it
  // must be kept for ever.
  [[nodiscard]] virtual bool abandon() noexcept { return false; }
};

// A link of the kind that spec.broker.client names. `listener` outlives it. Throws SetupError where the
// parameters are not acceptable.
[[nodiscard]] std::unique_ptr<MqttLink> make_link(const MqttLinkSpec& spec, MqttListener& listener);
// Destroys the link, or keeps it where it must be kept.
void retire(std::unique_ptr<MqttLink> link) noexcept;

}  // namespace bridge
