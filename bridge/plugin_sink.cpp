#include "bridge/plugin_sink.h"

#include "core/check.h"

namespace bridge {
namespace {

// A place keeps its memory for the next publication, unless that is more than this.
constexpr std::size_t kept_bytes = 16 << 10;

std::size_t bytes_of(const Publication& publication) {
  return publication.topic.size() + publication.payload.size();
}

void fill(Publication& place, const Publication& publication) {
  place.topic.assign(publication.topic);
  place.payload.assign(publication.payload);
  place.qos = publication.qos;
  place.retain = publication.retain;
}

}  // namespace

Sink::Accepted PluginSink::publish(const Publication& publication, Ticket ticket) noexcept try {
  if (closed_.load(std::memory_order_acquire)) return Accepted::refused;
  const std::size_t bytes = bytes_of(publication);
  const std::size_t before = waiting_bytes_.load(std::memory_order_relaxed);
  if (under_way_ == waiting_max || (before != 0 && before + bytes > waiting_bytes_max))
    return Accepted::later;
  Waiting* const place = waiting_.back();
  CHECK(place != nullptr, "%zu under way", under_way_);
  fill(place->publication, publication);
  place->ticket = ticket;
  waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  waiting_.commit();
  ++under_way_;
  return Accepted::pending;
} catch (const std::exception&) {
  return Accepted::later;  // no memory now
}

bool PluginSink::completed(Completion& out) noexcept {
  if (const Completion* const ended = ended_.front()) {
    out = *ended;
    ended_.pop();
    --under_way_;
    return true;
  }
  if (waiting_.empty()) return false;
  if (closed_.load(std::memory_order_acquire)) {  // nobody else takes from it any more
    out = {waiting_.front()->ticket, Ended::refused};
    waiting_.pop();
    --under_way_;
    return true;
  }
  // A wake-up that comes while the broker is between its turn and its sleep is lost: so again and again.
  if (const auto now = std::chrono::steady_clock::now(); now - woken_ >= wake_every) {
    woken_ = now;
    wake_();
  }
  return false;
}

void PluginSink::drain(const Deliver& deliver) {
  std::size_t bytes = 0;
  for (std::size_t taken = 0; taken < messages_a_turn && bytes < bytes_a_turn; ++taken) {
    Waiting* const waiting = waiting_.front();
    if (waiting == nullptr) return;
    const Taken answer = deliver(waiting->publication);
    if (answer == Taken::not_now) return;
    Completion* const ended = ended_.back();
    CHECK(ended != nullptr, "more ends than %zu publications", waiting_max);
    *ended = {waiting->ticket, answer == Taken::yes ? Ended::acknowledged : Ended::refused};
    const std::size_t size = bytes_of(waiting->publication);
    if (waiting->publication.payload.capacity() > kept_bytes)
      std::string().swap(waiting->publication.payload);
    waiting_bytes_.fetch_sub(size, std::memory_order_relaxed);
    bytes += size;
    waiting_.pop();
    ended_.commit();
  }
}

}  // namespace bridge
