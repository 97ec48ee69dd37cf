#include "bridge/mqtt_client.h"

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "bridge/backoff.h"
#include "bridge/error.h"
#include "bridge/intake.h"
#include "bridge/log.h"
#include "bridge/mqtt_link.h"
#include "bridge/mqtt_words.h"
#include "bridge/reach.h"
#include "bridge/status.h"
#include "bridge/text.h"
#include "bridge/tickets.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;

// An answer to CONNECT may take this long: the library's own limit is 10 s, looked at every 3 s.
constexpr auto answer_within = std::chrono::seconds{15};
// A publication or subscription without an answer for this long: the link is dead, whatever TCP says.
constexpr auto acknowledged_within = std::chrono::seconds{10};
// How often the watchdog looks.
constexpr auto look_every = std::chrono::milliseconds{200};
constexpr auto probe_within = std::chrono::milliseconds{800};
constexpr auto polite_end_within = std::chrono::milliseconds{500};
constexpr auto offline_within = std::chrono::seconds{2};
// A refusal that only an operator can mend is not worth a CONNECT every second.
constexpr auto retry_refused_every = std::chrono::seconds{5};
constexpr auto resubscribe_refused_every = std::chrono::seconds{30};
// A connection that lived this long was a good one: the next loss starts the back-off anew.
constexpr auto good_after = std::chrono::seconds{5};
constexpr std::size_t topic_bytes_max = 65'535;
constexpr std::size_t payload_bytes_max = 268'000'000;  // what fits MQTT's remaining length
constexpr int session_taken_over = 0x8E;
constexpr MqttListener::Id offline_id = 0;  // Tickets counts from 1

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!in || (!std::getline(in, line) && !in.eof())) {
    throw SetupError("mqtt: broker.password_file: " + quoted(path) + " cannot be read; check its name and permissions");
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string password_of(const BrokerConfig& broker) {
  if (!broker.password_file.empty()) return first_line(broker.password_file);
  if (broker.password_env.empty()) return {};
  const char* const value = std::getenv(broker.password_env.c_str());
  if (value == nullptr) {
    throw SetupError("mqtt: broker.password_env: the environment has no variable " + quoted(broker.password_env));
  }
  return value;
}

MqttLinkSpec link_spec_of(const MqttClientSpec& spec, const BrokerUrl& url) {
  if (url.tls) {
    if (auto problem = tls_files_problem(spec.broker.tls)) throw SetupError("mqtt: " + *problem);
  }
  MqttLinkSpec link;
  const bool bare_ipv6 = url.host.find(':') != std::string::npos;
  link.uri = (url.tls ? "ssl://" : "tcp://") + (bare_ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
  link.broker = spec.broker;
  link.tls = url.tls;
  link.password = password_of(spec.broker);
  link.will_topic = spec.status_topic;
  link.will_payload = offline_json(spec.broker.client_id);
  link.publish_buffer = std::max<std::uint32_t>(spec.publish_buffer, 1);
  return link;
}

bool publishable(const Publication& publication) noexcept {
  const std::string& topic = publication.topic;
  return !topic.empty() && topic.size() <= topic_bytes_max && publication.payload.size() <= payload_bytes_max &&
         topic.find_first_of(std::string_view{"+#\0", 3}) == std::string::npos;
}

// What one connection attempt and the connection that followed have told us so far.
struct Events {
  bool connected = false;
  std::optional<ConnectFailure> failure;
  BrokerLimits limits;
  bool lost = false;
  int lost_reason = 0;
  std::vector<std::optional<int>> granted;  // by subscription: what the broker answered
  bool offline_done = false;
};

}  // namespace

// The supervisor thread owns the link and decides everything; the library's threads only leave word in `events_`, the
// tickets and the journal. Order of locks: link_mutex_, then (inside the library) its own, then mutex_. Whoever holds mutex_
// calls nothing of the library.
struct MqttClient::Inner final : MqttListener {
  Inner(const MqttClientSpec& spec, Journal* journal)
      : spec_(spec),
        url_(parse_broker_url(spec.broker.url)),
        name_(url_.host + ":" + std::to_string(url_.port)),
        link_spec_(link_spec_of(spec, url_)),
        intake_(spec.limits, spec.when_full, spec.broker.keep_alive / 4, journal),
        backoff_(std::random_device{}()) {}

  // ---- the library's threads

  void on_connected(const BrokerLimits& limits) noexcept override {
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
  void on_connect_failed(ConnectFailure failure) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      events_.failure = failure;
    }
    changed_.notify_all();
  }
  void on_lost(int reason) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      if (!events_.lost) events_.lost_reason = reason;
      events_.lost = true;
      set_disconnected();
    }
    changed_.notify_all();
  }
  void on_subscribed(std::size_t subscription, int code) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      if (subscription < events_.granted.size()) events_.granted[subscription] = code;
    }
    changed_.notify_all();
  }
  void on_published(Id id, Sink::Ended ended, int reason) noexcept override {
    if (id == offline_id) {
      {
        const std::lock_guard lock(mutex_);
        events_.offline_done = true;
      }
      changed_.notify_all();
      return;
    }
    tickets_.end(id, ended);
    if (ended == Sink::Ended::refused) {
      log_throttled(Level::warn, "mqtt", "publication refused", {{"broker", name_}, {"reason", mqtt_reason(reason)}});
    }
  }
  void on_message(const Message& message) noexcept override { intake_.take(message); }

  // ---- the supervisor's thread

  void supervise() {
    while (!stopping()) {
      const Duration wait = connect_once() ? serve() : retry_after_;
      rest(wait);
    }
  }

  // One attempt. True: connected. Else retry_after_ says when to try again.
  bool connect_once() {
    retry_after_ = backoff_.next();
    if (unreachable_) {  // cheap, exact about the reason, and quick to see the port open
      if (const auto problem = tcp_problem(url_.host, url_.port, probe_within)) {
        report_failure("cannot be reached: " + *problem + "; check broker.url and that the broker runs");
        return false;
      }
    }
    if (!begin_connect()) {
      report_failure("the MQTT library cannot begin to connect");
      drop_link();
      return false;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, answer_within, [&] { return events_.connected || events_.failure || stopping_; });
    if (events_.connected) return true;
    const std::optional<ConnectFailure> failure = events_.failure;
    const bool stopped = stopping_;
    lock.unlock();
    if (stopped) return false;
    if (failure) {
      explain(*failure);
    } else {
      report_failure("did not answer the connection attempt");
      drop_link();  // the library has lost its thread
    }
    return false;
  }

  bool begin_connect() {
    {
      const std::lock_guard lock(mutex_);
      events_ = {};
      events_.granted.resize(spec_.subscriptions.size());
    }
    const std::lock_guard lock(link_mutex_);
    try {
      if (link_ == nullptr) link_ = std::make_unique<MqttLink>(link_spec_, *this);
    } catch (const std::exception&) {
      return false;
    }
    return link_->connect();
  }

  void explain(ConnectFailure failure) {
    unreachable_ = failure.code <= 0;
    if (failure.code > 0) {
      const std::string_view advice = connect_advice(failure.code);
      if (!advice.empty()) retry_after_ = backoff_.jittered(retry_refused_every);
      report_failure("refused the connection: " + mqtt_reason(failure.code) +
                     (advice.empty() ? "" : "; " + std::string(advice)));
      return;
    }
    if (const auto problem = tcp_problem(url_.host, url_.port, probe_within)) {
      report_failure("cannot be reached: " + *problem + "; check broker.url and that the broker runs");
      return;
    }
    if (url_.tls) {
      if (const auto problem = tls_problem(url_.host, url_.port, spec_.broker.tls, std::chrono::seconds{1})) {
        retry_after_ = backoff_.jittered(retry_refused_every);
        report_failure("no TLS connection: " + *problem);
        return;
      }
    }
    report_failure(
        "closed the connection before it answered; does an MQTT broker listen there, with TLS only where broker.url begins with "
        "mqtts, and does it take broker.protocol " +
        std::to_string(spec_.broker.protocol) + "?");
  }

  // Keeps the connection until it is lost, given up or no longer wanted; says how long to wait before the next attempt.
  Duration serve() {
    connected_at_ = Clock::now();
    unreachable_ = false;
    report_connected();
    subscribe();
    bool judged = spec_.subscriptions.empty();
    if (judged) set_subscribed(true);
    Clock::time_point resubscribe = Clock::time_point::max();
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, look_every, [&] { return events_.lost || stopping_ || (!judged && all_answered()); });
      if (stopping_) return Duration{0};
      if (events_.lost) break;
      const bool answered = all_answered();
      lock.unlock();
      const Clock::time_point now = Clock::now();
      if (!judged && answered) {
        judged = true;
        if (!judge_subscriptions()) resubscribe = now + resubscribe_refused_every;
      }
      if (judged && now >= resubscribe) {
        resubscribe = Clock::time_point::max();
        subscribe();
        judged = false;
      }
      if ((!answered && now - subscribed_at_ > acknowledged_within) || tickets_.oldest(connected_at_) > acknowledged_within) {
        give_up_link();
        return backoff_.next();
      }
    }
    return after_loss();
  }

  void subscribe() {
    subscribed_at_ = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      for (auto& granted : events_.granted) {
        if (!granted || *granted > 2) granted.reset();
      }
    }
    const std::lock_guard lock(link_mutex_);
    for (std::size_t i = 0; i < spec_.subscriptions.size(); ++i) {
      const Subscription& subscription = spec_.subscriptions[i];
      if (granted(i)) continue;
      // False: the connection has gone, and on_lost says so.
      if (!link_->subscribe(i, subscription.filter, subscription.qos, subscription.seed)) break;
    }
  }

  // Logs what was not granted as wished. False: something was refused.
  bool judge_subscriptions() {
    std::string refused;
    for (std::size_t i = 0; i < spec_.subscriptions.size(); ++i) {
      const Subscription& wished = spec_.subscriptions[i];
      const int code = granted(i).value_or(-1);
      if (code < 0 || code > 2) {
        const std::string reason = code < 0 ? "no answer" : mqtt_reason(code);
        if (refused.empty()) {
          refused = "refused the subscription " + quoted(wished.filter) + ": " + reason +
                    "; allow broker.username to read it at the broker";
        }
        if (!refusal_told_) log(Level::error, "mqtt", "subscription refused",
                                {{"broker", name_}, {"filter", wished.filter}, {"reason", reason}});
      } else if (code < wished.qos && !lower_qos_told_) {
        log(Level::warn, "mqtt", "subscription granted at a lower QoS",
            {{"filter", wished.filter}, {"qos", std::to_string(wished.qos)}, {"granted", std::to_string(code)}});
        lower_qos_told_ = true;
      }
    }
    refusal_told_ = !refused.empty();
    set_subscribed(refused.empty());
    if (!refused.empty()) set_error(name_ + " " + refused);
    return refused.empty();
  }

  // Something waits for an answer that does not come: ends the connection from our side, as well as that still goes.
  void give_up_link() {
    log(Level::warn, "mqtt", "no acknowledgement for 10 s: connecting anew", {{"broker", name_}});
    bool ended;
    {
      const std::lock_guard lock(link_mutex_);
      ended = link_->disconnect(polite_end_within);
    }
    {
      const std::lock_guard lock(mutex_);
      set_disconnected();
    }
    set_error(name_ + " did not acknowledge for 10 s");
    if (!ended) drop_link();
    // What the library still holds it may send again; who publishes shall not wait for that.
    tickets_.lose_all();
  }

  Duration after_loss() {
    const Duration lived = Clock::now() - connected_at_;
    int reason;
    {
      const std::lock_guard lock(mutex_);
      reason = events_.lost_reason;
    }
    std::string text = reason == 0 ? "the connection broke or was closed" : mqtt_reason(reason);
    if (reason == 0 && lived < good_after) text += " soon after it was made; does another client use the same broker.client_id?";
    if (reason == session_taken_over) text += "; " + std::string(connect_advice(reason));
    log(Level::warn, "mqtt", "connection lost", {{"broker", name_}, {"reason", text}});
    set_error(name_ + " lost: " + text);
    if (link_->poisoned()) {
      const std::lock_guard lock(link_mutex_);
      MqttLink::abandon(std::move(link_));
      tickets_.lose_all();
    }
    if (lived >= good_after) backoff_.reset();
    return reason == session_taken_over ? backoff_.jittered(retry_refused_every) : backoff_.next();
  }

  void drop_link() {
    {
      const std::lock_guard lock(link_mutex_);
      if (link_ != nullptr && link_->poisoned()) {
        MqttLink::abandon(std::move(link_));
      } else {
        link_.reset();
      }
    }
    tickets_.lose_all();
  }

  void report_connected() {
    BrokerLimits limits;
    {
      const std::lock_guard lock(mutex_);
      limits = events_.limits;
      state_.last_error.clear();
    }
    told_failure_.clear();
    log(Level::info, "mqtt", "connected",
        {{"broker", name_}, {"client_id", spec_.broker.client_id}, {"session", limits.session_present ? "resumed" : "new"}});
    if (had_session_ && !limits.session_present && !spec_.subscriptions.empty()) {
      log(Level::warn, "mqtt", "the broker did not keep our session: messages sent while we were away are lost",
          {{"broker", name_}});
    }
    if (limits.session_expiry_differs && !had_session_) {
      log(Level::warn, "mqtt", "the broker keeps our session for another time than broker.session_expiry",
          {{"wanted", format_duration(spec_.broker.session_expiry)},
           {"granted", format_duration(std::chrono::seconds{limits.session_expiry_seconds})}});
    }
    had_session_ = spec_.broker.session_expiry > Duration{0};
  }

  // On change only: the same reason is told once, however often it is met.
  void report_failure(const std::string& what) {
    set_error(name_ + " " + what);
    if (std::exchange(told_failure_, what) != what) {
      log(Level::warn, "mqtt", "not connected; trying again", {{"broker", name_}, {"reason", name_ + " " + what}});
    }
  }

  void rest(Duration wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return stopping_; });
  }

  // ---- any thread

  // Holding mutex_. Counts a connection's end once.
  void set_disconnected() {
    if (!state_.connected) return;
    state_.connected = false;
    state_.subscribed = false;
    ++state_.disconnects;
  }
  void set_subscribed(bool subscribed) {
    const std::lock_guard lock(mutex_);
    state_.subscribed = subscribed && state_.connected;
  }
  void set_error(std::string text) {
    const std::lock_guard lock(mutex_);
    state_.last_error = std::move(text);
  }
  [[nodiscard]] std::optional<int> granted(std::size_t subscription) {
    const std::lock_guard lock(mutex_);
    return events_.granted[subscription];
  }
  // Holding mutex_.
  [[nodiscard]] bool all_answered() const {
    return std::ranges::all_of(events_.granted, [](const auto& granted) { return granted.has_value(); });
  }
  [[nodiscard]] bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  [[nodiscard]] bool connected() {
    const std::lock_guard lock(mutex_);
    return state_.connected;
  }

  Sink::Accepted publish(const Publication& publication, Sink::Ticket ticket) {
    if (!publishable(publication)) return Sink::Accepted::refused;
    const std::uint32_t packet_max = packet_bytes_max_;
    constexpr std::size_t packet_overhead = 16;
    if (packet_max != 0 && publication.topic.size() + publication.payload.size() + packet_overhead > packet_max) {
      return Sink::Accepted::refused;
    }
    if (!connected()) return Sink::Accepted::later;
    const bool acknowledged = publication.qos > 0;
    const std::optional<Tickets::Id> id = acknowledged ? tickets_.add(ticket, window_) : Tickets::Id{offline_id};
    if (!id) return Sink::Accepted::later;
    MqttLink::Sent sent = MqttLink::Sent::later;
    // The supervisor holds the link only while it changes it.
    if (const std::unique_lock lock(link_mutex_, std::try_to_lock); lock.owns_lock() && link_ != nullptr) {
      sent = link_->publish(publication, *id);
    }
    if (sent == MqttLink::Sent::sent) return acknowledged ? Sink::Accepted::pending : Sink::Accepted::done;
    if (acknowledged && !tickets_.take_back(*id)) return Sink::Accepted::pending;
    return sent == MqttLink::Sent::refused ? Sink::Accepted::refused : Sink::Accepted::later;
  }

  // ---- the owner's thread

  void start() {
    supervisor_ = std::jthread([this] { supervise(); });
  }

  void stop() {
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

  void publish_offline() {
    if (spec_.status_topic.empty()) return;
    const Publication offline{spec_.status_topic, link_spec_.will_payload, 1, true};
    {
      const std::lock_guard lock(link_mutex_);
      if (link_ == nullptr || link_->publish(offline, offline_id) != MqttLink::Sent::sent) return;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, offline_within, [&] { return events_.offline_done || events_.lost; });
  }

  const MqttClientSpec spec_;
  const BrokerUrl url_;
  const std::string name_;
  const MqttLinkSpec link_spec_;
  Intake intake_;
  Tickets tickets_;
  std::atomic<std::uint32_t> window_{0};            // publications the broker takes at once
  std::atomic<std::uint32_t> packet_bytes_max_{0};  // 0: no limit

  std::mutex mutex_;  // of events_, state_, stopping_
  std::condition_variable changed_;
  Events events_;
  State state_;
  bool stopping_ = false;

  std::mutex link_mutex_;
  std::unique_ptr<MqttLink> link_;

  // The supervisor's own.
  Backoff backoff_;
  Duration retry_after_{};
  bool unreachable_ = false;  // the last attempt failed before the broker could say why
  Clock::time_point connected_at_{};
  Clock::time_point subscribed_at_{};
  bool had_session_ = false;
  bool refusal_told_ = false;
  bool lower_qos_told_ = false;
  std::string told_failure_;
  std::jthread supervisor_;
};

MqttClient::MqttClient(const MqttClientSpec& spec, Journal* journal) : inner_(std::make_unique<Inner>(spec, journal)) {}

MqttClient::~MqttClient() { stop(); }

void MqttClient::start() { inner_->start(); }

void MqttClient::stop_intake() { inner_->intake_.stop(); }

void MqttClient::stop() { inner_->stop(); }

Sink::Accepted MqttClient::publish(const Publication& publication, Ticket ticket) noexcept try {
  return inner_->publish(publication, ticket);
} catch (const std::exception&) {
  return Accepted::later;  // no memory now
}

bool MqttClient::completed(Completion& out) noexcept { return inner_->tickets_.pop(out); }

MqttClient::State MqttClient::state() const {
  const std::lock_guard lock(inner_->mutex_);
  return inner_->state_;
}

const SourceCounters& MqttClient::counters() const { return inner_->intake_.counters(); }

BrokerUrl parse_broker_url(std::string_view url) {
  const auto wrong = [&](std::string_view what) {
    return SetupError("broker.url: " + quoted(url) + ": " + std::string(what) +
                      "; allowed is mqtt://host, mqtt://host:port, mqtts://host or mqtts://host:port");
  };
  BrokerUrl parsed{};
  std::string_view rest = url;
  if (rest.starts_with("mqtts://")) {
    parsed.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("mqtt://")) {
    rest.remove_prefix(7);
  } else {
    throw wrong("it does not begin with mqtt:// or mqtts://");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const std::size_t colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = rest.substr(0, colon);
  if (bracket != std::string_view::npos) host = rest.substr(1, bracket - 1);
  if (host.empty() || host.find_first_of("/@?# []") != std::string_view::npos) throw wrong("no host name");
  parsed.host = host;
  parsed.port = parsed.tls ? 8883 : 1883;
  if (colon == std::string_view::npos) return parsed;
  const std::string_view port = rest.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (error != std::errc{} || end != port.data() + port.size() || parsed.port < 1 || parsed.port > 65535) {
    throw wrong("the port is no number from 1 to 65535");
  }
  return parsed;
}

}  // namespace bridge
