#include "core/detector.h"

#include "core/check.h"

namespace core {

std::string_view kind_name(const DetectorSpec& spec) noexcept {
  return detector_kind_names[spec.kind.index()];
}

std::string_view name(Severity severity) noexcept {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  CHECK(false, "severity %d", static_cast<int>(severity));
  return {};
}

std::string_view name(FlagState state) noexcept {
  switch (state) {
    case FlagState::raised:
      return "raised";
    case FlagState::flapping:
      return "flapping";
    case FlagState::cleared:
      return "cleared";
  }
  CHECK(false, "flag state %d", static_cast<int>(state));
  return {};
}

}  // namespace core
