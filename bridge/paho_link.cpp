#include "bridge/paho_link.h"

#include <MQTTAsync.h>
#include <mqtt/async_client.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "bridge/error.h"

namespace bridge {
namespace {

constexpr auto connect_timeout = std::chrono::seconds{10};
// The client's own are never refused because results fill the buffer: what it has subscribed, and that it
// ends.
constexpr std::uint32_t own_publications = 2;

// The wrapper keeps the C client to itself, and with it the packet id and the bytes of a message: it copies
// topic and payload once more and hides the id. An explicit instantiation may name a private member
// ([temp.spec.general]), so this gives us the handle, and messages come to us straight from the C library.
struct HandleOf {
  using Member = MQTTAsync mqtt::async_client::*;
  friend constexpr Member private_member(HandleOf);
};
template <HandleOf::Member member>
struct Reveal {
  friend constexpr HandleOf::Member private_member(HandleOf) { return member; }
};
template struct Reveal<&mqtt::async_client::cli_>;

// The library would take a web proxy from the environment and send MQTT through it.
void prepare_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::unsetenv("http_proxy");
    ::unsetenv("https_proxy");
  });
}

// Debian's library keeps a list of what it has allocated, and frees nothing that is not in it. Its blocks
// begin 8 bytes behind those of malloc(), which are multiples of 16.
bool library_checks_what_it_frees() {
  void* const block = MQTTAsync_malloc(1);
  const bool checks = reinterpret_cast<std::uintptr_t>(block) % 16 == 8;
  MQTTAsync_free(block);
  return checks;
}

int version_of(const BrokerConfig& broker) {
  return broker.protocol == 4 ? MQTTVERSION_3_1_1 : MQTTVERSION_5;
}

int seconds_of(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

mqtt::create_options create_options_of(const MqttLinkSpec& spec) {
  mqtt::create_options options(version_of(spec.broker));
  options.set_max_buffered_messages(static_cast<int>(spec.publish_buffer + own_publications));
  options.set_send_while_disconnected(false);
  return options;
}

mqtt::ssl_options ssl_options_of(const TlsConfig& tls) {
  mqtt::ssl_options options;
  if (!tls.ca.empty()) options.set_trust_store(tls.ca);  // else the system's
  if (!tls.cert.empty()) options.set_key_store(tls.cert);
  if (!tls.key.empty()) options.set_private_key(tls.key);
  options.set_enable_server_cert_auth(true);
  options.set_verify(true);  // the host's name too: off by default
  return options;
}

// Fills the caller's object in place: a moved or copied one loses the MQTT 5 properties.
void fill(mqtt::connect_options& options, const MqttLinkSpec& spec) {
  const BrokerConfig& broker = spec.broker;
  options.set_mqtt_version(version_of(broker));
  if (broker.protocol == 4) {
    options.set_clean_session(broker.session_expiry == Duration{0});
  } else {
    options.set_clean_start(false);
    options.set_properties(mqtt::properties{
        {mqtt::property::SESSION_EXPIRY_INTERVAL, seconds_of(broker.session_expiry)},
        {mqtt::property::RECEIVE_MAXIMUM, static_cast<std::int32_t>(broker.receive_maximum)}});
  }
  options.set_keep_alive_interval(seconds_of(broker.keep_alive));
  options.set_connect_timeout(connect_timeout);
  options.set_automatic_reconnect(false);
  if (!broker.username.empty()) options.set_user_name(broker.username);
  if (!spec.password.empty()) options.set_password(spec.password);
  if (!spec.will_topic.empty())
    options.set_will(mqtt::will_options(spec.will_topic, spec.will_payload, 1, true));
  if (spec.tls) options.set_ssl(ssl_options_of(broker.tls));
}

std::uint32_t number_of(const mqtt::properties& properties, mqtt::property::code code, std::uint32_t absent) {
  if (!properties.contains(code)) return absent;
  return code == mqtt::property::RECEIVE_MAXIMUM ? mqtt::get<std::uint16_t>(properties, code)
                                                 : mqtt::get<std::uint32_t>(properties, code);
}

BrokerLimits limits_of(const mqtt::connect_response& response) {
  const mqtt::properties& properties = response.get_properties();
  BrokerLimits limits;
  limits.session_present = response.is_session_present();
  limits.receive_maximum = number_of(properties, mqtt::property::RECEIVE_MAXIMUM, 65535);
  limits.packet_bytes_max = number_of(properties, mqtt::property::MAXIMUM_PACKET_SIZE, 0);
  limits.session_expiry_differs = properties.contains(mqtt::property::SESSION_EXPIRY_INTERVAL);
  limits.session_expiry_seconds = number_of(properties, mqtt::property::SESSION_EXPIRY_INTERVAL, 0);
  return limits;
}

void* context_of(std::uint64_t id) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)); }
std::uint64_t id_of(const mqtt::token& token) {
  return reinterpret_cast<std::uintptr_t>(token.get_user_context());
}
static_assert(sizeof(void*) == sizeof(std::uint64_t));

// The reason code of an answer that is a refusal; 0: it was no answer.
int refusal_of(const mqtt::token& token, int protocol) {
  const int reason = protocol == 4 ? token.get_return_code() : static_cast<int>(token.get_reason_code());
  return reason >= 0x80 ? reason : 0;
}

}  // namespace

struct PahoLink::Inner {
  Inner(const MqttLinkSpec& spec, MqttListener& to)
      : listener(&to),
        protocol(spec.broker.protocol),
        client(spec.uri, spec.broker.client_id, create_options_of(spec)) {
    fill(options, spec);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);  // tracing costs a third of the receiving thread's time
    client.set_connection_lost_handler([this](const std::string&) { lost(0); });
    client.set_disconnected_handler(
        [this](const mqtt::properties&, mqtt::ReasonCode reason) { lost(static_cast<int>(reason)); });
    const MQTTAsync handle = client.*private_member(HandleOf{});
    if (MQTTAsync_setMessageArrivedCallback(handle, this, message_arrived) != MQTTASYNC_SUCCESS) {
      throw SetupError("mqtt: the library takes no message callback");
    }
  }

  void lost(int reason) noexcept {
    if (MqttListener* const to = listener.load()) to->on_lost(reason);
  }

  static int message_arrived(void* context, char* topic, int topic_bytes,
                             MQTTAsync_message* received) noexcept {
    const Inner& inner = *static_cast<Inner*>(context);
    MqttListener* const to = inner.listener.load();
    if (to != nullptr) {
      Message message;
      message.topic = {topic, topic_bytes > 0 ? static_cast<std::size_t>(topic_bytes) : std::strlen(topic)};
      message.payload = {static_cast<const char*>(received->payload),
                         static_cast<std::size_t>(received->payloadlen)};
      message.qos = static_cast<std::uint8_t>(received->qos);
      message.packet_id = received->qos == 0 ? std::uint16_t{0} : static_cast<std::uint16_t>(received->msgid);
      message.duplicate = received->dup != 0;
      message.stale =
          received->retained != 0;  // retain-as-published is off: only a replayed value carries the bit
      to->on_message(message);
    }
    MQTTAsync_freeMessage(&received);
    MQTTAsync_free(topic);
    return 1;  // 0 would park the message in the library and acknowledge it all the same
  }

  struct ConnectAction final : mqtt::iaction_listener {
    explicit ConnectAction(Inner& owner) : inner(owner) {}
    void on_success(const mqtt::token& token) override {
      MqttListener* const to = inner.listener.load();
      if (to == nullptr) return;
      BrokerLimits limits;
      try {
        limits = limits_of(token.get_connect_response());  // complete: does not wait
      } catch (const std::exception&) {
        // An answer we cannot read the details of is still a connection.
      }
      to->on_connected(limits);
    }
    void on_failure(const mqtt::token& token) override {
      if (MqttListener* const to = inner.listener.load()) to->on_connect_failed({token.get_return_code()});
    }
    Inner& inner;
  };

  struct SubscribeAction final : mqtt::iaction_listener {
    explicit SubscribeAction(Inner& owner) : inner(owner) {}
    void on_success(const mqtt::token& token) override {
      int code = -1;
      try {
        code = static_cast<int>(token.get_subscribe_response().get_reason_codes().at(0));
      } catch (const std::exception&) {
        // -1: an answer without a code is none.
      }
      tell(token, code);
    }
    void on_failure(const mqtt::token& token) override {
      const int code = refusal_of(token, inner.protocol);
      tell(token, code == 0 ? -1 : code);
    }
    void tell(const mqtt::token& token, int code) const {
      if (MqttListener* const to = inner.listener.load()) to->on_subscribed(id_of(token), code);
    }
    Inner& inner;
  };

  struct PublishAction final : mqtt::iaction_listener {
    explicit PublishAction(Inner& owner) : inner(owner) {}
    void on_success(const mqtt::token& token) override { tell(token, Sink::Ended::acknowledged, 0); }
    void on_failure(const mqtt::token& token) override {
      const int reason = inner.protocol == 4 ? 0 : refusal_of(token, inner.protocol);
      // Paho C (eclipse/paho.mqtt.c#1621, still open in 1.3.13): when the write of a publication at QoS 1 or
      // 2 fails, it frees topic and payload and keeps the publication among those to be sent again:
      // reconnecting would read freed memory, and destroying the client frees it twice. Every other failure
      // has another code.
      if (reason == 0 && token.get_return_code() == MQTTASYNC_FAILURE) inner.poisoned = true;
      tell(token, reason == 0 ? Sink::Ended::lost : Sink::Ended::refused, reason);
    }
    void tell(const mqtt::token& token, Sink::Ended ended, int reason) const {
      if (MqttListener* const to = inner.listener.load()) to->on_published(id_of(token), ended, reason);
    }
    Inner& inner;
  };

  std::atomic<MqttListener*> listener;
  const int protocol;
  std::atomic<bool> poisoned{false};
  ConnectAction connecting{*this};
  SubscribeAction subscribing{*this};
  PublishAction publishing{*this};
  mqtt::connect_options options;  // named, and alive as long as the client
  mqtt::async_client client;
};

PahoLink::PahoLink(const MqttLinkSpec& spec, MqttListener& listener) {
  prepare_library();
  try {
    inner_ = std::make_unique<Inner>(spec, listener);
  } catch (const mqtt::exception& error) {
    throw SetupError("mqtt: " + spec.uri + ": " + error.what());
  }
}

PahoLink::~PahoLink() = default;

bool PahoLink::connect() noexcept try {
  inner_->client.connect(inner_->options, nullptr, inner_->connecting);
  return true;
} catch (const std::exception&) {
  return false;
}

bool PahoLink::disconnect(core::Duration most) noexcept try {
  return inner_->client.disconnect(0)->wait_for(std::chrono::duration_cast<std::chrono::milliseconds>(most));
} catch (const std::exception&) {
  return false;
}

bool PahoLink::subscribe(std::size_t subscription, const std::string& filter, int qos,
                         bool retained_wanted) noexcept try {
  using Options = mqtt::subscribe_options;
  const Options options(!is_shared(filter), Options::NO_RETAIN_AS_PUBLISHED,
                        retained_wanted ? Options::SEND_RETAINED_ON_SUBSCRIBE : Options::DONT_SEND_RETAINED);
  inner_->client.subscribe(filter, qos, context_of(subscription), inner_->subscribing,
                           inner_->protocol == 4 ? Options{} : options);
  return true;
} catch (const std::exception&) {
  return false;
}

bool PahoLink::unsubscribe(const std::string& filter) noexcept try {
  inner_->client.unsubscribe(filter);
  return true;
} catch (const std::exception&) {
  return false;
}

MqttLink::Sent PahoLink::publish(const Publication& publication, MqttListener::Id id) noexcept try {
  if (inner_->poisoned) return Sent::later;
  auto message = mqtt::make_message(publication.topic, publication.payload.data(), publication.payload.size(),
                                    publication.qos, publication.retain);
  if (publication.qos == 0) {
    inner_->client.publish(std::move(message));
  } else {
    inner_->client.publish(std::move(message), context_of(id), inner_->publishing);
  }
  return Sent::sent;
} catch (const mqtt::exception& error) {
  const int code = error.get_return_code();
  return code == MQTTASYNC_BAD_UTF8_STRING || code == MQTTASYNC_BAD_QOS ? Sent::refused : Sent::later;
} catch (const std::exception&) {
  return Sent::later;  // no memory now
}

bool PahoLink::poisoned() const noexcept { return inner_->poisoned; }

bool PahoLink::abandon() noexcept {
  if (!poisoned() || library_checks_what_it_frees()) return false;
  inner_->listener = nullptr;
  (void)inner_->client.is_connected();  // takes the library's lock: whatever callback was running has ended
  return true;
}

}  // namespace bridge
