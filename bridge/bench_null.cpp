#include "bridge/bench_null.h"

#include <mqtt/async_client.h>
#include <signal.h>

#include <cstdio>

#include "bridge/mqtt_client.h"

namespace bridge {
namespace {

class Counting final : public mqtt::callback {
 public:
  explicit Counting(NullCounters& counters) : counters_(counters) {}
  void message_arrived(mqtt::const_message_ptr) override {
    counters_.received.store(counters_.received.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
  }

 private:
  NullCounters& counters_;
};

}  // namespace

int null_subscriber(const BrokerConfig& broker, const std::string& filter, NullCounters& counters) {
  sigset_t end;
  (void)::sigemptyset(&end);
  (void)::sigaddset(&end, SIGTERM);
  (void)::sigprocmask(SIG_BLOCK, &end, nullptr);  // for the library's threads too: sigwait takes it

  MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
  const BrokerUrl url = parse_broker_url(broker.url);
  Counting counting(counters);
  mqtt::async_client client("tcp://" + url.host + ":" + std::to_string(url.port), broker.client_id,
                            mqtt::create_options(MQTTVERSION_5));
  client.set_callback(counting);
  // A named object that lives over connect(): this version loses the properties of one that is moved.
  mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_5);
  options.set_clean_start(false);
  options.set_keep_alive_interval(std::chrono::duration_cast<std::chrono::seconds>(broker.keep_alive));
  mqtt::properties properties;
  properties.add({mqtt::property::SESSION_EXPIRY_INTERVAL,
                  static_cast<std::int32_t>(
                      std::chrono::duration_cast<std::chrono::seconds>(broker.session_expiry).count())});
  properties.add({mqtt::property::RECEIVE_MAXIMUM, static_cast<std::int16_t>(broker.receive_maximum)});
  options.set_properties(properties);
  try {
    client.connect(options)->wait();
    client.subscribe(filter, 0)->wait();
    counters.subscribed.store(true);
    int signal = 0;
    (void)::sigwait(&end, &signal);
    client.disconnect()->wait();
  } catch (const mqtt::exception& error) {
    (void)std::fprintf(stderr, "bench: the null subscriber failed: %s\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace bridge
