#include "core/engine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/doorbell.h"
#include "core/queue.h"

namespace core {
namespace {

constexpr std::size_t taken_items = 1024;  // most items a worker takes at once: 24 KiB, half an L1
constexpr Duration settle_nap = std::chrono::microseconds{20};  // while the edge waits for its workers

// A shard and its way in. `batch` and `sent` belong to the edge; `taken` and the shard to whoever
// runs it.
struct Lane {
  Lane(std::uint32_t index, const EngineSpec& spec, const SeriesTable& table, Output& output)
      : batch(spec.batch_items), shard(index, spec.shards, table, output) {
    if (!spec.threads) return;
    queue.emplace(spec.queue_items);
    taken.resize(std::min(spec.queue_items, std::max(spec.batch_items, taken_items)));
  }

  // The worker: ends because the queue is closed and empty.
  void run() noexcept {
    while (const std::size_t count = queue->pop(taken)) {
      shard.process(std::span(taken).first(count));
      handled.store(handled.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }
  }

  std::vector<Item> batch;
  std::uint64_t sent = 0;  // items that left
  std::optional<ShardQueue> queue;
  alignas(64) Shard shard;
  std::vector<Item> taken;
  alignas(64) std::atomic<std::uint64_t> handled{0};  // items whose results are in the output
  std::jthread worker;                                // last: it uses all of the above
};

}  // namespace

struct Engine::Inner {
  std::vector<std::unique_ptr<Lane>> lanes;
  bool closed = false;
  std::array<Counter, flush_causes> flushes;
  std::array<Counter, batch_buckets> batches;
  Counter batch_items;
};

Engine::Engine(const EngineSpec& spec, const SeriesTable& table, const std::vector<Output*>& outputs)
    : inner_(std::make_unique<Inner>()),
      shards_(spec.shards),
      inverse_(spec.shards == 1 ? 0 : ~std::uint64_t{0} / std::max(spec.shards, 1U) + 1) {
  CHECK(spec.shards >= 1 && spec.shards <= 1024, "%u shards", spec.shards);
  CHECK(spec.batch_items >= 1, "batches of %zu items", spec.batch_items);
  CHECK(spec.queue_items >= spec.batch_items, "a queue of %zu items, batches of %zu", spec.queue_items,
        spec.batch_items);
  CHECK(outputs.size() == spec.shards, "%zu outputs, %u shards", outputs.size(), spec.shards);
  for (std::uint32_t i = 0; i < spec.shards; ++i) {
    Lane& lane = *inner_->lanes.emplace_back(std::make_unique<Lane>(i, spec, table, *outputs[i]));
    open_.push_back({lane.batch.data(), lane.batch.data() + lane.batch.size()});
  }
  if (!spec.threads) return;
  try {
    for (const auto& lane : inner_->lanes) lane->worker = std::jthread([&lane = *lane] { lane.run(); });
  } catch (...) {
    close();  // the threads that did start must end before their lanes do
    throw;
  }
}

Engine::~Engine() { close(); }

void Engine::push_run(SeriesId series, Time first, Duration step, std::span<const double> values,
                      Position position) noexcept {
  CHECK(step >= Duration{0} && step <= Item::run_step_max, "a step of %lld ns",
        static_cast<long long>(step.count()));
  const std::uint32_t lane = lane_of(series);
  while (!values.empty()) {
    const auto run = values.first(std::min<std::size_t>(values.size(), Item::run_max));
    put(lane, Item::run(series, first, step, static_cast<std::uint32_t>(run.size()), position));
    for (std::size_t i = 0; i < run.size(); i += Item::run_values) {
      std::array<double, Item::run_values> raw{};
      std::copy_n(&run[i], std::min(raw.size(), run.size() - i), raw.begin());
      put(lane, std::bit_cast<Item>(raw));
    }
    first += step * static_cast<std::int64_t>(run.size());
    values = values.subspan(run.size());
  }
}

// The lane's batch leaves. Precondition: it is not empty.
void Engine::send(std::uint32_t index, FlushCause cause) noexcept {
  Inner& e = *inner_;
  Lane& lane = *e.lanes[index];
  const std::span<const Item> items(lane.batch.data(), open_[index].next);
  e.flushes[static_cast<std::size_t>(cause)].add();
  e.batches[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(items.size() - 1)),
                                  batch_buckets - 1)]
      .add();
  e.batch_items.add(items.size());
  lane.sent += items.size();
  if (lane.queue) {
    lane.queue->push(items);
  } else {
    lane.shard.process(items);
    lane.handled.store(lane.sent, std::memory_order_relaxed);
  }
  open_[index].next = lane.batch.data();
}

// To every shard, behind all that waits for it; all of it leaves.
void Engine::send_each(const Item& item, FlushCause cause) noexcept {
  for (std::uint32_t lane = 0; lane < shards_; ++lane) {
    *open_[lane].next++ = item;
    send(lane, cause);
  }
}

void Engine::tick(Time now, Position position) noexcept {
  send_each(Item::tick(now, position), FlushCause::tick);
}

void Engine::link(bool up, Time now, Position position) noexcept {
  send_each(Item::link(up, now, position), FlushCause::tick);
}

void Engine::finish(Position position) noexcept { send_each(Item::end(position), FlushCause::idle); }

void Engine::flush(FlushCause cause) noexcept {
  for (std::uint32_t lane = 0; lane < shards_; ++lane) {
    if (open_[lane].next != inner_->lanes[lane]->batch.data()) send(lane, cause);
  }
}

void Engine::settle() noexcept {
  flush(FlushCause::idle);
  for (const auto& lane : inner_->lanes) {
    if (!lane->queue) continue;
    for (int looks = 0; lane->handled.load(std::memory_order_acquire) != lane->sent; ++looks) {
      if (looks % polls != polls - 1) {
        relax();
        continue;
      }
      lane->queue->hurry();
      nap(settle_nap);
    }
  }
}

void Engine::close() noexcept {
  Inner& e = *inner_;
  if (e.closed) return;
  e.closed = true;
  flush(FlushCause::idle);
  for (const auto& lane : e.lanes) {
    if (lane->queue) lane->queue->close();
  }
  for (const auto& lane : e.lanes) {
    if (lane->worker.joinable()) lane->worker.join();
  }
}

std::uint64_t Engine::sent(std::uint32_t shard) const noexcept { return inner_->lanes[shard]->sent; }

std::uint64_t Engine::handled(std::uint32_t shard) const noexcept {
  return inner_->lanes[shard]->handled.load(std::memory_order_acquire);
}

std::uint32_t Engine::shards() const noexcept { return shards_; }

const ShardCounters& Engine::counters(std::uint32_t shard) const noexcept {
  return inner_->lanes[shard]->shard.counters();
}

std::size_t Engine::queued_items(std::uint32_t shard) const noexcept {
  const Lane& lane = *inner_->lanes[shard];
  return lane.queue ? lane.queue->size() : 0;
}

std::uint64_t Engine::queue_waits(std::uint32_t shard) const noexcept {
  const Lane& lane = *inner_->lanes[shard];
  return lane.queue ? lane.queue->waits() : 0;
}

std::uint64_t Engine::flushes(FlushCause cause) const noexcept {
  return inner_->flushes[static_cast<std::size_t>(cause)].get();
}

std::uint64_t Engine::batches(std::size_t bucket) const noexcept {
  return bucket < batch_buckets ? inner_->batches[bucket].get() : 0;
}

std::uint64_t Engine::batch_items_total() const noexcept { return inner_->batch_items.get(); }

}  // namespace core
