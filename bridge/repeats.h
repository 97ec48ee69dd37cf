// Repeats: messages delivered again: the broker says "maybe again" (which alone proves nothing), and the
// packet id, topic and payload are those of a recent one of the same connection, which packet ids are of.
// Edge thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "bridge/config.h"
#include "bridge/hash.h"
#include "bridge/message.h"

namespace bridge {

class Repeats {
 public:
  // True when `message`, whose topic has this hash, was already taken; remembers it otherwise. QoS 1 and 2
  // only.
  bool seen(const Message& message, std::uint64_t topic_hash) noexcept {
    auto& known = connections_[message.connection % connections_.size()];
    if (known == nullptr) known = std::make_unique<Connection>();
    const std::uint64_t content = hash_text(message.payload) * 31 + topic_hash;
    const std::uint64_t count = ++known->count;
    Recent& recent = known->recent[message.packet_id % known->recent.size()];
    const bool again = message.duplicate && recent.used && recent.packet_id == message.packet_id &&
                       recent.content == content && count - recent.count <= horizon;
    recent = {true, message.packet_id, content, count};
    return again;
  }

 private:
  // Messages of the connection; the broker repeats what was under way, at most receive_maximum.
  static constexpr std::uint64_t horizon = 1000;
  struct Recent {
    bool used = false;
    std::uint16_t packet_id = 0;
    std::uint64_t content = 0;
    std::uint64_t count = 0;
  };
  struct Connection {
    std::uint64_t count = 0;  // messages so far
    std::array<Recent, 2048> recent{};
  };
  std::array<std::unique_ptr<Connection>, connections_max> connections_;
};

}  // namespace bridge
