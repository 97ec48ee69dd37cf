#include "bridge/bench_open_loop.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "bridge/journal.h"
#include "core/check.h"
#include "core/doorbell.h"

namespace bridge {
namespace {

constexpr std::size_t outbox_bytes = 256 << 20;
constexpr std::size_t batches_between_drains = 8;                      // as level E does
constexpr core::Time begin_time{std::chrono::seconds{1'767'225'600}};  // 2026-01-01
constexpr core::Duration between_rounds = std::chrono::milliseconds{1};
// Nothing is due: about as long as `weir run` naps under load.
constexpr core::Duration idle_nap = std::chrono::microseconds{200};
constexpr core::Duration source_nap = std::chrono::microseconds{50};
constexpr core::Duration sink_nap = std::chrono::microseconds{200};
constexpr std::size_t results_at_once = 1000;

double clock_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Latencies::add(double seconds) {
  const auto at = static_cast<std::size_t>(std::max(seconds, 0.0) / step);
  ++counts_[std::min(at, counts_.size() - 1)];
  ++all_;
  most_ = std::max(most_, seconds);
}

double Latencies::percentile_ms(double part) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size() && all_ > 0; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(static_cast<double>(i + 1) * step, most_) * 1e3;
  }
  return 0;
}

Drain::Drain(std::vector<Outbox*> outboxes)
    : outboxes_(std::move(outboxes)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Drain::begin(const Schedule& schedule) {
  const std::lock_guard lock(mutex_);
  schedule_ = schedule;
  latencies_ = {};
}

void Drain::catch_up() const {
  for (const Outbox* outbox : outboxes_) {
    while (outbox->popped() != outbox->pushed()) core::nap(sink_nap);
  }
}

ResultTally Drain::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

Latencies Drain::latencies() const {
  const std::lock_guard lock(mutex_);
  return latencies_;
}

double Drain::cpu_seconds() const {
  const std::lock_guard lock(mutex_);
  return cpu_;
}

void Drain::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (take_some() == 0) core::nap(sink_nap);
  }
}

std::size_t Drain::take_some() {
  const std::lock_guard lock(mutex_);
  const double now = clock_seconds() - schedule_.start;
  std::size_t taken = 0;
  for (Outbox* outbox : outboxes_) {
    for (const Result* result = outbox->front(); result != nullptr && taken < results_at_once;
         result = outbox->front(), ++taken) {
      tally_.take(result->topic, result->payload);
      if (result->cause >= schedule_.first) latencies_.add(now - schedule_.due(result->cause));
      outbox->pop();
    }
  }
  cpu_ = thread_cpu_seconds();
  return taken;
}

OpenLoop::OpenLoop(const Config& config, const FleetLoad& load)
    : config_(config),
      load_(load),
      pipeline_(config, true, outbox_bytes),
      drain_(pipeline_.outboxes()),
      event_start_(begin_time) {}

double OpenLoop::elapsed() const { return clock_seconds() - schedule_.start; }
core::Time OpenLoop::event_time(double elapsed) const {
  return event_start_ + core::Duration{static_cast<std::int64_t>(elapsed * 1e9)};
}

void OpenLoop::begin(double rate, OpenRound& round) {
  round.offered = rate;
  round.results = drain_.tally().results;
  round.sink_cpu = drain_.cpu_seconds();
  schedule_ = {clock_seconds(), rate, taken_};
  drain_.begin(schedule_);
  round.usage -= usage_now();
}

void OpenLoop::end(OpenRound& round) {
  pipeline_.engine().settle();
  drain_.catch_up();
  round.usage += usage_now();
  round.sink_cpu = drain_.cpu_seconds() - round.sink_cpu;
  round.usage.other_cpu -= round.sink_cpu;
  round.usage.foreign_cpu = std::max(round.usage.foreign_cpu, 0.0);  // the system counts in steps
  round.messages = taken_ - schedule_.first;
  round.results = drain_.tally().results - round.results;
  const Latencies latencies = drain_.latencies();
  round.latency_p50_ms = latencies.percentile_ms(0.5);
  round.latency_p99_ms = latencies.percentile_ms(0.99);
  round.latency_most_ms = latencies.most_ms();
  event_start_ = event_time(schedule_.due(taken_)) + between_rounds;
}

OpenRound OpenLoop::keep_pace(double rate, double seconds) {
  OpenRound round;
  begin(rate, round);
  const auto all = static_cast<std::uint64_t>(rate * seconds);
  for (double now = 0; now < seconds; now = elapsed()) {
    const std::uint64_t wanted = std::min(all, static_cast<std::uint64_t>(now * rate) + 1);
    const std::uint64_t ready = wanted - std::min(wanted, taken_ - schedule_.first);
    if (ready == 0) {
      idle(now);
      continue;
    }
    round.behind_most_ms = std::max(round.behind_most_ms, (now - schedule_.due(taken_)) * 1e3);
    take(static_cast<std::size_t>(std::min<std::uint64_t>(ready, Journal::batch_max)));
  }
  round.behind_end_ms = taken_ - schedule_.first == all ? 0 : (seconds - schedule_.due(taken_)) * 1e3;
  end(round);
  return round;
}

OpenRound OpenLoop::flood(double rate, std::uint64_t messages) {
  OpenRound round;
  begin(rate, round);
  for (std::uint64_t left = messages; left > 0;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, Journal::batch_max));
    take(count);
    left -= count;
  }
  end(round);
  return round;
}

void OpenLoop::take(std::size_t count) {
  std::array<Message, Journal::batch_max> messages;
  for (std::size_t i = 0; i < count; ++i) {
    messages[i] = load_.message(taken_ + i);
    messages[i].arrival = event_time(schedule_.due(taken_ + i));
  }
  pipeline_.edge().take(std::span(messages).first(count));
  taken_ += count;
  took(messages[count - 1].arrival);
}

// As `weir run` does after each batch.
void OpenLoop::took(core::Time arrival) {
  if (arrival - flushed_ >= config_.aggregation.flush_interval) {
    flushed_ = arrival;
    pipeline_.engine().flush(core::FlushCause::interval);
  }
}

void OpenLoop::idle(double elapsed) {
  pipeline_.engine().flush(core::FlushCause::idle);
  (void)pipeline_.edge().take_tick(event_time(elapsed));
  core::nap(idle_nap);
}

OpenLoop::Burst OpenLoop::burst() {
  Burst burst;
  Journal journal(config_.limits.journal_bytes);
  const double start = clock_seconds();
  const std::jthread source([&] {
    for (std::uint32_t i = 0; i < load_.devices(); ++i) {
      Message message = load_.message(i);
      message.arrival =
          event_start_ + core::Duration{static_cast<std::int64_t>((clock_seconds() - start) * 1e9)};
      while (!journal.push(message)) core::nap(source_nap);
    }
    journal.close();
  });
  core::Time arrival = event_start_;
  while (!journal.finished()) {
    const std::span<const Message> messages = journal.batch();
    if (messages.empty()) {
      pipeline_.engine().flush(core::FlushCause::idle);
      journal.wait(tick_every);
      continue;
    }
    arrival = messages.back().arrival;
    pipeline_.edge().take(messages);
    taken_ += messages.size();
    journal.pop();
    took(arrival);
    burst.journal_bytes_most = std::max<std::uint64_t>(burst.journal_bytes_most, journal.bytes());
  }
  pipeline_.engine().settle();
  burst.seconds = clock_seconds() - start;
  event_start_ = arrival + between_rounds;
  return burst;
}

void OpenLoop::finish() {
  pipeline_.engine().finish(taken_);
  pipeline_.engine().close();
  drain_.catch_up();
}

}  // namespace bridge
