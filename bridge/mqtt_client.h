// MqttClient: the connections to the broker, one or several, both source and sink. Supervises each: connects,
// subscribes after every CONNACK, comes back within a second of the broker's port opening (jittered
// back-off), reconnects when a publish stays unacknowledged for 10 s, or for a minute while messages come
// (watchdog.h). Sessions are persistent: clean_start false. All publications go over the first connection.
//
// Threads: connect/stop belong to the owner; the callback thread of connection i is the producer of the
// journal's lane i; publish() and completed() belong to the publisher thread; the supervisors' threads are
// our own. Readers: any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/config.h"
#include "bridge/journal.h"
#include "bridge/sink.h"
#include "bridge/source.h"

namespace bridge {

struct MqttClientSpec {
  BrokerConfig broker;
  LimitsConfig limits;
  WhenFull when_full = WhenFull::block;
  std::vector<Subscription> subscriptions;  // may be empty (a publisher only)
  std::string status_topic;                 // will (retained, offline_json); empty: none
  std::uint32_t publish_buffer = 1000;      // publications the library may hold under way

  // Of one of several connections (connections.h); an MqttClient fills them in.
  std::uint8_t connection = 0;              // from 0; only the first one has the will and says goodbye
  std::function<bool()> others_subscribed;  // what another one may have taken over; any thread
};

class MqttClient final : public Source, public Sink {
 public:
  // Reads the password and checks the TLS files. `journal`, with a lane for each connection, may be null when
  // there are no subscriptions; it outlives the client. Throws SetupError (missing or unreadable files, bad
  // url). Connects nothing.
  MqttClient(const MqttClientSpec& spec, Journal* journal);
  ~MqttClient() override;  // stop()

  // Starts the supervisor; returns at once. A broker that is away is no error: it is retried for ever.
  void start();
  // The owner's thread. Other subscriptions from now on, on the connections there are: those that stay the
  // same are not touched. Messages of those that go may still come for a moment.
  void adopt(const std::vector<Subscription>& subscriptions);
  // Ends the intake: unsubscribes nothing (the session keeps), takes no more messages, closes the journal.
  // Publishing goes on.
  void stop_intake() override;
  // Publishes the offline status, disconnects, ends all threads. Idempotent.
  void stop();

  [[nodiscard]] Accepted publish(const Publication& publication, Ticket ticket) noexcept override;
  [[nodiscard]] bool completed(Completion& out) noexcept override;

  // Subscribed: every subscription was granted since the last CONNACK. Connected and subscribed are all of
  // several, or it is not said; the rest is their sum.
  using State = SourceState;
  [[nodiscard]] State state() const override;
  [[nodiscard]] SourceCounts counts() const override;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// "mqtt://host:1883" -> scheme, host, port. Throws SetupError naming what is allowed.
struct BrokerUrl {
  bool tls;
  std::string host;
  int port;
};
[[nodiscard]] BrokerUrl parse_broker_url(std::string_view url);
// "host:1883", "[::1]:1883": what status and log call the broker.
[[nodiscard]] std::string host_port(const BrokerUrl& url);

}  // namespace bridge
