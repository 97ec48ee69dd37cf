// Outgoing: what is to be published: waiting, under way, lost and to be published again. Owned by the
// publisher's thread, which lends it the time; never waits. Flags keep their order and so do other results; a
// flag goes ahead of results that wait, a status ahead of both.
//
// After a loss nothing new is sent until all that was under way has ended: then what was lost goes first, in
// its old order, so that a result never follows a newer one of its topic which the broker did not already
// have.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/config.h"
#include "bridge/outbox.h"
#include "bridge/publisher.h"
#include "bridge/sink.h"
#include "bridge/token_bucket.h"

namespace bridge {

class Outgoing {
 public:
  using Clock = TokenBucket::Clock;

  static constexpr std::size_t under_way_max = 1000;        // results given to the sink and not ended
  static constexpr std::size_t sent_at_once = 256;          // most results one pump() sends
  static constexpr std::chrono::milliseconds pause_min{1};  // after Accepted::later; doubled each time
  static constexpr std::chrono::milliseconds pause_max{50};

  // `counters` are of results only. Both borrowed.
  Outgoing(const PublishConfig& config, Sink& sink, PublishCounters& counters);

  // A result may be added: false while the buffer is full of results that cannot be given up, being under
  // way.
  [[nodiscard]] bool room() const noexcept;
  // Precondition: room(). When the buffer is full the oldest that waits is dropped, a flag only where nothing
  // else waits.
  void add(const Result& result);
  // Replaces a status of the same topic.
  void add_status(Publication status);

  // Takes completions and sends what may be sent. Returns whether anything moved.
  bool pump(Clock::time_point now);
  // Nothing waits and nothing is under way.
  [[nodiscard]] bool empty() const noexcept;
  // Drops all that is held.
  void give_up() noexcept;

 private:
  struct Waiting {
    std::uint64_t order;
    Publication publication;
  };
  // The newest of its topic: an older one is never sent again.
  struct Status {
    std::uint64_t order;
    Publication publication;
    bool waiting;
  };
  // What waits in one order, and when the sink is asked again after it said `later`.
  struct Lane {
    std::deque<Waiting> queue;
    Clock::duration pause{0};
    Clock::time_point again_at{};
  };
  // Something under way. Of a status only the order and the topic.
  struct Slot {
    Sink::Ticket ticket = 0;
    bool used = false;
    bool status = false;
    Waiting result{};
  };

  bool take_completions();
  void end(Slot& slot, Sink::Ended ended);
  void end_status(const Waiting& sent, Sink::Ended ended);
  void recover();
  bool send_statuses(Clock::time_point now);
  bool send(Lane& lane, Clock::time_point now);
  [[nodiscard]] Sink::Ticket next_ticket() noexcept;
  void occupy(Sink::Ticket ticket, bool status, Waiting result);
  void count(Sink::Ended ended) noexcept;
  static void back_off(Lane& lane, Clock::time_point now) noexcept;
  [[nodiscard]] Lane& lane_of(bool urgent) noexcept { return urgent ? flags_ : results_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return flags_.queue.size() + results_.queue.size(); }
  [[nodiscard]] std::size_t held() const noexcept;

  const PublishConfig config_;
  const std::size_t buffer_;
  Sink& sink_;
  PublishCounters& counters_;
  TokenBucket bucket_;
  Lane flags_;  // its pause is the statuses' too
  Lane results_;
  std::vector<Waiting> lost_;
  std::map<std::string, Status, std::less<>> statuses_;  // by topic
  std::vector<Slot> slots_;                              // by ticket, modulo their number
  std::vector<std::size_t> free_slots_;
  std::size_t results_under_way_ = 0;
  // So few under way, and the pause of results ends early: a quarter of what there were has ended. One at a
  // time would wake three threads for each result. A flag does not wait for that.
  std::size_t room_below_ = 0;
  std::size_t statuses_under_way_ = 0;
  std::uint64_t orders_ = 0;
  std::uint64_t attempts_ = 0;
};

}  // namespace bridge
