#include "tests/core_model.h"

#include <algorithm>
#include <deque>
#include <iomanip>
#include <map>
#include <set>
#include <sstream>

#include "core/accumulator.h"
#include "core/windows/waiting.h"
#include "tests/core_model_grid.h"

namespace model {
namespace {

using core::Emit;
using core::Empty;
using core::WindowKind;
using core::WindowSpec;

constexpr int empties_max = 1000;

// What all kinds share.
class Common : public Window {
 public:
  Common(const WindowSpec& window, Duration lateness) : spec(window), accumulator(window) {
    waits = lateness > Duration{0} && (accumulator.ordered() || spec.kind == WindowKind::sliding);
  }

 protected:
  [[nodiscard]] bool unwanted(const Sample& sample) const {
    return std::isnan(sample.value) && !accumulator.wants_nulls();
  }

  void say(const View& view, Time start, Time end, std::uint32_t rev, bool final, bool sketched) {
    Event event;
    event.start = start;
    event.end = end;
    event.rev = rev;
    event.up = final;
    for (const Sample& sample : view.samples) event.count += std::isnan(sample.value) ? 0U : 1U;
    event.expected = values(spec, view, sketched, event.approximate);
    events->push_back(event);
  }

  // Samples wait sorted by time; when there is no room the first goes early.
  template <class Take>
  void wait(const Sample& sample, Time watermark, const Take& take) {
    if (spec.kind != WindowKind::sliding && waiting.size() == core::Waiting::room) release(watermark, take);
    if (waiting.size() == core::Waiting::room) pop(take);
    const auto later = [](const Sample& a, const Sample& b) { return a.time < b.time; };
    waiting.insert(std::upper_bound(waiting.begin(), waiting.end(), sample, later), sample);
  }
  template <class Take>
  void release(Time watermark, const Take& take) {
    while (!waiting.empty() && waiting.front().time < watermark) pop(take);
  }
  template <class Take>
  void pop(const Take& take) {
    const Sample first = waiting.front();
    waiting.pop_front();
    take(first);
  }

  const WindowSpec spec;
  const core::Accumulator accumulator;  // for what it says of itself; nothing is added to it
  bool waits;
  std::deque<Sample> waiting;
};

// ---- Tumbling, hopping, calendar, cumulative.

class Paned final : public Common {
 public:
  Paned(const WindowSpec& window, Duration lateness, std::uint64_t hash, Time first)
      : Common(window, lateness),
        grid_(window, hash),
        panes_(window.panes()),
        cumulative_(window.kind == WindowKind::cumulative),
        first_window_(grid_.index(first)),
        began_(grid_.start(first_window_)),
        closed_(first - lateness) {}

  Time due() const override {
    Time due = core::Time::max();
    const auto open = grid_.index(closed_);
    if (spec.empty != Empty::skip) due = grid_.end(std::max(first_window_, open));
    const auto look = [&](const Sample& sample) {
      const auto pane = grid_.index(sample.time);
      if (pane + panes_ - 1 >= open) due = std::min(due, grid_.end(std::max(pane, open)));
    };
    for (const Sample& sample : in_) look(sample);
    for (const Sample& sample : waiting) look(sample);
    if (spec.emit != Emit::on_close && !waiting.empty())
      due = std::min(due, waiting.front().time + Duration{1});
    return due;
  }

  void close(Time watermark, bool final) override {
    release(watermark, [&](const Sample& sample) {
      if (spec.emit != Emit::on_close) close_windows(sample.time, final);
      enter(sample);
    });
    close_windows(watermark, final);
  }

  bool add(const Sample& sample, Time watermark) override {
    if (unwanted(sample)) return true;
    if (sample.time < watermark) return add_behind(sample, watermark);
    first_window_ = std::min(first_window_, grid_.index(sample.time));
    if (waits) {
      wait(sample, watermark, [&](const Sample& first) { enter(first); });
    } else {
      enter(sample);
    }
    return true;
  }

 private:
  void close_windows(Time watermark, bool final) {
    if (watermark <= closed_) return;
    const auto open = grid_.index(closed_);
    std::set<std::int64_t> filled;
    for (const Sample& sample : in_) {
      for (auto k = std::max(sample.pane, open); k < sample.pane + panes_; ++k) {
        if (grid_.end(k) <= watermark) filled.insert(k);
      }
    }
    int empties = 0;
    auto next = std::max(first_window_, open);
    const auto empties_to = [&](std::int64_t window) {
      for (; spec.empty != Empty::skip && final && next < window && empties < empties_max;
           ++next, ++empties) {
        emit_empty(next);
      }
    };
    for (const auto window : filled) {
      empties_to(window);
      emit(window, final);
      next = window + 1;
      empties = 0;
    }
    if (final) empties_to(grid_.index(watermark));
    closed_ = watermark;
  }

  void enter(const Sample& sample) {
    if (spec.emit == Emit::every) emit_interval(sample);
    take(sample);
    if (spec.emit == Emit::on_change) emit(grid_.index(sample.time), false);
  }

  void emit_interval(const Sample& sample) {
    if (next_early_ && sample.time < *next_early_) return;
    const bool first = !next_early_;
    const auto every = spec.emit_every.count();
    next_early_ = Time{Duration{(sample.time.time_since_epoch().count() / every + 1) * every}};
    if (first) return;
    const auto window = next_window();
    if (window && has_samples(*window)) emit(*window, false);
  }

  // The open window that closes next.
  std::optional<std::int64_t> next_window() const {
    std::optional<std::int64_t> result;
    const auto open = grid_.index(closed_);
    if (spec.empty != Empty::skip) result = std::max(first_window_, open);
    const auto look = [&](const Sample& sample) {
      const auto pane = grid_.index(sample.time);
      if (pane + panes_ - 1 >= open) result = std::min(result.value_or(INT64_MAX), std::max(pane, open));
    };
    for (const Sample& sample : in_) look(sample);
    for (const Sample& sample : waiting) look(sample);
    return result;
  }

  bool add_behind(const Sample& sample, Time watermark) {
    const auto first = grid_.index(sample.time), last = first + panes_ - 1;
    const auto first_kept = grid_.index(watermark - spec.retention), open = grid_.index(watermark);
    if ((cumulative_ ? first : last) < first_kept) return false;
    take(sample);
    if (last >= open) first_window_ = std::min(first_window_, std::max(first, open));
    const bool all = cumulative_ && spec.empty != Empty::skip;
    std::int64_t newest = first;
    for (const Sample& one : in_) newest = std::max(newest, one.pane);
    const auto last_changed = all ? open - 1 : cumulative_ ? newest : last;
    for (auto k = std::max(first, first_kept); k <= std::min(last_changed, open - 1); ++k) {
      if (all || has_samples(k)) emit(k, true);
    }
    if (spec.emit == Emit::on_change && last >= open) emit(std::max(first, open), false);
    return true;
  }

  void take(Sample sample) {
    sample.pane = grid_.index(sample.time);
    began_ = std::min(began_, grid_.start(sample.pane));
    if (!std::isnan(sample.value)) {
      const auto [last, first] = chain_last_.try_emplace(sample.pane, sample.time);
      if (first) before_[sample.pane] = newest_;
      sample.follows = sample.time >= last->second;
      if (sample.follows) last->second = sample.time;
      if (!newest_ || sample.time >= newest_->time) newest_ = sample;
    }
    in_.push_back(sample);
  }

  bool in_window(const Sample& sample, std::int64_t window) const {
    return sample.pane <= window && (cumulative_ || sample.pane > window - panes_);
  }
  bool has_samples(std::int64_t window) const {
    return std::any_of(in_.begin(), in_.end(), [&](const Sample& sample) {
      return cumulative_ ? sample.pane == window : in_window(sample, window);
    });
  }

  void emit(std::int64_t window, bool final) {
    View view;
    for (const Sample& sample : in_) {
      if (in_window(sample, window)) view.samples.push_back(sample);
    }
    std::stable_sort(view.samples.begin(), view.samples.end(),
                     [](const Sample& a, const Sample& b) { return a.pane < b.pane; });
    for (const Sample& sample : view.samples) {
      if (std::isnan(sample.value)) continue;
      view.before = before_[sample.pane];
      break;
    }
    view.start = cumulative_ ? began_ : grid_.end(window - panes_);
    view.end = grid_.end(window);
    if (!final) {
      const Time newest = accumulator.ordered() ? (newest_ ? newest_->time : view.start) : clock->newest;
      view.end = std::clamp(newest, view.start, view.end);
    }
    view.cadence = clock->cadence(spec);
    say(view, view.start, grid_.end(window), ++revs_[window], final, true);
    if (!last_window_ || window >= *last_window_) {
      last_window_ = window;
      last_ = events->back().expected;
    }
  }

  void emit_empty(std::int64_t window) {
    if (cumulative_) return emit(window, true);
    Event event;
    event.start = grid_.end(window - panes_);
    event.end = grid_.end(window);
    event.rev = ++revs_[window];
    event.up = true;
    event.nulls = spec.empty == Empty::null;
    const double rest = spec.empty == Empty::zero ? 0 : none;
    event.expected.assign(spec.aggregates.size(), Expected{rest, rest});
    if (spec.empty == Empty::last && last_window_) event.expected = last_;
    for (std::size_t i = 0; i < spec.aggregates.size(); ++i) {
      if (spec.aggregates[i].kind == core::AggregateKind::count) event.expected[i] = Expected::exactly(0);
    }
    events->push_back(event);
  }

  Grid grid_;
  std::int64_t panes_;
  bool cumulative_;
  std::int64_t first_window_;
  Time began_;
  Time closed_;  // the watermark that windows have closed up to
  Samples in_;   // as they were taken
  std::optional<Sample> newest_;
  std::map<std::int64_t, std::optional<Sample>> before_;  // by pane: the newest sample when its first came
  std::map<std::int64_t, Time> chain_last_;
  std::map<std::int64_t, std::uint32_t> revs_;
  std::optional<Time> next_early_;
  std::optional<std::int64_t> last_window_;
  std::vector<Expected> last_;
};

// ---- Sliding, and the last N by one.

class Moving final : public Common {
 public:
  using Common::Common;

  Time due() const override {
    return waiting.empty() ? core::Time::max() : waiting.front().time + Duration{1};
  }
  void close(Time watermark, bool final) override {
    release(watermark, [&](const Sample& sample) { take(sample, final); });
  }
  bool add(const Sample& sample, Time watermark) override {
    if (sliding() && sample.time < watermark) return false;
    if (unwanted(sample)) return true;
    if (waits) {
      wait(sample, watermark, [&](const Sample& first) { take(first, true); });
    } else {
      take(sample, true);
    }
    return true;
  }

 private:
  bool sliding() const { return spec.kind == WindowKind::sliding; }

  void take(const Sample& sample, bool final) {
    while (sliding() && !in_.empty() && in_.front().time <= sample.time - spec.length) leave();
    if (in_.size() == (sliding() ? spec.samples_max : spec.samples)) leave();
    in_.push_back(sample);
    View view;
    view.samples.assign(in_.begin(), in_.end());
    view.before = gone_;
    view.end = sample.time;
    view.start = sliding() ? sample.time - spec.length : in_.front().time;
    view.cadence = clock->cadence(spec);
    rev_ = rev_ != 0 && view.start == start_ ? rev_ + 1 : 1;
    start_ = view.start;
    say(view, view.start, view.end, rev_, final, false);
  }
  void leave() {
    if (!std::isnan(in_.front().value)) gone_ = in_.front();
    in_.pop_front();
  }

  std::deque<Sample> in_;
  std::optional<Sample> gone_;
  std::uint32_t rev_ = 0;
  Time start_{};
};

// ---- The last N by a step.

class Counted final : public Common {
 public:
  using Common::Common;

  Time due() const override { return core::Time::max(); }
  void close(Time, bool final) override {
    if (!final && all_.size() % spec.step != 0) emit(false);
  }
  bool add(const Sample& sample, Time) override {
    if (unwanted(sample)) return true;
    all_.push_back(sample);
    if (all_.size() % spec.step == 0) emit(true);
    return true;
  }

 private:
  void emit(bool final) {
    const std::size_t begun = all_.size() % spec.step;
    const std::size_t most = begun == 0 ? spec.samples : spec.samples - spec.step + begun;
    const auto first = all_.end() - static_cast<std::ptrdiff_t>(std::min(most, all_.size()));
    View view;
    view.samples.assign(first, all_.end());
    for (auto one = all_.begin(); one != first; ++one) {
      if (!std::isnan(one->value)) view.before = *one;
    }
    const auto earlier = [](const Sample& a, const Sample& b) { return a.time < b.time; };
    view.start = std::min_element(first, all_.end(), earlier)->time;
    view.end = std::max_element(first, all_.end(), earlier)->time;
    view.cadence = clock->cadence(spec);
    rev_ = rev_ != 0 && view.start == start_ ? rev_ + 1 : 1;
    start_ = view.start;
    say(view, view.start, view.end, rev_, final, true);
  }

  Samples all_;
  std::uint32_t rev_ = 0;
  Time start_{};
};

// ---- Sessions.

class Sessions final : public Common {
 public:
  using Common::Common;

  Time due() const override {
    Time due = waiting.empty() ? core::Time::max() : waiting.front().time + spec.gap;
    for (const Session& one : all_) {
      if (one.open) due = std::min(due, one.last + spec.gap);
    }
    return due;
  }
  void close(Time watermark, bool final) override {
    release(watermark, [&](const Sample& sample) { take(sample); });
    for (Session& one : all_) {
      if (one.open && one.last + spec.gap <= watermark) emit(one, final);
    }
  }
  bool add(const Sample& sample, Time watermark) override {
    if (unwanted(sample)) return true;
    if (sample.time >= watermark && waits) {
      wait(sample, watermark, [&](const Sample& first) { take(first); });
      return true;
    }
    if (sample.time < watermark && sample.time + spec.gap <= watermark - spec.retention) return false;
    Session& own = take(sample);
    if (own.last + spec.gap <= watermark) emit(own, true);
    return true;
  }

 private:
  struct Session {
    Time first, last;
    bool open = true;
    std::uint32_t rev = 0;
    Samples samples{};
    std::optional<Sample> before{};
    std::optional<Time> chain_last{};
  };

  Session& take(Sample sample) {
    const auto near = [&](const Session& one) {
      return sample.time > one.first - spec.gap && sample.time < one.last + spec.gap;
    };
    auto own = std::find_if(all_.begin(), all_.end(), near);
    if (own == all_.end()) {
      own =
          std::find_if(all_.begin(), all_.end(), [&](const Session& one) { return one.first > sample.time; });
      own = all_.insert(own, Session{.first = sample.time, .last = sample.time});
    }
    own->first = std::min(own->first, sample.time);
    own->last = std::max(own->last, sample.time);
    own->open = true;
    if (!std::isnan(sample.value)) {
      if (!own->chain_last) own->before = newest_;
      sample.follows = !own->chain_last || sample.time >= *own->chain_last;
      if (sample.follows) own->chain_last = sample.time;
      if (!newest_ || sample.time >= newest_->time) newest_ = sample;
    }
    own->samples.push_back(sample);
    if (const auto next = own + 1; next != all_.end() && next->first - own->last < spec.gap)
      join(*own, *next);
    return *own;
  }

  void join(Session& own, const Session& next) {
    own.last = next.last;
    own.rev = std::max(own.rev, next.rev);
    if (!own.chain_last) own.before = next.before;
    own.samples.insert(own.samples.end(), next.samples.begin(), next.samples.end());
    own.chain_last = next.chain_last ? next.chain_last : own.chain_last;
    all_.erase(all_.begin() + (&next - all_.data()));
  }

  void emit(Session& one, bool final) {
    one.open = false;
    const View view{one.samples, one.before, one.first, one.last, clock->cadence(spec)};
    say(view, one.first, one.last, ++one.rev, final, true);
  }

  std::vector<Session> all_;
  std::optional<Sample> newest_;
};

std::string seconds(Time time) {
  std::ostringstream text;
  text << std::setprecision(19) << static_cast<long double>(time.time_since_epoch().count()) * 1e-9L;
  return text.str();
}

std::string words(const core::Plan& plan, const Event& event) {
  std::ostringstream text;
  text << std::setprecision(17);
  text << (event.is_flag ? "flag " : "window ") << event.rule;
  if (!event.is_flag) text << ' ' << core::name(plan.windows[event.rule].kind);
  text << ' ' << seconds(event.start) << ".." << seconds(event.end) << " rev " << event.rev
       << (event.up ? " up" : " down") << " count " << event.count << " cause " << event.cause << " score "
       << event.score << (event.approximate ? " approximate" : "") << (event.nulls ? " nulls" : "");
  return text.str();
}

bool same_frame(const Event& a, const Event& b) {
  return a.is_flag == b.is_flag && a.cause == b.cause && a.rule == b.rule && a.start == b.start &&
         a.end == b.end && a.rev == b.rev && a.up == b.up && a.count == b.count &&
         a.approximate == b.approximate && a.nulls == b.nulls && a.score == b.score &&
         a.got.size() == b.expected.size();
}

}  // namespace

std::string difference(const core::Plan& plan, const std::vector<Event>& got,
                       const std::vector<Event>& expected) {
  for (std::size_t i = 0; i < std::max(got.size(), expected.size()); ++i) {
    std::ostringstream text;
    text << std::setprecision(17) << "event " << i << "\n  got      "
         << (i < got.size() ? words(plan, got[i]) : "nothing") << "\n  expected "
         << (i < expected.size() ? words(plan, expected[i]) : "nothing");
    if (i >= got.size() || i >= expected.size() || !same_frame(got[i], expected[i])) return text.str();
    for (std::size_t k = 0; k < got[i].got.size(); ++k) {
      const Expected& allowed = expected[i].expected[k];
      if (allowed.allows(got[i].got[k])) continue;
      text << "\n  value " << k;
      if (!got[i].is_flag) text << ' ' << core::name(plan.windows[got[i].rule].aggregates[k]);
      text << ": got " << got[i].got[k] << ", allowed " << allowed.low << " to " << allowed.high;
      return text.str();
    }
  }
  return {};
}

void Recorder::window(Position cause, core::SeriesId series, const core::WindowResult& result) noexcept {
  Event event;
  event.cause = cause;
  event.rule = result.window;
  event.start = result.start;
  event.end = result.end;
  event.rev = result.rev;
  event.up = result.final;
  event.count = result.count;
  event.approximate = result.approximate;
  event.nulls = result.nulls;
  event.got.assign(result.values.begin(), result.values.end());
  by_series[series].push_back(event);
}

void Recorder::flag(Position cause, core::SeriesId series, const core::FlagChange& change) noexcept {
  Event event;
  event.is_flag = true;
  event.cause = cause;
  event.rule = change.detector;
  event.start = change.since;
  event.end = change.time;
  event.up = change.state != core::FlagState::cleared;
  event.score = change.score;
  event.got = {change.value.value_or(none)};
  by_series[series].push_back(event);
}

Duration Clock::cadence(const WindowSpec& spec) const {
  if (spec.cadence > Duration{0}) return spec.cadence;
  const auto known = std::min<std::size_t>(gaps.size(), 15);
  if (known < 3) return Duration{0};
  std::vector<Duration> sorted(gaps.end() - static_cast<std::ptrdiff_t>(known), gaps.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[(known - 1) / 2];
}

std::unique_ptr<Window> make_window(const WindowSpec& spec, Duration lateness, std::uint64_t hash,
                                    Time first) {
  switch (spec.kind) {
    case WindowKind::sliding:
      return std::make_unique<Moving>(spec, lateness);
    case WindowKind::count:
      if (spec.step == 1 && spec.samples > 1) return std::make_unique<Moving>(spec, Duration{0});
      return std::make_unique<Counted>(spec, Duration{0});
    case WindowKind::session:
      return std::make_unique<Sessions>(spec, lateness);
    default:
      return std::make_unique<Paned>(spec, lateness, hash, first);
  }
}

// FNV-1a, its halves mixed.
std::uint64_t name_hash(std::string_view name) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;
  }
  return hash ^ (hash >> 32U);
}

// ---- A series: its clock, its windows, its flags.

Series::Series(const core::Plan& plan, std::uint64_t hash)
    : plan_(plan), hash_(hash), pending_(plan.detectors.size()), raised_(plan.detectors.size()) {}

// The device's clock is taken to run on since its newest sample.
Time Series::device_watermark() const {
  return clock_.newest + (now_ - newest_arrival_) - plan_.lateness - plan_.idle;
}

void Series::tick(Time now, Position cause) {
  now_ = now;
  while (known_) {
    Time silent = Time::max(), due = Time::max();
    std::uint32_t silence = 0;
    for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
      const auto* spec = std::get_if<core::SilenceSpec>(&plan_.detectors[d].kind);
      if (spec == nullptr || raised_[d] || last_arrival_ + spec->after >= silent) continue;
      silent = last_arrival_ + spec->after;
      silence = d;
    }
    for (const auto& window : windows_) due = std::min(due, window->due());
    const Time idle =
        due == Time::max() ? due : newest_arrival_ + (due - clock_.newest) + plan_.lateness + plan_.idle;
    if (std::min(silent, idle) > now) break;
    if (idle <= silent) {
      watermark_ = std::max({watermark_, clock_.newest - plan_.lateness, due});
      close(watermark_, true, cause);
    } else {
      raised_[silence] = last_arrival_;
      flag(silence, true, silent, last_arrival_, none, 1, cause);
    }
  }
}

void Series::begin(Time time) {
  known_ = true;
  clock_ = {time, {}};
  newest_arrival_ = now_;
  watermark_ = time - plan_.lateness;
  for (const WindowSpec& spec : plan_.windows) {
    windows_.push_back(make_window(spec, plan_.lateness, hash_, time));
    windows_.back()->clock = &clock_;
  }
}

void Series::sample(Time time, double value, Position cause) {
  if (!known_) begin(time);
  const bool fresh = time >= clock_.newest;
  watermark_ = std::max({watermark_, clock_.newest - plan_.lateness, device_watermark()});
  if (time > clock_.newest) {
    clock_.gaps.push_back(time - clock_.newest);
    clock_.newest = time;
    newest_arrival_ = now_;
    watermark_ = std::max(watermark_, time - plan_.lateness);
  }
  last_arrival_ = now_;
  clear_silences(time, value, cause);
  close(watermark_, true, cause);
  bool taken = windows_.empty();
  for (std::uint32_t w = 0; w < windows_.size(); ++w) {
    const auto from = events.size();
    windows_[w]->events = &events;
    taken |= windows_[w]->add({time, value}, watermark_);
    for (auto i = from; i < events.size(); ++i) events[i].rule = w, events[i].cause = cause;
  }
  ++(taken ? aggregated : late);
  if (fresh && !std::isnan(value)) judge(time, value, cause);
}

void Series::close(Time watermark, bool final, Position cause) {
  for (std::uint32_t w = 0; w < windows_.size(); ++w) {
    const auto from = events.size();
    windows_[w]->events = &events;
    windows_[w]->close(watermark, final);
    for (auto i = from; i < events.size(); ++i) events[i].rule = w, events[i].cause = cause;
  }
}

void Series::end(Position cause) {
  if (known_) close(Time::max() - Duration{1}, false, cause);
}

void Series::evict(Position cause) {
  end(cause);
  for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
    const bool silence = std::holds_alternative<core::SilenceSpec>(plan_.detectors[d].kind);
    if (!silence && raised_[d]) flag(d, false, now_, *raised_[d], none, 0, cause);
  }
  known_ = false;
  windows_.clear();
  pending_.assign(pending_.size(), std::nullopt);
  raised_.assign(raised_.size(), std::nullopt);
}

void Series::judge(Time time, double value, Position cause) {
  for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
    const auto* spec = std::get_if<core::ThresholdSpec>(&plan_.detectors[d].kind);
    if (spec == nullptr) continue;
    const double sign = spec->above ? 1 : -1;
    const double limit = spec->above ? *spec->above : *spec->below;
    const bool beyond = sign * value > sign * limit;
    if (raised_[d]) {
      if (sign * value <= sign * spec->clear.value_or(limit)) {
        flag(d, false, time, *std::exchange(raised_[d], std::nullopt), value, 0, cause);
      }
      continue;
    }
    if (!beyond) pending_[d].reset();
    if (beyond && !pending_[d]) pending_[d] = time;
    if (beyond && time - *pending_[d] >= plan_.detectors[d].life.least) {
      raised_[d] = std::exchange(pending_[d], std::nullopt);
      flag(d, true, time, *raised_[d], value, 1, cause);
    }
  }
}

void Series::clear_silences(Time time, double value, Position cause) {
  for (std::uint32_t d = 0; d < plan_.detectors.size(); ++d) {
    if (!std::holds_alternative<core::SilenceSpec>(plan_.detectors[d].kind) || !raised_[d]) continue;
    flag(d, false, time, *std::exchange(raised_[d], std::nullopt), value, 0, cause);
  }
}

void Series::flag(std::uint32_t detector, bool up, Time time, Time since, double value, double score,
                  Position cause) {
  Event event;
  event.is_flag = true;
  event.cause = cause;
  event.rule = detector;
  event.start = since;
  event.end = time;
  event.up = up;
  event.score = score;
  event.expected = {Expected::exactly(value)};
  events.push_back(event);
}

}  // namespace model
