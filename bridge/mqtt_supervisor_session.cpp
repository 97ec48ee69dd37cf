// What the broker's session has subscribed, on the supervisor's thread. Before this connection: learned
// before we subscribe, unsubscribed after, and written down for the next life of weir (session_filters.h).
// And what a new configuration changes in it.
#include <algorithm>
#include <iterator>
#include <utility>

#include "bridge/log.h"
#include "bridge/mqtt_supervisor.h"
#include "bridge/mqtt_words.h"

namespace bridge {
namespace {

// All of these waits end at once when the answer comes, the connection is lost or weir stops. An answer may
// stand behind all that the broker has kept for us.
constexpr auto answer_within = std::chrono::seconds{30};
// A retained message comes with the answer to its subscription, unless the broker's queue for us is full.
constexpr auto retained_within = std::chrono::seconds{1};
constexpr auto ask_again_for = std::chrono::seconds{10};

}  // namespace

MqttSupervisor::Session MqttSupervisor::session_of(const MqttClientSpec& spec) {
  const bool persists = spec.broker.session_expiry > Duration{0} && !spec.subscriptions.empty();
  const bool noted = persists && !spec.status_topic.empty();
  return {noted ? session_filters_topic(spec.status_topic, spec.connection) : "", {}, {}, std::nullopt};
}

// Takes over what the constructor or adopt() left, with what the broker has granted of it. False: nothing.
bool MqttSupervisor::take_next() {
  {
    const std::lock_guard lock(mutex_);
    if (!next_subscriptions_) return false;
    std::vector<std::optional<int>> granted;
    for (const Subscription& next : *next_subscriptions_) {
      const auto same =
          static_cast<std::size_t>(std::ranges::find(subscriptions_, next) - subscriptions_.begin());
      granted.push_back(same < events_.granted.size() ? events_.granted[same] : std::nullopt);
    }
    events_.granted = std::move(granted);
    subscriptions_ = *std::exchange(next_subscriptions_, std::nullopt);
  }
  Filters before;
  std::ranges::set_union(session_.before, session_.wanted, std::back_inserter(before));
  session_.before = std::move(before);
  std::vector<std::string> wanted;
  for (const Subscription& one : subscriptions_) {
    wanted.push_back(one.filter);
    keeps_link_ = keeps_link_ || one.qos == 2;
  }
  session_.wanted = filters_of(std::move(wanted));
  refusal_told_ = false;
  return true;
}

// Precondition: every subscription was answered. The streams that stay go on meanwhile.
bool MqttSupervisor::change_subscriptions() {
  if (!take_next()) return false;
  learn_session(true);
  subscribe();
  leave_session();
  return true;
}

// Before we subscribe: what is written names all that the session may have, at any time.
void MqttSupervisor::learn_session(bool resumed) {
  if (session_.topic.empty()) return;
  if (!resumed) session_.has = Filters{};
  if (!session_.has) session_.has = ask_for_session();
  if (!session_.has) return;  // lost or stopping
  Filters all;
  std::ranges::set_union(*session_.has, session_.wanted, std::back_inserter(all));
  if (all != *session_.has && write_session(all)) session_.has = std::move(all);
}

// After we have subscribed, so that nothing is missed that an old filter and a new one take.
void MqttSupervisor::leave_session() {
  Filters all, old;
  std::ranges::set_union(session_.has.value_or(Filters{}), session_.before, std::back_inserter(all));
  std::ranges::set_difference(all, session_.wanted, std::back_inserter(old));
  if (old.empty()) return;
  {
    const std::lock_guard lock(link_mutex_);
    for (const std::string& filter : old) {
      if (!link_->unsubscribe(filter)) return;  // lost
    }
  }
  session_.before.clear();
  if (session_.has) {
    if (!write_session(session_.wanted)) return;
    session_.has = session_.wanted;
  }
  for (const std::string& filter : old) {
    log(Level::info, "mqtt", "unsubscribed what the configuration has no more",
        {{"broker", name_}, {"filter", filter}});
  }
}

// Empty where nothing says it. nullopt: the connection was lost, or weir stops.
std::optional<Filters> MqttSupervisor::ask_for_session() {
  const std::optional<std::string> message = read_session();
  {
    const std::lock_guard lock(mutex_);
    events_.session_asked = false;
    if (events_.lost || stopping_) return std::nullopt;
  }
  {
    const std::lock_guard lock(link_mutex_);
    if (!link_->unsubscribe(session_.topic)) return std::nullopt;
  }
  if (message) {
    if (auto filters = read_session_filters(*message)) return filters;
  }
  log(Level::warn, "mqtt",
      "the broker's session is an old one, and nothing says what it has subscribed: a filter that the "
      "configuration has no more goes on, and may count messages twice; allow broker.username to read and to "
      "write this topic",
      {{"broker", name_}, {"topic", session_.topic}});
  return Filters{};
}

std::optional<std::string> MqttSupervisor::read_session() {
  const auto refused = [&] { return events_.session_granted.value_or(0) > 2; };
  for (const Clock::time_point begin = Clock::now(); Clock::now() - begin < ask_again_for;) {
    {
      const std::lock_guard lock(mutex_);
      events_.session_asked = true;
      events_.session_granted.reset();
    }
    {
      const std::lock_guard lock(link_mutex_);
      if (!link_->subscribe(session_subscription, session_.topic, 1, true)) return std::nullopt;
    }
    if (!wait_for(answer_within, [&] { return events_.session_granted || events_.session_message; })) break;
    const std::uint64_t received = intake_.counters().received.get();
    wait_for(retained_within, [&] { return events_.session_message || refused(); });
    const std::lock_guard lock(mutex_);
    if (events_.session_message) return events_.session_message;
    if (refused() || intake_.counters().received.get() == received) break;
  }
  return std::nullopt;
}

bool MqttSupervisor::write_session(const Filters& filters) {
  const Publication message{session_.topic, session_filters_json(filters), 1, true};
  {
    const std::lock_guard lock(mutex_);
    events_.session_written.reset();
  }
  {
    const std::lock_guard lock(link_mutex_);
    if (link_->publish(message, session_publication) != MqttLink::Sent::sent) return false;
  }
  if (!wait_for(answer_within, [&] { return events_.session_written.has_value(); })) return false;
  const std::lock_guard lock(mutex_);
  if (*events_.session_written <= 0) return *events_.session_written == 0;
  log_throttled(
      Level::warn, "mqtt",
      "what we have subscribed could not be written down for our next life; allow broker.username to "
      "read and to write this topic",
      {{"broker", name_}, {"topic", session_.topic}, {"reason", mqtt_reason(*events_.session_written)}});
  return false;
}

// Library's thread. False: it was not asked for.
bool MqttSupervisor::take_session_message(std::string_view payload) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!events_.session_asked) return false;
    try {
      events_.session_message = payload;
    } catch (const std::exception&) {
      return true;  // no memory: as if it had not come
    }
  }
  changed_.notify_all();
  return true;
}

}  // namespace bridge
