#include "bridge/pipeline.h"

#include <algorithm>
#include <thread>

#include "core/check.h"

namespace bridge {

std::uint32_t effective_shards(const AggregationConfig& config) {
  if (config.shard_count != 0) return config.shard_count;
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 1024U);
}

Pipeline::Pipeline(const Config& config, bool threads, std::size_t outbox_bytes, const Tap& tap)
    : rules_(config, static_cast<bool>(tap)), table_(config.limits.series_max) {
  core::EngineSpec spec;
  spec.shards = effective_shards(config.aggregation);
  spec.threads = threads;
  spec.batch_items = config.aggregation.batch_size;
  spec.queue_items = config.aggregation.ring_buffer_size;
  std::vector<core::Output*> outputs;
  for (std::uint32_t shard = 0; shard < spec.shards; ++shard) {
    outboxes_.push_back(std::make_unique<Outbox>(outbox_bytes));
    encoders_.push_back(std::make_unique<Encoder>(rules_, table_, *outboxes_.back()));
    if (tap) taps_.push_back(tap(*encoders_.back(), rules_, table_));
    outputs.push_back(tap ? taps_.back().get() : encoders_.back().get());
  }
  engine_ = std::make_unique<core::Engine>(spec, table_, outputs);
  edge_ = std::make_unique<Edge>(rules_, table_, *engine_);
}

Pipeline::~Pipeline() = default;

std::vector<Outbox*> Pipeline::outboxes() const {
  std::vector<Outbox*> all;
  for (const auto& outbox : outboxes_) all.push_back(outbox.get());
  return all;
}

Adoption Pipeline::adopt(const std::vector<StreamConfig>& next) {
  CHECK(taps_.empty(), "%zu taps, which know the streams there were", taps_.size());
  Adoption adoption = rules_.compare(next);
  edge_->retire(adoption);
  engine_->settle();
  rules_.adopt(next, adoption);
  for (const auto& encoder : encoders_) encoder->adopt(rules_, adoption);
  edge_->adopt(adoption);
  return adoption;
}

void Pipeline::add_to(Stats& stats) const {
  add_ledger(stats);
  add_queues(stats);
  add_rules(stats);
}

void Pipeline::add_ledger(Stats& stats) const {
  // What a sample becomes last is read first, so that a running pipeline never seems to have more outcomes
  // than samples.
  std::uint64_t aggregated = 0;
  std::uint64_t late = 0;
  for (std::uint32_t shard = 0; shard < engine_->shards(); ++shard) {
    aggregated += engine_->counters(shard).aggregated.get();
    late += engine_->counters(shard).late.get();
    stats.state_bytes += engine_->counters(shard).state_bytes.get();
  }
  const EdgeCounters& edge = edge_->counters();
  auto sample = [&](SampleOutcome outcome, std::uint64_t n) {
    stats.samples_by[static_cast<std::size_t>(outcome)] += n;
  };
  sample(SampleOutcome::aggregated, aggregated);
  sample(SampleOutcome::late, late);
  sample(SampleOutcome::future, edge.future.get());
  sample(SampleOutcome::not_finite, edge.not_finite.get());
  sample(SampleOutcome::series_limit, edge.series_limit.get());
  stats.samples_in_flight += edge.pushed.get() - aggregated - late;
  stats.samples += edge.samples.get();
  for (std::size_t i = 0; i < stats.messages.size(); ++i) stats.messages[i] += edge.messages[i].get();

  stats.bad_rows = edge.bad_rows.get();
  stats.bad_times = edge.bad_times.get();
  stats.implausible_times = edge.implausible_times.get();
  stats.no_readings = edge.no_readings.get();
  stats.wrong_types = edge.wrong_types.get();
  stats.inexact = edge.inexact.get();
  stats.field_overflow = edge.field_overflow.get();
  stats.topics_uncached = edge.topics_uncached.get();
  stats.name_collisions = edge.name_collisions.get();
}

void Pipeline::add_queues(Stats& stats) const {
  for (std::uint32_t shard = 0; shard < engine_->shards(); ++shard) {
    stats.queue_items.push_back(engine_->queued_items(shard));
    stats.queue_waits += engine_->queue_waits(shard);
  }
  for (std::size_t i = 0; i < core::Engine::batch_buckets; ++i) stats.batch_buckets[i] = engine_->batches(i);
  stats.batch_items = engine_->batch_items_total();
  for (std::size_t i = 0; i < core::flush_causes; ++i) {
    stats.flushes[i] = engine_->flushes(static_cast<core::FlushCause>(i));
  }
  for (const auto& outbox : outboxes_) stats.publish_dropped += outbox->refused();
}

void Pipeline::add_rules(Stats& stats) const {
  constexpr std::size_t offenders_shown = 5;  // of a stream
  stats.series_evicted = edge_->roster().evicted();
  for (std::size_t s = 0; s < rules_.streams().size(); ++s) {
    const StreamConfig& stream = *rules_.streams()[s]->config;
    stats.series.push_back({stream.name, "", edge_->roster().series(s), 0});
    for (const Offender& offender : edge_->offenders(s).top(offenders_shown)) {
      stats.series_overflow.push_back({stream.name, offender});
    }
    for (std::size_t w = 0; w < stream.windows.size(); ++w) {
      RuleCount count{stream.name, stream.windows[w].spec.name, 0, 0};
      for (const auto& encoder : encoders_) count.count += encoder->windows(s, w);
      stats.windows.push_back(count);
    }
    for (std::size_t d = 0; d < stream.detectors.size(); ++d) {
      RuleCount count{stream.name, stream.detectors[d].spec.name, 0, 0};
      for (const auto& encoder : encoders_) {
        count.count += encoder->flags(s, d, true);
        count.cleared += encoder->flags(s, d, false);
      }
      stats.flags.push_back(count);
    }
  }
}

}  // namespace bridge
