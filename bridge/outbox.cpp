#include "bridge/outbox.h"

#include <cstring>
#include <limits>

#include "bridge/block_queue.h"
#include "core/check.h"
#include "core/counter.h"

namespace bridge {
namespace {

// A record: this, the topic, the payload.
struct Header {
  core::Position cause;
  std::uint64_t series;
  std::uint32_t topic_bytes;
  std::uint32_t payload_bytes;
  bool retain;
  bool urgent;
};
constexpr std::size_t bytes_max_of_text = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t block_bytes = 64 << 10;  // there may be a thousand outboxes

}  // namespace

struct Outbox::Inner {
  explicit Inner(std::size_t bytes_max) : queue(block_bytes, bytes_max) {}

  BlockQueue queue;
  Result result{};  // consumer: the front
  bool at_front = false;
  core::Counter refused;
};

Outbox::Outbox(std::size_t bytes_max) : inner_(std::make_unique<Inner>(bytes_max)) {}

Outbox::~Outbox() = default;

bool Outbox::push(const Result& result) noexcept {
  CHECK(result.topic.size() <= bytes_max_of_text && result.payload.size() <= bytes_max_of_text,
        "%zu and %zu bytes", result.topic.size(), result.payload.size());
  const Header header{result.cause,
                      result.series,
                      static_cast<std::uint32_t>(result.topic.size()),
                      static_cast<std::uint32_t>(result.payload.size()),
                      result.retain,
                      result.urgent};
  char* at = inner_->queue.reserve(sizeof header + result.topic.size() + result.payload.size());
  if (at == nullptr) {
    inner_->refused.add();
    return false;
  }
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  at += result.topic.copy(at, result.topic.size());
  result.payload.copy(at, result.payload.size());
  inner_->queue.commit();
  return true;
}

const Result* Outbox::front() noexcept {
  Inner& o = *inner_;
  if (o.at_front) return &o.result;
  const char* at = o.queue.front();
  if (at == nullptr) return nullptr;
  Header header;
  std::memcpy(&header, at, sizeof header);
  const char* topic = at + sizeof header;
  o.result = {header.cause,
              header.series,
              {topic, header.topic_bytes},
              {topic + header.topic_bytes, header.payload_bytes},
              header.retain,
              header.urgent};
  o.at_front = true;
  return &o.result;
}

void Outbox::pop() noexcept {
  CHECK(inner_->at_front, "pop() without front(), %llu popped", static_cast<unsigned long long>(popped()));
  inner_->at_front = false;
  inner_->queue.pop();
}

std::uint64_t Outbox::pushed() const noexcept { return inner_->queue.pushed(); }
std::uint64_t Outbox::popped() const noexcept { return inner_->queue.popped(); }
std::uint64_t Outbox::refused() const noexcept { return inner_->refused.get(); }

}  // namespace bridge
