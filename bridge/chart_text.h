// Text of the charts and of what is said about flags: escaped, and as short as people read it. Pure
// functions, any thread, locale-free.
#pragma once

#include <string>
#include <string_view>

#include "core/detector.h"
#include "core/time.h"

namespace bridge {

// As text or the value of an attribute, in HTML and XML: markup characters as entities, what is no text or
// must not stand in XML as U+FFFD, at most some 200 bytes, then "...".
void append_escaped(std::string_view text, std::string& out);

// "48.2": no more digits than people read.
[[nodiscard]] std::string short_number(double value, int digits_max = 6);
// "12s", "3m 20s", "2d 4h": its two largest units. A negative one counts as none.
[[nodiscard]] std::string short_duration(core::Duration duration);
// "value 48.2, expected 21.4 (20.1 to 22.7), score 0.998" or "value 90, expected at most 80, score 1".
[[nodiscard]] std::string reason(const core::FlagChange& change);

}  // namespace bridge
