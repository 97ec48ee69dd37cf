// Engine: shards, their queues and their worker threads. The one place in core/ that creates threads.
// All methods belong to the edge thread, except the readers at the end.
// Same calls, same results: for any number of shards, workers, batch and queue size each series sees the same
// items in the same order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/item.h"
#include "core/output.h"
#include "core/series.h"
#include "core/shard.h"

namespace core {

struct EngineSpec {
  std::uint32_t shards = 1;       // 1 to 1024
  bool threads = true;            // a worker thread per shard; false: shards run in place, on the edge thread
  std::size_t batch_items = 500;  // most items that travel to a shard at once, >= 1
  std::size_t queue_items = 4096;  // items a shard's queue holds, >= batch_items
};

// Why a batch left for its shard.
enum class FlushCause : std::uint8_t { full, interval, idle, tick };
inline constexpr std::size_t flush_causes = 4;

class Engine {
 public:
  // `outputs`: one per shard, each called only by the thread that runs that shard; they and `table` outlive
  // the engine.
  Engine(const EngineSpec& spec, const SeriesTable& table, const std::vector<Output*>& outputs);
  // Closes the queues; workers end when theirs is empty.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Adds a sample to its shard's batch; a full batch leaves at once. Waits while that shard's queue is full.
  // `position` never goes back.
  void push(SeriesId series, Time time, double value, Position position) noexcept {
    put(lane_of(series), Item::sample(series, time, value, position));
  }
  // The same with a sample that says there is no value. For plans that want nulls.
  void push_null(SeriesId series, Time time, Position position) noexcept {
    put(lane_of(series), Item::null(series, time, position));
  }
  // The same for several samples of one series, from `first` on each `step` after the one before: they are
  // summarised at once where no window closes among them. `step` is 0 to Item::run_step_max.
  void push_run(SeriesId series, Time first, Duration step, std::span<const double> values,
                Position position) noexcept;
  // A sample of a series whose plan is paired, with the median of its peers.
  void push_pair(SeriesId series, Time time, double value, double median, Position position) noexcept {
    const double pair[] = {value, median};
    push_run(series, time, Duration{0}, pair, position);
  }
  // Gives the series up: its open windows are emitted as they are, its memory is free. A sample that follows
  // begins anew.
  void evict(SeriesId series, Position position) noexcept {
    put(lane_of(series), Item::evict(series, position));
  }
  // The series will send, and is silent from the last tick on until it does; no effect on one that is known.
  void expect(SeriesId series, Position position) noexcept {
    put(lane_of(series), Item::expect(series, position));
  }
  // What the source hears: nothing from `now` on, or everything again. Silences are raised for no time at
  // which nothing could be heard. As a tick otherwise.
  void link(bool up, Time now, Position position) noexcept;
  // Sends a tick to every shard, behind all that was pushed before it. `now` never goes back.
  void tick(Time now, Position position) noexcept;
  // Sends all that waits in batches. No effect where nothing waits.
  void flush(FlushCause cause) noexcept;
  // Sends the end of all input to every shard: each window that is open and holds samples is emitted with
  // final = false. Nothing but close() may follow.
  void finish(Position position) noexcept;
  // Flushes, then waits until the workers have handled all that was pushed; their results are then in the
  // outputs and visible to the caller.
  void settle() noexcept;
  // Flushes, closes the queues, joins the workers. Idempotent; nothing may be pushed afterwards.
  void close() noexcept;

  // Items that left for a shard; and of them those that it has handled, so that nothing they named is read
  // any more.
  [[nodiscard]] std::uint64_t sent(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::uint64_t handled(std::uint32_t shard) const noexcept;

  // Any thread.
  [[nodiscard]] std::uint32_t shards() const noexcept;
  [[nodiscard]] const ShardCounters& counters(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::size_t queued_items(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::uint64_t queue_waits(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::uint64_t flushes(FlushCause cause) const noexcept;
  // Batches that left, by size: bucket i counts sizes in (2^(i-1), 2^i], up to batch_buckets - 1.
  static constexpr std::size_t batch_buckets = 16;
  [[nodiscard]] std::uint64_t batches(std::size_t bucket) const noexcept;
  [[nodiscard]] std::uint64_t batch_items_total() const noexcept;

 private:
  struct Inner;
  // Where a shard's next item goes; there is always room for one.
  struct Batch {
    Item* next;
    Item* end;
  };

  // series % shards by two multiplications (Lemire, Kaser, Kurz 2019, "Faster remainder by direct
  // computation").
  [[nodiscard]] std::uint32_t lane_of(SeriesId series) const noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint32_t>(Wide{inverse_ * series} * shards_ >> 64);
  }
  void put(std::uint32_t lane, const Item& item) noexcept {
    Batch& batch = open_[lane];
    *batch.next++ = item;
    if (batch.next == batch.end) send(lane, FlushCause::full);
  }
  void send(std::uint32_t lane, FlushCause cause) noexcept;
  void send_each(const Item& item, FlushCause cause) noexcept;

  std::unique_ptr<Inner> inner_;
  std::vector<Batch> open_;
  std::uint32_t shards_;
  std::uint64_t inverse_;  // 2^64 / shards, rounded up; 0 for one shard
};

}  // namespace core
