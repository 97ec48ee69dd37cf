// ReplayFeed: recorded files through a pipeline, in event time, as fast as it goes. What the commands share
// that replay. One thread: the one that drives the edge.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/pipeline.h"
#include "bridge/replay_reader.h"

namespace bridge {

// Nothing may be lost while replaying: results wait in their outboxes without a bound, and are taken every
// 32768 messages.
inline constexpr std::size_t replay_outbox_bytes = std::size_t{1} << 40;

class ReplayFeed {
 public:
  // Opens them. Throws SetupError, as ReplayReader::open.
  ReplayFeed(const std::vector<std::string>& files, const CsvOptions& csv);

  // Feeds all there is and closes the engine. Calls `take` every now and then, and at last, with the engine
  // settled: it is to empty the outboxes. Once.
  void run(Pipeline& pipeline, const std::function<void()>& take);

  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  [[nodiscard]] std::uint64_t reordered() const { return reordered_; }

 private:
  void run_file(ReplayReader& reader, Pipeline& pipeline, const std::function<void()>& take);

  std::vector<std::unique_ptr<ReplayReader>> readers_;
  core::Position chunk_end_ = 0;
  core::Time last_{};  // arrival of the last message or tick
  std::uint64_t skipped_ = 0;
  std::uint64_t reordered_ = 0;
};

}  // namespace bridge
