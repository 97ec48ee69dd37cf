// Fleet: what a made-up fleet of devices says, and what is wrong with it. A pure model: message `index` of a
// fleet is a function of its spec alone (no clock, no state, no math library, so the same seed gives the same
// bytes on every machine). Constant after construction; any thread.
//
// Every device sends once per interval; the devices are spread evenly over it, so the fleet's messages come
// at a steady rate. A value is mean + the device's own offset + a daily wave (highest at 15:00 UTC) + noise,
// and what a fault does to it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace bridge {

enum class FaultKind : std::uint8_t {
  spike,     // one reading far off
  drift,     // readings creep away, up to `magnitude` at the end
  flatline,  // the reading at the start is repeated
  silence,   // the device sends nothing
  shift,     // readings are off by `magnitude`
};
inline constexpr std::array<std::string_view, 5> fault_kind_names{"spike", "drift", "flatline", "silence",
                                                                  "shift"};

struct FieldShape {
  std::string name;
  double mean = 0;
  double amplitude = 0;  // of the daily wave; >= 0
  double noise = 0;      // standard deviation; >= 0
  double spread = 0;     // standard deviation of the devices' offsets; >= 0
};
// "temperature=21,4,0.3" or with a spread "temperature=21,4,0.3,0.5" (default: twice the noise). Throws
// SetupError.
[[nodiscard]] FieldShape parse_field_shape(std::string_view text);

struct FleetSpec {
  std::string topic = "sensors/{device}/telemetry";  // {device} is needed, {site} may be there
  std::uint32_t devices = 20;                        // 1 to 1000000
  std::uint32_t sites = 4;                           // 1 to devices; device i belongs to site i % sites
  double rate = 1;                                   // messages per second and device; above 0, up to 1000
  core::Time start{};
  core::Duration duration{};  // at least ten intervals
  std::uint64_t seed = 1;
  std::vector<FieldShape> fields;                               // 1 to 100
  std::array<std::uint32_t, fault_kind_names.size()> faults{};  // how many of each kind
};

// One thing wrong with one device: [start, end). The truth a detector is measured against.
struct Fault {
  FaultKind kind;
  std::uint32_t device;
  std::uint32_t field;  // unused for a silence: it takes all
  std::uint64_t first;  // rounds [first, last)
  std::uint64_t last;
  double magnitude;  // 0 for flatline and silence
};

class Fleet {
 public:
  // Throws SetupError: a value out of range, a topic without {device}, more faults than fit.
  explicit Fleet(const FleetSpec& spec);

  // Messages 0 .. messages() - 1 in order of time; some are silent. Round r is each device's r-th.
  [[nodiscard]] std::uint64_t messages() const { return rounds_ * spec_.devices; }
  [[nodiscard]] core::Time time(std::uint64_t index) const;
  [[nodiscard]] const std::string& topic(std::uint64_t index) const { return topics_[index % spec_.devices]; }
  // Replaces `payload` by {"ts":<ms>,"<field>":<number>,...}; false when the device is silent.
  [[nodiscard]] bool payload(std::uint64_t index, std::string& payload) const;

  // The reading as a number, before rounding; nothing when the device is silent.
  [[nodiscard]] std::optional<double> value(std::uint32_t device, std::uint32_t field,
                                            std::uint64_t round) const;
  // The same without any fault.
  [[nodiscard]] double healthy(std::uint32_t device, std::uint32_t field, std::uint64_t round) const;

  // In order of time. Faults of one device never touch each other; the first rounds are clean, so that a
  // detector can learn.
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
  // {"kind":"spike","device":"d7","site":"s3","field":"temperature","start":"...","end":"...","magnitude":-4.2};
  // what a kind has not (the field of a silence) is left out.
  [[nodiscard]] std::string truth_json(const Fault& fault) const;

  [[nodiscard]] std::string device_name(std::uint32_t device) const;
  [[nodiscard]] std::string site_name(std::uint32_t device) const;

 private:
  [[nodiscard]] core::Time time_of(std::uint32_t device, std::uint64_t round) const;
  [[nodiscard]] const Fault* fault_at(std::uint32_t device, std::uint64_t round) const;
  void make_topics();
  void place_faults();
  [[nodiscard]] bool place(Fault& fault, std::uint64_t draw);
  void append_value(const FieldShape& field, double value, std::string& out) const;

  FleetSpec spec_;
  core::Duration interval_;
  std::uint64_t rounds_;
  std::uint64_t clean_rounds_;       // at the beginning
  std::vector<std::string> topics_;  // by device
  std::vector<Fault> faults_;
  std::vector<std::vector<Fault>> faults_by_device_;  // empty when there are none at all
};

}  // namespace bridge
