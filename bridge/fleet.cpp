#include "bridge/fleet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "bridge/error.h"
#include "bridge/fleet_random.h"
#include "bridge/timestamp.h"
#include "bridge/topic.h"

namespace bridge {
namespace {

using namespace std::chrono_literals;
using namespace fleet_random;
using core::Duration;
using core::Time;

// What a fault's size is counted in.
double unit(const FieldShape& field) {
  if (field.noise > 0) return field.noise;
  return std::max({field.amplitude / 10, std::abs(field.mean) / 100, 0.01});
}

// Digits after the point: the noise is seen to a tenth.
int decimals(const FieldShape& field) {
  int digits = 0;
  for (double step = unit(field) / 10; step < 1 && digits < 9; step *= 10) ++digits;
  return digits;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::string numbered(char letter, std::uint64_t number, std::uint64_t most) {
  const std::string digits = std::to_string(number);
  return letter + std::string(std::to_string(most).size() - digits.size(), '0') + digits;
}

template <class T>
void require(bool holds, std::string_view what, const T& seen, std::string_view allowed) {
  if (!holds)
    throw SetupError("simulate: " + std::string(what) + " " + std::to_string(seen) + ": allowed is " +
                     std::string(allowed));
}

// Before anything is computed from it.
FleetSpec checked(const FleetSpec& spec) {
  require(spec.devices >= 1 && spec.devices <= 1'000'000, "devices", spec.devices, "1 to 1000000");
  require(spec.sites >= 1 && spec.sites <= spec.devices, "sites", spec.sites, "1 to the number of devices");
  require(spec.rate > 0 && spec.rate <= 1000, "rate", spec.rate,
          "above 0, up to 1000 messages per second and device");
  require(!spec.fields.empty() && spec.fields.size() <= 100, "number of fields", spec.fields.size(),
          "1 to 100");
  for (std::size_t i = 0; i < spec.fields.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (spec.fields[i].name == spec.fields[j].name)
        throw SetupError("simulate: field \"" + spec.fields[i].name + "\" is given twice");
    }
  }
  const double seconds = std::chrono::duration<double>(spec.duration).count();
  require(seconds > 0 && spec.duration <= core::duration_max, "duration in seconds", seconds,
          "above 0, up to ten years");
  require(seconds * spec.rate >= 10, "messages per device (duration x rate)", seconds * spec.rate,
          "at least 10: run longer or faster");
  require(spec.start >= core::time_min && spec.start + spec.duration < core::time_max, "start in nanoseconds",
          spec.start.time_since_epoch().count(), "a time from 1970 to 2200");
  return spec;
}

}  // namespace

FieldShape parse_field_shape(std::string_view text) {
  const std::string problem = "simulate: field \"" + std::string(text) +
                              "\": allowed is name=mean,amplitude,noise or name=mean,amplitude,noise,spread, "
                              "such as temperature=21,4,0.3; "
                              "amplitude, noise and spread at least 0";
  const std::size_t equals = text.find('=');
  FieldShape field;
  field.name = std::string(text.substr(0, equals));
  if (equals == std::string_view::npos || !is_name(field.name) || field.name == "ts")
    throw SetupError(problem);
  std::array<double, 4> numbers{};
  std::size_t count = 0;
  const char* at = text.data() + equals + 1;
  const char* const end = text.data() + text.size();
  for (; count < numbers.size(); ++at) {
    const auto [after, error] = std::from_chars(at, end, numbers[count]);
    if (error != std::errc{} || !std::isfinite(numbers[count]) || std::abs(numbers[count]) > 1e15)
      throw SetupError(problem);
    ++count;
    at = after;
    if (at == end) break;
    if (*at != ',') throw SetupError(problem);
  }
  if (at != end || count < 3) throw SetupError(problem);
  field.mean = numbers[0];
  field.amplitude = numbers[1];
  field.noise = numbers[2];
  field.spread = count == 4 ? numbers[3] : 2 * field.noise;
  if (field.amplitude < 0 || field.noise < 0 || field.spread < 0) throw SetupError(problem);
  return field;
}

Fleet::Fleet(const FleetSpec& spec)
    : spec_(checked(spec)),
      interval_(static_cast<Duration::rep>(1e9 / spec_.rate)),
      rounds_(static_cast<std::uint64_t>(spec_.duration / interval_)),
      clean_rounds_(std::max(rounds_ / 4, std::min<std::uint64_t>(60, rounds_ / 2))) {
  make_topics();
  place_faults();
}

void Fleet::make_topics() {
  const std::vector<std::string> names{"device", "site"};
  const TopicTemplate topic(spec_.topic, names);
  const auto& parts = topic.parts();
  if (std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part.name == 0; })) {
    throw SetupError(
        "simulate: topic \"" + spec_.topic + "\" has no {device}: devices would share one topic; " +
        "allowed is for example sensors/{device}/telemetry or site/{site}/device/{device}/telemetry");
  }
  topics_.resize(spec_.devices);
  for (std::uint32_t device = 0; device < spec_.devices; ++device) {
    for (const auto& part : parts) {
      topics_[device] += part.literal;
      if (part.name == 0) topics_[device] += device_name(device);
      if (part.name == 1) topics_[device] += site_name(device);
    }
  }
}

std::string Fleet::device_name(std::uint32_t device) const {
  return numbered('d', device + 1ULL, spec_.devices);
}
std::string Fleet::site_name(std::uint32_t device) const {
  return numbered('s', device % spec_.sites + 1ULL, spec_.sites);
}

Time Fleet::time_of(std::uint32_t device, std::uint64_t round) const {
  // interval x device / devices, in parts that cannot overflow.
  const Duration phase =
      interval_ / spec_.devices * device + interval_ % spec_.devices * device / spec_.devices;
  return spec_.start + interval_ * static_cast<Duration::rep>(round) + phase;
}

Time Fleet::time(std::uint64_t index) const {
  return time_of(static_cast<std::uint32_t>(index % spec_.devices), index / spec_.devices);
}

double Fleet::healthy(std::uint32_t device, std::uint32_t field, std::uint64_t round) const {
  const FieldShape& shape = spec_.fields[field];
  const double offset = shape.spread * normal(draw(spec_.seed, Purpose::offset, device, field));
  const double noise = shape.noise * normal(draw(spec_.seed, Purpose::noise, device, field, round));
  const double day =
      std::chrono::duration<double, std::ratio<86400>>(time_of(device, round).time_since_epoch()).count();
  // Highest at 15:00, a quarter of a turn after 9:00; each device up to half an hour off.
  const double lag = (uniform(draw(spec_.seed, Purpose::wave, device)) - 0.5) / 24;
  return shape.mean + offset + shape.amplitude * wave(day - 9.0 / 24 + lag) + noise;
}

const Fault* Fleet::fault_at(std::uint32_t device, std::uint64_t round) const {
  if (faults_by_device_.empty()) return nullptr;
  for (const Fault& fault : faults_by_device_[device]) {
    if (round >= fault.first && round < fault.last) return &fault;
  }
  return nullptr;
}

std::optional<double> Fleet::value(std::uint32_t device, std::uint32_t field, std::uint64_t round) const {
  const Fault* const fault = fault_at(device, round);
  if (fault != nullptr && fault->kind == FaultKind::silence) return std::nullopt;
  if (fault == nullptr || fault->field != field) return healthy(device, field, round);
  const auto done =
      static_cast<double>(round - fault->first + 1) / static_cast<double>(fault->last - fault->first);
  switch (fault->kind) {
    case FaultKind::spike:
    case FaultKind::shift:
      return healthy(device, field, round) + fault->magnitude;
    case FaultKind::drift:
      return healthy(device, field, round) + fault->magnitude * done;
    case FaultKind::flatline:
      return healthy(device, field, fault->first);
    case FaultKind::silence:
      break;
  }
  return std::nullopt;
}

void Fleet::append_value(const FieldShape& field, double value, std::string& out) const {
  std::array<char, 64> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals(field))
          .ptr;
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const bool zero = written.find_first_not_of("-0.") == std::string_view::npos;
  out += zero && written.front() == '-' ? written.substr(1) : written;
}

bool Fleet::payload(std::uint64_t index, std::string& payload) const {
  const auto device = static_cast<std::uint32_t>(index % spec_.devices);
  const std::uint64_t round = index / spec_.devices;
  payload =
      "{\"ts\":" +
      std::to_string(std::chrono::floor<std::chrono::milliseconds>(time(index)).time_since_epoch().count());
  for (std::uint32_t field = 0; field < spec_.fields.size(); ++field) {
    const std::optional<double> reading = value(device, field, round);
    if (!reading) return false;
    payload += ",\"" + spec_.fields[field].name + "\":";
    append_value(spec_.fields[field], *reading, payload);
  }
  payload += '}';
  return true;
}

// Kinds take turns over a shuffled list of devices, so that faults spread over the fleet before a device gets
// a second one.
void Fleet::place_faults() {
  const std::uint64_t total = std::accumulate(spec_.faults.begin(), spec_.faults.end(), std::uint64_t{0});
  if (total == 0) return;
  std::vector<std::uint32_t> order(spec_.devices);
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[draw(spec_.seed, Purpose::order, i) % i]);
  faults_by_device_.resize(spec_.devices);

  std::size_t turn = 0;
  for (std::size_t kind = 0; kind < spec_.faults.size(); ++kind) {
    for (std::uint32_t n = 0; n < spec_.faults[kind]; ++n) {
      Fault fault{static_cast<FaultKind>(kind), 0, 0, 0, 0, 0};
      std::size_t tried = 0;
      do {
        if (tried++ == order.size()) {
          throw SetupError("simulate: " + std::to_string(total) + " faults do not fit into " +
                           std::to_string(spec_.devices) + " devices with " + std::to_string(rounds_) +
                           " messages each; ask for fewer, or for more devices or a longer duration");
        }
        fault.device = order[turn++ % order.size()];
      } while (!place(fault, draw(spec_.seed, Purpose::place, kind, n)));
      faults_by_device_[fault.device].push_back(fault);
      faults_.push_back(fault);
    }
  }
  std::sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) {
    return std::pair(a.first, a.device) < std::pair(b.first, b.device);
  });
}

// Finds room on fault.device; false when there is none. A fault lasts a tenth of the run up to half as long
// again, at least ten messages and at most an hour; a spike is one message. Between two faults of a device
// lies as much as the longer of them.
bool Fleet::place(Fault& fault, std::uint64_t bits) {
  const auto hour = static_cast<std::uint64_t>(1h / interval_);
  const std::uint64_t base = std::max<std::uint64_t>(10, std::min(rounds_ / 10, hour));
  const std::uint64_t length =
      fault.kind == FaultKind::spike ? 1 : base + draw(bits, Purpose::length, 0) % (base / 2 + 1);
  const std::uint64_t gap = std::max<std::uint64_t>(length, 10);
  if (clean_rounds_ + length + 2 > rounds_) return false;
  const std::uint64_t choices = rounds_ - clean_rounds_ - length - 1;

  for (std::uint64_t attempt = 0; attempt < 50; ++attempt) {
    fault.first = clean_rounds_ + draw(bits, Purpose::place, fault.device, attempt) % choices;
    fault.last = fault.first + length;
    const auto& others = faults_by_device_[fault.device];
    const bool room = std::all_of(others.begin(), others.end(), [&](const Fault& other) {
      const std::uint64_t apart = std::max(gap, other.last - other.first);
      return fault.first >= other.last + apart || other.first >= fault.last + apart;
    });
    if (!room) continue;
    if (fault.kind == FaultKind::silence) return true;
    fault.field = static_cast<std::uint32_t>(draw(bits, Purpose::field, 0) % spec_.fields.size());
    if (fault.kind == FaultKind::flatline) return true;
    const double least = fault.kind == FaultKind::shift ? 10 : fault.kind == FaultKind::spike ? 15 : 20;
    const double size = least * (1 + uniform(draw(bits, Purpose::size, 0))) * unit(spec_.fields[fault.field]);
    fault.magnitude = draw(bits, Purpose::sign, 0) % 2 == 0 ? size : -size;
    return true;
  }
  return false;
}

std::string Fleet::truth_json(const Fault& fault) const {
  std::string line = "{\"kind\":\"" + std::string(fault_kind_names[static_cast<std::size_t>(fault.kind)]) +
                     "\",\"device\":\"" + device_name(fault.device) + "\",\"site\":\"" +
                     site_name(fault.device) + '"';
  if (fault.kind != FaultKind::silence) line += ",\"field\":\"" + spec_.fields[fault.field].name + '"';
  using std::chrono::floor;
  using std::chrono::milliseconds;  // as in the payloads, so that the first wrong reading is not before the
                                    // start
  line += ",\"start\":\"";
  append_time(floor<milliseconds>(time_of(fault.device, fault.first)), line);
  line += "\",\"end\":\"";
  append_time(floor<milliseconds>(time_of(fault.device, fault.last)), line);
  line += '"';
  if (fault.magnitude != 0) {
    line += ",\"magnitude\":";
    append_value(spec_.fields[fault.field], fault.magnitude, line);
  }
  return line + '}';
}

}  // namespace bridge
