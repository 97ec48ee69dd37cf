// diff: what two configurations flag differently in the same recording.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "bridge/chart_text.h"
#include "bridge/commands.h"
#include "bridge/encode.h"
#include "bridge/error.h"
#include "bridge/flag_match.h"
#include "bridge/log.h"
#include "bridge/replay_feed.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

std::vector<FlagSpan> flags_of(const Config& config, const DiffOptions& options) {
  ReplayFeed feed(options.files, options.csv);
  Config sized = config;
  sized.aggregation.shard_count = std::max(options.workers, 1U);
  Pipeline pipeline(sized, options.workers > 0, replay_outbox_bytes);
  FlagSpans spans;
  feed.run(pipeline, [&] { spans.take(pipeline.outboxes()); });
  flush_throttled(true);
  return spans.finish();
}

enum class Raiser { only_a, only_b, both };

Raiser raiser(const FlagMatch& match) {
  if (match.a.empty()) return Raiser::only_b;
  return match.b.empty() ? Raiser::only_a : Raiser::both;
}

// By detector.
struct Count {
  std::size_t only_a = 0, only_b = 0, both = 0;
};

std::map<std::string, Count> counts_of(const std::vector<FlagMatch>& matches) {
  std::map<std::string, Count> counts;
  for (const FlagMatch& match : matches) {
    Count& count = counts[(match.a.empty() ? match.b : match.a).front()->rule];
    const Raiser by = raiser(match);
    ++(by == Raiser::only_a ? count.only_a : by == Raiser::only_b ? count.only_b : count.both);
  }
  return counts;
}

// --- as text

std::string up_text(const FlagSpan& flag) {
  if (!flag.ended) return "still up";
  return "up " + short_duration(*flag.ended - flag.raised);
}

void append_flag_text(const char* mark, const FlagSpan& flag, std::string& out) {
  out += std::string{"  "} + mark;
  append_time(flag.raised, out);
  out += "  " + up_text(flag) + "  " + flag.id + "\n      " +
         std::string(std::char_traits<char>::length(mark), ' ') + flag.why + '\n';
}

void append_section(const char* title, Raiser by, const std::vector<FlagMatch>& matches, std::string& out) {
  std::string text;
  std::size_t count = 0;
  for (const FlagMatch& match : matches) {
    if (raiser(match) != by) continue;
    ++count;
    const bool both = by == Raiser::both;
    for (const FlagSpan* flag : match.a) append_flag_text(both ? "A " : "", *flag, text);
    for (const FlagSpan* flag : match.b) append_flag_text(both ? "B " : "", *flag, text);
  }
  out += std::string{title} + ": " + std::to_string(count) + '\n' + text + '\n';
}

std::string as_text(const std::vector<FlagMatch>& matches) {
  std::string out;
  append_section("only A raises", Raiser::only_a, matches, out);
  append_section("only B raises", Raiser::only_b, matches, out);
  append_section("both raise", Raiser::both, matches, out);
  out += "  only A    only B      both  detector\n";
  for (const auto& [rule, count] : counts_of(matches)) {
    for (const std::size_t n : {count.only_a, count.only_b, count.both}) {
      const std::string digits = std::to_string(n);
      out += "  " + std::string(digits.size() < 8 ? 8 - digits.size() : 0, ' ') + digits;
    }
    out += "  " + rule + '\n';
  }
  return out;
}

// --- as JSON lines

void append_flags_json(const char* member, const std::vector<const FlagSpan*>& flags, std::string& out) {
  out.append(",\"").append(member).append("\":[");
  for (const FlagSpan* flag : flags) {
    out += flag == flags.front() ? R"({"id":)" : R"(,{"id":)";
    append_json_string(flag->id, out);
    out += R"(,"raised":")";
    append_time(flag->raised, out);
    if (flag->ended) {
      out += flag->cleared ? R"(","cleared":")" : R"(","given_up":")";
      append_time(*flag->ended, out);
    }
    out += R"(","why":)";
    append_json_string(flag->why, out);
    out += '}';
  }
  out += ']';
}

std::string as_json(const std::vector<FlagMatch>& matches) {
  std::string out;
  for (const FlagMatch& match : matches) {
    const Raiser by = raiser(match);
    out += by == Raiser::only_a   ? R"({"raised_by":"a","detector":)"
           : by == Raiser::only_b ? R"({"raised_by":"b","detector":)"
                                  : R"({"raised_by":"both","detector":)";
    append_json_string((match.a.empty() ? match.b : match.a).front()->rule, out);
    append_flags_json("a", match.a, out);
    append_flags_json("b", match.b, out);
    out += "}\n";
  }
  for (const auto& [rule, count] : counts_of(matches)) {
    out += R"({"summary":)";
    append_json_string(rule, out);
    out += R"(,"only_a":)" + std::to_string(count.only_a) + R"(,"only_b":)" + std::to_string(count.only_b) +
           R"(,"both":)" + std::to_string(count.both) + "}\n";
  }
  return out;
}

}  // namespace

int diff(const Config& a, const Config& b, const DiffOptions& options) {
  for (const std::string& file : options.files) {
    if (file == "-") throw SetupError("diff: the recording is read twice, so it cannot be standard input");
  }
  configure_log(a.log);
  const std::vector<FlagSpan> of_a = flags_of(a, options);
  const std::vector<FlagSpan> of_b = flags_of(b, options);
  const std::vector<FlagMatch> matches = match_flags(of_a, of_b);
  const std::string text = options.json ? as_json(matches) : as_text(matches);
  const bool good =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return good ? 0 : 1;
}

}  // namespace bridge
