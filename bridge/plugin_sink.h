// PluginSink: results on their way into the broker that we are part of. The publisher's thread puts them into
// a bounded queue; the broker's thread takes some of them at every turn of its loop, for only there may the
// broker be told to publish. A result is acknowledged when the broker has taken it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

#include "bridge/plugin_ring.h"
#include "bridge/sink.h"

namespace bridge {

class PluginSink final : public Sink {
 public:
  static constexpr std::size_t waiting_max = 1024;  // messages that wait for the broker, or their ends
  static constexpr std::size_t waiting_bytes_max = 8 << 20;  // of them; one alone may be larger
  static constexpr std::size_t messages_a_turn = 512;        // the broker takes at most
  static constexpr std::size_t bytes_a_turn = 1 << 20;       // and no more once it has so many
  static constexpr std::chrono::milliseconds wake_every{1};  // at most

  enum class Taken { yes, refused, not_now };
  using Deliver = std::function<Taken(const Publication&)>;

  // `wake` makes the broker's loop turn; called on the publisher's thread while results wait.
  explicit PluginSink(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Publisher's thread.
  [[nodiscard]] Accepted publish(const Publication& publication, Ticket ticket) noexcept override;
  [[nodiscard]] bool completed(Completion& out) noexcept override;

  // Broker's thread. Hands over what waits, within the bounds of one turn; not_now ends the turn.
  void drain(const Deliver& deliver);
  // Broker's thread, after its last drain(): whatever waits and comes is refused.
  void close() noexcept { closed_.store(true, std::memory_order_release); }

 private:
  struct Waiting {
    Ticket ticket = 0;
    Publication publication;
  };

  const std::function<void()> wake_;
  Ring<Waiting> waiting_{waiting_max};
  Ring<Completion> ended_{waiting_max};
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> closed_{false};
  // The publisher's own.
  std::size_t under_way_ = 0;
  std::chrono::steady_clock::time_point woken_{};
};

}  // namespace bridge
