// MQTT packets: what is written, byte by byte; what is read, however it is cut; and what is no packet.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>

#include "bridge/wire_reader.h"
#include "bridge/wire_writer.h"

namespace {

using namespace bridge::wire;
using enum Protocol;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// Spaces are for the reader.
std::string packed(std::string text) {
  std::erase(text, ' ');
  return text;
}

std::string unhexed(const std::string& spaced) {
  const std::string text = packed(spaced);
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

std::string with_length(const std::string& bytes) {
  std::string out;
  append_remaining_length(bytes.size(), out);
  return out + bytes;
}

// Hex; "[...]" stands for what is in it with its length before it, "|" for the length of all that follows.
std::string bytes(const std::string& spaced) {
  if (const std::size_t at = spaced.find('|'); at != std::string::npos)
    return unhexed(spaced.substr(0, at)) + with_length(bytes(spaced.substr(at + 1)));
  const std::size_t open = spaced.find('['), close = spaced.find(']');
  if (open == std::string::npos) return unhexed(spaced);
  return unhexed(spaced.substr(0, open)) + with_length(unhexed(spaced.substr(open + 1, close - open - 1))) +
         unhexed(spaced.substr(close + 1));
}

// What the reader says of one whole packet.
Fault fault_of(Protocol protocol, const std::string& whole) {
  std::string_view rest = whole;
  Packet packet;
  const Cut cut = cut_packet(rest, packet);
  if (cut == Cut::malformed) return Fault::length;
  REQUIRE(cut == Cut::packet);
  REQUIRE(rest.empty());
  Publish publish;
  Connack connack;
  Acknowledgement acknowledgement;
  Granted granted;
  Connect connect;
  Subscribe subscribe;
  int reason;
  switch (packet.type) {
    case Type::connect:
      return open_connect(packet, connect);
    case Type::connack:
      return open_connack(protocol, packet, connack);
    case Type::publish:
      return open_publish(protocol, packet, publish);
    case Type::puback:
    case Type::pubrec:
    case Type::pubrel:
    case Type::pubcomp:
      return open_acknowledgement(protocol, packet, acknowledgement);
    case Type::subscribe:
    case Type::unsubscribe:
      return open_subscribe(protocol, packet, subscribe);
    case Type::suback:
    case Type::unsuback:
      return open_granted(protocol, packet, granted);
    case Type::pingreq:
    case Type::pingresp:
      return open_empty(packet);
    case Type::disconnect:
    case Type::auth:
      return open_reason(protocol, packet, reason);
    case Type::none:
      break;
  }
  return Fault::type;
}

template <class Write>
std::string written(const Write& write) {
  std::string out;
  write(out);
  return out;
}

Packet packet_of(std::string_view whole) {
  Packet packet;
  REQUIRE(cut_packet(whole, packet) == Cut::packet);
  return packet;
}

}  // namespace

TEST_CASE("remaining length: seven bits a byte, the low ones first") {
  auto check = [](std::size_t length, const std::string& expected) {
    std::string out;
    append_remaining_length(length, out);
    CHECK(hex(out) == packed(expected));
  };
  check(0, "00");
  check(1, "01");
  check(127, "7f");
  check(128, "8001");
  check(16'383, "ff7f");
  check(16'384, "808001");
  check(2'097'151, "ffff7f");
  check(2'097'152, "80808001");
  check(268'435'455, "ffffff7f");
}

TEST_CASE("CONNECT is exactly these bytes, and reads back") {
  auto check = [](const Connect& connect, const std::string& expected) {
    CAPTURE(expected);
    const std::string out = written([&](std::string& to) { append_connect(connect, to); });
    CHECK(hex(out) == packed(expected));
    Connect read;
    REQUIRE(open_connect(packet_of(out), read) == Fault::none);
    CHECK(hex(written([&](std::string& to) { append_connect(read, to); })) == hex(out));
  };
  check({.protocol = v311, .client_id = "ab", .keep_alive_s = 60}, "100e 00044d515454 04 02 003c 00026162");
  check({.protocol = v5, .client_id = "ab", .keep_alive_s = 0x1234},
        "100f 00044d515454 05 02 1234 00 00026162");
  check({.protocol = v5,
         .client_id = "w",
         .clean_start = false,
         .keep_alive_s = 30,
         .user = "u",
         .password = "pw",
         .will_topic = "s/t",
         .will_payload = "x",
         .will_qos = 1,
         .will_retain = true,
         .session_expiry = 3600,
         .receive_maximum = 100,
         .packet_bytes_max = 0x10000,
         .topic_alias_maximum = 16},
        "102e 00044d515454 05 ec 001e 10 1100000e10 210064 2700010000 220010 000177"
        "00 0003732f74 000178 000175 00027077");
  check({.protocol = v311,
         .client_id = "w",
         .clean_start = false,
         .keep_alive_s = 30,
         .user = "u",
         .will_topic = "t",
         .will_payload = "",
         .will_qos = 2},
        "1015 00044d515454 04 94 001e 000177 000174 0000 000175");
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE are exactly these bytes, and read back") {
  const std::vector<Filter> filters{
      {"a", {.qos = 1}},
      {"b/#", {.qos = 2, .no_local = true, .retain_as_published = true, .retain_handling = 2}}};
  auto check = [&](Protocol protocol, const std::string& expected, const std::string& unsubscribe) {
    const std::string out =
        written([&](std::string& to) { append_subscribe(protocol, 0x0102, filters, to); });
    CHECK(hex(out) == packed(expected));
    Subscribe read;
    REQUIRE(open_subscribe(protocol, packet_of(out), read) == Fault::none);
    CHECK(read.packet_id == 0x0102);
    std::vector<Filter> again;
    for (Filter one; next_filter(Type::subscribe, read, one);) again.push_back(one);
    CHECK(hex(written([&](std::string& to) { append_subscribe(protocol, 0x0102, again, to); })) == hex(out));
    CHECK(hex(written([&](std::string& to) {
            append_unsubscribe(protocol, 7, {"a", "b/#"}, to);
          })) == packed(unsubscribe));
  };
  check(v311, "820c 0102 00016101 0003622f2302", "a20a 0007 000161 0003622f23");
  check(v5, "820d 0102 00 00016101 0003622f232e", "a20b 0007 00 000161 0003622f23");
}

TEST_CASE("PUBLISH is exactly these bytes") {
  auto check = [](Protocol protocol, const Publish& publish, const std::string& expected) {
    CHECK(hex(written([&](std::string& to) { append_publish(protocol, publish, to); })) == packed(expected));
  };
  check(v311, {.topic = "a/b", .payload = "1"}, "3006 0003612f62 31");
  check(v5, {.topic = "a/b", .payload = "1"}, "3007 0003612f62 00 31");
  check(v311, {.topic = "t", .payload = ""}, "3003 000174");
  check(v5, {.topic = "t", .payload = {"\0\xff", 2}}, "3006 000174 00 00ff");
  check(v5, {.topic = "t", .payload = "1", .packet_id = 0xABCD, .qos = 1, .retain = true},
        "3307 000174 abcd 00 31");
  check(v311, {.topic = "t", .payload = "1", .packet_id = 1, .qos = 2, .duplicate = true},
        "3c06 000174 0001 31");
  check(v5, {.topic = "", .payload = "1", .topic_alias = 258}, "3007 0000 03230102 31");
  const auto head = [](std::size_t remaining, const std::string& expected) {
    const std::string payload(remaining - 3, 'x');
    const std::string out =
        written([&](std::string& to) { append_publish(v311, {.topic = "t", .payload = payload}, to); });
    CHECK(hex(out).substr(0, packed(expected).size()) == packed(expected));
    CHECK(out.size() == packed(expected).size() / 2 - 3 + remaining);
  };
  head(127, "307f 000174");
  head(128, "308001 000174");
  head(16'383, "30ff7f 000174");
  head(16'384, "30808001 000174");
}

TEST_CASE("the short packets are exactly these bytes, appended to what is there") {
  auto check = [](const auto& write, const std::string& expected) {
    std::string out = "kept";
    write(out);
    CHECK(hex(out.substr(4)) == packed(expected));
    CHECK(out.starts_with("kept"));
  };
  check([](std::string& to) { append_acknowledgement(v5, Type::puback, 0x0102, 0, to); }, "4002 0102");
  check([](std::string& to) { append_acknowledgement(v5, Type::pubrec, 1, 0x97, to); }, "5003 0001 97");
  check([](std::string& to) { append_acknowledgement(v311, Type::pubrec, 1, 0x97, to); }, "5002 0001");
  check([](std::string& to) { append_acknowledgement(v5, Type::pubrel, 1, 0, to); }, "6202 0001");
  check([](std::string& to) { append_acknowledgement(v5, Type::pubcomp, 1, 0x92, to); }, "7003 0001 92");
  check([](std::string& to) { append_pingreq(to); }, "c000");
  check([](std::string& to) { append_pingresp(to); }, "d000");
  check([](std::string& to) { append_disconnect(v5, 0, to); }, "e000");
  check([](std::string& to) { append_disconnect(v5, 0x81, to); }, "e001 81");
  check([](std::string& to) { append_disconnect(v311, 0x81, to); }, "e000");
  check([](std::string& to) { append_connack(v5, true, 0, to); }, "2003 01 00 00");
  check([](std::string& to) { append_connack(v311, false, 5, to); }, "2002 00 05");
  check([](std::string& to) { append_suback(v5, 3, "\x01", to); }, "9004 0003 00 01");
  check([](std::string& to) { append_suback(v311, 3, "\x02", to); }, "9003 0003 02");
}

TEST_CASE("what a broker says is read, to the last property") {
  Connack connack;
  const std::string greeting = bytes(
      "20 | 01 00 ["
      "1100000e10 210014 2400 2500 2700001000 120003616263 22000a 1f00026f6b 260001 6b 000176 2800 2900 2a00"
      "13001e 1a0002 6869 1c00027372 150001 6d 1600020001]");
  REQUIRE(open_connack(v5, packet_of(greeting), connack) == Fault::none);
  CHECK(connack.session_present);
  CHECK(connack.reason == 0);
  CHECK(connack.properties.has_session_expiry);
  CHECK(connack.properties.session_expiry == 3600);
  CHECK(connack.properties.receive_maximum == 20);
  CHECK(connack.properties.maximum_qos == 0);
  CHECK_FALSE(connack.properties.retain_available);
  CHECK(connack.properties.packet_bytes_max == 4096);
  CHECK(connack.properties.topic_alias_maximum == 10);
  CHECK(connack.properties.has_server_keep_alive);
  CHECK(connack.properties.server_keep_alive == 30);

  REQUIRE(open_connack(v5, packet_of(bytes("2002 00 01")), connack) == Fault::none);
  CHECK(connack.reason == 1);  // from a broker that does not know MQTT 5

  Publish publish;
  const std::string message = bytes(
      "3d | 0003612f62 0009 [0101 02 00000005 030001 74 080001 72 09000200ff 0b8001 0b02 230007 260001 6b "
      "000176] 3132");
  REQUIRE(open_publish(v5, packet_of(message), publish) == Fault::none);
  CHECK(publish.topic == "a/b");
  CHECK(publish.payload == "12");
  CHECK(publish.packet_id == 9);
  CHECK(publish.topic_alias == 7);
  CHECK(publish.qos == 2);
  CHECK(publish.duplicate);
  CHECK(publish.retain);

  Acknowledgement acknowledgement;
  REQUIRE(open_acknowledgement(v5, packet_of(bytes("40 | 0007 87 [1f0001 6e]")), acknowledgement) ==
          Fault::none);
  CHECK(acknowledgement.packet_id == 7);
  CHECK(acknowledgement.reason == 0x87);
  Granted granted;
  const std::string suback = bytes("90 | 0007 00 0187");
  REQUIRE(open_granted(v5, packet_of(suback), granted) == Fault::none);
  CHECK(hex(granted.reasons) == "0187");
  int reason = 0;
  REQUIRE(open_reason(v5, packet_of(bytes("e001 8e")), reason) == Fault::none);
  CHECK(reason == 0x8E);
}

TEST_CASE("what is no packet, and why") {
  // Both protocols where none is said.
  auto check = [](const std::string& whole, Fault expected) {
    CAPTURE(whole);
    CHECK(fault_of(v311, bytes(whole)) == expected);
    CHECK(fault_of(v5, bytes(whole)) == expected);
  };
  auto check5 = [](const std::string& whole, Fault expected) {
    CAPTURE(whole);
    CHECK(fault_of(v5, bytes(whole)) == expected);
  };
  auto check4 = [](const std::string& whole, Fault expected) {
    CAPTURE(whole);
    CHECK(fault_of(v311, bytes(whole)) == expected);
  };
  check("30ffffffff01", Fault::length);
  check("d08000", Fault::length);  // zero in two bytes
  check("00 |", Fault::type);
  // PUBLISH
  check("36 | 000174 0001", Fault::qos);
  check("38 | 000174", Fault::flags);
  check("30 | 00", Fault::cut_short);
  check("30 | 000274", Fault::cut_short);
  check("32 | 000174 00", Fault::cut_short);
  check("32 | 000174 0000", Fault::packet_id);
  check4("30 | 0000", Fault::topic);
  check4("30 | 00012b", Fault::topic);
  check4("30 | 000123", Fault::topic);
  check4("30 | 000100", Fault::text);
  check4("30 | 0001ff", Fault::text);
  check4("30 | 0003eda080", Fault::text);  // a surrogate
  check4("30 | 0002c0af", Fault::text);    // overlong
  check5("30 | 000174", Fault::cut_short);
  check5("30 | 0000 00", Fault::topic);
  check5("30 | 0000 03230000 00", Fault::alias);
  check5("30 | 000174 [230001 230001] 31", Fault::property_twice);
  check5("30 | 000174 03 220001", Fault::property_unknown);
  check5("30 | 000174 02 0102", Fault::property_value);
  check5("30 | 000174 02 0b00", Fault::property_value);
  check5("30 | 000174 02 7f00", Fault::property_unknown);
  check5("30 | 000174 03 030001", Fault::cut_short);
  check5("30 | 000174 04 030001ff", Fault::text);
  check5("30 | 000174 04 0800012b", Fault::topic);
  check5("30 | 000174 05", Fault::cut_short);
  check5("30 | 000174 ffffffff", Fault::length);
  // CONNACK
  check("21 | 00 00", Fault::flags);
  check("20 | 02 05", Fault::flags);
  check("20 | 01 05", Fault::refused_kept);
  check("20 | 00", Fault::cut_short);
  check4("20 | 00 00 00", Fault::trailing);
  check5("20 | 00 00", Fault::cut_short);
  check5("20 | 00 00 03 210000", Fault::property_value);
  check5("20 | 00 00 05 2700000000", Fault::property_value);
  check5("20 | 00 00 02 2402", Fault::property_value);
  check5("20 | 00 00 04 16000100", Fault::auth_unnamed);
  check5("20 | 00 00 00 00", Fault::trailing);
  // The others
  check("41 | 0001", Fault::flags);
  check("60 | 0001", Fault::flags);
  check("40 | 0000", Fault::packet_id);
  check("40 | 00", Fault::cut_short);
  check4("40 | 0001 00", Fault::trailing);
  check5("40 | 0001 00 00 00", Fault::trailing);
  check5("40 | 0001 00 [1f0005]", Fault::cut_short);
  check5("40 | 0001 00 02 0100", Fault::property_unknown);
  check("d1 | 00", Fault::flags);
  check("d0 | 00", Fault::trailing);
  check4("90 | 0001", Fault::no_entry);
  check5("90 | 0001 00", Fault::no_entry);
  check4("b0 | 0001 00", Fault::trailing);
  check("e1 | 00", Fault::flags);
  check4("e0 | 00", Fault::trailing);
  check4("f0 |", Fault::type);
  check("80 | 0001 00016100", Fault::flags);
  check4("82 | 0001", Fault::no_entry);
  check4("82 | 0001 00016103", Fault::qos);
  check4("82 | 0001 00016105", Fault::flags);
  check5("82 | 0001 00 00016140", Fault::flags);
  check5("82 | 0001 00 00016131", Fault::flags);  // retain handling 3
  check4("82 | 0001 0002612300", Fault::filter);
  check4("82 | 0001 0003232f6100", Fault::filter);
  check4("82 | 0001 000000", Fault::filter);
  check4("a2 | 0001 0003612b2f", Fault::filter);
  check("10 | 00044d515454 04 02 003c 000261", Fault::cut_short);
  check("10 | 00044d515454 03 02 003c 0000", Fault::protocol);
  check("10 | 00044d515454 04 03 003c 0000", Fault::flags);
  check("10 | 00044d515454 04 08 003c 0000", Fault::flags);
  check("10 | 00044d515454 04 42 003c 0000 00027077", Fault::password_alone);
  check("10 | 00044d515454 04 1e 003c 0000 00017400", Fault::cut_short);
  check("10 | 00044d515454 04 1e 003c 0000 000174 0000", Fault::qos);
}

TEST_CASE("a packet cut at any byte waits for the rest, and none of its beginnings reads as another") {
  std::string whole;
  append_publish(v5, {.topic = "a/b", .payload = std::string(200, 'x'), .packet_id = 3, .qos = 2}, whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string_view rest = std::string_view(whole).substr(0, size);
    Packet packet;
    CHECK(cut_packet(rest, packet) == Cut::more);
    CHECK(rest.size() == size);
    Head head;
    CHECK(read_head(rest, head) == (size < 3 ? Cut::more : Cut::packet));
    if (size >= 3) CHECK(head.total() == whole.size());
  }
  // The beginning of a body is enough for all but the payload.
  const Packet packet = packet_of(whole);
  for (std::size_t size = 0; size <= packet.body.size(); ++size) {
    Publish publish;
    const Fault fault = open_publish(v5, {packet.type, packet.flags, packet.body.substr(0, size)}, publish);
    CHECK(fault == (size < 8 ? Fault::cut_short : Fault::none));
    if (fault == Fault::none) CHECK(publish.payload.size() == size - 8);
  }
}

TEST_CASE("topics and filters") {
  for (const char* good : {"a", "/", "a/b", "$SYS/x", "eight by", "nine byte", "\xC3\xA9t\xC3\xA9/1234567"}) {
    CAPTURE(good);
    CHECK(valid_topic(good));
    CHECK(valid_filter(good));
  }
  // The wildcard or odd byte at every place of two words.
  for (std::size_t at = 0; at < 17; ++at) {
    CAPTURE(at);
    for (const char byte : {'+', '#', '\0', '\xFF', '\xC3'}) {
      std::string topic(17, 'a');
      topic[at] = byte;
      CHECK_FALSE(valid_topic(topic));
      CHECK(valid_text(topic) == (byte == '+' || byte == '#'));
    }
    std::string topic(17, 'a');
    for (const char byte : {'*', ',', '"', '$', '\x01', '\x7F'}) {
      topic[at] = byte;
      CHECK(valid_topic(topic));
    }
  }
  CHECK_FALSE(valid_topic(""));
  CHECK(valid_topic(std::string(65'535, 'x')));
  CHECK_FALSE(valid_topic(std::string(65'536, 'x')));
  for (const char* good : {"#", "+", "+/+", "a/+/#", "/+", "+/"}) CHECK(valid_filter(good));
  for (const char* bad : {"", "a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c", "##"}) {
    CAPTURE(bad);
    CHECK_FALSE(valid_filter(bad));
  }
}

TEST_CASE("what is written is read back, in any order of kinds and sizes") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const Protocol protocol = random() % 2 == 0 ? v311 : v5;
    std::vector<std::pair<std::string, std::string>> texts;
    std::vector<Publish> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      texts.emplace_back(std::string(1 + random() % 300, static_cast<char>('a' + random() % 26)),
                         std::string(random() % 40'000, '\0'));
      for (char& byte : texts.back().second) byte = static_cast<char>(random());
    }
    for (const auto& [topic, payload] : texts) {
      Publish one{.topic = topic, .payload = payload, .qos = static_cast<std::uint8_t>(random() % 3)};
      if (one.qos > 0) one.packet_id = static_cast<std::uint16_t>(1 + random() % 65535);
      one.duplicate = one.qos > 0 && random() % 2 == 0;
      one.retain = random() % 2 == 0;
      if (protocol == v5 && random() % 2 == 0) one.topic_alias = static_cast<std::uint16_t>(1 + random() % 9);
      sent.push_back(one);
      append_publish(protocol, one, stream);
    }
    std::string_view rest = stream;
    for (const Publish& one : sent) {
      Packet packet;
      REQUIRE(cut_packet(rest, packet) == Cut::packet);
      Publish read;
      REQUIRE(open_publish(protocol, packet, read) == Fault::none);
      CHECK(read.topic == one.topic);
      CHECK((read.payload == one.payload));
      CHECK(read.packet_id == one.packet_id);
      CHECK(read.topic_alias == one.topic_alias);
      CHECK(read.qos == one.qos);
      CHECK(read.retain == one.retain);
      CHECK(read.duplicate == one.duplicate);
    }
    CHECK(rest.empty());
  }
}
