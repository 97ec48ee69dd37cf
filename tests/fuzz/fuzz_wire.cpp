// MQTT packets: any bytes, as a stream of either protocol. The readers look at nothing outside the bytes, say
// the same whatever pieces the bytes come in, and what they accept is written back to something that reads
// the same. The first byte picks the protocol and the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/wire_reader.h"
#include "bridge/wire_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

using namespace bridge::wire;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_publish(Protocol protocol, const Publish& read) {
  require(read.topic_alias != 0 || valid_topic(read.topic));
  require((read.qos == 0) == (read.packet_id == 0));
  std::string again;
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

void check_connect(const Connect& read) {
  require(read.will_payload.size() <= text_max);
  std::string again, third;
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
  std::vector<Filter> filters;
  for (Filter one; next_filter(type, read, one);) filters.push_back(one);
  require(!filters.empty() && read.rest.empty());
  if (type != Type::subscribe) return;
  std::string again;
  append_subscribe(protocol, read.packet_id, filters, again);
  std::string_view rest = again;
  Packet packet;
  Subscribe twice;
  require(cut_packet(rest, packet) == Cut::packet && rest.empty());
  require(open_subscribe(protocol, packet, twice) == Fault::none && twice.packet_id == read.packet_id);
}

// What one packet says, as text to compare.
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
  Type type;
  std::size_t bytes;
  Fault fault;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// Every packet to the first that is none, from pieces of `piece` bytes, each copied to memory of exactly its
// size.
std::vector<Seen> read_in_pieces(Protocol protocol, std::string_view stream, std::size_t piece) {
  std::vector<Seen> seen;
  std::string waiting;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t count = std::min(piece, stream.size() - at);
    waiting.append(stream.substr(at, count));
    at += count;
    while (!waiting.empty()) {
      const std::unique_ptr<char[]> exact(new char[waiting.size()]);
      std::copy(waiting.begin(), waiting.end(), exact.get());
      std::string_view rest(exact.get(), waiting.size());
      Packet packet;
      const Cut cut = cut_packet(rest, packet);
      if (cut == Cut::more) break;
      if (cut == Cut::malformed) {
        seen.push_back({Type::none, 0, Fault::length});
        return seen;
      }
      const std::size_t bytes = waiting.size() - rest.size();
      seen.push_back({packet.type, bytes, open(protocol, packet)});
      if (seen.back().fault != Fault::none) return seen;
      waiting.erase(0, bytes);
    }
  }
  return seen;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  const Protocol protocol = (bytes[0] & 1) != 0 ? Protocol::v5 : Protocol::v311;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const std::vector<Seen> whole = read_in_pieces(protocol, stream, stream.size());
  require(whole == read_in_pieces(protocol, stream, 1 + (bytes[0] >> 1)));
  return 0;
}
