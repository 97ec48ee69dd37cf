#include "bridge/native_inbound.h"

#include <algorithm>
#include <cstring>

#include "bridge/wire_writer.h"

namespace bridge {
namespace {

constexpr std::size_t head_max = 5;
// Of a message besides its payload: its topic, and properties of any use.
constexpr std::size_t besides_payload = head_max + 2 + wire::text_max + 2 + (64U << 10);
constexpr std::uint8_t id_not_found = 0x92;

}  // namespace

Inbound::Inbound(const Limits& limits, MqttListener& listener)
    : limits_(limits), held_max_(limits.payload_bytes + besides_payload), listener_(listener) {
  aliases_.resize(limits.topic_alias_maximum + std::size_t{1});
}

void Inbound::begin() {
  start_ = end_ = skip_ = 0;
  greeted_ = false;
  reason_ = 0;
  std::ranges::fill(aliases_, std::string());
}

void Inbound::greeted(bool session_present) {
  greeted_ = true;
  if (!session_present) half_received_.reset();
}

std::span<char> Inbound::room() {
  if (start_ == end_) start_ = end_ = 0;
  if (buffer_.size() - end_ < read_bytes && start_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
    end_ -= start_;
    start_ = 0;
  }
  if (buffer_.size() - end_ < read_bytes) buffer_.resize(std::max(end_ + read_bytes, 2 * buffer_.size()));
  return {buffer_.data() + end_, buffer_.size() - end_};
}

Inbound::Step Inbound::next(wire::Packet& packet, std::string& answers) {
  for (int handled = 0; handled < messages_at_once;) {
    if (skip_ != 0 && !skip(answers)) return Step::more;
    const std::string_view bytes(buffer_.data() + start_, end_ - start_);
    wire::Head head;
    const wire::Cut cut = wire::read_head(bytes, head);
    if (cut == wire::Cut::malformed) return broken(wire::malformed_packet);
    if (cut == wire::Cut::more) return Step::more;
    if (limits_.packet_bytes != 0 && head.total() > limits_.packet_bytes)
      return broken(wire::packet_too_large);
    if (head.total() > held_max_) {
      if (const Step step = begin_skip(head, bytes); step != Step::packet) return step;
      ++handled;
      continue;
    }
    if (bytes.size() < head.total()) return Step::more;
    packet = {head.type, head.flags, bytes.substr(head.bytes, head.remaining)};
    start_ += head.total();
    if (!greeted_ || (head.type != wire::Type::publish && head.type != wire::Type::pubrel))
      return Step::packet;
    const bool good =
        head.type == wire::Type::publish ? take_publish(packet, answers) : take_release(packet, answers);
    if (!good) return Step::broken;
    ++handled;
  }
  return Step::pause;
}

Inbound::Step Inbound::broken(int reason) noexcept {
  reason_ = reason;
  return Step::broken;
}

bool Inbound::take_publish(const wire::Packet& packet, std::string& answers) {
  wire::Publish message;
  if (const wire::Fault fault = wire::open_publish(limits_.protocol, packet, message);
      fault != wire::Fault::none) {
    reason_ = wire::reason_of(fault);
    return false;
  }
  if (message.topic_alias != 0 && !resolve(message)) return false;
  ++messages_;
  if (message.qos == 2 && half_received_.test(message.packet_id)) {
    answer(message, answers);
    return true;
  }
  Message handed;
  handed.topic = message.topic;
  handed.payload = message.payload;
  handed.packet_id = message.packet_id;
  handed.qos = message.qos;
  handed.duplicate = message.duplicate;
  handed.stale = message.retain;  // retain-as-published is off: only a replayed value carries the bit
  listener_.on_message(handed);
  answer(message, answers);
  return true;
}

// After the listener has it.
void Inbound::answer(const wire::Publish& message, std::string& answers) {
  if (message.qos == 0) return;
  const wire::Type type = message.qos == 1 ? wire::Type::puback : wire::Type::pubrec;
  if (message.qos == 2) half_received_.set(message.packet_id);
  wire::append_acknowledgement(limits_.protocol, type, message.packet_id, 0, answers);
}

bool Inbound::take_release(const wire::Packet& packet, std::string& answers) {
  wire::Acknowledgement release;
  if (const wire::Fault fault = wire::open_acknowledgement(limits_.protocol, packet, release);
      fault != wire::Fault::none) {
    reason_ = wire::reason_of(fault);
    return false;
  }
  const std::uint8_t reason = half_received_.test(release.packet_id) ? std::uint8_t{0} : id_not_found;
  half_received_.reset(release.packet_id);
  wire::append_acknowledgement(limits_.protocol, wire::Type::pubcomp, release.packet_id, reason, answers);
  return true;
}

bool Inbound::resolve(wire::Publish& message) {
  if (message.topic_alias > limits_.topic_alias_maximum) {
    reason_ = wire::topic_alias_invalid;
    return false;
  }
  std::string& topic = aliases_[message.topic_alias];
  if (!message.topic.empty()) topic = message.topic;
  message.topic = topic;
  if (topic.empty()) reason_ = wire::protocol_error;
  return !topic.empty();
}

// packet: begun. Else what next() shall say.
Inbound::Step Inbound::begin_skip(const wire::Head& head, std::string_view bytes) {
  if (head.type != wire::Type::publish || !greeted_) return broken(wire::packet_too_large);
  const std::string_view here = bytes.substr(0, std::min(bytes.size(), held_max_));
  const wire::Packet packet{head.type, head.flags, here.substr(head.bytes)};
  const wire::Fault fault = wire::open_publish(limits_.protocol, packet, skipped_);
  if (fault == wire::Fault::cut_short)
    return bytes.size() < held_max_ ? Step::more : broken(wire::packet_too_large);
  if (fault != wire::Fault::none) return broken(wire::reason_of(fault));
  if (skipped_.topic_alias != 0 && !resolve(skipped_)) return Step::broken;
  skip_ = head.total();
  return Step::packet;
}

// True: all of it has come.
bool Inbound::skip(std::string& answers) {
  const std::size_t here = std::min(skip_, end_ - start_);
  start_ += here;
  skip_ -= here;
  if (skip_ != 0) return false;
  ++messages_;
  if (skipped_.qos != 2 || !half_received_.test(skipped_.packet_id)) listener_.on_oversize();
  answer(skipped_, answers);
  return true;
}

}  // namespace bridge
