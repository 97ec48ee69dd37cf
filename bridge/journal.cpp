#include "bridge/journal.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

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
  std::uint8_t connection;
};
constexpr std::size_t bytes_max_of_text = std::numeric_limits<std::uint32_t>::max();

// Of one producer.
struct Lane {
  explicit Lane(std::size_t bytes_max) : queue(Journal::block_bytes, bytes_max) {}

  // Consumer: message number `i` of those looked at.
  [[nodiscard]] core::Time arrival(std::size_t i) const noexcept {
    core::Time time;
    std::memcpy(&time, records[i] + offsetof(Header, arrival), sizeof time);
    return time;
  }
  [[nodiscard]] Message message(std::size_t i) const noexcept {
    Header header;
    std::memcpy(&header, records[i], sizeof header);
    const char* const topic = records[i] + sizeof header;
    return {header.arrival,
            {topic, header.topic_bytes},
            {topic + header.topic_bytes, header.payload_bytes},
            header.packet_id,
            header.qos,
            header.duplicate,
            header.stale,
            header.connection};
  }

  BlockQueue queue;
  std::atomic<bool> closed{false};
  // Consumer: what was looked at last, and how many of these were given.
  std::array<const char*, Journal::batch_max> records;
  std::size_t seen = 0;
  std::size_t given = 0;
};

}  // namespace

struct Journal::Inner {
  Inner(std::size_t bytes_max, std::size_t lane_count) : messages(lane_count * batch_max) {
    CHECK(lane_count > 0, "%zu lanes", lane_count);
    for (std::size_t i = 0; i < lane_count; ++i)
      lanes.push_back(std::make_unique<Lane>(bytes_max / lane_count));
  }

  // The oldest messages, at most `most` of a lane; those that were given and not yet popped where there are
  // some.
  std::span<const Message> look(std::size_t most) noexcept;
  void merge() noexcept;
  // The lane with the oldest message that was looked at and not given; null: there is none.
  [[nodiscard]] Lane* oldest() const noexcept;
  [[nodiscard]] bool empty() const noexcept {
    return std::ranges::all_of(lanes, [](const auto& lane) { return lane->queue.empty(); });
  }
  [[nodiscard]] bool closed() const noexcept {
    return std::ranges::all_of(lanes,
                               [](const auto& lane) { return lane->closed.load(std::memory_order_acquire); });
  }
  template <class Of>
  [[nodiscard]] auto sum(Of of) const noexcept {
    decltype(of(lanes[0]->queue)) all = 0;
    for (const auto& lane : lanes) all += of(lane->queue);
    return all;
  }

  std::vector<std::unique_ptr<Lane>> lanes;
  core::Doorbell bell;
  // Consumer: what was given last.
  std::vector<Message> messages;
  std::size_t given = 0;
  core::Time now = core::time_min;  // no message is older
};

Journal::Journal(std::size_t bytes_max, std::size_t lanes)
    : inner_(std::make_unique<Inner>(bytes_max, lanes)) {}

Journal::~Journal() = default;

std::size_t Journal::message_bytes_max(std::size_t bytes_max, std::size_t lanes) noexcept {
  return BlockQueue::record_bytes_max(bytes_max / lanes) - sizeof(Header) - payload_padding;
}

bool Journal::push(const Message& message) noexcept {
  CHECK(message.topic.size() <= bytes_max_of_text && message.payload.size() <= bytes_max_of_text,
        "%zu and %zu bytes", message.topic.size(), message.payload.size());
  CHECK(message.connection < inner_->lanes.size(), "connection %d", int{message.connection});
  const Header header{message.arrival,
                      static_cast<std::uint32_t>(message.topic.size()),
                      static_cast<std::uint32_t>(message.payload.size()),
                      message.packet_id,
                      message.qos,
                      message.duplicate,
                      message.stale,
                      message.connection};
  BlockQueue& queue = inner_->lanes[message.connection]->queue;
  char* at = queue.reserve(sizeof header + message.topic.size() + message.payload.size() + payload_padding);
  if (at == nullptr) return false;
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  // copy(): an empty view may be null, which memcpy must not see.
  at += message.topic.copy(at, message.topic.size());
  message.payload.copy(at, message.payload.size());
  queue.commit();
  inner_->bell.ring();
  return true;
}

void Journal::close(std::size_t lane) noexcept {
  inner_->lanes[lane]->closed.store(true, std::memory_order_release);
  inner_->bell.ring();
}

std::span<const Message> Journal::Inner::look(std::size_t most) noexcept {
  if (given == 0) {
    for (const auto& lane : lanes) {
      lane->seen = lane->queue.front(std::span(lane->records).first(most));
      lane->given = 0;
    }
    if (lanes.size() > 1) {
      merge();
    } else {
      Lane& lane = *lanes[0];
      for (; given < lane.seen; ++given) {
        messages[given] = lane.message(given);
        messages[given].arrival = std::max(messages[given].arrival, now);
      }
      lane.given = given;
    }
  }
  return std::span(messages).first(given);
}

// A message that comes into its lane after younger ones of another lane were given is as old as these.
void Journal::Inner::merge() noexcept {
  while (Lane* const lane = oldest()) {
    messages[given] = lane->message(lane->given++);
    now = messages[given].arrival = std::max(messages[given].arrival, now);
    ++given;
    if (lane->given == lane->seen) break;  // its next one may be older than those of the others
  }
}

Lane* Journal::Inner::oldest() const noexcept {
  Lane* found = nullptr;
  for (const auto& lane : lanes) {
    if (lane->given == lane->seen) continue;
    if (found == nullptr || lane->arrival(lane->given) < found->arrival(found->given)) found = lane.get();
  }
  return found;
}

const Message* Journal::front() noexcept {
  const std::span<const Message> first = inner_->look(1);
  return first.empty() ? nullptr : first.data();
}

std::span<const Message> Journal::batch() noexcept { return inner_->look(batch_max); }

void Journal::pop() noexcept {
  CHECK(inner_->given > 0, "pop() without front(), %llu popped", static_cast<unsigned long long>(popped()));
  for (const auto& lane : inner_->lanes) {
    if (lane->given > 0) lane->queue.pop(lane->given);
  }
  inner_->given = 0;
}

core::Time Journal::advance(core::Time now) noexcept { return inner_->now = std::max(inner_->now, now); }

void Journal::wait(core::Duration most) noexcept {
  Inner& j = *inner_;
  static_cast<void>(j.bell.wait([&] { return !j.empty() || j.closed(); }, most));
}

bool Journal::finished() const noexcept {
  // In this order: after closing nothing more comes.
  return inner_->closed() && inner_->empty();
}

std::uint64_t Journal::pushed() const noexcept {
  return inner_->sum([](const BlockQueue& queue) { return queue.pushed(); });
}
std::uint64_t Journal::popped() const noexcept {
  return inner_->sum([](const BlockQueue& queue) { return queue.popped(); });
}
std::size_t Journal::bytes() const noexcept {
  return inner_->sum([](const BlockQueue& queue) { return queue.bytes(); });
}

}  // namespace bridge
