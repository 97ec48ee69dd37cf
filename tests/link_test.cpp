// What a link does on the wire, packet by packet, against a broker that the test plays: for Paho's and for
// our own (WEIR_TEST_CLIENT).
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/link_fixture.h"

using namespace bridge;
using test::Played;
using test::Recorder;
using wire::Type;
using SinkEnded = Sink::Ended;

namespace {

using namespace std::string_literals;

void each_protocol(const std::function<void(int)>& check) {
  for (const int protocol : {5, 4}) {
    CAPTURE(protocol);
    check(protocol);
  }
}

std::string id_of(const test::Wire::Packet& packet) { return packet.body.substr(0, 2); }

// Of a PUBLISH at QoS 1 or 2.
std::uint16_t publish_id(const test::Wire::Packet& packet) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(packet.body.at(i)); };
  const std::size_t topic = byte(0) * 256U + byte(1);
  return static_cast<std::uint16_t>(byte(2 + topic) * 256U + byte(3 + topic));
}

constexpr wire::Publish one(std::uint8_t qos, std::uint16_t id, std::string_view payload) {
  wire::Publish message;
  message.topic = "in/a";
  message.payload = payload;
  message.qos = qos;
  message.packet_id = id;
  return message;
}

wire::Publish again(wire::Publish message) {
  message.duplicate = true;
  return message;
}

}  // namespace

TEST_CASE("QoS 1 in: acknowledged once the listener has it, each time it comes") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    for (int i = 0; i < 3; ++i) {
      const wire::Publish message = one(1, 7, "x");
      played.send(played.publish(i == 0 ? message : again(message)));
      const auto packet = played.next();
      CHECK(played.recorder.count(&Recorder::messages) == static_cast<std::size_t>(i + 1));
      CHECK(packet.head == 0x40);
      CHECK(packet.body == "\x00\x07"s);
    }
    const auto heard = played.recorder.take(&Recorder::messages, 3);
    CHECK(heard[0] == test::Heard{"in/a", "x", 1, 7, false, false});
    CHECK(heard[2] == test::Heard{"in/a", "x", 1, 7, true, false});
  });
}

TEST_CASE("QoS 1 in: the acknowledgements of many that come at once are in their order") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    std::string many;
    for (std::uint16_t id = 1; id <= 300; ++id) many += played.publish(one(1, id, "x"));
    played.send(many);
    for (unsigned id = 1; id <= 300; ++id) {
      const auto packet = played.next();
      REQUIRE(packet.head == 0x40);
      REQUIRE(packet.body == std::string{static_cast<char>(id >> 8), static_cast<char>(id & 255)});
    }
  });
}

TEST_CASE("QoS 2 in: delivered once, whatever is sent again") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    const wire::Publish message = one(2, 5, "x");
    const std::string release = played.acknowledgement(Type::pubrel, 5);
    for (std::size_t round = 1; round <= 2; ++round) {  // the id may be used again
      played.send(played.publish(message));
      CHECK(played.next().head == 0x50);
      played.send(played.publish(again(message)));
      CHECK(played.next().head == 0x50);
      played.send(release);
      CHECK(played.next().head == 0x70);
      CHECK(played.recorder.take(&Recorder::messages, round).size() == round);
      played.send(release);  // our answer was lost
      CHECK(played.next().head == 0x70);
    }
    CHECK(played.recorder.count(&Recorder::messages) == 2);
  });
}

TEST_CASE("QoS 2 in: half received, the connection lost, the session resumed") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    const wire::Publish message = one(2, 6, "x");
    played.send(played.publish(message));
    CHECK(played.next().head == 0x50);
    played.cut();
    played.connect(true);
    played.send(played.publish(again(message)));
    CHECK(played.next().head == 0x50);
    played.send(played.acknowledgement(Type::pubrel, 6));
    CHECK(played.next().head == 0x70);
    // Another flow behind it: had the message been delivered twice, it would have come before.
    played.send(played.publish(one(1, 9, "last")));
    CHECK(played.next().head == 0x40);
    const auto heard = played.recorder.take(&Recorder::messages, 2);
    CHECK(heard[0].payload == "x");
    CHECK(heard[1].payload == "last");
  });
}

TEST_CASE("QoS 1 out: acknowledged, and refused") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    REQUIRE(played.link().publish({"out/a", "x", 1, true}, 41) == MqttLink::Sent::sent);
    const auto packet = played.next();
    CHECK(packet.head == 0x33);
    CHECK(packet.body.substr(0, 7) == test::mqtt_text("out/a"));
    CHECK(packet.body.substr(9) == (protocol == 5 ? "\0x"s : "x"s));
    played.send(played.acknowledgement(Type::puback, publish_id(packet)));
    CHECK(played.recorder.take(&Recorder::ended, 1)[0] == test::Ended{41, SinkEnded::acknowledged, 0});
    if (protocol == 4) return;
    REQUIRE(played.link().publish({"out/a", "x", 1, false}, 42) == MqttLink::Sent::sent);
    played.send(played.acknowledgement(Type::puback, publish_id(played.next()), 0x87));
    CHECK(played.recorder.take(&Recorder::ended, 2)[1] == test::Ended{42, SinkEnded::refused, 0x87});
    REQUIRE(played.link().publish({"out/a", "x", 2, false}, 43) == MqttLink::Sent::sent);
    played.send(played.acknowledgement(Type::pubrec, publish_id(played.next()), 0x97));
    CHECK(played.recorder.take(&Recorder::ended, 3)[2] == test::Ended{43, SinkEnded::refused, 0x97});
  });
}

TEST_CASE("QoS 2 out: four steps, and each is taken up again after a loss with the session") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    REQUIRE(played.link().publish({"out/a", "x", 2, false}, 7) == MqttLink::Sent::sent);
    const auto first = played.next();
    CHECK(first.head == 0x34);
    const std::uint16_t id = publish_id(first);
    played.cut();
    played.connect(true);
    const auto resent = played.next();
    CHECK(resent.head == 0x3C);  // DUP
    CHECK(resent.body == first.body);
    played.send(played.acknowledgement(Type::pubrec, id));
    CHECK(played.next().head == 0x62);
    played.cut();
    played.connect(true);
    const auto release = played.next();
    CHECK(release.head == 0x62);
    CHECK(id_of(release) == std::string{static_cast<char>(id >> 8), static_cast<char>(id & 255)});
    CHECK(played.recorder.count(&Recorder::ended) == 0);
    played.send(played.acknowledgement(Type::pubcomp, id));
    CHECK(played.recorder.take(&Recorder::ended, 1)[0] == test::Ended{7, SinkEnded::acknowledged, 0});
  });
}

TEST_CASE("out: sent again in order with a session; without one, or without a link, told as lost") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    std::vector<std::string> bodies;
    for (std::uint64_t id = 1; id <= 3; ++id) {
      REQUIRE(played.link().publish({"out/a", std::to_string(id), 1, false}, id) == MqttLink::Sent::sent);
      bodies.push_back(played.next().body);
    }
    played.cut();
    CHECK(played.link().publish({"out/a", "x", 1, false}, 9) == MqttLink::Sent::later);
    played.connect(true);
    for (const std::string& body : bodies) {
      const auto packet = played.next();
      CHECK(packet.head == 0x3A);
      CHECK(packet.body == body);
    }
    played.cut();
    played.connect(false);
    const auto lost = played.recorder.take(&Recorder::ended, 3);
    for (std::uint64_t id = 1; id <= 3; ++id) {
      CHECK(std::ranges::count(lost, test::Ended{id, SinkEnded::lost, 0}) == 1);
    }
    REQUIRE(played.link().publish({"out/a", "x", 1, false}, 4) == MqttLink::Sent::sent);
    CHECK(played.next().head == 0x32);
    played.destroy();
    CHECK(played.recorder.take(&Recorder::ended, 4)[3] == test::Ended{4, SinkEnded::lost, 0});
  });
}

TEST_CASE("subscribing and unsubscribing") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    const std::string properties = protocol == 5 ? "\0"s : ""s;
    REQUIRE(played.link().subscribe(3, "a/#", 1, false));
    auto packet = played.next();
    CHECK(packet.head == 0x82);
    CHECK(packet.body.substr(2) == properties + test::mqtt_text("a/#") + (protocol == 5 ? "\x25" : "\x01"));
    played.send(test::mqtt_packet(0x90, id_of(packet) + properties + "\x01"));
    CHECK(played.recorder.take(&Recorder::subscribed, 1)[0] == std::pair<std::size_t, int>{3, 1});
    REQUIRE(played.link().subscribe(4, "b", 2, true));
    packet = played.next();
    CHECK(packet.body.substr(2) == properties + test::mqtt_text("b") + (protocol == 5 ? "\x06" : "\x02"));
    played.send(test::mqtt_packet(0x90, id_of(packet) + properties + "\x80"));
    CHECK(played.recorder.take(&Recorder::subscribed, 2)[1].second >= 0x80);
    REQUIRE(played.link().unsubscribe("a/#"));
    packet = played.next();
    CHECK(packet.head == 0xA2);
    CHECK(packet.body.substr(2) == properties + test::mqtt_text("a/#"));
    played.send(test::mqtt_packet(0xB0, id_of(packet) + (protocol == 5 ? "\0\0"s : ""s)));
    played.send(played.publish(one(1, 1, "x")));
    CHECK(played.next().head == 0x40);
  });
}

TEST_CASE("packets that come byte by byte are the same packets") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    std::string stream;
    for (std::uint16_t id = 1; id <= 3; ++id) {
      stream += played.publish(one(0, 0, std::to_string(id)));
      stream += played.publish(one(1, id, ""));
      stream += played.publish(one(2, static_cast<std::uint16_t>(id + 100), std::string(130, 'x')));
      stream += played.acknowledgement(Type::pubrel, static_cast<std::uint16_t>(id + 100));
      stream += "\xD0\x00"s;
    }
    for (const char byte : stream) played.send(std::string(1, byte));
    for (int id = 1; id <= 3; ++id) {
      for (const int head : {0x40, 0x50, 0x70}) CHECK(played.next().head == head);
    }
    const auto heard = played.recorder.take(&Recorder::messages, 9);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(heard[3 * i].payload == std::to_string(i + 1));
      CHECK(heard[3 * i + 1].payload.empty());
      CHECK(heard[3 * i + 2].payload == std::string(130, 'x'));
    }
  });
}

TEST_CASE("a retained message is stale") {
  Played played(5);
  played.connect();
  wire::Publish message = one(0, 0, "old");
  message.retain = true;
  played.send(played.publish(message));
  CHECK(played.recorder.take(&Recorder::messages, 1)[0].stale);
}

TEST_CASE("the broker's reasons: for refusing a connection, and for ending one") {
  const auto refused = [](int protocol, const std::string& connack, int expected) {
    Played played(protocol);
    const auto link = make_link(played.spec, played.recorder);
    REQUIRE(link->connect());
    const test::Wire wire = played.peer.accept();
    (void)wire.read();
    if (connack.empty()) {
      wire.shut();
    } else {
      wire.send(connack);
    }
    const int code = played.recorder.take(&Recorder::failed, 1)[0];
    if (expected == 0) {
      CHECK(code <= 0);
    } else {
      CHECK(code == expected);
    }
  };
  refused(5, "\x20\x03\x00\x87\x00"s, 0x87);
  refused(4, "\x20\x02\x00\x05"s, 5);
  refused(5, "", 0);
  for (const int reason : {0x8E, 0x8B, 0x98}) {
    Played played(5);
    played.connect();
    played.send(test::mqtt_packet(0xE0, std::string(1, static_cast<char>(reason))));
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == reason);
  }
  {
    Played played(5);
    played.connect();
    const std::string words = "\x1C" + test::mqtt_text("other:1883") + "\x1F" + test::mqtt_text("moved");
    played.send(test::mqtt_packet(0xE0, "\x9D"s + static_cast<char>(words.size()) + words));
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == 0x9D);
  }
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    played.cut();
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == 0);
  });
}

TEST_CASE("what the broker allows is told") {
  Played played(5);
  played.connect_with(test::mqtt_packet(
      0x20, "\x01\x00"s + "\x0D"s + "\x21\x00\x14"s + "\x27\x00\x00\x10\x00"s + "\x11\x00\x00\x00\x3C"s));
  const BrokerLimits limits = played.recorder.take(&Recorder::connected, 1)[0];
  CHECK(limits.session_present);
  CHECK(limits.receive_maximum == 20);
  CHECK(limits.packet_bytes_max == 4096);
  CHECK(limits.session_expiry_differs);
  CHECK(limits.session_expiry_seconds == 60);
}

TEST_CASE("what else a CONNACK may say disturbs nothing") {
  Played played(5);
  const std::string properties = "\x22\x00\x0A"s + "\x24\x01" + "\x25\x01" + "\x12" +
                                 test::mqtt_text("assigned") + "\x1F" + test::mqtt_text("welcome") + "\x26" +
                                 test::mqtt_text("k") + test::mqtt_text("v") + "\x26" + test::mqtt_text("k") +
                                 test::mqtt_text("v") + "\x28\x01" + "\x29\x00"s + "\x2A\x00"s + "\x1A" +
                                 test::mqtt_text("reply/") + "\x1C" + test::mqtt_text("other:1883");
  played.connect_with(
      test::mqtt_packet(0x20, "\x00\x00"s + static_cast<char>(properties.size()) + properties));
  const BrokerLimits limits = played.recorder.take(&Recorder::connected, 1)[0];
  CHECK(limits.receive_maximum == 65535);
  CHECK(limits.packet_bytes_max == 0);
  CHECK_FALSE(limits.session_expiry_differs);
  played.send(played.publish(one(1, 1, "x")));
  CHECK(played.next().head == 0x40);
}

TEST_CASE("what a message says beside topic and payload is passed over") {
  Played played(5);
  played.connect();
  const std::string pair = "\x26" + test::mqtt_text("k") + test::mqtt_text("v");
  const std::string properties = "\x01\x01"s + "\x02\x00\x00\x00\x3C"s + "\x03" +
                                 test::mqtt_text("text/plain") + "\x08" + test::mqtt_text("answers/to") +
                                 "\x09" + test::mqtt_text("\x00\xFF"s) + "\x0B\x01" + "\x0B\x80\x01" + pair +
                                 pair;
  for (const int qos : {1, 2}) {
    const std::string body =
        test::mqtt_text("in/a") + "\x00\x05"s + static_cast<char>(properties.size()) + properties + "21.5";
    played.send(test::mqtt_packet(static_cast<std::uint8_t>(0x30 | qos << 1), body));
    CHECK(played.next().head == (qos == 1 ? 0x40 : 0x50));
    if (qos == 1) continue;
    // A release may be as wordy.
    played.send(test::mqtt_packet(0x62, "\x00\x05\x00"s + static_cast<char>(pair.size()) + pair));
    CHECK(played.next().head == 0x70);
  }
  const auto heard = played.recorder.take(&Recorder::messages, 2);
  CHECK(heard[0] == test::Heard{"in/a", "21.5", 1, 5, false, false});
  CHECK(heard[1] == test::Heard{"in/a", "21.5", 2, 5, false, false});
}

TEST_CASE("answers may come with other reasons of success, and with words") {
  Played played(5);
  played.connect();
  const std::string words =
      "\x1F" + test::mqtt_text("nobody listens") + "\x26" + test::mqtt_text("k") + test::mqtt_text("v");
  const std::string properties = static_cast<char>(words.size()) + words;
  const auto number = [](std::uint16_t id) {
    return std::string{static_cast<char>(id >> 8), static_cast<char>(id & 255)};
  };
  constexpr const char* nobody = "\x10";  // no matching subscribers
  REQUIRE(played.link().publish({"out/a", "x", 1, false}, 1) == MqttLink::Sent::sent);
  played.send(test::mqtt_packet(0x40, number(publish_id(played.next())) + nobody + properties));
  REQUIRE(played.link().publish({"out/a", "x", 2, false}, 2) == MqttLink::Sent::sent);
  const std::string second = number(publish_id(played.next()));
  played.send(test::mqtt_packet(0x50, second + nobody + properties));
  CHECK(played.next().head == 0x62);
  played.send(test::mqtt_packet(0x70, second + "\0"s + properties));
  const auto ended = played.recorder.take(&Recorder::ended, 2);
  CHECK(ended[0] == test::Ended{1, SinkEnded::acknowledged, 0});
  CHECK(ended[1] == test::Ended{2, SinkEnded::acknowledged, 0});
  REQUIRE(played.link().subscribe(0, "a", 2, false));
  played.send(test::mqtt_packet(0x90, id_of(played.next()) + properties + "\x01"));
  CHECK(played.recorder.take(&Recorder::subscribed, 1)[0] == std::pair<std::size_t, int>{0, 1});
}

TEST_CASE("an idle connection is kept alive, and one that does not answer is noticed") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.spec.broker.keep_alive = std::chrono::seconds{1};
    played.connect();
    for (int i = 0; i < 2; ++i) {
      CHECK(played.wire.at(0).read().head == 0xC0);
      played.send("\xD0\x00"s);
    }
    CHECK(played.wire.at(0).read().head == 0xC0);
    CHECK(played.recorder.take(&Recorder::lost, 1)[0] == 0);
  });
}

TEST_CASE("a clean end says so to the broker, and is no loss") {
  each_protocol([](int protocol) {
    Played played(protocol);
    played.connect();
    CHECK(played.link().disconnect(std::chrono::seconds{10}));
    CHECK(played.next().head == 0xE0);
    CHECK(played.closed());
    CHECK(played.link().publish({"out", "x", 1, false}, 1) == MqttLink::Sent::later);
    CHECK_FALSE(played.link().subscribe(0, "a", 1, false));
    played.destroy();
    CHECK(played.recorder.count(&Recorder::lost) == 0);
  });
}

TEST_CASE("both clients hear the same in any valid stream") {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    each_protocol([&](int protocol) {
      std::mt19937 random(seed);
      std::string topics[4];
      for (std::string& topic : topics) {
        topic = std::string(1 + random() % 40, static_cast<char>('a' + random() % 26)) + "/\xC3\xA9";
      }
      const Played writer(protocol, Client::paho);
      std::string stream;
      constexpr std::size_t count = 300;
      for (std::uint16_t i = 1; i <= count; ++i) {
        std::string payload(random() % 700, '\0');
        for (char& byte : payload) byte = static_cast<char>(random());
        wire::Publish message = one(static_cast<std::uint8_t>(random() % 3), 0, payload);
        message.topic = topics[random() % 4];
        message.packet_id = message.qos == 0 ? std::uint16_t{0} : i;
        message.duplicate = message.qos > 0 && random() % 4 == 0;
        message.retain = random() % 8 == 0;
        stream += writer.publish(message);
        if (message.qos == 2) stream += writer.acknowledgement(Type::pubrel, i);
      }
      std::vector<test::Heard> heard[2];
      for (const Client client : {Client::paho, Client::native}) {
        Played played(protocol, client);
        played.connect();
        for (std::size_t at = 0; at < stream.size();) {
          const std::size_t piece = 1 + random() % 2000;
          played.send(stream.substr(at, piece));
          at += piece;
        }
        heard[client == Client::native] = played.recorder.take(&Recorder::messages, count);
      }
      REQUIRE(heard[0].size() == heard[1].size());
      for (std::size_t i = 0; i < heard[0].size(); ++i) {
        const test::Heard &paho = heard[0][i], &native = heard[1][i];
        CAPTURE(i);
        CAPTURE(paho.qos);
        REQUIRE(paho.topic == native.topic);
        REQUIRE((paho.payload == native.payload));
        REQUIRE(paho.qos == native.qos);
        REQUIRE(paho.packet_id == native.packet_id);
        if (paho.qos < 2) REQUIRE(paho.duplicate == native.duplicate);  // Paho forgets it until the release
        REQUIRE(paho.stale == native.stale);
      }
    });
  }
}
