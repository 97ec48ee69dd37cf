#include "bridge/native_outbound.h"

#include <utility>

namespace bridge {
namespace {

constexpr std::uint8_t id_not_found = 0x92;
constexpr char duplicate_flag = 0x08;

}  // namespace

MqttLink::Sent Outbound::publish(const Publication& publication, Id id) {
  using Sent = MqttLink::Sent;
  if (!wire::valid_topic(publication.topic)) return Sent::refused;
  wire::Publish message;
  message.topic = publication.topic;
  message.payload = publication.payload;
  message.qos = static_cast<std::uint8_t>(publication.qos);
  message.retain = publication.retain;
  const std::lock_guard lock(mutex_);
  if (!open_) return Sent::later;
  if (message.qos > broker_.maximum_qos || (message.retain && !broker_.retain_available))
    return Sent::refused;
  if (waiting_.size() > waiting_max) return Sent::later;
  if (message.qos == 0) {
    wire::append_publish(protocol_, message, waiting_);
    return Sent::sent;
  }
  if (flights_.size() >= under_way_max_) return Sent::later;
  message.packet_id = free_id();
  Flight flight{.id = id, .packet_id = message.packet_id, .qos = message.qos, .packet = {}};
  wire::append_publish(protocol_, message, flight.packet);
  flights_.push_back(std::move(flight));
  by_id_.emplace(message.packet_id, std::prev(flights_.end()));
  if (in_flight_ < broker_.receive_maximum) {
    send(flights_.back());
  } else {
    unsent_.push_back(message.packet_id);
  }
  return Sent::sent;
}

bool Outbound::subscribe(std::size_t subscription, std::string_view filter,
                         const wire::SubscribeOptions& options) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  const std::uint16_t id = free_id();
  subscribing_.emplace(id, subscription);
  wire::append_subscribe(protocol_, id, {{filter, options}}, waiting_);
  return true;
}

bool Outbound::unsubscribe(std::string_view filter) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  const std::uint16_t id = free_id();
  unsubscribing_.insert(id);
  wire::append_unsubscribe(protocol_, id, {filter}, waiting_);
  return true;
}

std::vector<Outbound::Ending> Outbound::begin(const wire::Connack& connack) {
  const std::lock_guard lock(mutex_);
  open_ = true;
  broker_ = connack.properties;
  waiting_.clear();
  unsent_.clear();
  in_flight_ = 0;
  if (!connack.session_present) return lose();
  for (Flight& flight : flights_) {
    flight.going = false;
    if (in_flight_ < broker_.receive_maximum) {
      send(flight);
    } else {
      unsent_.push_back(flight.packet_id);
    }
  }
  return {};
}

std::vector<std::size_t> Outbound::end() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  waiting_.clear();
  std::vector<std::size_t> unanswered;
  for (const auto& [id, subscription] : subscribing_) unanswered.push_back(subscription);
  subscribing_.clear();
  unsubscribing_.clear();
  return unanswered;
}

std::vector<Outbound::Ending> Outbound::lose_all() {
  const std::lock_guard lock(mutex_);
  return lose();
}

std::optional<Outbound::Ending> Outbound::take(wire::Type type, const wire::Acknowledgement& answer) {
  const std::lock_guard lock(mutex_);
  const auto at = by_id_.find(answer.packet_id);
  if (at == by_id_.end()) {
    // Whoever still waits for our release shall have it.
    if (type == wire::Type::pubrec && answer.reason < 0x80)
      wire::append_acknowledgement(protocol_, wire::Type::pubrel, answer.packet_id, id_not_found, waiting_);
    return std::nullopt;
  }
  Flight& flight = *at->second;
  if (!flight.going || (flight.qos == 1) != (type == wire::Type::puback)) return std::nullopt;
  if (answer.reason >= 0x80 && type != wire::Type::pubcomp)
    return close(at->second, Sink::Ended::refused, answer.reason);
  if (type != wire::Type::pubrec) return close(at->second, Sink::Ended::acknowledged, 0);
  flight.released = true;
  flight.packet = {};
  wire::append_acknowledgement(protocol_, wire::Type::pubrel, flight.packet_id, 0, waiting_);
  return std::nullopt;
}

std::optional<Outbound::Answer> Outbound::take(wire::Type type, const wire::Granted& granted) {
  const std::lock_guard lock(mutex_);
  if (type == wire::Type::unsuback) {
    unsubscribing_.erase(granted.packet_id);
    return std::nullopt;
  }
  const auto at = subscribing_.find(granted.packet_id);
  if (at == subscribing_.end()) return std::nullopt;
  const Answer answer{at->second, static_cast<std::uint8_t>(granted.reasons.front())};
  subscribing_.erase(at);
  return answer;
}

std::size_t Outbound::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void Outbound::answer(std::string_view packets) {
  const std::lock_guard lock(mutex_);
  waiting_ += packets;
}

void Outbound::collect(std::string& out) {
  const std::lock_guard lock(mutex_);
  if (out.empty()) {
    std::swap(out, waiting_);
  } else {
    out += waiting_;
    waiting_.clear();
  }
}

std::uint16_t Outbound::free_id() {
  do ++last_id_;
  while (last_id_ == 0 || by_id_.contains(last_id_) || subscribing_.contains(last_id_) ||
         unsubscribing_.contains(last_id_));
  return last_id_;
}

void Outbound::send(Flight& flight) {
  ++in_flight_;
  flight.going = true;
  if (flight.released) {
    wire::append_acknowledgement(protocol_, wire::Type::pubrel, flight.packet_id, 0, waiting_);
    return;
  }
  if (flight.sent) flight.packet.front() = static_cast<char>(flight.packet.front() | duplicate_flag);
  flight.sent = true;
  waiting_ += flight.packet;
}

// Makes room for one that waits.
Outbound::Ending Outbound::close(Flights::iterator flight, Sink::Ended ended, int reason) {
  const Ending ending{flight->id, ended, reason};
  by_id_.erase(flight->packet_id);
  flights_.erase(flight);
  --in_flight_;  // only what is going is answered
  if (!unsent_.empty() && in_flight_ < broker_.receive_maximum) {
    send(*by_id_.at(unsent_.front()));
    unsent_.pop_front();
  }
  return ending;
}

std::vector<Outbound::Ending> Outbound::lose() {
  std::vector<Ending> lost;
  for (const Flight& flight : flights_) lost.push_back({flight.id, Sink::Ended::lost, 0});
  flights_.clear();
  by_id_.clear();
  unsent_.clear();
  in_flight_ = 0;
  return lost;
}

}  // namespace bridge
