// MQTT packets: any bytes, as a stream of either protocol. The readers look at nothing outside the bytes, say
// the same whatever pieces the bytes come in, and what they accept is written back to something that reads
// the same. The first byte picks the protocol and the size of the pieces. Nothing is allocated for an input:
// what a reader must not look at is poisoned instead.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/wire_reader.h"
#include "bridge/wire_writer.h"

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_POISON 1
#endif
#endif
#ifdef WEIR_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

using namespace bridge::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

// Bytes of which only those from the first up to some byte may be read: AddressSanitizer stops whoever reads
// one before or behind them, to the byte.
class Bounded {
 public:
  static constexpr std::size_t bytes_max = 4096;

  Bounded() { ASAN_POISON_MEMORY_REGION(room_.data(), room_.size()); }
  ~Bounded() { ASAN_UNPOISON_MEMORY_REGION(room_.data(), room_.size()); }
  Bounded(const Bounded&) = delete;
  Bounded& operator=(const Bounded&) = delete;

  // Holds these, and lets none be read. Precondition: at most bytes_max.
  void hold(std::string_view bytes) {
    show(bytes.size());
    std::memcpy(begin(), bytes.data(), bytes.size());
    show(0);
  }
  // Of what it holds, this many bytes from the first.
  std::string_view show(std::size_t bytes) {
    if (bytes < shown_) {
      ASAN_POISON_MEMORY_REGION(begin() + bytes, (shown_ - bytes + 7) / 8 * 8 + 8 - bytes % 8);
    } else {
      ASAN_UNPOISON_MEMORY_REGION(begin(), bytes);
    }
    shown_ = bytes;
    return {begin(), bytes};
  }

 private:
  static constexpr std::size_t margin = 64;
  char* begin() { return room_.data() + margin; }

  alignas(64) std::array<char, margin + bytes_max + margin> room_{};
  std::size_t shown_ = 0;
};

Bounded whole_stream, one_packet;
// Used again for each packet.
std::string again, third;
std::vector<Filter> filters;

void check_publish(Protocol protocol, const Publish& read) {
  require(read.topic_alias != 0 || valid_topic(read.topic));
  require((read.qos == 0) == (read.packet_id == 0));
  again.clear();
  append_publish(protocol, read, again);
  std::string_view rest = again;
  Packet packet;
  Publish twice;
  require(cut_packet(rest, packet) == Cut::packet && rest.empty());
  require(open_publish(protocol, packet, twice) == Fault::none);
  require(twice.topic == read.topic && twice.payload == read.payload && twice.packet_id == read.packet_id &&
          twice.topic_alias == read.topic_alias && twice.qos == read.qos && twice.retain == read.retain &&
          twice.duplicate == read.duplicate);
}

// Where only a beginning of the body is there: all the fields and what there is of the payload, or a fault.
void check_beginning(Protocol protocol, Packet packet, std::size_t bytes) {
  Publish all, some;
  if (open_publish(protocol, packet, all) != Fault::none) return;
  const std::size_t fields = packet.body.size() - all.payload.size();
  packet.body = one_packet.show(bytes);
  const Fault fault = open_publish(protocol, packet, some);
  require((fault == Fault::none) == (bytes >= fields));
  if (fault != Fault::none) return;
  require(some.topic == all.topic && some.packet_id == all.packet_id && some.topic_alias == all.topic_alias);
  require(some.payload.size() == bytes - fields);
}

void check_connect(const Connect& read) {
  require(read.will_payload.size() <= text_max);
  again.clear();
  third.clear();
  append_connect(read, again);
  std::string_view rest = again;
  Packet packet;
  Connect twice;
  require(cut_packet(rest, packet) == Cut::packet && rest.empty());
  // An empty user before a password is left out, and 3.1.1 has no password alone.
  if (open_connect(packet, twice) != Fault::none) return require(read.user.empty());
  append_connect(twice, third);
  require(third == again);
}

void check_subscribe(Protocol protocol, Type type, Subscribe read) {
  filters.clear();
  for (Filter one; next_filter(type, read, one);) filters.push_back(one);
  require(!filters.empty() && read.rest.empty());
  if (type != Type::subscribe) return;
  again.clear();
  append_subscribe(protocol, read.packet_id, filters, again);
  std::string_view rest = again;
  Packet packet;
  Subscribe twice;
  require(cut_packet(rest, packet) == Cut::packet && rest.empty());
  require(open_subscribe(protocol, packet, twice) == Fault::none && twice.packet_id == read.packet_id);
}

// The fault of one packet, after all that must hold where there is none.
Fault open(Protocol protocol, const Packet& packet) {
  Publish publish;
  Connack connack;
  Acknowledgement acknowledgement;
  Granted granted;
  Connect connect;
  Subscribe subscribe;
  int reason = 0;
  Fault fault = Fault::type;
  switch (packet.type) {
    case Type::connect:
      fault = open_connect(packet, connect);
      if (fault == Fault::none) check_connect(connect);
      break;
    case Type::connack:
      fault = open_connack(protocol, packet, connack);
      if (fault == Fault::none) require(!connack.session_present || connack.reason == 0);
      break;
    case Type::publish:
      fault = open_publish(protocol, packet, publish);
      if (fault == Fault::none) check_publish(protocol, publish);
      break;
    case Type::puback:
    case Type::pubrec:
    case Type::pubrel:
    case Type::pubcomp:
      fault = open_acknowledgement(protocol, packet, acknowledgement);
      if (fault == Fault::none) require(acknowledgement.packet_id != 0);
      break;
    case Type::subscribe:
    case Type::unsubscribe:
      fault = open_subscribe(protocol, packet, subscribe);
      if (fault == Fault::none) check_subscribe(protocol, packet.type, subscribe);
      break;
    case Type::suback:
    case Type::unsuback:
      fault = open_granted(protocol, packet, granted);
      break;
    case Type::pingreq:
    case Type::pingresp:
      fault = open_empty(packet);
      break;
    case Type::disconnect:
    case Type::auth:
      fault = open_reason(protocol, packet, reason);
      break;
    case Type::none:
      break;
  }
  if (fault != Fault::none) require(reason_of(fault) >= 0x80);
  return fault;
}

struct Seen {
  Type type = Type::none;
  std::size_t bytes = 0;  // of the packet, with its head
};

// The packets up to the first that is none, or is not well formed; each is opened in memory that ends with
// it, a PUBLISH also where `part` of 128 parts of it are there.
void read_whole(Protocol protocol, std::string_view stream, std::size_t part, std::vector<Seen>& seen) {
  whole_stream.hold(stream);
  std::string_view rest = whole_stream.show(stream.size());
  while (!rest.empty()) {
    Packet packet;
    const std::size_t before = rest.size();
    const Cut cut = cut_packet(rest, packet);
    if (cut == Cut::more) return;
    if (cut == Cut::malformed) return seen.push_back({});
    seen.push_back({packet.type, before - rest.size()});
    one_packet.hold(packet.body);
    packet.body = one_packet.show(packet.body.size());
    if (open(protocol, packet) != Fault::none) return;
    if (packet.type == Type::publish) check_beginning(protocol, packet, packet.body.size() * part / 128);
  }
}

// The same packets must come out where the stream comes in pieces of this size, sixteen at most and then the
// rest; each reader sees no byte that has not come.
void read_in_pieces(std::string_view stream, std::size_t piece, const std::vector<Seen>& expected) {
  std::size_t at = 0, start = 0;
  auto next = expected.begin();
  for (int pieces = 0; at < stream.size(); ++pieces) {
    at = pieces == 16 ? stream.size() : std::min(stream.size(), at + piece);
    std::string_view rest = whole_stream.show(at).substr(start);
    for (; next != expected.end(); ++next) {
      Packet packet;
      const Cut cut = cut_packet(rest, packet);
      if (cut == Cut::more) break;
      require((cut == Cut::malformed) == (next->type == Type::none && next->bytes == 0));
      if (cut == Cut::malformed) return;
      require(packet.type == next->type && at - rest.size() - start == next->bytes);
      start = at - rest.size();
    }
  }
  require(next == expected.end());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0 || size > Bounded::bytes_max) return 0;
  const Protocol protocol = (bytes[0] & 1) != 0 ? Protocol::v5 : Protocol::v311;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  static std::vector<Seen> seen;
  seen.clear();
  const std::size_t choice = bytes[0] >> 1;
  read_whole(protocol, stream, choice, seen);
  read_in_pieces(stream, 1 + choice, seen);
  return 0;
}
