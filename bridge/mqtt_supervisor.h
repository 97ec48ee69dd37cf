// MqttSupervisor: keeps one MQTT connection alive for MqttClient: connects, subscribes after every CONNACK,
// unsubscribes what an earlier configuration left in the session, notices a dead link, comes back. Its own
// thread owns the link and decides everything; the library's threads only leave word in `events_`, the
// tickets and the journal.
//
// Order of locks: link_mutex_, then (inside the library) the library's own, then mutex_. Whoever holds mutex_
// calls nothing of the library; the library's threads only try link_mutex_.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bridge/backoff.h"
#include "bridge/handoff.h"
#include "bridge/intake.h"
#include "bridge/mqtt_client.h"
#include "bridge/mqtt_link.h"
#include "bridge/session_filters.h"
#include "bridge/tickets.h"

namespace bridge {

class MqttSupervisor final : public MqttListener {
 public:
  MqttSupervisor(const MqttClientSpec& spec, const BrokerUrl& url, MqttLinkSpec link_spec, Journal* journal);
  ~MqttSupervisor() override = default;  // after stop()

  // The owner's thread, as MqttClient says.
  void start();
  void stop();
  // Any thread. Soon, or when the connection is there again: what is new is subscribed, what is no more is
  // unsubscribed, what is the same is not touched.
  void adopt(std::vector<Subscription> subscriptions);

  // The publisher's thread.
  [[nodiscard]] Sink::Accepted publish(const Publication& publication, Sink::Ticket ticket);
  [[nodiscard]] bool completed(Sink::Completion& out);

  // Any thread.
  [[nodiscard]] MqttClient::State state() const;
  [[nodiscard]] Intake& intake() { return intake_; }
  [[nodiscard]] const Intake& intake() const { return intake_; }

 private:
  using Clock = std::chrono::steady_clock;

  // What one connection attempt and the connection that followed have told us so far.
  struct Events {
    bool connected = false;
    std::optional<ConnectFailure> failure;
    BrokerLimits limits;
    bool lost = false;
    int lost_reason = 0;
    std::vector<std::optional<int>> granted;  // by subscription: what the broker answered
    bool offline_done = false;
    // Of the message that says what the session has (mqtt_supervisor_session.cpp).
    bool session_asked = false;
    std::optional<int> session_granted;
    std::optional<std::string> session_message;
    std::optional<int> session_written;  // 0: acknowledged; else a refusal, or -1
  };

  // What the broker's session has subscribed; the supervisor's own.
  struct Session {
    const std::string topic;     // where we write it down; empty: there is no need
    Filters wanted;              // by the configuration
    Filters before;              // by those before it, and not yet unsubscribed
    std::optional<Filters> has;  // at most, and written down; nullopt: not known yet
  };
  static constexpr auto session_subscription = static_cast<std::size_t>(-1);
  static constexpr auto session_publication = static_cast<Id>(-1);

  // The library's threads.
  void on_connected(const BrokerLimits& limits) noexcept override;
  void on_connect_failed(ConnectFailure failure) noexcept override;
  void on_lost(int reason) noexcept override;
  void on_subscribed(std::size_t subscription, int code) noexcept override;
  void on_published(Id id, Sink::Ended ended, int reason) noexcept override;
  void on_message(const Message& message) noexcept override {
    // Only a replayed value is looked at twice.
    if (message.stale && message.topic == session_.topic && take_session_message(message.payload)) return;
    intake_.take(message);
    if (!handoff_.empty()) send_handed();
  }
  void on_oversize() noexcept override { intake_.count_oversize(); }
  bool take_session_message(std::string_view payload) noexcept;

  // The library's receiving thread; the publisher's where no message comes.
  void send_handed() noexcept;

  // The publisher's thread.
  void look_at_traffic();
  [[nodiscard]] std::uint32_t places_for(const Publication& publication) const noexcept;
  [[nodiscard]] Sink::Accepted hand_over(const Publication& publication, Tickets::Id id);

  // The supervisor's thread (mqtt_supervisor_life.cpp).
  void supervise();
  bool connect_once();
  bool begin_connect();
  void explain(ConnectFailure failure);
  Duration serve();
  void subscribe();
  bool judge_subscriptions();
  void give_up_link(std::chrono::seconds waited);
  Duration after_loss();
  void drop_link();
  void lose_under_way();
  bool report_connected();
  void report_failure(const std::string& what);
  void rest(Duration wait);

  // The supervisor's thread (mqtt_supervisor_session.cpp).
  static Session session_of(const MqttClientSpec& spec);
  bool take_next();
  bool change_subscriptions();
  void learn_session(bool resumed);
  void leave_session();
  std::optional<Filters> ask_for_session();
  std::optional<std::string> read_session();
  bool write_session(const Filters& filters);
  // False: lost, stopping, or `most` has passed. `answered` is called holding mutex_.
  template <class Answered>
  bool wait_for(Duration most, Answered answered) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [&] { return events_.lost || stopping_ || answered(); });
    return !events_.lost && !stopping_ && answered();
  }

  // The owner's thread.
  void publish_offline();

  // Any thread. The first two: holding mutex_.
  void set_disconnected();
  [[nodiscard]] bool all_answered() const;
  void set_subscribed(bool subscribed);
  void set_error(std::string text);
  [[nodiscard]] std::optional<int> granted(std::size_t subscription) const;
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] bool connected() const;

  const MqttClientSpec spec_;
  const BrokerUrl url_;
  const std::string name_;  // host:port, and of several connections which one
  const MqttLinkSpec link_spec_;
  // The link outlives its connections: our own always, Paho's once there were subscriptions at QoS 2, as it
  // holds the ids of messages that are half received (see drop_link()). The supervisor's own.
  bool keeps_link_;
  const bool hands_over_;  // publish() of the link waits for its receiving thread
  Intake intake_;
  Tickets tickets_;
  Handoff handoff_;
  std::atomic<std::uint32_t> window_{0};            // publications the broker takes at once
  std::atomic<std::uint32_t> packet_bytes_max_{0};  // 0: no limit

  mutable std::mutex mutex_;  // of the next five
  std::condition_variable changed_;
  Events events_;
  MqttClient::State state_;
  std::optional<std::vector<Subscription>> next_subscriptions_;  // not yet taken over; the first ones too
  bool stopping_ = false;

  std::mutex link_mutex_;
  std::unique_ptr<MqttLink> link_;

  // The publisher's own.
  Clock::time_point looked_at_{};
  std::uint64_t received_then_ = 0;
  bool messages_come_ = false;  // so many that the library's lock is hard to get

  // The supervisor's own.
  Backoff backoff_;
  Duration retry_after_{};
  std::vector<Subscription> subscriptions_;  // from the first attempt to connect
  Session session_;
  bool unreachable_ = false;  // the last attempt failed before the broker could say why
  Clock::time_point connected_at_{};
  Clock::time_point subscribed_at_{};
  int short_lives_ = 0;  // connections in a row that were soon lost
  bool had_session_ = false;
  bool refusal_told_ = false;
  bool lower_qos_told_ = false;
  std::string told_failure_;
  std::jthread supervisor_;
};

}  // namespace bridge
