// Runs every tests/timelines/*.txt: rows of input, each followed by exactly what it must cause.
//
//   plan lateness=5s idle=10s              the plan; windows and detectors follow, in order
//   window 1m length=1m every=1m offset=0s retention=1m
//   threshold hot above=80 below=.. clear=75 for=0s hold=0s
//   ...                                    the other kinds and their keys: core_timeline_settings.h
//   tick 60                                "now" becomes 60 s
//   end                                    the end of all input
//   12.5 a 20.25                           series a: at 12.5 s the value 20.25
//   12.5 a 1 x3 +1 *2                      three such samples, each a second later and 2 larger
//   > a 1m 0..60 rev 1 count 2 sum 3 mean 1.5 min 1 max 2 first 1 last 2 variance 0.5
//   > a hot raised 12 since 10 value 81 high 80 score 1
//   late 1                                 so many samples have been late by now
//
// Times are seconds after 2026-11-23T00:00:00Z. An expected line may leave out trailing parts.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "tests/core_fixture.h"
#include "tests/core_timeline_settings.h"

using core::Duration;
using core::Time;
using timeline::number;
using timeline::seconds;
using timeline::Settings;
using timeline::time_of;

namespace {

class Timeline final : public core::Output {
 public:
  void run(std::istream& in) {
    std::string line;
    for (std::size_t row = 1; std::getline(in, line); ++row) {
      if (const auto comment = line.find('#'); comment != std::string::npos) line.erase(comment);
      std::istringstream words(line);
      std::string first;
      if (!(words >> first)) continue;
      if (first == ">") {
        expect(row, line.substr(line.find('>') + 1));
        continue;
      }
      finish(row);
      if (first == "late") {
        std::uint64_t count = 0;
        words >> count;
        INFO("row " << row);
        CHECK(shard_->counters().late.get() == count);
        continue;
      }
      if (!configure(first, words)) feed(first, words);
    }
    finish(0);
  }

  void window(core::Position, core::SeriesId series, const core::WindowResult& result) noexcept override {
    std::ostringstream text;
    text << names_[series] << ' ' << plan_.windows[result.window].name << ' ' << seconds(result.start) << ".."
         << seconds(result.end) << (result.final ? "" : " open") << " rev " << result.rev << " count "
         << result.count;
    const auto& asked = plan_.windows[result.window].aggregates;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (!std::isnan(result.values[i]))
        text << ' ' << core::name(asked[i]) << ' ' << number(result.values[i]);
    }
    said_.push_back(text.str());
  }
  void flag(core::Position, core::SeriesId series, const core::FlagChange& change) noexcept override {
    std::ostringstream text;
    text << names_[series] << ' ' << plan_.detectors[change.detector].name << ' ' << core::name(change.state)
         << ' ' << seconds(change.time) << " since " << seconds(change.since);
    const auto part = [&](const char* name, const std::optional<double>& value) {
      if (value) text << ' ' << name << ' ' << number(*value);
    };
    part("value", change.value);
    part("expected", change.expected);
    part("low", change.low);
    part("high", change.high);
    part("score", change.score);
    said_.push_back(text.str());
  }

  std::size_t expected = 0;

 private:
  bool configure(const std::string& what, std::istringstream& words) {
    std::string name;
    if (what == "plan") {
      Settings settings(words);
      plan_.lateness = settings.duration("lateness", {});
      plan_.idle = settings.duration("idle", {});
    } else if (what == "window") {
      core::WindowSpec spec;
      words >> spec.name;
      Settings settings(words);
      spec.length = settings.duration("length", {});
      spec.every = settings.duration("every", spec.length);
      spec.offset = settings.duration("offset", {});
      spec.retention = settings.duration("retention", spec.every);
      using enum core::AggregateKind;
      spec.aggregates = {{sum}, {mean}, {min}, {max}, {first}, {last}, {variance}};
      REQUIRE(spec.problems(plan_.lateness).empty());
      plan_.windows.push_back(spec);
    } else if (const auto kind = timeline::detector_kinds.find(what);
               kind != timeline::detector_kinds.end()) {
      core::DetectorSpec spec;
      words >> spec.name;
      Settings settings(words);
      spec.life.least = settings.duration("for", {});
      spec.life.hold = settings.duration("hold", {});
      spec.kind = kind->second(settings);
      REQUIRE(spec.problems().empty());
      plan_.detectors.push_back(spec);
    } else {
      return false;
    }
    REQUIRE_MESSAGE(!shard_, "the plan comes before the first row");
    return true;
  }

  void feed(const std::string& first, std::istringstream& words) {
    if (!shard_) shard_ = std::make_unique<core::Shard>(0, 1, table_, *this);
    if (first == "end") {
      process(core::Item::end(0));
      return;
    }
    if (first == "tick") {
      std::string now;
      words >> now;
      process(core::Item::tick(time_of(now), 0));
      return;
    }
    std::string name, extra;
    double value = 0, step = 0, rise = 0;
    int times = 1;
    REQUIRE((words >> name >> value));
    while (words >> extra) {
      REQUIRE(extra.size() > 1);
      if (extra[0] == 'x') times = std::stoi(extra.substr(1));
      if (extra[0] == '+') step = std::stod(extra.substr(1));
      if (extra[0] == '*') rise = std::stod(extra.substr(1));
    }
    const std::string_view key[] = {name};
    const auto series = table_.intern(plan_, key, "").value();
    names_[series] = name;
    for (int i = 0; i < times; ++i) {
      const Time time = time_of(first) + Duration{static_cast<std::int64_t>(std::llround(i * step * 1e9))};
      process(core::Item::sample(series, time, value + i * rise, 0));
    }
  }

  void process(const core::Item& item) { shard_->process({&item, 1}); }

  // The next thing said begins with the words of `line`.
  void expect(std::size_t row, const std::string& line) {
    std::istringstream words(line);
    std::string wanted;
    for (std::string word; words >> word;) wanted += word + ' ';
    ++expected;
    INFO("row " << row);
    if (next_ == said_.size()) {
      FAIL_CHECK("nothing more was said; expected: " << wanted);
      return;
    }
    const std::string got = said_[next_++] + ' ';
    CHECK_MESSAGE(got.substr(0, wanted.size()) == wanted,
                  "\n  got      " << got << "\n  expected " << wanted);
  }
  // All that was said was expected.
  void finish(std::size_t row) {
    for (; next_ < said_.size(); ++next_)
      FAIL_CHECK("before row " << row << ", not expected: " << said_[next_]);
  }

  core::Plan plan_;
  core::SeriesTable table_{16};
  std::map<core::SeriesId, std::string> names_;
  std::unique_ptr<core::Shard> shard_;
  std::vector<std::string> said_;
  std::size_t next_ = 0;
};

}  // namespace

TEST_CASE("timelines") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(WEIR_SOURCE_DIR "/tests/timelines")) {
    if (entry.path().extension() != ".txt") continue;
    ++files;
    INFO(entry.path().filename().string());
    std::ifstream in(entry.path());
    Timeline timeline;
    timeline.run(in);
    CHECK(timeline.expected > 0);
  }
  CHECK(files >= 10);
}
