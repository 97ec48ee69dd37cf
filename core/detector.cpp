#include "core/detector.h"

#include <cmath>

#include "core/check.h"
#include "core/words.h"

namespace core {
namespace {

using Problems = std::vector<std::string>;

void check_number(const char* key, std::optional<double> value, Problems& problems) {
  if (value && !std::isfinite(*value)) problems.push_back(std::string(key) + ": must be a finite number");
}

void check_samples(const char* key, std::uint32_t value, Problems& problems) {
  if (value >= 8 && value <= 1'000'000) return;
  problems.push_back(std::string(key) + ": " + std::to_string(value) +
                     " is not allowed; choose 8 to 1000000 samples");
}

void check(const ThresholdSpec& spec, Problems& problems) {
  check_number("above", spec.above, problems);
  check_number("below", spec.below, problems);
  check_number("clear", spec.clear, problems);
  if (spec.above && spec.below) {
    problems.push_back("below: " + words(*spec.below) + " stands beside above " + words(*spec.above) +
                       "; a threshold has one of them: make two detectors");
  } else if (!spec.above && !spec.below) {
    problems.push_back("above: is missing, and so is below; a threshold needs one of them");
  } else if (spec.clear && spec.above && *spec.clear > *spec.above) {
    problems.push_back("clear: " + words(*spec.clear) + " lies beyond above " + words(*spec.above) +
                       "; choose at most " + words(*spec.above));
  } else if (spec.clear && spec.below && *spec.clear < *spec.below) {
    problems.push_back("clear: " + words(*spec.clear) + " lies beyond below " + words(*spec.below) +
                       "; choose at least " + words(*spec.below));
  }
}

// Written so that NaN is refused too.
void check(const ZscoreSpec& spec, Problems& problems) {
  const auto refuse = [&](const char* key, double value, const std::string& allowed) {
    problems.push_back(std::string(key) + ": " + words(value) + " is not allowed; choose " + allowed);
  };
  if (!(spec.raise > 0 && std::isfinite(spec.raise))) refuse("raise", spec.raise, "a number above 0");
  if (!(spec.clear > 0 && std::isfinite(spec.clear))) refuse("clear", spec.clear, "a number above 0");
  if (spec.clear > 0 && spec.raise > 0 && !(spec.clear < spec.raise)) {
    refuse("clear", spec.clear, "less than raise " + words(spec.raise));
  }
  if (!(spec.deviation_min >= 0 && std::isfinite(spec.deviation_min))) {
    refuse("deviation_min", spec.deviation_min, "0 or a number above it");
  }
  check_samples("warmup", spec.warmup, problems);
  check_samples("memory", spec.memory, problems);
}

void check(const SilenceSpec& spec, Problems& problems) {
  if (spec.after > Duration{0} && spec.after <= duration_max) return;
  problems.push_back("after: " + words(spec.after) + " is not allowed; choose above 0s and at most " +
                     words(duration_max));
}

}  // namespace

std::vector<std::string> DetectorSpec::problems() const {
  Problems result;
  std::visit([&](const auto& spec) { check(spec, result); }, kind);
  if (for_ < Duration{0} || for_ > duration_max) {
    result.push_back("for: " + words(for_) + " is not allowed; choose 0s to " + words(duration_max));
  } else if (for_ != Duration{0} && std::holds_alternative<SilenceSpec>(kind)) {
    result.push_back("for: " + words(for_) + " has no meaning for a silence; choose a longer after instead");
  }
  return result;
}

std::string_view kind_name(const DetectorSpec& spec) noexcept {
  constexpr std::string_view names[] = {"threshold", "zscore", "silence"};
  static_assert(std::variant_size_v<decltype(DetectorSpec::kind)> == std::size(names));
  return names[spec.kind.index()];
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

}  // namespace core
