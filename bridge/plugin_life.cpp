#include "bridge/plugin_life.h"

#include <utility>

#include "bridge/log.h"
#include "bridge/oversize.h"

namespace bridge {

PluginLife::PluginLife(Config config, const Pulse& pulse, std::function<void()> wake)
    : config_(std::move(config)),
      pulse_(pulse),
      topics_(std::make_unique<TakenTopics>(config_.streams)),
      sink_(std::move(wake)),
      journal_(config_.limits.journal_bytes),
      service_(config_, {"inside", ""}, journal_, *this, sink_) {}

PluginLife::~PluginLife() {
  end(core::Duration{0});
  delete next_topics_.load(std::memory_order_acquire);
}

bool PluginLife::take(std::string_view topic, std::string_view payload, int qos) {
  if (!topics_->take(topic)) return false;
  // Whether the publisher asked to keep it (retain) says nothing about its age: it is new.
  Message message;
  message.topic = topic;
  message.payload = payload;
  message.qos = static_cast<std::uint8_t>(qos);
  message.arrival = clock_.recently();
  counters_.received.add();
  if (oversize(message, config_.limits)) {
    counters_.oversize.add();
    return false;
  }
  const bool pushed = journal_.push(message);
  if (!pushed) counters_.shed.add();  // the broker never waits for us
  return pushed;
}

void PluginLife::turn() {
  if (next_topics_.load(std::memory_order_relaxed) == nullptr) return;
  topics_.reset(next_topics_.exchange(nullptr, std::memory_order_acq_rel));
}

// The rules first: what is taken by the new topics must find them.
Adoption PluginLife::adopt(const std::vector<StreamConfig>& next) {
  auto topics = std::make_unique<TakenTopics>(next);
  Wish wish{next, {}};
  std::future<Adoption> granted = wish.granted.get_future();
  wish_.store(&wish, std::memory_order_release);
  Adoption adoption = granted.get();
  delete next_topics_.exchange(topics.release(), std::memory_order_acq_rel);
  return adoption;
}

void PluginLife::begin() {
  edge_ = std::jthread([this] { live(); });
}

void PluginLife::end(core::Duration most) {
  if (!edge_.joinable()) return;
  end_within_ = most;
  ending_.store(true, std::memory_order_release);
  journal_.close();  // wakes the edge
  edge_.join();
}

void PluginLife::live() noexcept {
  const auto begun = Pulse::Time::clock::now();
  bool told = false;
  service_.start();
  while (!ending_.load(std::memory_order_acquire)) {
    service_.step();
    if (Wish* const wish = wish_.exchange(nullptr, std::memory_order_acquire))
      wish->granted.set_value(service_.adopt(wish->streams));
    if (told || state().connected || Pulse::Time::clock::now() - begun < pulse_lost_after) continue;
    told = true;
    log(Level::error, "plugin", "cannot publish", {{"reason", state().last_error}});
  }
  service_.finish(end_within_, true);
  (void)service_.tell_end();
}

SourceState PluginLife::state() const { return pulse_.state(Pulse::Time::clock::now()); }

}  // namespace bridge
