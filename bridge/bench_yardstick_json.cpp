#include <simdjson.h>

#include "bridge/bench_yardstick.h"
#include "core/check.h"

namespace bridge {

double yardstick_json(std::span<const Message> messages) {
  static_assert(payload_padding >= simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::parser parser;
  double sum = 0;
  for (const Message& message : messages) {
    const std::string_view text = message.payload;
    simdjson::ondemand::document document;
    double temperature = 0, humidity = 0, pressure = 0, voltage = 0;
    simdjson::error_code error =
        parser.iterate(text.data(), text.size(), text.size() + payload_padding).get(document);
    if (!error) error = document["temperature"].get_double().get(temperature);
    if (!error) error = document["humidity"].get_double().get(humidity);
    if (!error) error = document["pressure"].get_double().get(pressure);
    if (!error) error = document["voltage"].get_double().get(voltage);
    CHECK(!error, "error %d", static_cast<int>(error));
    sum += temperature + humidity + pressure + voltage;
  }
  return sum;
}

}  // namespace bridge
