// The life of a connection, on the supervisor's thread: one attempt, what to say when it fails, the time it
// lives, its end.
#include <algorithm>
#include <utility>

#include "bridge/log.h"
#include "bridge/mqtt_supervisor.h"
#include "bridge/mqtt_words.h"
#include "bridge/reach.h"
#include "bridge/text.h"
#include "bridge/watchdog.h"

namespace bridge {
namespace {

// An answer to CONNECT may take this long: the library's own limit is 10 s, looked at every 3 s.
constexpr auto answer_within = std::chrono::seconds{15};
constexpr auto look_every = std::chrono::milliseconds{200};  // of the watchdog
constexpr auto probe_within = std::chrono::milliseconds{800};
constexpr auto polite_end_within = std::chrono::milliseconds{500};
// What only an operator can mend is not worth an attempt every half second.
constexpr auto retry_refused_every = std::chrono::seconds{5};
constexpr auto resubscribe_refused_every = std::chrono::seconds{30};
// A connection that lived this long was a good one: the next loss starts the back-off anew.
constexpr auto good_after = std::chrono::seconds{5};
// So many in a row that did not, and the broker does not say why: odd.
constexpr int short_lives_odd = 3;
constexpr int session_taken_over = 0x8E;

}  // namespace

void MqttSupervisor::supervise() {
  while (!stopping()) rest(connect_once() ? serve() : retry_after_);
}

// True: connected. Else retry_after_ says when to try again.
bool MqttSupervisor::connect_once() {
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
  if (!failure || !keeps_link_) drop_link();
  if (failure) {
    explain(*failure);
  } else {
    report_failure("did not answer the connection attempt");
  }
  return false;
}

bool MqttSupervisor::begin_connect() {
  (void)take_next();
  {
    const std::lock_guard lock(mutex_);
    events_ = {};
    events_.granted.resize(subscriptions_.size());
  }
  const std::lock_guard lock(link_mutex_);
  try {
    if (link_ == nullptr) link_ = make_link(link_spec_, *this);
  } catch (const std::exception&) {
    return false;
  }
  return link_->connect();
}

void MqttSupervisor::explain(ConnectFailure failure) {
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
      report_failure("makes no TLS connection: " + *problem);
      return;
    }
  }
  report_failure(
      "closed the connection before it answered; check that an MQTT broker listens there, that broker.url "
      "begins with mqtts where "
      "it wants TLS, and that it takes broker.protocol " +
      std::to_string(spec_.broker.protocol));
}

// Keeps the connection until it is lost, given up or no longer wanted; says how long to wait before the next
// attempt.
Duration MqttSupervisor::serve() {
  connected_at_ = Clock::now();
  unreachable_ = false;
  learn_session(report_connected());
  subscribe();
  // What another connection subscribes now stays ours until it has, so that nothing is missed.
  bool left = !spec_.others_subscribed;
  if (left) leave_session();
  bool judged = subscriptions_.empty();
  if (judged) set_subscribed(true);
  Clock::time_point resubscribe = Clock::time_point::max();
  Watchdog watchdog(connected_at_, intake_.counters().received.get());
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, look_every, [&] {
      return events_.lost || stopping_ || (judged ? left && next_subscriptions_ : all_answered());
    });
    if (stopping_) return Duration{0};
    if (events_.lost) break;
    const bool answered = all_answered();
    lock.unlock();
    if (!left && spec_.others_subscribed()) {
      left = true;
      leave_session();
    }
    if (judged && left && change_subscriptions()) {
      judged = false;
      resubscribe = Clock::time_point::max();
      continue;
    }
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
    const Duration waited =
        std::max<Duration>(answered ? Duration{0} : now - subscribed_at_, tickets_.oldest(connected_at_));
    if (watchdog.is_dead(now, waited, intake_.counters().received.get())) {
      give_up_link(std::chrono::floor<std::chrono::seconds>(waited));
      return backoff_.next();
    }
  }
  return after_loss();
}

// Asks for every subscription that is not granted: for all of them on a new connection, whatever session the
// broker kept.
void MqttSupervisor::subscribe() {
  subscribed_at_ = Clock::now();
  {
    const std::lock_guard lock(mutex_);
    for (auto& granted : events_.granted) {
      if (granted && (*granted < 0 || *granted > 2)) granted.reset();
    }
  }
  const std::lock_guard lock(link_mutex_);
  for (std::size_t i = 0; i < subscriptions_.size(); ++i) {
    const Subscription& subscription = subscriptions_[i];
    if (granted(i)) continue;
    // False: the connection has gone, and on_lost says so.
    if (!link_->subscribe(i, subscription.filter, subscription.qos, subscription.seed)) break;
  }
}

// Tells what was not granted as wished. False: something was refused.
bool MqttSupervisor::judge_subscriptions() {
  std::string refused;
  for (std::size_t i = 0; i < subscriptions_.size(); ++i) {
    const Subscription& wished = subscriptions_[i];
    const int code = granted(i).value_or(-1);
    if (code < 0 || code > 2) {
      const std::string reason = code < 0 ? "no answer" : mqtt_reason(code);
      if (refused.empty()) refused = shown(wished.filter) + ": " + reason;
      if (refusal_told_) continue;
      log(Level::error, "mqtt", "subscription refused; allow broker.username to read it at the broker",
          {{"broker", name_}, {"filter", wished.filter}, {"reason", reason}});
    } else if (code < wished.qos && !std::exchange(lower_qos_told_, true)) {
      log(Level::warn, "mqtt", "subscription granted at a lower QoS",
          {{"filter", wished.filter},
           {"qos", std::to_string(wished.qos)},
           {"granted", std::to_string(code)}});
    }
  }
  refusal_told_ = !refused.empty();
  set_subscribed(refused.empty());
  set_error(refused.empty() ? ""
                            : name_ + " refused the subscription " + refused +
                                  "; allow broker.username to read it at the broker");
  return refused.empty();
}

// Something waits for an answer that does not come: ends the connection from our side, as well as that still
// goes.
void MqttSupervisor::give_up_link(std::chrono::seconds waited) {
  const std::string how_long = std::to_string(waited.count()) + " s";
  log(Level::warn, "mqtt", "no acknowledgement for " + how_long + ": connecting anew", {{"broker", name_}});
  bool ended;
  {
    const std::lock_guard lock(link_mutex_);
    ended = link_->disconnect(polite_end_within);
  }
  {
    const std::lock_guard lock(mutex_);
    set_disconnected();
  }
  set_error(name_ + " did not acknowledge for " + how_long);
  if (!ended || !keeps_link_) drop_link();
  lose_under_way();  // the library may still send them again; who publishes shall not wait for that
}

Duration MqttSupervisor::after_loss() {
  const Duration lived = Clock::now() - connected_at_;
  int reason;
  {
    const std::lock_guard lock(mutex_);
    reason = events_.lost_reason;
  }
  std::string text = reason == 0 ? "the connection broke or was closed" : mqtt_reason(reason);
  short_lives_ = lived < good_after ? short_lives_ + 1 : 0;
  if (reason == 0 && short_lives_ >= short_lives_odd) {
    text += " soon after it was made, again; does another client use the same broker.client_id?";
  }
  if (reason == session_taken_over) text += "; " + std::string(connect_advice(reason));
  log(Level::warn, "mqtt", "connection lost", {{"broker", name_}, {"reason", text}});
  set_error(name_ + " lost: " + text);
  if (!keeps_link_ || link_->poisoned()) drop_link();
  if (lived >= good_after) backoff_.reset();
  return reason == session_taken_over ? backoff_.jittered(retry_refused_every) : backoff_.next();
}

// The next attempt gets a new link. Paho's threads begin afresh then: in an old one they look only once a
// second whether a connection has come about. What the link still held is lost, and told as lost.
void MqttSupervisor::drop_link() {
  {
    const std::lock_guard lock(link_mutex_);
    retire(std::move(link_));
  }
  lose_under_way();
}

// What is handed over goes first: nobody shall send what was told as lost.
void MqttSupervisor::lose_under_way() {
  handoff_.clear();
  tickets_.lose_all();
}

// Whether the broker kept our session.
bool MqttSupervisor::report_connected() {
  BrokerLimits limits;
  {
    const std::lock_guard lock(mutex_);
    limits = events_.limits;
    state_.last_error.clear();
  }
  told_failure_.clear();
  log(Level::info, "mqtt", "connected",
      {{"broker", name_},
       {"client_id", spec_.broker.client_id},
       {"session", limits.session_present ? "resumed" : "new"}});
  if (had_session_ && !limits.session_present && !subscriptions_.empty()) {
    log(Level::warn, "mqtt", "the broker did not keep our session: messages sent while we were away are lost",
        {{"broker", name_}});
  }
  if (limits.session_expiry_differs && !had_session_) {
    log(Level::warn, "mqtt", "the broker keeps our session for another time than broker.session_expiry",
        {{"wanted", format_duration(spec_.broker.session_expiry)},
         {"granted", format_duration(std::chrono::seconds{limits.session_expiry_seconds})}});
  }
  had_session_ = spec_.broker.session_expiry > Duration{0};
  return limits.session_present;
}

// On change only: the same reason is told once, however often it is met.
void MqttSupervisor::report_failure(const std::string& what) {
  set_error(name_ + " " + what);
  if (std::exchange(told_failure_, what) != what) {
    log(Level::warn, "mqtt", "not connected; trying again", {{"broker", name_}, {"reason", what}});
  }
}

void MqttSupervisor::rest(Duration wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [&] { return stopping_; });
}

}  // namespace bridge
