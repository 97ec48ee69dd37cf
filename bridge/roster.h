// Roster: which series are in use. Lets newcomers in while there is room, in all and in their stream, and
// gives up those that had no sample for limits.series_ttl. Edge thread, except the readers at the end.
//
// Time goes in steps of a sixteenth of series_ttl, by arrival. A series is over once 16 whole steps have
// passed since that of its last sample: then its next sample begins another, and a walk past all of them that
// takes a step finds it if none comes. What is let in and given up follows from the journal alone; when an id
// is given out again does not, as it waits for the worker that may still read the names.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "bridge/rules.h"
#include "core/counter.h"
#include "core/engine.h"
#include "core/series.h"

namespace bridge {

class Roster {
 public:
  static constexpr std::uint32_t ttl_steps = 16;

  // All borrowed; they outlive the roster.
  Roster(const Rules& rules, core::SeriesTable& table, core::Engine& engine);

  struct Entered {
    core::SeriesId id;  // or limited_series
    bool fresh;         // not in use before
  };
  // The series has a sample: it is in use until series_ttl from now. Its id is good for the rest of the step.
  [[nodiscard]] Entered enter(const core::Plan& plan, std::span<const std::string_view> key,
                              std::string_view field, core::Position position);
  // After the engine's tick: time has come to `now`. Walks on. Returns which part of a step has passed since
  // the last call, at most 1.
  double tick(core::Time now, core::Position position);
  // Gives up every series of the streams that do not stay, and then, when all have been handled, numbers the
  // streams anew.
  void retire(const Adoption& adoption, core::Position position);
  void adopt(const Rules& rules, const Adoption& adoption);
  [[nodiscard]] std::uint32_t step() const noexcept { return step_; }

  // Any thread. Series of a stream in use; series given up.
  [[nodiscard]] std::uint64_t series(std::size_t stream) const noexcept {
    return streams_[stream].used.get();
  }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_.get(); }

 private:
  struct Stream {
    std::uint64_t series_max = 0;
    core::Counter used;
  };
  struct Leaving {
    core::SeriesId id;
    std::uint64_t sent;  // items of its shard up to the one that gives it up
  };

  [[nodiscard]] bool over(core::SeriesId id) const noexcept {
    return step_ - table_.note(id).step > ttl_steps;
  }
  void set_limits(const Rules& rules);
  void give_up(core::SeriesId id, core::Position position);
  void release_handled();
  void walk(std::size_t to, core::Position position);

  core::SeriesTable& table_;
  core::Engine& engine_;
  const core::Duration step_length_;  // 0: series stay for ever
  std::vector<Stream> streams_;
  core::Counter evicted_;
  std::uint32_t step_ = 0;
  double passed_ = 0;                 // of the step
  std::size_t walked_ = 0;            // of used_, in this step
  std::vector<core::SeriesId> used_;  // in an order that follows from the journal; a series notes its place
  std::vector<core::SeriesId> given_up_;  // since the last tick
  std::deque<Leaving> leaving_;
};

}  // namespace bridge
