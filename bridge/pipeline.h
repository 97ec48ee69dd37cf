// Pipeline: rules, series table, outboxes, encoders, engine and edge, wired in the one order that works. What
// `run`, `replay` and the bench share. Owned by the thread that drives the edge.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bridge/edge.h"
#include "bridge/encode.h"
#include "bridge/outbox.h"
#include "bridge/rules.h"
#include "bridge/stats.h"
#include "core/engine.h"
#include "core/series.h"

namespace bridge {

// Puts something between a shard and its encoder, which then hears every judgement of a detector as well, and
// hands on to the encoder what is to be published.
using Tap = std::function<std::unique_ptr<core::Output>(core::Output& encoder, const Rules& rules,
                                                        const core::SeriesTable& table)>;

class Pipeline {
 public:
  // `threads` false: everything in place on the caller's thread. `outbox_bytes`: bound of each shard's
  // outbox. `config` outlives the pipeline. `tap` is called once for each shard; without it no detector
  // explains what it does not flag.
  Pipeline(const Config& config, bool threads, std::size_t outbox_bytes, const Tap& tap = {});
  ~Pipeline();

  [[nodiscard]] Edge& edge() { return *edge_; }
  [[nodiscard]] core::Engine& engine() { return *engine_; }
  [[nodiscard]] const core::SeriesTable& table() const { return table_; }
  [[nodiscard]] std::vector<Outbox*> outboxes() const;

  // From now on the streams are those of `next`: windows and detectors of those that are the same go on, the
  // open windows of the others are published as they are, with final = false. The edge's thread; nobody may
  // be in add_to() meanwhile. Without a tap.
  Adoption adopt(const std::vector<StreamConfig>& next);

  // Fills in what the pipeline knows (ledger, queues, series, rules). Any thread.
  void add_to(Stats& stats) const;

 private:
  void add_ledger(Stats& stats) const;
  void add_queues(Stats& stats) const;
  void add_rules(Stats& stats) const;

  Rules rules_;
  core::SeriesTable table_;
  std::vector<std::unique_ptr<Outbox>> outboxes_;
  std::vector<std::unique_ptr<Encoder>> encoders_;
  std::vector<std::unique_ptr<core::Output>> taps_;  // one per shard, or none
  std::unique_ptr<core::Engine> engine_;
  std::unique_ptr<Edge> edge_;
};

// Workers a configuration asks for: shard_count, or one for two cores: the transport and the edge need the
// others.
[[nodiscard]] std::uint32_t effective_shards(const AggregationConfig& config);

}  // namespace bridge
