#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bridge/commands.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/pipeline.h"
#include "bridge/replay_reader.h"

namespace bridge {
namespace {

using core::Position;

// Nothing may be lost while replaying: results wait without a bound, and are written every
// messages_per_chunk.
constexpr std::size_t outbox_bytes = std::size_t{1} << 40;
constexpr Position messages_per_chunk = 32'768;

// Writes results as JSON lines, in the order of the message that caused them, then of series as they began:
// the same bytes for any number of workers, whatever their queues and batches.
class ResultFile {
 public:
  explicit ResultFile(const std::string& path)
      : path_(path), file_(path == "-" ? stdout : std::fopen(path.c_str(), "wbx")) {
    if (file_ == nullptr) {
      throw SetupError("--out: " + path + " cannot be created: " + std::strerror(errno) +
                       "; name a file that does not exist yet");
    }
  }
  ~ResultFile() {
    if (file_ != stdout && file_ != nullptr) std::fclose(file_);
  }
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  // Precondition: the engine is settled. Takes all that the outboxes hold.
  void take(const std::vector<Outbox*>& outboxes) {
    struct Line {
      Position cause;
      std::uint64_t series;
      std::size_t begin;
      std::size_t size;
    };
    std::string text;
    std::vector<Line> lines;
    for (Outbox* outbox : outboxes) {
      for (const Result* result = outbox->front(); result != nullptr; result = outbox->front()) {
        const std::size_t begin = text.size();
        text.append("{\"topic\":");
        append_json_string(result->topic, text);
        text.append(",\"payload\":").append(result->payload).append("}\n");
        lines.push_back({result->cause, result->series, begin, text.size() - begin});
        outbox->pop();
      }
    }
    // Stable: what one series says because of one message keeps its order.
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
      return a.cause != b.cause ? a.cause < b.cause : a.series < b.series;
    });
    for (const Line& line : lines)
      good_ = std::fwrite(text.data() + line.begin, 1, line.size, file_) == line.size && good_;
    results_ += lines.size();
  }

  // False when something could not be written.
  [[nodiscard]] bool finish() {
    good_ = std::fflush(file_) == 0 && good_;
    return good_;
  }
  [[nodiscard]] std::uint64_t results() const { return results_; }

 private:
  std::string path_;
  std::FILE* file_;
  bool good_ = true;
  std::uint64_t results_ = 0;
};

void report(const Stats& stats, std::uint64_t results, std::uint64_t skipped, std::uint64_t reordered) {
  std::string line = "replayed " + std::to_string(stats.received) + " messages:";
  for (std::size_t i = 0; i < stats.messages.size(); ++i) {
    if (stats.messages[i] != 0)
      line += " " + std::string{message_outcome_names[i]} + " " + std::to_string(stats.messages[i]);
  }
  line += "; " + std::to_string(stats.samples) + " samples:";
  for (std::size_t i = 0; i < stats.samples_by.size(); ++i) {
    if (stats.samples_by[i] != 0)
      line += " " + std::string{sample_outcome_names[i]} + " " + std::to_string(stats.samples_by[i]);
  }
  line += "; " + std::to_string(results) + " results";
  if (skipped != 0) line += "; " + std::to_string(skipped) + " records could not be read";
  if (reordered != 0) line += "; " + std::to_string(reordered) + " records went back in time";
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace

int replay(const Config& config, const ReplayOptions& options) {
  configure_log(config.log);
  std::vector<std::unique_ptr<ReplayReader>> readers;
  for (const std::string& file : options.files) readers.push_back(ReplayReader::open(file, options.csv));

  Config sized = config;
  sized.aggregation.shard_count = std::max(options.workers, 1U);
  Pipeline pipeline(sized, options.workers > 0, outbox_bytes);
  ResultFile out(options.out);
  Edge& edge = pipeline.edge();
  core::Time last{};
  std::uint64_t skipped = 0;
  std::uint64_t reordered = 0;
  Position chunk_end = messages_per_chunk;
  for (const auto& reader : readers) {
    ReplayReader::Record record;
    while (reader->next(record)) {
      // Files follow one another; a later one does not take time back.
      record.message.arrival = last = std::max(last, record.message.arrival);
      if (record.tick) {
        edge.take_tick(last);
        continue;
      }
      if (edge.position() >= chunk_end) {
        pipeline.engine().settle();
        out.take(pipeline.outboxes());
        chunk_end = edge.position() + messages_per_chunk;
      }
      edge.take(record.message);
    }
    if (reader->skipped() != 0) {
      std::fprintf(stderr, "weir: %llu records could not be read; the first: %s\n",
                   static_cast<unsigned long long>(reader->skipped()), reader->first_problem().c_str());
    }
    skipped += reader->skipped();
    reordered += reader->reordered();
  }
  pipeline.engine().finish(edge.position());
  pipeline.engine().close();
  out.take(pipeline.outboxes());
  Stats stats;
  pipeline.add_to(stats);
  stats.received = edge.position();
  report(stats, out.results(), skipped, reordered);
  flush_throttled(true);
  if (!out.finish()) {
    std::fprintf(stderr, "weir: %s: results could not be written whole; is the disk full?\n",
                 options.out.c_str());
    return 1;
  }
  return 0;
}

}  // namespace bridge
