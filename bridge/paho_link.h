// PahoLink: one client object of the Paho library, and the only place that calls it. The listener is called
// on the library's threads while it holds its own lock.
#pragma once

#include <memory>
#include <string>

#include "bridge/mqtt_link.h"

namespace bridge {

class PahoLink final : public MqttLink {
 public:
  // `listener` outlives the link. Throws SetupError where the library refuses the parameters.
  PahoLink(const MqttLinkSpec& spec, MqttListener& listener);
  ~PahoLink() override;

  [[nodiscard]] bool connect() noexcept override;
  bool disconnect(core::Duration most) noexcept override;
  [[nodiscard]] bool subscribe(std::size_t subscription, const std::string& filter, int qos,
                               bool retained_wanted) noexcept override;
  [[nodiscard]] bool unsubscribe(const std::string& filter) noexcept override;
  [[nodiscard]] Sent publish(const Publication& publication, MqttListener::Id id) noexcept override;

  // A write of a publication has failed, and the library keeps pointers to memory it has freed (see the
  // .cpp).
  [[nodiscard]] bool poisoned() const noexcept override;
  // A poisoned one whose destruction would free memory twice.
  [[nodiscard]] bool abandon() noexcept override;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge
