// The exposition is read back by a strict parser of the text format, and by promtool where there is one.
#include "bridge/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/temp_folder.h"

namespace {

using bridge::Stats;

struct Family {
  std::string type, help;
  std::map<std::string, double> samples;  // name{labels}, as written -> value
};

// Throws std::string, naming the line, at whatever the text format or good manners do not allow.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    if (!text.ends_with('\n')) throw std::string("does not end with a line end");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      line_ = line;
      if (line.starts_with("# ")) {
        comment(line);
      } else {
        sample(line);
      }
    }
    for (const auto& [name, family] : families) finish(name, family);
  }

  std::map<std::string, Family> families;

  [[nodiscard]] double value(const std::string& sample) const {
    for (const auto& [name, family] : families) {
      if (const auto found = family.samples.find(sample); found != family.samples.end()) return found->second;
    }
    throw "no sample " + sample;
  }

 private:
  void require(bool condition, const std::string& what) const {
    if (!condition) throw what + ": " + line_;
  }

  void comment(const std::string& line) {
    static const std::regex form("# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)");
    std::smatch match;
    require(std::regex_match(line, match, form), "neither HELP nor TYPE");
    const std::string name = match[2];
    if (match[1] == "HELP") {
      require(!families.contains(name), "second HELP");
      families[name].help = match[3];
    } else {
      require(families.contains(name) && families[name].type.empty(), "TYPE before HELP, or twice");
      const std::string type = match[3];
      require(type == "counter" || type == "gauge" || type == "histogram", "unknown type");
      require((type == "counter") == name.ends_with("_total"), "counters and only they end with _total");
      families[name].type = type;
    }
    current_ = name;
  }

  void sample(const std::string& line) {
    static const std::regex form(
        R"re(([a-z][a-z0-9_]*)(\{[a-z][a-z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-z][a-z0-9_]*="([^"\\\n]|\\["\\n])*")*\})? ([-+0-9.eInf]+))re");
    std::smatch match;
    require(std::regex_match(line, match, form), "not a sample");
    std::string name = match[1];
    Family& family = families[current_];
    require(!family.type.empty(), "sample without TYPE");
    if (family.type == "histogram") {
      require(name == current_ + "_bucket" || name == current_ + "_sum" || name == current_ + "_count",
              "not of the family");
    } else {
      require(name == current_, "not of the family");
    }
    labels_once(match[2]);
    std::size_t used = 0;
    const double value = std::stod(match[6], &used);
    require(used == match[6].str().size() && (value >= 0), "value");
    require(family.samples.emplace(name + match[2].str(), value).second, "twice");
  }

  void labels_once(const std::string& labels) const {
    static const std::regex name("[{,]([a-z_0-9]+)=");
    std::set<std::string> seen;
    for (auto i = std::sregex_iterator(labels.begin(), labels.end(), name); i != std::sregex_iterator();
         ++i) {
      require(seen.insert((*i)[1]).second, "a label twice");
    }
  }

  void finish(const std::string& name, const Family& family) {
    line_ = name;
    require(!family.type.empty(), "no TYPE");
    if (family.type == "histogram") check_histogram(name, family);
  }

  // Per set of labels: buckets rise with le, the last is +Inf and equals the count.
  void check_histogram(const std::string& name, const Family& family) const {
    static const std::regex bound("(.*)le=\"([^\"]+)\"\\}");
    std::map<std::string, std::map<double, double>> buckets;
    for (const auto& [sample, value] : family.samples) {
      if (!sample.starts_with(name + "_bucket")) continue;
      std::smatch match;
      require(std::regex_match(sample, match, bound), "bucket without le");
      std::string rest = match[1].str().substr((name + "_bucket").size());
      rest = rest == "{" ? "" : rest.substr(0, rest.size() - 1) + "}";
      const double le = match[2] == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(match[2]);
      require(buckets[rest].emplace(le, value).second, "a bucket twice");
    }
    for (const auto& [labels, bounds] : buckets) {
      double before = 0;
      for (const auto& [le, count] : bounds) {
        require(count >= before, "not cumulative");
        before = count;
      }
      require(std::isinf(bounds.rbegin()->first), "no +Inf");
      require(family.samples.at(name + "_count" + labels) == before, "count is not +Inf");
      require(family.samples.contains(name + "_sum" + labels), "no sum");
    }
    require(!buckets.empty() || family.samples.empty(), "no buckets");
  }

  std::string current_, line_;
};

Exposition parsed(const Stats& stats) {
  try {
    return Exposition(bridge::metrics_text(stats));
  } catch (const std::string& problem) {
    FAIL(problem);
    throw;
  }
}

Stats full() {
  Stats stats;
  stats.version = "0.1.0";
  stats.client_id = "weir";
  stats.connected = true;
  stats.connects = 3;
  stats.disconnects = 2;
  stats.received = 12'345'678'901;
  stats.messages = {1, 2, 3, 4, 5, 6, 7, 8};
  stats.messages_in_flight = 9;
  stats.samples = 100;
  stats.samples_by = {11, 12, 13, 14, 15};
  stats.samples_in_flight = 35;
  stats.bad_rows = 21;
  stats.bad_times = 22;
  stats.implausible_times = 23;
  stats.no_readings = 24;
  stats.wrong_types = 25;
  stats.inexact = 26;
  stats.field_overflow = 27;
  stats.topics_uncached = 28;
  stats.name_collisions = 29;
  stats.source_waits = 30;
  stats.stages = {{"edge", {1, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4}, 1.5}, {"journal", {}, 0}};
  stats.queue_items = {5, 0};
  stats.queue_waits = 31;
  stats.batch_buckets = {1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  stats.batch_items = 98'313;
  stats.flushes = {1, 2, 3, 4};
  stats.series = {{"a", "", 7, 0}, {"b \"x\"\\\n", "", 8, 0}};
  stats.series_evicted = 9;
  stats.state_bytes = 4096;
  stats.windows = {{"a", "1m", 41, 0}, {"b", "1m", 42, 0}};
  stats.flags = {{"a", "odd", 43, 44}, {"b", "odd", 45, 46}};
  stats.published = 51;
  stats.publish_refused = 52;
  stats.publish_dropped = 53;
  stats.publish_again = 54;
  stats.publish_held = 55;
  stats.journal_bytes = 262'144;
  return stats;
}

}  // namespace

TEST_CASE("the strict parser refuses what is wrong") {
  const auto refused = [](const std::string& text, const std::string& problem) {
    try {
      const Exposition read(text);
      FAIL_CHECK("accepted: " << text);
    } catch (const std::string& message) {
      CHECK(message.starts_with(problem));
    }
  };
  const std::string a = "# HELP a_total x\n# TYPE a_total counter\n";
  const std::string h = "# HELP h x\n# TYPE h histogram\n";
  refused(a + "a_total 1", "does not end");
  refused(a + "a_total 1\n" + a, "second HELP");
  refused(a + "a_total 1\na_total 2\n", "twice");
  refused(a + "a_total -1\n", "value");
  refused(a + "b_total 1\n", "not of the family");
  refused(a + "a_total{x=\"1\",x=\"2\"} 1\n", "a label twice");
  refused(a + "a_total{x=\"\\q\"} 1\n", "not a sample");
  refused("# TYPE a_total counter\na_total 1\n", "TYPE before HELP");
  refused("a_total 1\n", "sample without TYPE");
  refused("# HELP a x\n# TYPE a counter\na 1\n", "counters and only they");
  refused("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n", "counters and only they");
  refused(h + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n", "not cumulative");
  refused(h + "h_bucket{le=\"1\"} 2\nh_count 2\nh_sum 1\n", "no +Inf");
  refused(h + "h_bucket{le=\"+Inf\"} 2\nh_count 1\nh_sum 1\n", "count is not +Inf");
}

TEST_CASE("every number is told, under its name") {
  const Exposition read = parsed(full());
  const auto check = [&](const std::string& sample, double expected) {
    CAPTURE(sample);
    CHECK(read.value(sample) == expected);
  };
  check("weir_messages_received_total", 12'345'678'901);
  check(R"(weir_messages_total{outcome="decoded"})", 1);
  check(R"(weir_messages_total{outcome="unmatched"})", 2);
  check(R"(weir_messages_total{outcome="ignored"})", 3);
  check(R"(weir_messages_total{outcome="retained"})", 4);
  check(R"(weir_messages_total{outcome="duplicate"})", 5);
  check(R"(weir_messages_total{outcome="malformed"})", 6);
  check(R"(weir_messages_total{outcome="oversize"})", 7);
  check(R"(weir_messages_total{outcome="shed"})", 8);
  check("weir_messages_in_flight", 9);
  check("weir_samples_entered_total", 100);
  check(R"(weir_samples_total{outcome="aggregated"})", 11);
  check(R"(weir_samples_total{outcome="late"})", 12);
  check(R"(weir_samples_total{outcome="future"})", 13);
  check(R"(weir_samples_total{outcome="not_finite"})", 14);
  check(R"(weir_samples_total{outcome="series_limit"})", 15);
  check("weir_samples_in_flight", 35);
  check(R"(weir_input_notes_total{kind="bad_row"})", 21);
  check(R"(weir_input_notes_total{kind="bad_time"})", 22);
  check(R"(weir_input_notes_total{kind="implausible_time"})", 23);
  check(R"(weir_input_notes_total{kind="no_reading"})", 24);
  check(R"(weir_input_notes_total{kind="wrong_type"})", 25);
  check(R"(weir_input_notes_total{kind="inexact"})", 26);
  check(R"(weir_input_notes_total{kind="field_overflow"})", 27);
  check(R"(weir_input_notes_total{kind="topic_uncached"})", 28);
  check(R"(weir_input_notes_total{kind="name_collision"})", 29);
  check("weir_source_waits_total", 30);
  check(R"(weir_stage_seconds_bucket{stage="edge",le="1e-06"})", 1);
  check(R"(weir_stage_seconds_bucket{stage="edge",le="4e-06"})", 3);
  check(R"(weir_stage_seconds_bucket{stage="edge",le="6.4e-05"})", 6);
  check(R"(weir_stage_seconds_bucket{stage="edge",le="4.194304"})", 6);
  check(R"(weir_stage_seconds_bucket{stage="edge",le="+Inf"})", 10);
  check(R"(weir_stage_seconds_count{stage="edge"})", 10);
  check(R"(weir_stage_seconds_sum{stage="edge"})", 1.5);
  check(R"(weir_stage_seconds_count{stage="journal"})", 0);
  check(R"(weir_queue_items{shard="0"})", 5);
  check(R"(weir_queue_items{shard="1"})", 0);
  check("weir_queue_waits_total", 31);
  check(R"(weir_batch_items_bucket{le="1"})", 1);
  check(R"(weir_batch_items_bucket{le="4"})", 3);
  check(R"(weir_batch_items_bucket{le="16384"})", 3);
  check(R"(weir_batch_items_bucket{le="+Inf"})", 6);
  check("weir_batch_items_sum", 98'313);
  check(R"(weir_flush_total{cause="full"})", 1);
  check(R"(weir_flush_total{cause="interval"})", 2);
  check(R"(weir_flush_total{cause="idle"})", 3);
  check(R"(weir_flush_total{cause="tick"})", 4);
  check(R"(weir_series{stream="a"})", 7);
  check(R"(weir_series{stream="b \"x\"\\\n"})", 8);
  check("weir_series_evicted_total", 9);
  check("weir_state_bytes", 4096);
  check(R"(weir_windows_total{stream="a",window="1m"})", 41);
  check(R"(weir_windows_total{stream="b",window="1m"})", 42);
  check(R"(weir_flags_total{stream="a",detector="odd",state="raised"})", 43);
  check(R"(weir_flags_total{stream="a",detector="odd",state="cleared"})", 44);
  check(R"(weir_flags_total{stream="b",detector="odd",state="raised"})", 45);
  check(R"(weir_publish_total{outcome="acknowledged"})", 51);
  check(R"(weir_publish_total{outcome="refused"})", 52);
  check(R"(weir_publish_total{outcome="dropped"})", 53);
  check("weir_publish_again_total", 54);
  check("weir_publish_held", 55);
  check("weir_broker_connected", 1);
  check("weir_broker_subscribed", 0);
  check("weir_broker_connects_total", 3);
  check("weir_broker_disconnects_total", 2);
  check("weir_journal_bytes", 262'144);
  check(R"(weir_build_info{version="0.1.0"})", 1);
}

TEST_CASE("the process tells of itself") {
  const Exposition read = parsed({});
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(read.value("process_resident_memory_bytes") > 1e5);
  CHECK(read.value("process_virtual_memory_bytes") > read.value("process_resident_memory_bytes"));
  CHECK(read.value("process_threads") >= 1);
  CHECK(read.value("process_open_fds") >= 3);
  CHECK(read.value("process_open_fds") < read.value("process_max_fds"));
  // It began after the machine's clock was first set, and not in the future; the kernel counts in hundredths
  // from the boot's second.
  CHECK(read.value("process_start_time_seconds") > 1.6e9);
  CHECK(read.value("process_start_time_seconds") < now + 2);
  const double before = read.value("process_cpu_seconds_total");
  volatile double spent = 0;
  while (parsed({}).value("process_cpu_seconds_total") <= before) {
    for (int i = 0; i < 100'000; ++i) spent = spent + std::sqrt(i);
  }
}

TEST_CASE("promtool agrees") {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: no promtool here (Debian package prometheus)");
    return;
  }
  const test::TempFolder folder;
  for (const auto& stats : {Stats{}, full()}) {
    const std::string file = folder.write("metrics", bridge::metrics_text(stats));
    const int code =
        std::system(("promtool check metrics < " + file + " > " + folder.file("out") + " 2>&1").c_str());
    INFO(folder.read("out"));
    CHECK(code == 0);
    CHECK(folder.read("out") == "");
  }
}
