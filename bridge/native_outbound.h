// Outbound: what goes to the broker, for the native link: bytes that wait to be written, publications until
// they are acknowledged, subscriptions until they are answered. It outlives connections: publications under
// way are sent again where the broker has kept our session. Any thread; the lock is held for a copy of one
// publication at most. Knows no socket.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "bridge/mqtt_link.h"
#include "bridge/wire_reader.h"
#include "bridge/wire_writer.h"

namespace bridge {

class Outbound {
 public:
  using Id = MqttListener::Id;
  // Bytes that may wait to be written before publish() says `later`.
  static constexpr std::size_t waiting_max = 1U << 20;

  // `under_way_max`: publications at QoS 1 and 2.
  Outbound(wire::Protocol protocol, std::size_t under_way_max)
      : protocol_(protocol), under_way_max_(under_way_max) {}

  // Any thread. sent: it waits to be written, beyond the broker's receive maximum until others have ended.
  [[nodiscard]] MqttLink::Sent publish(const Publication& publication, Id id);
  // False: not connected.
  [[nodiscard]] bool subscribe(std::size_t subscription, std::string_view filter,
                               const wire::SubscribeOptions& options);
  [[nodiscard]] bool unsubscribe(std::string_view filter);

  // A publication that has ended.
  struct Ending {
    Id id;
    Sink::Ended ended;
    int reason;
  };
  struct Answer {
    std::size_t subscription;
    int code;
  };
  // The link's thread. A connection begins: what is under way is sent again, or lost with its session, and
  // told.
  [[nodiscard]] std::vector<Ending> begin(const wire::Connack& connack);
  // It has ended: nothing waits to be written any more. The subscriptions that were not answered.
  [[nodiscard]] std::vector<std::size_t> end();
  [[nodiscard]] std::vector<Ending> lose_all();
  // PUBACK, PUBREC, PUBCOMP. One that belongs to nothing is no error: it may be of an earlier life.
  [[nodiscard]] std::optional<Ending> take(wire::Type type, const wire::Acknowledgement& answer);
  // SUBACK, UNSUBACK.
  [[nodiscard]] std::optional<Answer> take(wire::Type type, const wire::Granted& granted);
  // Bytes.
  [[nodiscard]] std::size_t waiting();
  // Appends packets to what waits.
  void answer(std::string_view packets);
  // Appends all that waits to `out`.
  void collect(std::string& out);

 private:
  struct Flight {
    Id id;
    std::uint16_t packet_id;
    std::uint8_t qos;
    bool sent = false;      // at least once
    bool going = false;     // sent on this connection
    bool released = false;  // QoS 2: the broker has it; PUBREL was sent
    std::string packet;     // PUBLISH, to be sent again
  };
  using Flights = std::list<Flight>;

  // All holding mutex_.
  [[nodiscard]] std::uint16_t free_id();
  void send(Flight& flight);
  Ending close(Flights::iterator flight, Sink::Ended ended, int reason);
  std::vector<Ending> lose();

  const wire::Protocol protocol_;
  const std::size_t under_way_max_;

  std::mutex mutex_;  // of all below
  bool open_ = false;
  wire::Properties broker_;  // what it said in its CONNACK
  std::string waiting_;
  std::uint16_t last_id_ = 0;
  Flights flights_;  // in the order they came
  std::unordered_map<std::uint16_t, Flights::iterator> by_id_;
  std::deque<std::uint16_t> unsent_;  // beyond the receive maximum
  std::size_t in_flight_ = 0;         // of them going
  std::map<std::uint16_t, std::size_t> subscribing_;
  std::set<std::uint16_t> unsubscribing_;
};

}  // namespace bridge
