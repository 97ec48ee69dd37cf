#include "bridge/mqtt_supervisor.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "bridge/log.h"
#include "bridge/mqtt_words.h"

namespace bridge {
namespace {

constexpr auto offline_within = std::chrono::seconds{2};
constexpr std::size_t topic_bytes_max = 65'535;
constexpr std::size_t payload_bytes_max = 268'000'000;  // what fits MQTT's remaining length
constexpr std::size_t packet_overhead = 16;  // of a PUBLISH: at most so many bytes besides topic and payload
constexpr std::uint32_t places_kept = 4;     // of those the broker takes at once, for flags
constexpr auto traffic_every = std::chrono::milliseconds{1};
constexpr auto between_messages = std::chrono::microseconds{100};  // on average at most: messages come
constexpr auto handed_within = std::chrono::microseconds{500};     // else the publisher's thread sends
constexpr MqttListener::Id offline_id = 0;                         // Tickets counts from 1

bool publishable(const Publication& publication) noexcept {
  const std::string& topic = publication.topic;
  return !topic.empty() && topic.size() <= topic_bytes_max &&
         publication.payload.size() <= payload_bytes_max &&
         topic.find_first_of(std::string_view{"+#\0", 3}) == std::string::npos;
}

}  // namespace

MqttSupervisor::MqttSupervisor(const MqttClientSpec& spec, const BrokerUrl& url, MqttLinkSpec link_spec,
                               Journal* journal)
    : spec_(spec),
      url_(url),
      name_(host_port(url_) + (spec.broker.connections > 1 ? " as " + spec.broker.client_id : "")),
      link_spec_(std::move(link_spec)),
      keeps_link_(spec_.broker.client == Client::native),
      hands_over_(spec_.broker.client == Client::paho),
      intake_(spec.limits, spec.when_full, spec.broker.keep_alive / 4, journal, spec.connection),
      next_subscriptions_(spec.subscriptions),
      backoff_(std::random_device{}()),
      session_(session_of(spec)) {}

void MqttSupervisor::on_connected(const BrokerLimits& limits) noexcept {
  window_ = std::min(link_spec_.publish_buffer, limits.receive_maximum);
  packet_bytes_max_ = limits.packet_bytes_max;
  {
    const std::lock_guard lock(mutex_);
    events_.connected = true;
    events_.limits = limits;
    state_.connected = true;
    ++state_.connects;
  }
  changed_.notify_all();
}

void MqttSupervisor::on_connect_failed(ConnectFailure failure) noexcept {
  {
    const std::lock_guard lock(mutex_);
    events_.failure = failure;
  }
  changed_.notify_all();
}

void MqttSupervisor::on_lost(int reason) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!events_.lost) events_.lost_reason = reason;
    events_.lost = true;
    set_disconnected();
  }
  changed_.notify_all();
}

void MqttSupervisor::on_subscribed(std::size_t subscription, int code) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (subscription == session_subscription) events_.session_granted = code;
    if (subscription < events_.granted.size()) events_.granted[subscription] = code;
  }
  changed_.notify_all();
}

void MqttSupervisor::on_published(Id id, Sink::Ended ended, int reason) noexcept {
  if (id == offline_id || id == session_publication) {
    {
      const std::lock_guard lock(mutex_);
      if (id == offline_id) events_.offline_done = true;
      if (id == session_publication)
        events_.session_written = ended == Sink::Ended::acknowledged ? 0 : reason == 0 ? -1 : reason;
    }
    changed_.notify_all();
    return;
  }
  tickets_.end(id, ended);
  if (ended == Sink::Ended::refused) {
    log_throttled(Level::warn, "mqtt", "publication refused",
                  {{"broker", name_}, {"reason", mqtt_reason(reason)}});
  }
}

Sink::Accepted MqttSupervisor::publish(const Publication& publication, Sink::Ticket ticket) {
  if (!publishable(publication)) return Sink::Accepted::refused;
  const std::uint32_t packet_max = packet_bytes_max_;
  if (packet_max != 0 &&
      publication.topic.size() + publication.payload.size() + packet_overhead > packet_max) {
    return Sink::Accepted::refused;
  }
  if (!connected()) return Sink::Accepted::later;
  const bool acknowledged = publication.qos > 0;
  const std::optional<Tickets::Id> id =
      acknowledged ? tickets_.add(ticket, places_for(publication)) : Tickets::Id{offline_id};
  if (!id) return Sink::Accepted::later;
  if (hands_over_ && acknowledged && (messages_come_ || !handoff_.empty()))
    return hand_over(publication, *id);
  MqttLink::Sent sent = MqttLink::Sent::later;
  // The supervisor holds the link only while it changes it.
  if (const std::unique_lock lock(link_mutex_, std::try_to_lock); lock.owns_lock() && link_ != nullptr) {
    sent = link_->publish(publication, *id);
  }
  if (sent == MqttLink::Sent::sent) return acknowledged ? Sink::Accepted::pending : Sink::Accepted::done;
  if (acknowledged && !tickets_.take_back(*id))
    return Sink::Accepted::pending;  // lost meanwhile, and told so
  return sent == MqttLink::Sent::refused ? Sink::Accepted::refused : Sink::Accepted::later;
}

// How many may be under way for this one to go now. A flag finds a place where results have taken theirs.
std::uint32_t MqttSupervisor::places_for(const Publication& publication) const noexcept {
  const std::uint32_t all = window_;
  return publication.urgent ? all : all - std::min(all / 4, places_kept);
}

Sink::Accepted MqttSupervisor::hand_over(const Publication& publication, Tickets::Id id) try {
  handoff_.push({publication, id});
  return Sink::Accepted::pending;
} catch (const std::bad_alloc&) {
  return tickets_.take_back(id) ? Sink::Accepted::later : Sink::Accepted::pending;
}

void MqttSupervisor::send_handed() noexcept {
  const std::unique_lock lock(link_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // comes again with the next message
  while (const auto one = handoff_.pop()) {
    const MqttLink::Sent sent =
        link_ == nullptr ? MqttLink::Sent::later : link_->publish(one->publication, one->id);
    if (sent == MqttLink::Sent::later) tickets_.end(one->id, Sink::Ended::lost);
    if (sent == MqttLink::Sent::refused) tickets_.end(one->id, Sink::Ended::refused);
  }
}

bool MqttSupervisor::completed(Sink::Completion& out) {
  if (tickets_.pop(out)) return true;
  if (hands_over_) look_at_traffic();
  return false;
}

void MqttSupervisor::look_at_traffic() {
  const Clock::time_point now = Clock::now();
  if (now - looked_at_ >= traffic_every) {
    const std::uint64_t received = intake_.counters().received.get();
    messages_come_ = (received - received_then_) * between_messages >= now - looked_at_;
    looked_at_ = now;
    received_then_ = received;
  }
  if (handoff_.waits(now, handed_within)) send_handed();
}

void MqttSupervisor::start() {
  supervisor_ = std::jthread([this] { supervise(); });
}

void MqttSupervisor::stop() {
  intake_.stop();
  if (connected()) publish_offline();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  const bool was_connected = connected();
  {
    const std::lock_guard lock(link_mutex_);
    if (link_ != nullptr && was_connected) link_->disconnect(offline_within);
  }
  {
    const std::lock_guard lock(mutex_);
    set_disconnected();
  }
  drop_link();
}

void MqttSupervisor::publish_offline() {
  if (spec_.status_topic.empty() || spec_.connection != 0) return;
  const Publication offline{spec_.status_topic, link_spec_.will_payload, 1, true};
  {
    const std::lock_guard lock(link_mutex_);
    if (link_ == nullptr || link_->publish(offline, offline_id) != MqttLink::Sent::sent) return;
  }
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, offline_within, [&] { return events_.offline_done || events_.lost; });
}

void MqttSupervisor::adopt(std::vector<Subscription> subscriptions) {
  {
    const std::lock_guard lock(mutex_);
    next_subscriptions_ = std::move(subscriptions);
  }
  changed_.notify_all();
}

MqttClient::State MqttSupervisor::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

// Counts a connection's end once.
void MqttSupervisor::set_disconnected() {
  if (!state_.connected) return;
  state_.connected = false;
  state_.subscribed = false;
  ++state_.disconnects;
}

bool MqttSupervisor::all_answered() const {
  return std::ranges::all_of(events_.granted, [](const auto& granted) { return granted.has_value(); });
}

void MqttSupervisor::set_subscribed(bool subscribed) {
  const std::lock_guard lock(mutex_);
  state_.subscribed = subscribed && state_.connected;
}

void MqttSupervisor::set_error(std::string text) {
  const std::lock_guard lock(mutex_);
  state_.last_error = std::move(text);
}

std::optional<int> MqttSupervisor::granted(std::size_t subscription) const {
  const std::lock_guard lock(mutex_);
  return events_.granted[subscription];
}

bool MqttSupervisor::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool MqttSupervisor::connected() const {
  const std::lock_guard lock(mutex_);
  return state_.connected;
}

}  // namespace bridge
