// Listener: stands between a shard and its encoder while a replay wants to see more than what is published.
// Writes a line for every judgement into an outbox of its own, and gathers charts; hands on all results. Used
// by the thread that runs the shard; what it gathered may be read when the engine is settled.
#pragma once

#include <cstdint>
#include <optional>

#include "bridge/chart.h"
#include "bridge/outbox.h"
#include "bridge/rules.h"
#include "bridge/score_encoder.h"
#include "core/output.h"

namespace bridge {

struct ListenerSpec {
  std::optional<ScoreFormat> scores;       // nothing: no lines
  std::optional<std::uint64_t> whole_max;  // of the ChartBook; nothing: no charts
  std::size_t outbox_bytes;
};

class Listener final : public core::Output {
 public:
  // All borrowed; they outlive the listener.
  Listener(const ListenerSpec& spec, core::Output& encoder, const Rules& rules,
           const core::SeriesTable& table)
      : table_(table), encoder_(encoder), scores_(spec.outbox_bytes) {
    if (spec.scores) lines_.emplace(rules, table, *spec.scores);
    if (spec.whole_max) charts_.emplace(rules, table, *spec.whole_max);
  }

  void window(core::Position cause, core::SeriesId series,
              const core::WindowResult& result) noexcept override {
    encoder_.window(cause, series, result);
  }
  void flag(core::Position cause, core::SeriesId series, const core::FlagChange& change) noexcept override {
    if (charts_) charts_->flag(series, change);
    encoder_.flag(cause, series, change);
  }
  void late(core::Position cause, core::SeriesId series, const core::Point& point,
            core::Time watermark) noexcept override {
    encoder_.late(cause, series, point, watermark);
  }
  void time(core::Position cause, core::Time now) noexcept override { encoder_.time(cause, now); }
  void given_up(core::Position cause, core::SeriesId series, core::Time now) noexcept override {
    encoder_.given_up(cause, series, now);
  }
  void end(core::Position cause, core::Time now) noexcept override { encoder_.end(cause, now); }
  void judgement(core::Position cause, core::SeriesId series,
                 const core::Judgement& judgement) noexcept override {
    if (charts_) charts_->judgement(series, judgement);
    if (lines_) scores_.push({cause, table_.ordinal(series), {}, lines_->line(series, judgement)});
  }

  // Lines as payloads, without topics.
  [[nodiscard]] Outbox& scores() { return scores_; }
  // Precondition: charts were asked for.
  [[nodiscard]] const ChartBook& charts() const { return *charts_; }

 private:
  const core::SeriesTable& table_;
  core::Output& encoder_;
  Outbox scores_;
  std::optional<ScoreEncoder> lines_;
  std::optional<ChartBook> charts_;
};

}  // namespace bridge
