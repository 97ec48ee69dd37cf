// SessionWindow: from the first sample to the last before a pause of `gap`. Owned by one worker; works on the
// state block of a series.
//
// Two samples less than `gap` apart are in one session, so a sample may join two into one. A session closes
// when the watermark reaches its last sample + gap: it is emitted, from its first sample's time to its last
// one's. A late sample inside `retention` changes it and emits it again; where it joins a closed session to
// another, the result bears the start of the first and the next revision.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/accumulator.h"
#include "core/room.h"
#include "core/window.h"
#include "core/windows/waiting.h"

namespace core {

class Emitter;

class SessionWindow {
 public:
  SessionWindow(const WindowSpec& spec, std::uint32_t window, Duration lateness, Room& room);

  void start(std::byte* block) const noexcept;
  [[nodiscard]] Time due(const std::byte* block) const noexcept { return state(block).due; }
  void close(std::byte* block, Time watermark, bool final, Emitter& emitter) const noexcept;
  [[nodiscard]] bool add(std::byte* block, const Point& point, Time watermark,
                         Emitter& emitter) const noexcept;
  [[nodiscard]] const Accumulator& accumulator() const noexcept { return accumulator_; }

 private:
  struct Session {
    Time first, last;
    std::uint32_t rev;
    std::uint16_t slot;  // of its state
    std::uint16_t open;  // it has not closed, or has something to say again
  };
  struct State {
    Time due;
    std::uint64_t used;   // slots, as bits
    Point newest;         // ordered: the newest sample in a session; no_time: none
    std::uint64_t count;  // sessions, in order of time
  };

  // Puts the sample into its session, which it returns the place of.
  std::uint64_t take(std::byte* block, const Point& point) const noexcept;
  std::uint64_t find(std::byte* block, const Point& point) const noexcept;
  void join_next(std::byte* block, std::uint64_t at) const noexcept;
  void remove(std::byte* block, std::uint64_t at) const noexcept;
  void release(std::byte* block, Time watermark) const noexcept;
  void emit(std::byte* block, Session& session, bool final, Emitter& emitter) const noexcept;
  void find_due(std::byte* block) const noexcept;

  [[nodiscard]] State& state(std::byte* block) const noexcept {
    return *reinterpret_cast<State*>(block + state_);
  }
  [[nodiscard]] const State& state(const std::byte* block) const noexcept {
    return *reinterpret_cast<const State*>(block + state_);
  }
  [[nodiscard]] Session* sessions(std::byte* block) const noexcept {
    return reinterpret_cast<Session*>(block + sessions_);
  }
  [[nodiscard]] std::byte* at(std::byte* block, std::uint64_t slot) const noexcept {
    return block + ring_ + slot * accumulator_.bytes();
  }

  Accumulator accumulator_;
  Waiting waiting_;
  Duration gap_;
  Duration retention_;
  Duration cadence_;
  std::uint64_t most_;  // sessions that retention and lateness can need
  std::size_t state_, sessions_, ring_;
  std::uint32_t window_;
};

}  // namespace core
