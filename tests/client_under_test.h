// Which MQTT client the tests that are made for both run with: WEIR_TEST_CLIENT, "native" or "paho"
// (default).
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "bridge/config.h"

namespace test {

inline bridge::Client client_under_test() {
  const char* const name = std::getenv("WEIR_TEST_CLIENT");
  if (name == nullptr || std::string(name) == "paho") return bridge::Client::paho;
  if (std::string(name) == "native") return bridge::Client::native;
  throw std::runtime_error("WEIR_TEST_CLIENT must be native or paho");
}
inline bool native() { return client_under_test() == bridge::Client::native; }

}  // namespace test
