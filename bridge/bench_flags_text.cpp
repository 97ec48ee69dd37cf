#include <cstdio>

#include "bridge/bench_flags.h"

namespace bridge {

// As a Markdown table, so that it can stand in a document as it is.
std::string text_of(const FlagsReport& report) {
  char line[512];
  std::snprintf(line, sizeof line,
                "%u made-up devices, two fields, %.0f hours of a sample a minute; a quarter of them with one "
                "fault each; detectors as they are by default\n\n",
                report.devices, report.hours);
  std::string out = line;
  out += "| fault | detector | injected | found | flags | rightly | recall | precision | delay |\n";
  out += "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const FlagsTrial& one : report.trials) {
    std::snprintf(line, sizeof line,
                  "| %s | `%s` | %llu | %llu | %llu | %llu | %.3f | %.3f | %.0f samples |\n",
                  one.fault.c_str(), one.detector.c_str(), static_cast<unsigned long long>(one.faults),
                  static_cast<unsigned long long>(one.found), static_cast<unsigned long long>(one.raised),
                  static_cast<unsigned long long>(one.rightly), one.recall(), one.precision(), one.delay);
    out += line;
  }
  out += "\n`auto` where nothing is wrong, a sample a minute\n\n";
  out += "| signal | series | days | flags | a series and month |\n| --- | --- | --- | --- | --- |\n";
  for (const FlagsQuiet& one : report.quiet) {
    std::snprintf(line, sizeof line, "| %s | %llu | %.0f | %llu | %.3f |\n", one.signal.c_str(),
                  static_cast<unsigned long long>(one.series), one.days,
                  static_cast<unsigned long long>(one.raised), one.per_month());
    out += line;
  }
  return out;
}

}  // namespace bridge
