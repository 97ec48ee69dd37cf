// Repeats: messages delivered again: the broker says "maybe again" (which alone proves nothing), and the
// packet id, topic and payload are those of a recent one. Edge thread only.
#pragma once

#include <array>
#include <cstdint>

#include "bridge/hash.h"
#include "bridge/message.h"
#include "core/item.h"

namespace bridge {

class Repeats {
 public:
  // True when `message`, whose topic has this hash, was already taken; remembers it otherwise. QoS 1 and 2
  // only.
  bool seen(const Message& message, std::uint64_t topic_hash, core::Position position) noexcept {
    const std::uint64_t content = hash_text(message.payload) * 31 + topic_hash;
    Recent& recent = recent_[message.packet_id % recent_.size()];
    const bool again = message.duplicate && recent.used && recent.packet_id == message.packet_id &&
                       recent.content == content && position - recent.position <= horizon;
    recent = {true, message.packet_id, content, position};
    return again;
  }

 private:
  // Messages; the broker repeats what was under way, at most receive_maximum.
  static constexpr core::Position horizon = 1000;
  struct Recent {
    bool used = false;
    std::uint16_t packet_id = 0;
    std::uint64_t content = 0;
    core::Position position = 0;
  };
  std::array<Recent, 2048> recent_{};
};

}  // namespace bridge
