// What only the native client does: it says why a packet is none, passes over what is too large, takes topic
// aliases, keeps to the broker's limits, and reads less often while much comes.
#include <doctest/doctest.h>

#include "bridge/native_inbound.h"
#include "bridge/native_timers.h"
#include "tests/link_fixture.h"

using namespace bridge;
using namespace std::chrono_literals;
using test::Played;
using test::Recorder;
using wire::Type;
using SinkEnded = Sink::Ended;

namespace {

using namespace std::string_literals;

wire::Publish message_of(std::uint8_t qos, std::uint16_t id, std::string_view payload) {
  wire::Publish message;
  message.topic = "in/a";
  message.payload = payload;
  message.qos = qos;
  message.packet_id = id;
  return message;
}

}  // namespace

TEST_CASE("keep-alive: a ping when one side was silent, dead half of it later") {
  using Due = KeepAlive::Due;
  const KeepAlive::Clock::time_point begin{};
  KeepAlive keep(10s, begin);
  CHECK(keep.next() == begin + 10s);
  CHECK(keep.due(begin + 9s) == Due::nothing);
  keep.sent(begin + 6s);
  CHECK(keep.due(begin + 10s) == Due::ping);  // nothing came
  CHECK(keep.due(begin + 10s) == Due::nothing);
  CHECK(keep.next() == begin + 15s);
  keep.came(begin + 11s);
  CHECK(keep.next() == begin + 20s);  // nothing sent since the ping
  keep.came(begin + 19s);
  CHECK(keep.due(begin + 20s) == Due::ping);
  keep.sent(begin + 24s);
  CHECK(keep.due(begin + 24s) == Due::nothing);
  CHECK(keep.due(begin + 25s) == Due::dead);
  KeepAlive never(0s, begin);
  CHECK(never.due(begin + 1000h) == Due::nothing);
}

TEST_CASE("reads are spaced while messages of QoS 0 trickle in, and only then") {
  const ReadPace::Clock::time_point now{1h};
  const auto check = [&](ReadPace::Clock::duration interval, std::size_t bytes, bool messages, bool owed,
                         ReadPace::Clock::duration wait) {
    ReadPace pace(interval);
    CHECK(pace.next() <= now);  // idle: at once
    pace.after_read(now, bytes, messages, owed);
    CHECK(pace.next() == now + wait);
  };
  check(1ms, 100, true, false, 1ms);
  check(100ms, 65'535, true, false, 100ms);
  check(1ms, 65'536, true, false, 0ms);
  check(1ms, 100, true, true, 0ms);
  check(1ms, 2, false, false, 0ms);
  check(0ms, 100, true, false, 0ms);
}

TEST_CASE("CONNECT says what we take") {
  Played played(5, Client::native);
  played.spec.broker.session_expiry = 1h;
  played.spec.broker.receive_maximum = 100;
  played.spec.payload_bytes_max = 10;
  const auto link = make_link(played.spec, played.recorder);
  REQUIRE(link->connect());
  const test::Wire wire = played.peer.accept();
  const auto packet = wire.read();
  wire::Connect hello;
  REQUIRE(wire::open_connect({Type::connect, 0, packet.body}, hello) == wire::Fault::none);
  CHECK_FALSE(hello.clean_start);
  CHECK(hello.keep_alive_s == 30);
  CHECK(hello.session_expiry == 3600);
  CHECK(hello.receive_maximum == 100);
  CHECK(hello.packet_bytes_max == 1U << 20);
  CHECK(hello.topic_alias_maximum == 16);
}

TEST_CASE("what is no MQTT ends the connection, and the broker is told why") {
  const auto check = [](int protocol, const std::string& bytes, int reason) {
    CAPTURE(protocol);
    CAPTURE(reason);
    Played played(protocol, Client::native);
    played.connect();
    played.send(bytes);
    if (protocol == 5) {
      const auto packet = played.next();
      CHECK(packet.head == 0xE0);
      CHECK(packet.body == std::string(1, static_cast<char>(reason)));
    }
    CHECK(played.closed());
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == reason);
    // The link is as good as new.
    played.connect();
    played.send(played.publish(message_of(1, 1, "x")));
    CHECK(played.next().head == 0x40);
  };
  for (const int protocol : {5, 4}) {
    check(protocol, "\x30\xFF\xFF\xFF\xFF\x01"s, 0x81);
    check(protocol, "\x36\x04\x00\x01t\x00"s, 0x81);         // QoS 3
    check(protocol, "\x40\x02\x00\x00"s, 0x81);              // packet id 0
    check(protocol, "\x30\x05\x00\x03\xED\xA0\x80"s, 0x81);  // no UTF-8
    check(protocol, "\x20\x02\x00\x00"s, 0x82);              // CONNACK again
    check(protocol, "\xC0\x00"s, 0x82);                      // a broker does not ping
    check(protocol, "\x10\x00"s, 0x82);
  }
  check(5, "\x30\x07\x00\x00\x03\x23\x00\x11x"s, 0x94);  // an alias beyond what we take
  check(5, "\x30\x07\x00\x00\x03\x23\x00\x01x"s, 0x82);  // an alias that stands for nothing
  check(5, "\xF0\x00"s, 0x82);
  check(4, "\xE0\x00"s, 0x82);
}

TEST_CASE("instead of CONNACK") {
  for (const char* bytes : {"\x30\x03\x00\x01t", "\xE0", "HTTP/1.1 400 Bad Request\r\n"}) {
    Played played(5, Client::native);
    const auto link = make_link(played.spec, played.recorder);
    REQUIRE(link->connect());
    {
      const test::Wire wire = played.peer.accept();
      (void)wire.read();
      wire.send(bytes[0] == '\x30' ? std::string(bytes, 5) : std::string(bytes));
    }
    CHECK(played.recorder.take(&Recorder::failed, 1)[0] == 0);
  }
  Played played(5, Client::native);
  const auto link = make_link(played.spec, played.recorder);
  REQUIRE(link->connect());
  const test::Wire wire = played.peer.accept();
  (void)wire.read();
  wire.send("\x20\x02\x00\x01"s);  // from a broker of 3.1.1
  CHECK(played.recorder.take(&Recorder::failed, 1)[0] == 1);
}

TEST_CASE("a message beyond the limits is passed over, counted once and acknowledged") {
  for (const int protocol : {5, 4}) {
    CAPTURE(protocol);
    Played played(protocol, Client::native);
    played.spec.payload_bytes_max = 1000;
    played.connect();
    const std::string large(900'000, 'x');
    played.send(played.publish(message_of(0, 0, large)) + played.publish(message_of(1, 7, large)));
    auto packet = played.next();
    CHECK(packet.head == 0x40);
    CHECK(played.recorder.oversize_count() == 2);
    played.send(played.publish(message_of(2, 8, large)));
    CHECK(played.next().head == 0x50);
    wire::Publish repeat = message_of(2, 8, large);
    repeat.duplicate = true;
    played.send(played.publish(repeat) + played.acknowledgement(Type::pubrel, 8));
    CHECK(played.next().head == 0x50);
    CHECK(played.next().head == 0x70);
    CHECK(played.recorder.oversize_count() == 3);
    // Whole where it is not much: the intake counts it.
    const std::string more(1001, 'y');
    played.send(played.publish(message_of(1, 9, more)));
    CHECK(played.next().head == 0x40);
    CHECK(played.recorder.take(&Recorder::messages, 1)[0].payload == more);
    CHECK(played.recorder.oversize_count() == 3);
    if (protocol == 4) {
      played.send(played.publish(message_of(1, 10, std::string(3'000'000, 'z'))));
      CHECK(played.next().head == 0x40);
      CHECK(played.recorder.oversize_count() == 4);
      continue;
    }
    played.send("\x32\x81\x80\x40"s);  // a byte more than was announced
    packet = played.next();
    CHECK(packet.head == 0xE0);
    CHECK(packet.body == "\x95");
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == 0x95);
  }
}

TEST_CASE("memory follows the limits: a large message takes no larger buffer") {
  Recorder recorder;
  Inbound inbound({wire::Protocol::v311, 1000, 0, 0}, recorder);
  inbound.begin();
  inbound.greeted(false);
  std::string stream;
  wire::append_publish(wire::Protocol::v311, message_of(0, 0, std::string(20'000'000, 'x')), stream);
  std::string answers;
  wire::Packet packet;
  std::size_t largest = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::span<char> room = inbound.room();
    largest = std::max(largest, room.size());
    const std::size_t count = std::min(room.size(), stream.size() - at);
    std::copy_n(stream.data() + at, count, room.data());
    inbound.filled(count);
    at += count;
    CHECK(inbound.next(packet, answers) == Inbound::Step::more);
  }
  CHECK(largest <= 4 * Inbound::read_bytes);
  CHECK(recorder.oversize == 1);
}

TEST_CASE("topic aliases: set, used, set anew, and gone with the connection") {
  Played played(5, Client::native);
  played.connect();
  wire::Publish message = message_of(1, 1, "1");
  message.topic_alias = 16;
  std::string stream = played.publish(message);
  message.topic = "";
  stream += played.publish(message);
  message.topic = "in/b";
  stream += played.publish(message);
  message.topic = "";
  stream += played.publish(message);
  played.send(stream);
  const auto heard = played.recorder.take(&Recorder::messages, 4);
  CHECK(heard[0].topic == "in/a");
  CHECK(heard[1].topic == "in/a");
  CHECK(heard[2].topic == "in/b");
  CHECK(heard[3].topic == "in/b");
  played.cut();
  played.connect(true);
  played.send(played.publish(message));
  CHECK(played.next().body == "\x82");
}

TEST_CASE("what the broker takes at once is kept to") {
  Played played(5, Client::native);
  // Receive maximum 2, maximum QoS 1, no retained messages.
  played.connect_with(test::mqtt_packet(0x20, "\x00\x00\x07\x21\x00\x02\x24\x01\x25\x00"s));
  CHECK(played.link().publish({"out/a", "x", 2, false}, 1) == MqttLink::Sent::refused);
  CHECK(played.link().publish({"out/a", "x", 1, true}, 1) == MqttLink::Sent::refused);
  CHECK(played.link().publish({"out/+", "x", 1, false}, 1) == MqttLink::Sent::refused);
  for (std::uint64_t id = 1; id <= 4; ++id) {
    REQUIRE(played.link().publish({"out/a", std::to_string(id), 1, false}, id) == MqttLink::Sent::sent);
  }
  const auto expect = [&](const char* payload) {
    const auto packet = played.next();
    CHECK(packet.head == 0x32);
    CHECK(packet.body.substr(10) == payload);
    return static_cast<std::uint16_t>(static_cast<unsigned char>(packet.body[7]) * 256 +
                                      static_cast<unsigned char>(packet.body[8]));
  };
  const std::uint16_t first = expect("1");
  const std::uint16_t second = expect("2");
  // Had there been more, it would stand before the answer to this.
  played.send(played.publish(message_of(1, 1, "x")));
  CHECK(played.next().head == 0x40);
  played.send(played.acknowledgement(Type::puback, second));
  const std::uint16_t third = expect("3");
  played.send(played.acknowledgement(Type::puback, first));
  const std::uint16_t fourth = expect("4");
  played.send(played.acknowledgement(Type::puback, third) + played.acknowledgement(Type::puback, fourth) +
              played.acknowledgement(Type::puback, fourth));  // a second time: of nothing
  const auto ended = played.recorder.take(&Recorder::ended, 4);
  CHECK(ended[0].id == 2);
  CHECK(ended[3].id == 4);
}

TEST_CASE("the broker's keep-alive goes before ours") {
  Played played(5, Client::native);
  played.spec.broker.keep_alive = 1h;
  played.connect_with(test::mqtt_packet(0x20, "\x00\x00\x03\x13\x00\x01"s));
  CHECK(played.wire.at(0).read().head == 0xC0);
}

TEST_CASE("answers that belong to nothing are answered where somebody waits") {
  Played played(5, Client::native);
  played.connect();
  played.send(played.acknowledgement(Type::puback, 77) + played.acknowledgement(Type::pubcomp, 78) +
              played.acknowledgement(Type::pubrec, 79) + played.acknowledgement(Type::pubrel, 80));
  auto packet = played.next();
  const bool release_first = packet.head == 0x62;
  const auto other = played.next();
  CHECK((release_first ? packet : other).body == "\x00\x4F\x92"s);
  CHECK((release_first ? other : packet).body == "\x00\x50\x92"s);
  CHECK(played.recorder.count(&Recorder::ended) == 0);
}

TEST_CASE("the link's buffer is bounded: later means again") {
  Played played(5, Client::native);
  played.connect();
  const std::string payload(100'000, 'x');
  std::uint64_t sent = 0;
  // The broker does not read: the sockets' buffers fill, then ours.
  while (played.link().publish({"out", payload, 0, false}, 0) == MqttLink::Sent::sent) {
    REQUIRE(++sent < 10'000);
  }
  for (std::uint64_t i = 0; i < sent; ++i) REQUIRE(played.next().body.size() == payload.size() + 6);
  CHECK(test::eventually([&] {
    return played.link().publish({"out", "x", 0, false}, 0) == MqttLink::Sent::sent;
  }));
}

TEST_CASE("a connection that is not answered can be given up") {
  Recorder recorder;
  Played played(5, Client::native);
  auto link = make_link(played.spec, recorder);
  REQUIRE(link->connect());
  const test::Wire wire = played.peer.accept();
  CHECK(wire.read().type() == 1);
  CHECK(link->disconnect(10s));
  REQUIRE(link->connect());  // and tried again
  const test::Wire second = played.peer.accept();
  CHECK(second.read().type() == 1);
  second.send("\x20\x03\x00\x00\x00"s);
  (void)recorder.take(&Recorder::connected, 1);
  link.reset();
  CHECK(recorder.failed.empty());
  CHECK(recorder.lost.empty());
}
