// What became of every message and every sample: the ledger's words, in one place, with the names that
// metrics, the status topic and logs use.
//
//   received = decoded + unmatched + ignored + retained + duplicate + malformed + oversize + shed + in flight
//   samples  = aggregated + late + future + not_finite + series_limit + in flight
//
// A sample is one number entering one series: a number that feeds two groupings is two samples.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bridge {

enum class MessageOutcome : std::uint8_t {
  decoded,    // read; it may still have held no number
  unmatched,  // no stream takes its topic, or no subscription of ours brought it
  ignored,    // a stream says so: "ignore", a "when" that does not hold, an empty payload
  retained,   // an old value replayed by the broker because we subscribed
  duplicate,  // delivered again by the broker
  malformed,  // could not be read
  oversize,   // topic or payload over the limit
  shed,       // the journal was full
};
inline constexpr std::array<std::string_view, 8> message_outcome_names{
    "decoded", "unmatched", "ignored", "retained", "duplicate", "malformed", "oversize", "shed"};

enum class SampleOutcome : std::uint8_t { aggregated, late, future, not_finite, series_limit };
inline constexpr std::array<std::string_view, 5> sample_outcome_names{"aggregated", "late", "future",
                                                                      "not_finite", "series_limit"};

constexpr std::string_view name(MessageOutcome outcome) {
  return message_outcome_names[static_cast<std::size_t>(outcome)];
}
constexpr std::string_view name(SampleOutcome outcome) {
  return sample_outcome_names[static_cast<std::size_t>(outcome)];
}

}  // namespace bridge
