// Encoder: results to topics and JSON (schemas/window.schema.json, schemas/flag.schema.json), into one worker's outbox. One per
// shard, used only by the thread that runs it; reuses its buffers, does not allocate in steady state.
#pragma once

#include <cstdint>
#include <string>

#include "bridge/outbox.h"
#include "bridge/rules.h"
#include "core/counter.h"
#include "core/output.h"
#include "core/series.h"

namespace bridge {

class Encoder final : public core::Output {
 public:
  // All borrowed; they outlive the encoder.
  Encoder(const Rules& rules, const core::SeriesTable& table, Outbox& outbox);

  void window(core::Position cause, core::SeriesId series, const core::WindowResult& result) noexcept override;
  void flag(core::Position cause, core::SeriesId series, const core::FlagChange& change) noexcept override;

  // Results by stream and rule, for metrics: index as in the configuration. Any thread.
  [[nodiscard]] std::uint64_t windows(std::size_t stream, std::size_t window) const;
  [[nodiscard]] std::uint64_t flags(std::size_t stream, std::size_t detector, bool raised) const;

 private:
  const Rules& rules_;
  const core::SeriesTable& table_;
  Outbox& outbox_;
  std::string topic_;
  std::string payload_;
  struct StreamCounters {
    std::vector<core::Counter> windows;
    std::vector<core::Counter> raised;
    std::vector<core::Counter> cleared;
  };
  std::vector<StreamCounters> counters_;
};

// Appends `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

}  // namespace bridge
