#include "bridge/chart.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bridge {
namespace {

bool has_bounds(const Column& column) { return std::isfinite(column.low) || std::isfinite(column.high); }

// `later` follows `column` and becomes part of it.
void merge(Column& column, const Column& later) {
  column.min = std::min(column.min, later.min);
  column.max = std::max(column.max, later.max);
  if (later.score <= column.score && (has_bounds(column) || !has_bounds(later))) return;
  column.time = later.time;
  column.score = later.score;
  column.expected = later.expected;
  column.low = later.low;
  column.high = later.high;
}

bool is_quiet(core::Condition condition) {
  return condition == core::Condition::quiet || condition == core::Condition::warming;
}

}  // namespace

void Track::add(const core::Judgement& judgement) {
  const core::Verdict& verdict = judgement.verdict;
  if (columns_.empty()) begin_ = judgement.time;
  if (!warm_ && verdict.condition != core::Condition::warming) warm_ = judgement.time;
  const core::Time time = std::max(judgement.time, begin_);
  const Column column{.index = static_cast<std::uint64_t>((time - begin_).count()) >> shift_,
                      .time = time,
                      .min = judgement.value,
                      .max = judgement.value,
                      .score = verdict.score,
                      .expected = verdict.expected,
                      .low = verdict.low,
                      .high = verdict.high};
  if (!columns_.empty() && columns_.back().index >= column.index) return merge(columns_.back(), column);
  columns_.push_back(column);
  while (columns_.size() > columns_max) widen();
}

void Track::widen() {
  ++shift_;
  std::size_t kept = 0;
  for (const Column& column : columns_) {
    Column wider = column;
    wider.index >>= 1;
    if (kept != 0 && columns_[kept - 1].index == wider.index) {
      merge(columns_[kept - 1], wider);
    } else {
      columns_[kept++] = wider;
    }
  }
  columns_.resize(kept);
}

std::uint64_t Chart::flags_total() const {
  return std::accumulate(flag_counts.begin(), flag_counts.end(), std::uint64_t{0});
}

void ChartBook::judgement(core::SeriesId series, const core::Judgement& judgement) {
  const std::uint64_t ordinal = table_.ordinal(series);
  if (ordinal >= whole_max_ && is_quiet(judgement.verdict.condition) && !charts_.contains(ordinal)) {
    uncharted_.insert(ordinal);
    return;
  }
  chart(series, ordinal).tracks[judgement.detector].add(judgement);
}

void ChartBook::flag(core::SeriesId series, const core::FlagChange& change) {
  Chart& of = chart(series, table_.ordinal(series));
  if (change.state != core::FlagState::cleared) {
    if (++of.flag_counts[change.detector] <= Chart::flags_max) of.flags.push_back({change, {}});
    return;
  }
  for (auto flag = of.flags.rbegin(); flag != of.flags.rend(); ++flag) {
    if (flag->raised.detector != change.detector || flag->raised.since != change.since) continue;
    flag->cleared = change.time;
    return;
  }
}

Chart& ChartBook::chart(core::SeriesId series, std::uint64_t ordinal) {
  const auto [at, fresh] = charts_.try_emplace(ordinal);
  Chart& chart = at->second;
  if (!fresh) return chart;
  uncharted_.erase(ordinal);
  const core::Plan& plan = table_.plan(series);
  chart.ordinal = ordinal;
  chart.stream = plan.stream;
  for (std::size_t i = 0; i < rules_.streams()[plan.stream]->groupings[plan.grouping].names.size(); ++i) {
    chart.keys.emplace_back(table_.key(series, i));
  }
  chart.names = rules_.streams()[plan.stream]->groupings[plan.grouping].names;
  chart.field = table_.field(series);
  chart.rules = plan.detector_rules;
  chart.tracks.resize(plan.detectors.size());
  chart.flag_counts.resize(plan.detectors.size());
  return chart;
}

}  // namespace bridge
