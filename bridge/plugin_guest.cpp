#include "bridge/plugin_guest.h"

#include <linux/close_range.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "bridge/log.h"
#include "bridge/reload.h"
#include "core/doorbell.h"

namespace bridge {
namespace {

constexpr core::Duration look_every = std::chrono::milliseconds{2};  // for the broker's answer
constexpr std::size_t words_max = 16;                                // lines that wait for the broker's log

// An idle loop turns ten times a second, a busy one for every message.
constexpr std::uint32_t turns_a_beat = 8;
static_assert(turns_a_beat * std::chrono::milliseconds{100} < pulse_lost_after / 2);

// The steady clock as of the last few milliseconds.
Pulse::Time about_now() {
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return Pulse::Time{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

// The calling thread, and those it starts, have files of their own from now on, which are none but the
// standard ones. The kernel counts references to files that threads share, at every read() of the broker's;
// and a closed connection of the broker's must not stay open because of us. Without effect where it is
// forbidden. Not under ThreadSanitizer: it knows files by their numbers, for the whole process, and would
// take the broker's and ours of the same number for one.
void leave_files() noexcept {
#ifndef __SANITIZE_THREAD__
  (void)::close_range(3, ~0U, CLOSE_RANGE_UNSHARE);
#endif
}

}  // namespace

Guest::Guest(PluginOptions options) : options_(std::move(options)), bell_(options_.doorbell) {
  const SignalsBlocked blocked;
  std::promise<void> begun;
  std::future<void> told = begun.get_future();
  house_ = std::jthread([this, begun = std::move(begun)]() mutable { keep_house(std::move(begun)); });
  told.get();
  current_ = life_.get();
}

Guest::~Guest() {
  // In this order: a house that sees us leave lets go of what these are. It waits for nobody: sinks are
  // closed.
  current_->sink().close();
  if (retiring_ != nullptr) retiring_->sink().close();
  {
    const std::lock_guard lock(mutex_);
    leaving_.store(true, std::memory_order_release);
  }
  asked_.notify_one();
}

void Guest::keep_house(std::promise<void> begun) noexcept {
  leave_files();
  try {
    begin();
  } catch (...) {
    http_.reset();
    life_.reset();
    return begun.set_exception(std::current_exception());
  }
  begun.set_value();
  while (reload_asked()) {
    try {
      reload_once();
    } catch (const std::exception& error) {
      say(std::string("reload: the old configuration stays, for there is something wrong: ") + error.what());
    }
  }
  http_.reset();
  life_->end(finish_within);
  life_.reset();
}

void Guest::begin() {
  config_ = load_config(options_.config);
  configure_log(config_.log);
  life_ = std::make_unique<PluginLife>(config_, pulse_, wake());
  show(*life_);
  http_ = listen(config_);
  tell_start();
  life_->begin();
}

bool Guest::message(std::string_view topic, std::string_view payload, int qos, bool retain) {
  if (!current_->take(topic, payload, qos)) return false;
  // What the broker shall keep, it must see.
  return options_.consume && qos == 0 && !retain;
}

void Guest::tick(const PluginSink::Deliver& deliver) {
  if (turns_++ % turns_a_beat == 0) pulse_.beat(about_now());
  if (next_.load(std::memory_order_acquire) != nullptr) {
    retiring_ = std::exchange(current_, next_.load(std::memory_order_relaxed));
    next_.store(nullptr, std::memory_order_release);
  }
  if (retiring_ != nullptr) {
    if (retired_.load(std::memory_order_acquire)) {
      retiring_ = nullptr;
      retired_.store(false, std::memory_order_release);
    } else {
      retiring_->sink().drain(deliver);
    }
  }
  current_->turn();
  current_->sink().drain(deliver);
}

void Guest::reload() {
  {
    const std::lock_guard lock(mutex_);
    reload_wished_ = true;  // many wishes are one
  }
  asked_.notify_one();
}

// Waits. False: weir is leaving.
bool Guest::reload_asked() {
  std::unique_lock lock(mutex_);
  asked_.wait(lock, [this] { return reload_wished_ || leaving_.load(std::memory_order_relaxed); });
  reload_wished_ = false;
  return !leaving_.load(std::memory_order_relaxed);
}

std::vector<std::string> Guest::words() {
  if (!has_words_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  has_words_.store(false, std::memory_order_relaxed);
  return std::exchange(words_, {});
}

void Guest::reload_once() {
  Config config = load_config(options_.config);
  if (describe(config) == describe(config_)) {
    say("reload: the configuration is the same, and so are all windows");
    return;
  }
  // Whatever throws comes first.
  const bool moves = config.http.listen != config_.http.listen;
  std::unique_ptr<HttpServer> http = moves ? listen(config) : nullptr;
  const std::optional<std::string> outcome =
      sections_that_differ(config, config_).empty() ? adopt(config) : replace(config);
  if (!outcome) return;
  if (moves) http_ = std::move(http);
  configure_log(config.log);
  config_ = std::move(config);
  tell_start();
  say("reload: the new configuration is in use; " + *outcome);
}

std::optional<std::string> Guest::adopt(const Config& config) {
  const Adoption adoption = life_->adopt(config.streams);
  if (!broker_takes([this] { return life_->turned(); })) return std::nullopt;
  return text_of(outcome_of(config_.streams, config.streams, adoption));
}

std::optional<std::string> Guest::replace(const Config& config) {
  auto life = std::make_unique<PluginLife>(config, pulse_, wake());
  next_.store(life.get(), std::memory_order_release);
  if (!broker_takes([this] { return next_.load(std::memory_order_acquire) == nullptr; })) return std::nullopt;
  life_.swap(life);
  show(*life_);
  life->end(finish_within);
  retired_.store(true, std::memory_order_release);
  if (!broker_takes([this] { return !retired_.load(std::memory_order_acquire); })) return std::nullopt;
  life.reset();
  life_->begin();
  return "it differs in more than streams, so that all windows begin anew";
}

// Waits until the broker's thread has taken what was left for it. False: weir is leaving.
bool Guest::broker_takes(const std::function<bool()>& taken) const {
  while (!taken()) {
    if (leaving_.load(std::memory_order_acquire)) return false;
    bell_.ring();
    core::nap(look_every);
  }
  return true;
}

std::unique_ptr<HttpServer> Guest::listen(const Config& config) {
  return http_server(config.http.listen, [this] { return stats(); });
}

std::function<void()> Guest::wake() const {
  return [this] { bell_.ring(); };
}

void Guest::say(std::string line) {
  const std::lock_guard lock(mutex_);
  if (words_.size() == words_max) words_.erase(words_.begin());
  words_.push_back(std::move(line));
  has_words_.store(true, std::memory_order_release);
}

void Guest::show(PluginLife& life) {
  const std::lock_guard lock(shown_mutex_);
  shown_ = &life;
}

Stats Guest::stats() {
  const std::lock_guard lock(shown_mutex_);
  return shown_->service().stats();
}

void Guest::tell_start() {
  log(Level::info, "weir", "started",
      {{"version", WEIR_VERSION},
       {"broker", "inside"},
       {"client_id", config_.broker.client_id},
       {"workers", std::to_string(life_->service().workers())},
       {"http", whereabouts(http_)},
       {"consume", options_.consume ? "true" : "false"}});
}

}  // namespace bridge
