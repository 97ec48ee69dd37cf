#include "bridge/native_connection.h"

#include <algorithm>
#include <utility>

namespace bridge {
namespace {

constexpr int flushes_at_once = 16;
constexpr int last_reads = 16;

}  // namespace

int NativeConnection::serve() {
  Over over = handle();
  while (!over) {
    if (loan_.orders.any()) {
      if (!loan_.orders.stop) say_goodbye();
      return 0;
    }
    over = turn();
  }
  return *over;
}

NativeConnection::Over NativeConnection::turn() {
  const WireClock::time_point now = WireClock::now();
  switch (keep_alive_->due(now)) {
    case KeepAlive::Due::dead:
      return 0;
    case KeepAlive::Due::ping: {
      std::string ping;
      wire::append_pingreq(ping);
      loan_.outbound.answer(ping);
      break;
    }
    case KeepAlive::Due::nothing:
      break;
  }
  if (!flush()) return last_words();
  // A broker that does not take our answers is asked for no more.
  const bool may = !wants_write_ || loan_.outbound.waiting() < Outbound::waiting_max;
  const bool reads = may && now >= pace_.next();
  const bool at_once = reads && stream_->pending();
  WireClock::time_point until = keep_alive_->next();
  if (may && !reads) until = std::min(until, pace_.next());
  if (at_once) until = now;
  const bool writes = wants_write_ || (reads && read_wants_write_);
  const Bell::Ready ready = loan_.bell.wait(stream_->descriptor(), reads, writes, until);
  return reads && (ready.socket || at_once) ? receive() : std::nullopt;
}

NativeConnection::Over NativeConnection::receive() {
  std::size_t got = 0;
  const Step step = stream_->read(loan_.inbound.room(), got);
  read_wants_write_ = step == Step::wants_write;
  switch (step) {
    case Step::done:
      break;
    case Step::wants_write:
    case Step::wants_read:
      return std::nullopt;
    case Step::failed:
      return 0;
  }
  acknowledge_now(stream_->descriptor());
  loan_.inbound.filled(got);
  const std::uint64_t messages = loan_.inbound.messages();
  const Over over = handle();
  const WireClock::time_point now = WireClock::now();
  keep_alive_->came(now);  // now, as nobody has listened since the read
  pace_.after_read(now, got, loan_.inbound.messages() != messages, owes_);
  return over;
}

// All packets that have come.
NativeConnection::Over NativeConnection::handle() {
  wire::Packet packet;
  owes_ = false;
  while (true) {
    switch (loan_.inbound.next(packet, answers_)) {
      case Inbound::Step::broken:
        return refuse(loan_.inbound.reason());
      case Inbound::Step::packet:
        if (const Over over = take(packet)) return over;
        continue;
      case Inbound::Step::pause:
        look_up();
        if (!loan_.orders.any()) continue;
        break;
      case Inbound::Step::more:
        break;
    }
    owes_ = owes_ || !answers_.empty();
    if (!answers_.empty()) loan_.outbound.answer(std::exchange(answers_, {}));
    return std::nullopt;
  }
}

// Whoever takes the messages may hold them up for long: the broker hears from us meanwhile.
void NativeConnection::look_up() {
  if (keep_alive_->due(WireClock::now()) != KeepAlive::Due::ping) return;
  owes_ = owes_ || !answers_.empty();
  wire::append_pingreq(answers_);
  loan_.outbound.answer(std::exchange(answers_, {}));
  (void)flush();  // turn() will see that it failed
}

NativeConnection::Over NativeConnection::take(const wire::Packet& packet) {
  wire::Fault fault = wire::Fault::type;
  switch (packet.type) {
    case wire::Type::puback:
    case wire::Type::pubrec:
    case wire::Type::pubcomp: {
      wire::Acknowledgement answer;
      fault = wire::open_acknowledgement(protocol(), packet, answer);
      if (fault != wire::Fault::none) break;
      if (const auto ending = loan_.outbound.take(packet.type, answer))
        loan_.listener.on_published(ending->id, ending->ended, ending->reason);
      break;
    }
    case wire::Type::suback:
    case wire::Type::unsuback: {
      wire::Granted granted;
      fault = wire::open_granted(protocol(), packet, granted);
      if (fault != wire::Fault::none) break;
      if (const auto answer = loan_.outbound.take(packet.type, granted))
        loan_.listener.on_subscribed(answer->subscription, answer->code);
      break;
    }
    case wire::Type::pingresp:
      fault = wire::open_empty(packet);
      break;
    case wire::Type::disconnect: {
      int reason = 0;
      if (protocol() == wire::Protocol::v5) fault = wire::open_reason(protocol(), packet, reason);
      if (fault == wire::Fault::none) return reason;
      break;
    }
    default:
      break;
  }
  return fault == wire::Fault::none ? Over{} : refuse(wire::reason_of(fault));
}

// Says why, if the broker still listens, and ends it.
NativeConnection::Over NativeConnection::refuse(int reason) {
  if (protocol() == wire::Protocol::v5) {
    std::string bye;
    wire::append_disconnect(protocol(), static_cast<std::uint8_t>(reason), bye);
    loan_.outbound.answer(bye);
    if (flush() && !wants_write_) stream_->finish();
  }
  return reason;
}

// We can write no more: what the broker said before may tell why.
NativeConnection::Over NativeConnection::last_words() {
  for (int i = 0; i < last_reads; ++i) {
    if (const Over over = receive()) return over;
  }
  return 0;
}

// Writes what waits, as far as the socket takes it. False: it takes no more at all.
bool NativeConnection::flush() {
  wants_write_ = false;
  for (int i = 0; i < flushes_at_once; ++i) {
    if (written_ == unsent_.size()) {
      unsent_.clear();
      written_ = 0;
      loan_.outbound.collect(unsent_);
      if (unsent_.empty()) return true;
    }
    std::size_t put = 0;
    switch (stream_->write(std::string_view(unsent_).substr(written_), put)) {
      case Step::done:
        written_ += put;
        keep_alive_->sent(WireClock::now());
        break;
      case Step::wants_write:
        wants_write_ = true;
        return true;
      case Step::wants_read:
        return true;
      case Step::failed:
        return false;
    }
  }
  wants_write_ = true;  // comes again at once
  return true;
}

void NativeConnection::say_goodbye() {
  loan_.outbound.collect(unsent_);
  wire::append_disconnect(protocol(), 0, unsent_);
  while (written_ < unsent_.size()) {
    std::size_t put = 0;
    const Step step = stream_->write(std::string_view(unsent_).substr(written_), put);
    if (step == Step::failed) return;
    if (step == Step::done) {
      written_ += put;
      continue;
    }
    const WireClock::time_point until = loan_.orders.end_by;
    if (loan_.orders.stop || WireClock::now() >= until) return;
    (void)loan_.bell.wait(stream_->descriptor(), step == Step::wants_read, step == Step::wants_write, until);
  }
  stream_->finish();
}

}  // namespace bridge
