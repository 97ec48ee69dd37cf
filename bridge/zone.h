// Time zones from the system's zone files (/usr/share/zoneinfo, or where TZDIR points), for calendar windows.
// Read while building; the result is plain data.
#pragma once

#include <string>

#include "core/calendar.h"

namespace bridge {

// The offsets of the zone with this IANA name, from a year before core::time_min to a year after
// core::time_max, what is known today of the future included. "UTC" needs no file. Throws SetupError when the
// system has no such zone. One thread at a time.
[[nodiscard]] core::Zone load_zone(const std::string& name);

}  // namespace bridge
