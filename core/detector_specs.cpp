#include "core/detector_specs.h"

#include <cmath>

#include "core/detector.h"
#include "core/words.h"

namespace core {
namespace {

// Adds what is wrong with the values of one detector's keys. Conditions are written so that NaN is refused.
class Check {
 public:
  explicit Check(std::vector<std::string>& problems) : problems_(problems) {}

  void add(const std::string& words) { problems_.push_back(words); }
  void refuse(const std::string& key, double value, const std::string& allowed) {
    add(key + ": " + words(value) + " is not allowed; choose " + allowed);
  }
  void finite(const char* key, std::optional<double> value) {
    if (value && !std::isfinite(*value)) add(std::string(key) + ": must be a finite number");
  }
  void positive(const char* key, double value) {
    if (!(value > 0 && std::isfinite(value))) refuse(key, value, "a number above 0");
  }
  void not_negative(const char* key, double value) {
    if (!(value >= 0 && std::isfinite(value))) refuse(key, value, "0 or a number above it");
  }
  void part(const char* key, double value, bool one_too) {
    if (!(value > 0 && (value < 1 || (one_too && value == 1))))
      refuse(key, value, one_too ? "a number above 0, up to 1" : "a number between 0 and 1");
  }
  void count(const char* key, std::uint32_t value, std::uint32_t least, std::uint32_t most,
             const std::string& what) {
    if (value >= least && value <= most) return;
    add(std::string(key) + ": " + std::to_string(value) + " is not allowed; choose " + std::to_string(least) +
        " to " + std::to_string(most) + " " + what);
  }
  void duration(const char* key, Duration value) {
    if (value > Duration{0} && value <= duration_max) return;
    add(std::string(key) + ": " + words(value) + " is not allowed; choose above 0s and at most " +
        words(duration_max));
  }
  void levels(double raise, double clear) {
    positive("raise", raise);
    positive("clear", clear);
    if (clear > 0 && raise > 0 && !(clear < raise)) refuse("clear", clear, "less than raise " + words(raise));
  }
  void learning(const LearningSpec& spec) {
    levels(spec.raise, spec.clear);
    not_negative("deviation_min", spec.deviation_min);
    count("warmup", spec.warmup, 8, 1'000'000, "samples");
    count("memory", spec.memory, 8, 1'000'000, "samples");
  }

  void operator()(const ThresholdSpec& spec) {
    finite("above", spec.above);
    finite("below", spec.below);
    finite("clear", spec.clear);
    if (spec.above && spec.below) {
      add("below: " + words(*spec.below) + " stands beside above " + words(*spec.above) +
          "; a threshold has one of them: make two detectors, or one of kind range");
    } else if (!spec.above && !spec.below) {
      add("above: is missing, and so is below; a threshold needs one of them");
    } else if (spec.clear && spec.above && *spec.clear > *spec.above) {
      add("clear: " + words(*spec.clear) + " lies beyond above " + words(*spec.above) + "; choose at most " +
          words(*spec.above));
    } else if (spec.clear && spec.below && *spec.clear < *spec.below) {
      add("clear: " + words(*spec.clear) + " lies beyond below " + words(*spec.below) + "; choose at least " +
          words(*spec.below));
    }
  }
  void operator()(const RangeSpec& spec) {
    finite("low", spec.low);
    finite("high", spec.high);
    if (!(spec.low < spec.high)) return refuse("low", spec.low, "less than high " + words(spec.high));
    if (!(spec.margin >= 0 && spec.margin < spec.high / 2 - spec.low / 2))
      refuse("margin", spec.margin, "0 to less than half of what lies between low and high");
  }
  void operator()(const RateOfChangeSpec& spec) {
    if (!spec.rise && !spec.fall) add("rise: is missing, and so is fall; give at least one of them");
    if (spec.rise) positive("rise", *spec.rise);
    if (spec.fall) positive("fall", *spec.fall);
    duration("per", spec.per);
    part("clear", spec.clear, true);
  }
  void operator()(const ZscoreSpec& spec) { learning(spec); }
  void operator()(const MadSpec& spec) {
    levels(spec.raise, spec.clear);
    count("samples", spec.samples, 5, 255, "samples");
    not_negative("deviation_min", spec.deviation_min);
  }
  void operator()(const IqrSpec& spec) {
    levels(spec.raise, spec.clear);
    count("samples", spec.samples, 5, 255, "samples");
  }
  void operator()(const EwmaSpec& spec) {
    learning(spec);
    part("weight", spec.weight, false);
  }
  void operator()(const CusumSpec& spec) {
    learning(spec);
    positive("slack", spec.slack);
  }
  void operator()(const PageHinkleySpec& spec) {
    learning(spec);
    positive("slack", spec.slack);
  }
  void operator()(const FlatlineSpec& spec) {
    duration("after", spec.after);
    not_negative("tolerance", spec.tolerance);
    count("samples", spec.samples, 2, 1'000'000, "samples");
  }
  void operator()(const SilenceSpec& spec) {
    if (spec.after != Duration{0}) return duration("after", spec.after);
    if (!(spec.factor > 1 && spec.factor <= 1e6)) refuse("factor", spec.factor, "above 1, up to 1000000");
    duration("least", spec.least);
  }
  void operator()(const SeasonalSpec& spec) {
    levels(spec.raise, spec.clear);
    not_negative("deviation_min", spec.deviation_min);
    count("memory", spec.memory, 2, 1000, "periods");
    count("parts", spec.parts, 4, 336, "parts");
  }
  void operator()(const PeersSpec& spec) {
    learning(spec);
    count("members", spec.members, 3, 1000, "members");
  }
  void operator()(const AutoSpec&) {}

 private:
  std::vector<std::string>& problems_;
};

void check(const LifeSpec& life, std::vector<std::string>& problems) {
  const auto duration = [&](const char* key, Duration value) {
    if (value >= Duration{0} && value <= duration_max) return;
    problems.push_back(std::string(key) + ": " + words(value) + " is not allowed; choose 0s to " +
                       words(duration_max));
  };
  duration("for", life.least);
  duration("hold", life.hold);
  duration("flap_within", life.flap_within);
  if (life.flaps > 1000)
    problems.push_back("flaps: " + std::to_string(life.flaps) +
                       " is not allowed; choose 1 to 1000 raises, or 0 for no limit");
}

}  // namespace

std::vector<std::string> DetectorSpec::problems() const {
  std::vector<std::string> result;
  std::visit(Check{result}, kind);
  check(life, result);
  if (!std::holds_alternative<SilenceSpec>(kind)) return result;
  if (life.least != Duration{0})
    result.push_back("for: " + words(life.least) +
                     " has no meaning for a silence; choose a longer after instead");
  if (life.hold != Duration{0})
    result.push_back("hold: " + words(life.hold) + " has no meaning for a silence; a sample ends it");
  if (on) result.push_back("on: has no meaning for a silence; it waits for samples");
  return result;
}

}  // namespace core
