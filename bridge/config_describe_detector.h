// The part of describe (config.h) that is about detectors. Used while describing, by one thread.
#pragma once

#include <string>

#include "bridge/config.h"

namespace bridge {

// As JSON text.
[[nodiscard]] std::string detector_json(const DetectorConfig& detector);

}  // namespace bridge
