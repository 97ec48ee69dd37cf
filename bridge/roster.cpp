#include "bridge/roster.h"

#include <algorithm>
#include <utility>

#include "bridge/routes.h"

namespace bridge {

using core::SeriesId;

Roster::Roster(const Rules& rules, core::SeriesTable& table, core::Engine& engine)
    : table_(table),
      engine_(engine),
      step_length_(rules.limits().series_ttl / ttl_steps),
      streams_(rules.streams().size()) {
  set_limits(rules);
}

void Roster::set_limits(const Rules& rules) {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    streams_[i].series_max = rules.streams()[i]->config->series_max;
  }
}

void Roster::retire(const Adoption& adoption, core::Position position) {
  for (std::size_t i = 0; i < used_.size();) {
    adoption.stays[table_.plan(used_[i]).stream] ? void(++i) : give_up(used_[i], position);
  }
  walked_ = std::min(walked_, used_.size());
}

void Roster::adopt(const Rules& rules, const Adoption& adoption) {
  std::vector<Stream> next(adoption.from.size());
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (adoption.from[i] != Adoption::none) next[i].used.set(streams_[adoption.from[i]].used.get());
  }
  streams_.swap(next);
  set_limits(rules);
}

Roster::Entered Roster::enter(const core::Plan& plan, std::span<const std::string_view> key,
                              std::string_view field, core::Position position) {
  Stream& stream = streams_[plan.stream];
  const auto room = [&] { return stream.used.get() < stream.series_max; };
  auto id = table_.intern(plan, key, field, room());
  if (id && table_.note(*id).place != core::SeriesTable::Note::nowhere && over(*id)) {
    give_up(*id, position);
    id = table_.intern(plan, key, field, room());
  }
  if (!id) return {limited_series, false};
  core::SeriesTable::Note& note = table_.note(*id);
  const bool fresh = note.place == core::SeriesTable::Note::nowhere;
  note.step = step_;
  if (fresh) {
    note.place = static_cast<std::uint32_t>(used_.size());
    used_.push_back(*id);
    stream.used.add();
  }
  return {*id, fresh};
}

void Roster::give_up(SeriesId id, core::Position position) {
  const std::uint32_t place = table_.note(id).place;
  used_[place] = used_.back();
  table_.note(used_[place]).place = place;
  used_.pop_back();
  core::Counter& used = streams_[table_.plan(id).stream].used;
  used.set(used.get() - 1);
  evicted_.add();
  table_.evict(id);
  engine_.evict(id, position);
  given_up_.push_back(id);
}

double Roster::tick(core::Time now, core::Position position) {
  release_handled();
  if (step_length_ == core::Duration{0}) return 0;
  const std::int64_t index = core::pane_index(now, step_length_, core::Duration{0});
  const core::Duration since = now - core::pane_start(index, step_length_, core::Duration{0});
  const double passed = static_cast<double>(since.count()) / static_cast<double>(step_length_.count());
  const double before = std::exchange(passed_, passed);
  const bool same = static_cast<std::uint32_t>(index) == step_;
  if (!same) {
    walk(used_.size(), position);
    walked_ = 0;
    step_ = static_cast<std::uint32_t>(index);
  }
  walk(static_cast<std::size_t>(passed * static_cast<double>(used_.size())), position);
  return same ? passed - before : 1;
}

// The last tick has flushed every batch, so that all that was given up before it has left.
void Roster::release_handled() {
  for (const SeriesId id : given_up_) leaving_.push_back({id, engine_.sent(id % engine_.shards())});
  given_up_.clear();
  for (; !leaving_.empty(); leaving_.pop_front()) {
    const auto& [id, sent] = leaving_.front();
    if (engine_.handled(id % engine_.shards()) < sent) return;
    table_.release(id);
  }
}

// A series that is given up leaves its place to the last.
void Roster::walk(std::size_t to, core::Position position) {
  while (walked_ < std::min(to, used_.size())) {
    if (over(used_[walked_])) {
      give_up(used_[walked_], position);
    } else {
      ++walked_;
    }
  }
}

}  // namespace bridge
