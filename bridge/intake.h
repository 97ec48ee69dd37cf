// Intake: from the library's callback into the journal: stamps the arrival, enforces the limits, and decides
// what a full journal means. take() and count_oversize() run on the library's thread (the journal's producer)
// and copies, no more; stop() and the readers: any thread.
#pragma once

#include <atomic>
#include <mutex>

#include "bridge/arrival_clock.h"
#include "bridge/config.h"
#include "bridge/journal.h"
#include "bridge/source.h"

namespace bridge {

class Intake {
 public:
  // `journal` may be null: then every message is counted as shed. `hold_most`: longest time one message may
  // wait for room. `connection`: of several, and the journal's lane.
  Intake(const LimitsConfig& limits, WhenFull when_full, Duration hold_most, Journal* journal,
         std::uint8_t connection = 0)
      : limits_(limits),
        when_full_(when_full),
        hold_most_(hold_most),
        journal_(journal),
        connection_(connection) {}

  // Waits for room at most hold_most, and after such a wait in vain not again until there was room: a journal
  // that stands still costs that time once, so that the connection stays alive. False: shed or oversize.
  bool take(Message message) noexcept;
  // A message that its source did not even keep, so large it was.
  void count_oversize() noexcept {
    counters_.received.add();
    counters_.oversize.add();
  }
  // No message enters the journal afterwards; closes its lane. Idempotent.
  void stop() noexcept;

  [[nodiscard]] const SourceCounters& counters() const noexcept { return counters_; }

 private:
  enum class Push { done, full, closed };
  Push push(const Message& message) noexcept;
  bool push_waiting(const Message& message) noexcept;

  const LimitsConfig limits_;
  const WhenFull when_full_;
  const Duration hold_most_;
  Journal* const journal_;
  const std::uint8_t connection_;
  ArrivalClock clock_;
  bool stuck_ = false;  // waited in vain
  SourceCounters counters_;
  std::mutex mutex_;  // push and close exclude each other
  bool open_ = true;
};

}  // namespace bridge
