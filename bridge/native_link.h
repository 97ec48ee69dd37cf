// NativeLink: a client of our own for MQTT 3.1.1 and 5 over TCP and TLS. One thread reads the socket in large
// pieces, takes packets apart in place (native_inbound.h), and hands each message to the listener, which
// copies it into the journal; only then is it acknowledged, all of one read in one write. publish(),
// subscribe() and unsubscribe() leave packets with native_outbound.h and wake that thread.
//
// It is made to be kept: the ids of half-received messages, and publications under way, outlive connections.
#pragma once

#include <memory>
#include <string>

#include "bridge/mqtt_link.h"

namespace bridge {

class NativeLink final : public MqttLink {
 public:
  // Starts the thread; `listener` outlives the link. Throws SetupError where the TLS files are no good.
  NativeLink(const MqttLinkSpec& spec, MqttListener& listener);
  // Without a DISCONNECT: the broker publishes the will.
  ~NativeLink() override;

  [[nodiscard]] bool connect() noexcept override;
  bool disconnect(core::Duration most) noexcept override;
  [[nodiscard]] bool subscribe(std::size_t subscription, const std::string& filter, int qos,
                               bool retained_wanted) noexcept override;
  [[nodiscard]] bool unsubscribe(const std::string& filter) noexcept override;
  [[nodiscard]] Sent publish(const Publication& publication, MqttListener::Id id) noexcept override;

 private:
  class Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
