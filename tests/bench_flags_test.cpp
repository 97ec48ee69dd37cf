// What the detectors find in a made-up fleet: the table of core/detectors/README.md, at a tenth of its size.
#include "bridge/bench_flags.h"

#include <doctest/doctest.h>

using bridge::FlagsTrial;

TEST_CASE("each fault is found by its own detector, and nothing else is") {
  const auto check = [](const char* fault, const char* detector) {
    INFO(fault << " " << detector);
    const FlagsTrial trial = bridge::try_fault(fault, detector, 100);
    CHECK(trial.faults == 25);
    CHECK(trial.recall() >= 0.9);
    CHECK(trial.precision() >= 0.85);  // of 1000 devices 0.9, by the table
  };
  check("spike", R"({"kind": "mad"})");
  check("shift", R"({"kind": "peers", "by": ["site"]})");
  check("drift", R"({"kind": "peers", "by": ["site"]})");
  check("flatline", R"({"kind": "flatline", "after": "10m"})");
  check("silence", R"({"kind": "silence", "after": "learned"})");
  check("spike", R"({"kind": "auto"})");
  check("shift", R"({"kind": "auto"})");
}

TEST_CASE("where nothing is wrong auto raises less than once a month") {
  for (const bridge::FlagsQuiet& one : bridge::try_quiet(20, 10)) {
    INFO(one.signal);
    CHECK(one.per_month() < 1);
  }
}

TEST_CASE("the table says what was counted") {
  bridge::FlagsReport report;
  report.devices = 4;
  report.hours = 24;
  report.trials = {{"spike", R"({"kind": "mad"})", 10, 9, 12, 9, 1}};
  report.quiet = {{"white noise", 10, 15, 1}};
  const std::string text = bridge::text_of(report);
  CHECK(text.find("| spike | `{\"kind\": \"mad\"}` | 10 | 9 | 12 | 9 | 0.900 | 0.750 | 1 samples |") !=
        std::string::npos);
  CHECK(text.find("| white noise | 10 | 15 | 1 | 0.200 |") != std::string::npos);
  CHECK(bridge::json_of(report).find("\"recall\": 0.9") != std::string::npos);
}
