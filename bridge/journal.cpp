#include "bridge/journal.h"

#include <array>
#include <cstring>
#include <limits>

#include "bridge/block_queue.h"
#include "core/check.h"
#include "core/doorbell.h"

namespace bridge {
namespace {

// A record: this, the topic, the payload, and payload_padding bytes that nobody writes.
struct Header {
  core::Time arrival;
  std::uint32_t topic_bytes;
  std::uint32_t payload_bytes;
  std::uint16_t packet_id;
  std::uint8_t qos;
  bool duplicate;
  bool stale;
};
constexpr std::size_t bytes_max_of_text = std::numeric_limits<std::uint32_t>::max();

}  // namespace

struct Journal::Inner {
  explicit Inner(std::size_t bytes_max) : queue(block_bytes, bytes_max) {}

  // The oldest messages, at most `most`; those that were given and not yet popped where there are some.
  std::span<const Message> look(std::size_t most) noexcept;

  BlockQueue queue;
  // Consumer: what was given last.
  std::array<Message, batch_max> messages;
  std::size_t given = 0;
  std::atomic<bool> closed{false};
  core::Doorbell bell;
};

Journal::Journal(std::size_t bytes_max) : inner_(std::make_unique<Inner>(bytes_max)) {}

Journal::~Journal() = default;

std::size_t Journal::message_bytes_max(std::size_t bytes_max) noexcept {
  return BlockQueue::record_bytes_max(bytes_max) - sizeof(Header) - payload_padding;
}

bool Journal::push(const Message& message) noexcept {
  CHECK(message.topic.size() <= bytes_max_of_text && message.payload.size() <= bytes_max_of_text,
        "%zu and %zu bytes", message.topic.size(), message.payload.size());
  const Header header{message.arrival,
                      static_cast<std::uint32_t>(message.topic.size()),
                      static_cast<std::uint32_t>(message.payload.size()),
                      message.packet_id,
                      message.qos,
                      message.duplicate,
                      message.stale};
  char* at =
      inner_->queue.reserve(sizeof header + message.topic.size() + message.payload.size() + payload_padding);
  if (at == nullptr) return false;
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  // copy(): an empty view may be null, which memcpy must not see.
  at += message.topic.copy(at, message.topic.size());
  message.payload.copy(at, message.payload.size());
  inner_->queue.commit();
  inner_->bell.ring();
  return true;
}

void Journal::close() noexcept {
  inner_->closed.store(true, std::memory_order_seq_cst);
  inner_->bell.ring();
}

std::span<const Message> Journal::Inner::look(std::size_t most) noexcept {
  if (given == 0) {
    std::array<const char*, batch_max> records;
    given = queue.front(std::span(records).first(most));
    for (std::size_t i = 0; i < given; ++i) {
      Header header;
      std::memcpy(&header, records[i], sizeof header);
      const char* const topic = records[i] + sizeof header;
      messages[i] = {header.arrival,
                     {topic, header.topic_bytes},
                     {topic + header.topic_bytes, header.payload_bytes},
                     header.packet_id,
                     header.qos,
                     header.duplicate,
                     header.stale};
    }
  }
  return std::span(messages).first(given);
}

const Message* Journal::front() noexcept {
  const std::span<const Message> first = inner_->look(1);
  return first.empty() ? nullptr : first.data();
}

std::span<const Message> Journal::batch() noexcept { return inner_->look(batch_max); }

void Journal::pop() noexcept {
  CHECK(inner_->given > 0, "pop() without front(), %llu popped", static_cast<unsigned long long>(popped()));
  inner_->queue.pop(inner_->given);
  inner_->given = 0;
}

void Journal::wait(core::Duration most) noexcept {
  Inner& j = *inner_;
  static_cast<void>(
      j.bell.wait([&] { return !j.queue.empty() || j.closed.load(std::memory_order_seq_cst); }, most));
}

bool Journal::finished() const noexcept {
  // In this order: after closing nothing more comes.
  return inner_->closed.load(std::memory_order_seq_cst) && inner_->queue.empty();
}

std::uint64_t Journal::pushed() const noexcept { return inner_->queue.pushed(); }
std::uint64_t Journal::popped() const noexcept { return inner_->queue.popped(); }
std::size_t Journal::bytes() const noexcept { return inner_->queue.bytes(); }

}  // namespace bridge
