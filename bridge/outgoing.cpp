#include "bridge/outgoing.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace bridge {
namespace {

// Results may not take them all: a status always finds one.
constexpr std::size_t slots = Outgoing::under_way_max + 24;

}  // namespace

Outgoing::Outgoing(const PublishConfig& config, Sink& sink, PublishCounters& counters)
    : config_(config),
      buffer_(std::max<std::size_t>(config.buffer, 1)),
      sink_(sink),
      counters_(counters),
      bucket_(config.max_rate),
      slots_(slots) {
  for (std::size_t i = slots; i > 0; --i) free_slots_.push_back(i - 1);
}

bool Outgoing::room() const noexcept { return held() < buffer_ || waiting() > 0; }

void Outgoing::add(const Result& result) {
  CHECK(room(), "%zu held, a buffer of %zu", held(), buffer_);
  if (held() == buffer_) {
    lane_of(results_.queue.empty()).queue.pop_front();
    counters_.dropped.add();
  }
  const bool retain = config_.retain || result.retain;
  lane_of(result.urgent)
      .queue.push_back(
          {++orders_,
           {std::string(result.topic), std::string(result.payload), config_.qos, retain, result.urgent}});
  counters_.held.set(held());
}

void Outgoing::add_status(Publication status) {
  status.urgent = true;
  std::string topic = status.topic;
  statuses_.insert_or_assign(std::move(topic), Status{++orders_, std::move(status), true});
}

bool Outgoing::pump(Clock::time_point now) {
  bool moved = take_completions();
  recover();
  if (now >= flags_.again_at) moved |= send_statuses(now);
  moved |= send(flags_, now);
  if (flags_.queue.empty()) moved |= send(results_, now);
  counters_.held.set(held());
  return moved;
}

bool Outgoing::empty() const noexcept {
  return held() == 0 && statuses_under_way_ == 0 &&
         std::none_of(statuses_.begin(), statuses_.end(),
                      [](const auto& entry) { return entry.second.waiting; });
}

void Outgoing::give_up() noexcept {
  counters_.dropped.add(held());
  flags_.queue.clear();
  results_.queue.clear();
  lost_.clear();
  results_under_way_ = 0;
  counters_.held.set(0);
}

bool Outgoing::take_completions() {
  bool moved = false;
  Sink::Completion completion;
  while (sink_.completed(completion)) {
    Slot& slot = slots_[completion.ticket % slots];
    CHECK(slot.used && slot.ticket == completion.ticket, "ticket %llu ended twice or was never given",
          static_cast<unsigned long long>(completion.ticket));
    end(slot, completion.ended);
    moved = true;
  }
  return moved;
}

void Outgoing::end(Slot& slot, Sink::Ended ended) {
  slot.used = false;
  free_slots_.push_back(static_cast<std::size_t>(slot.ticket % slots));
  if (slot.status) return end_status(slot.result, ended);
  --results_under_way_;
  if (ended == Sink::Ended::lost) {
    lost_.push_back(std::move(slot.result));
    counters_.again.add();
    return;
  }
  count(ended);
  flags_.pause = {};
  flags_.again_at = {};
  if (results_under_way_ > room_below_) return;
  results_.pause = {};
  results_.again_at = {};
}

void Outgoing::end_status(const Waiting& sent, Sink::Ended ended) {
  --statuses_under_way_;
  Status& newest = statuses_.find(sent.publication.topic)->second;
  if (ended == Sink::Ended::lost && newest.order == sent.order) newest.waiting = true;
}

// Puts what was lost back in front, once nothing is under way: all of it is older than anything that waits.
void Outgoing::recover() {
  if (lost_.empty() || results_under_way_ > 0) return;
  std::sort(lost_.begin(), lost_.end(), [](const Waiting& a, const Waiting& b) { return a.order > b.order; });
  for (Waiting& one : lost_) {
    std::deque<Waiting>& queue = lane_of(one.publication.urgent).queue;
    queue.push_front(std::move(one));
  }
  lost_.clear();
}

bool Outgoing::send_statuses(Clock::time_point now) {
  bool moved = false;
  for (auto& [topic, status] : statuses_) {
    if (!status.waiting || free_slots_.empty()) continue;
    const Sink::Ticket ticket = next_ticket();
    const Sink::Accepted accepted = sink_.publish(status.publication, ticket);
    if (accepted == Sink::Accepted::later) {
      back_off(flags_, now);
      return moved;
    }
    if (accepted == Sink::Accepted::pending) {
      occupy(ticket, true, {status.order, {topic, {}, 0, false}});
      ++statuses_under_way_;
    }
    status.waiting = false;
    moved = true;
  }
  return moved;
}

bool Outgoing::send(Lane& lane, Clock::time_point now) {
  const std::size_t most_under_way = std::min(under_way_max, buffer_);
  std::size_t sent = 0;
  while (sent < sent_at_once && !lane.queue.empty() && lost_.empty() && now >= lane.again_at &&
         results_under_way_ < most_under_way && bucket_.ready(now)) {
    const Sink::Ticket ticket = next_ticket();
    const Sink::Accepted accepted = sink_.publish(lane.queue.front().publication, ticket);
    if (accepted == Sink::Accepted::later) {
      if (&lane == &results_) room_below_ = results_under_way_ - results_under_way_ / 4;
      back_off(lane, now);
      break;
    }
    if (accepted == Sink::Accepted::pending) {
      occupy(ticket, false, std::move(lane.queue.front()));
      ++results_under_way_;
    } else {
      count(accepted == Sink::Accepted::done ? Sink::Ended::acknowledged : Sink::Ended::refused);
    }
    lane.queue.pop_front();
    bucket_.take();
    lane.pause = {};
    ++sent;
  }
  return sent > 0;
}

// Precondition: a slot is free. The slot is taken by occupy() only.
Sink::Ticket Outgoing::next_ticket() noexcept { return ++attempts_ * slots + free_slots_.back(); }

void Outgoing::occupy(Sink::Ticket ticket, bool status, Waiting result) {
  free_slots_.pop_back();
  slots_[ticket % slots] = {ticket, true, status, std::move(result)};
}

void Outgoing::count(Sink::Ended ended) noexcept {
  (ended == Sink::Ended::acknowledged ? counters_.acknowledged : counters_.refused).add();
}

void Outgoing::back_off(Lane& lane, Clock::time_point now) noexcept {
  lane.pause = std::clamp<Clock::duration>(lane.pause * 2, pause_min, pause_max);
  lane.again_at = now + lane.pause;
}

std::size_t Outgoing::held() const noexcept { return waiting() + lost_.size() + results_under_way_; }

}  // namespace bridge
