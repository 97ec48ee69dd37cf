#include "bridge/native_link.h"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "bridge/error.h"
#include "bridge/native_connection.h"

namespace bridge {
namespace {

// The client's own are never refused because results fill the buffer: what it has subscribed, and that it
// ends.
constexpr std::size_t own_publications = 2;
constexpr std::size_t under_way_max = 60'000;  // ids are left for subscriptions
constexpr std::uint16_t topic_alias_maximum = 16;
// The broker keeps to itself, in silence, what is larger than we announce: so much more than the limits that
// what devices send by mistake still comes here and is counted.
constexpr std::size_t announced_min = 1U << 20;
constexpr std::size_t announced_beyond = 256U << 10;

wire::Protocol protocol_of(const BrokerConfig& broker) {
  return broker.protocol == 4 ? wire::Protocol::v311 : wire::Protocol::v5;
}

template <class Number>
Number seconds_of(Duration duration) {
  return static_cast<Number>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

std::size_t announced_bytes(const MqttLinkSpec& spec) {
  if (spec.broker.protocol == 4) return 0;
  return std::min(wire::remaining_max,
                  std::max(announced_min, spec.payload_bytes_max + wire::text_max + announced_beyond));
}

// Views into `spec`.
wire::Connect hello_of(const MqttLinkSpec& spec) {
  const BrokerConfig& broker = spec.broker;
  wire::Connect hello;
  hello.protocol = protocol_of(broker);
  hello.client_id = broker.client_id;
  hello.clean_start = broker.protocol == 4 && broker.session_expiry == Duration{0};
  hello.keep_alive_s = seconds_of<std::uint16_t>(broker.keep_alive);
  hello.user = broker.username;
  hello.password = spec.password;
  hello.will_topic = spec.will_topic;
  hello.will_payload = spec.will_payload;
  hello.will_qos = 1;
  hello.will_retain = true;
  hello.session_expiry = seconds_of<std::uint32_t>(broker.session_expiry);
  hello.receive_maximum = static_cast<std::uint16_t>(broker.receive_maximum);
  hello.packet_bytes_max = static_cast<std::uint32_t>(announced_bytes(spec));
  hello.topic_alias_maximum = topic_alias_maximum;
  return hello;
}

// Signals are for the program's other threads; a write to a connection that has ended shall only fail.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

class NativeLink::Inner {
 public:
  Inner(MqttLinkSpec of, MqttListener& to)
      : spec_(std::move(of)),
        hello_(hello_of(spec_)),
        listener_(to),
        inbound_({hello_.protocol, spec_.payload_bytes_max, announced_bytes(spec_), topic_alias_maximum}, to),
        outbound_(hello_.protocol, std::min(spec_.publish_buffer + own_publications, under_way_max)) {
    if (spec_.tls) {
      tls_.emplace(spec_.broker.tls);
      if (tls_->problem()) throw SetupError("mqtt: " + *tls_->problem());
    }
    thread_ = std::thread([this] { run(); });
  }

  ~Inner() {
    orders_.stop = true;
    bell_.ring();
    thread_.join();
    for (const Outbound::Ending& one : outbound_.lose_all())
      listener_.on_published(one.id, one.ended, one.reason);
  }
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

  bool connect() {
    {
      const std::lock_guard lock(mutex_);
      if (wanted_) return false;
      wanted_ = true;
      orders_.end = false;
    }
    bell_.ring();
    return true;
  }

  bool disconnect(core::Duration most) {
    std::unique_lock lock(mutex_);
    wanted_ = false;
    if (!busy_) return true;
    orders_.end_by = WireClock::now() + most / 2;
    orders_.end = true;
    bell_.ring();
    return idle_.wait_for(lock, most, [&] { return !busy_; });
  }

  Outbound& outbound() { return outbound_; }
  Bell& bell() { return bell_; }

 private:
  void run() noexcept {
    block_signals();
    while (!orders_.stop) {
      if (begins()) {
        live();
      } else {
        bell_.wait(-1, false, false, WireClock::time_point::max());
      }
    }
  }

  // One attempt, and the connection that comes of it.
  void live() {
    std::optional<ConnectFailure> failure = ConnectFailure{0};
    int reason = 0;
    {
      NativeConnection connection(
          {spec_, hello_, tls_ ? &*tls_ : nullptr, orders_, bell_, inbound_, outbound_, listener_});
      try {
        failure = connection.open();
        if (!failure) reason = connection.serve();
      } catch (const std::exception&) {
        // No memory: the connection is given up, and with it what it needed.
      }
    }
    for (const std::size_t subscription : outbound_.end()) listener_.on_subscribed(subscription, -1);
    if (!orders_.any()) {
      if (failure) {
        listener_.on_connect_failed(*failure);
      } else {
        listener_.on_lost(reason);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      busy_ = false;
    }
    idle_.notify_all();
  }

  bool begins() {
    const std::lock_guard lock(mutex_);
    busy_ = std::exchange(wanted_, false);
    return busy_;
  }

  const MqttLinkSpec spec_;
  const wire::Connect hello_;
  MqttListener& listener_;
  std::optional<TlsContext> tls_;
  Bell bell_;
  NativeOrders orders_;
  Inbound inbound_;  // the thread's
  Outbound outbound_;

  std::mutex mutex_;  // of the next three
  std::condition_variable idle_;
  bool wanted_ = false;  // a connection
  bool busy_ = false;    // with one; the listener may still hear of its end
  std::thread thread_;
};

NativeLink::NativeLink(const MqttLinkSpec& spec, MqttListener& listener)
    : inner_(std::make_unique<Inner>(spec, listener)) {}

NativeLink::~NativeLink() = default;

bool NativeLink::connect() noexcept { return inner_->connect(); }

bool NativeLink::disconnect(core::Duration most) noexcept { return inner_->disconnect(most); }

bool NativeLink::subscribe(std::size_t subscription, const std::string& filter, int qos,
                           bool retained_wanted) noexcept try {
  wire::SubscribeOptions options;
  options.qos = static_cast<std::uint8_t>(qos);
  options.no_local = !is_shared(filter);
  options.retain_handling = retained_wanted ? 0 : 2;
  if (!inner_->outbound().subscribe(subscription, filter, options)) return false;
  inner_->bell().ring();
  return true;
} catch (const std::exception&) {
  return false;
}

bool NativeLink::unsubscribe(const std::string& filter) noexcept try {
  if (!inner_->outbound().unsubscribe(filter)) return false;
  inner_->bell().ring();
  return true;
} catch (const std::exception&) {
  return false;
}

MqttLink::Sent NativeLink::publish(const Publication& publication, MqttListener::Id id) noexcept try {
  const Sent sent = inner_->outbound().publish(publication, id);
  if (sent == Sent::sent) inner_->bell().ring();
  return sent;
} catch (const std::exception&) {
  return Sent::later;  // no memory now
}

}  // namespace bridge
