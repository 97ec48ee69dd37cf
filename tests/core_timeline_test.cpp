// Runs every tests/timelines/*.txt: rows of input, each followed by exactly what it must cause.
//
//   plan lateness=5s idle=10s              the plan; windows and detectors follow, in order
//   window 1m length=1m every=1m offset=0s retention=1m
//   threshold hot above=80 below=.. clear=75 for=0s
//   zscore odd raise=6 clear=3 warmup=30 memory=300 deviation_min=0
//   silence gone after=3m
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

#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "tests/core_fixture.h"

using core::Duration;
using core::Time;

namespace {

constexpr Time day{std::chrono::seconds{1'795'392'000}};

// The shortest text that reads back as `value`, without an exponent.
std::string number(double value) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
  return {text.data(), end};
}

std::string seconds(Time time) { return number(static_cast<double>((time - day).count()) / 1e9); }

Time time_of(const std::string& text) {
  return day + Duration{static_cast<std::int64_t>(std::llround(std::stod(text) * 1e9))};
}

Duration duration_of(const std::string& text) {
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

 private:
  std::optional<std::string> take(const std::string& key) {
    auto node = values_.extract(key);
    return node.empty() ? std::nullopt : std::optional{node.mapped()};
  }
  std::map<std::string, std::string> values_;
};

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
    text << names_[series] << ' ' << plan_.detectors[change.detector].name
         << (change.raised ? " raised " : " cleared ") << seconds(change.time) << " since "
         << seconds(change.since);
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
    } else if (what == "threshold" || what == "zscore" || what == "silence") {
      core::DetectorSpec spec;
      words >> spec.name;
      Settings settings(words);
      spec.for_ = settings.duration("for", {});
      if (what == "threshold") {
        spec.kind =
            core::ThresholdSpec{settings.number("above"), settings.number("below"), settings.number("clear")};
      } else if (what == "silence") {
        spec.kind = core::SilenceSpec{settings.duration("after", {})};
      } else {
        core::ZscoreSpec zscore;
        zscore.raise = settings.number("raise").value_or(zscore.raise);
        zscore.clear = settings.number("clear").value_or(zscore.clear);
        zscore.warmup = static_cast<std::uint32_t>(settings.number("warmup").value_or(zscore.warmup));
        zscore.memory = static_cast<std::uint32_t>(settings.number("memory").value_or(zscore.memory));
        zscore.deviation_min = settings.number("deviation_min").value_or(0);
        spec.kind = zscore;
      }
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
