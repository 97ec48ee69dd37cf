// How timelines (core_timeline_test.cpp) write times, numbers and "key=value" settings, and the detectors
// they can name.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "core/detector.h"

namespace timeline {

using core::Duration;
using core::Time;

inline constexpr Time day{std::chrono::seconds{1'795'392'000}};

// The shortest text that reads back as `value`, without an exponent.
inline std::string number(double value) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
  return {text.data(), end};
}

inline std::string seconds(Time time) { return number(static_cast<double>((time - day).count()) / 1e9); }

inline Time time_of(const std::string& text) {
  return day + Duration{static_cast<std::int64_t>(std::llround(std::stod(text) * 1e9))};
}

inline Duration duration_of(const std::string& text) {
  const std::map<std::string, Duration> units{
      {"ns", std::chrono::nanoseconds{1}},  {"us", std::chrono::microseconds{1}},
      {"ms", std::chrono::milliseconds{1}}, {"s", std::chrono::seconds{1}},
      {"m", std::chrono::minutes{1}},       {"h", std::chrono::hours{1}}};
  std::size_t end = 0;
  const auto count = std::stoll(text, &end);
  return units.at(text.substr(end)) * count;
}

// "key=value" words of a line.
class Settings {
 public:
  explicit Settings(std::istringstream& words) {
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      REQUIRE(equals != std::string::npos);
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  ~Settings() {
    for (const auto& [key, value] : values_) FAIL_CHECK("unknown setting " << key << "=" << value);
  }
  Duration duration(const std::string& key, Duration otherwise) {
    const auto text = take(key);
    return text ? duration_of(*text) : otherwise;
  }
  std::optional<double> number(const std::string& key) {
    const auto text = take(key);
    return text ? std::optional{std::stod(*text)} : std::nullopt;
  }
  // Those that are left out keep their value.
  void read(const std::string& key, double& into) { into = number(key).value_or(into); }
  void read(const std::string& key, std::uint32_t& into) {
    into = static_cast<std::uint32_t>(number(key).value_or(into));
  }

 private:
  std::optional<std::string> take(const std::string& key) {
    auto node = values_.extract(key);
    return node.empty() ? std::nullopt : std::optional{node.mapped()};
  }
  std::map<std::string, std::string> values_;
};

// What kinds that learn a level have in common, and what some of them have besides.
template <class Spec>
core::DetectorSpec::Kind read_learning(Settings& in) {
  Spec spec;
  in.read("raise", spec.raise);
  in.read("clear", spec.clear);
  in.read("warmup", spec.warmup);
  in.read("memory", spec.memory);
  in.read("deviation_min", spec.deviation_min);
  if constexpr (requires { spec.weight; }) in.read("weight", spec.weight);
  if constexpr (requires { spec.slack; }) in.read("slack", spec.slack);
  if constexpr (requires { spec.parts; }) in.read("parts", spec.parts);
  if constexpr (requires { spec.period; }) {
    if (in.number("week").value_or(0) != 0) spec.period = Spec::Period::week;
  }
  return spec;
}

// threshold above= below= clear=      rate_of_change rise= fall= per=1s clear=1
// range low= high= margin=0           flatline after= tolerance=0 samples=10
// mad raise= clear= samples= deviation_min=       iqr raise= clear= samples=
// zscore raise= clear= warmup= memory= deviation_min=       silence after=
// ewma, cusum, page_hinkley: as zscore, and weight= or slack=       seasonal: as zscore, and parts= week=0
inline const std::map<std::string, core::DetectorSpec::Kind (*)(Settings&)> detector_kinds{
    {"threshold",
     [](Settings& in) -> core::DetectorSpec::Kind {
       return core::ThresholdSpec{in.number("above"), in.number("below"), in.number("clear")};
     }},
    {"range",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::RangeSpec spec;
       in.read("low", spec.low);
       in.read("high", spec.high);
       in.read("margin", spec.margin);
       return spec;
     }},
    {"rate_of_change",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::RateOfChangeSpec spec{.rise = in.number("rise"), .fall = in.number("fall")};
       spec.per = in.duration("per", spec.per);
       in.read("clear", spec.clear);
       return spec;
     }},
    {"zscore",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::ZscoreSpec spec;
       in.read("raise", spec.raise);
       in.read("clear", spec.clear);
       in.read("warmup", spec.warmup);
       in.read("memory", spec.memory);
       in.read("deviation_min", spec.deviation_min);
       return spec;
     }},
    {"mad",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::MadSpec spec;
       in.read("raise", spec.raise);
       in.read("clear", spec.clear);
       in.read("samples", spec.samples);
       in.read("deviation_min", spec.deviation_min);
       return spec;
     }},
    {"iqr",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::IqrSpec spec;
       in.read("raise", spec.raise);
       in.read("clear", spec.clear);
       in.read("samples", spec.samples);
       return spec;
     }},
    {"flatline",
     [](Settings& in) -> core::DetectorSpec::Kind {
       core::FlatlineSpec spec{.after = in.duration("after", {})};
       in.read("tolerance", spec.tolerance);
       in.read("samples", spec.samples);
       return spec;
     }},
    {"ewma", read_learning<core::EwmaSpec>},
    {"cusum", read_learning<core::CusumSpec>},
    {"page_hinkley", read_learning<core::PageHinkleySpec>},
    {"seasonal", read_learning<core::SeasonalSpec>},
    {"silence",
     [](Settings& in) -> core::DetectorSpec::Kind { return core::SilenceSpec{in.duration("after", {})}; }},
};

}  // namespace timeline
