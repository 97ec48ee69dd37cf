// The packets of the load generator, byte by byte, and the reader that takes them apart again.
#include "bridge/wire_sender.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>

namespace {

using namespace bridge::wire;

std::string hex(const std::string& bytes) {
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

TEST_CASE("CONNECT, SUBSCRIBE and DISCONNECT are exactly these bytes") {
  auto connect = [](Protocol protocol, std::uint16_t keep_alive, const std::string& expected) {
    std::string out;
    append_connect(protocol, "ab", keep_alive, out);
    CHECK(hex(out) == packed(expected));
  };
  connect(Protocol::v311, 60, "100e 00044d515454 04 02 003c 00026162");
  connect(Protocol::v5, 60, "100f 00044d515454 05 02 003c 00 00026162");
  connect(Protocol::v5, 0x1234, "100f 00044d515454 05 02 1234 00 00026162");

  auto subscribe = [](Protocol protocol, const std::string& expected) {
    std::string out;
    append_subscribe(protocol, 0x0102, {"a", "b/#"}, out);
    CHECK(hex(out) == packed(expected));
  };
  subscribe(Protocol::v311, "820c 0102 00016100 0003622f2300");
  subscribe(Protocol::v5, "820d 0102 00 00016100 0003622f2300");

  std::string out;
  append_disconnect(out);
  CHECK(hex(out) == "e000");
}

TEST_CASE("PUBLISH at QoS 0 is exactly these bytes") {
  auto check = [](Protocol protocol, const std::string& topic, const std::string& payload,
                  const std::string& expected) {
    std::string out;
    append_publish(protocol, topic, payload, out);
    CHECK(hex(out) == packed(expected));
  };
  check(Protocol::v311, "a/b", "1", "3006 0003612f62 31");
  check(Protocol::v5, "a/b", "1", "3007 0003612f62 00 31");
  check(Protocol::v311, "t", "", "3003 000174");
  check(Protocol::v5, "t", std::string("\0\xff", 2), "3006 000174 00 00ff");
}

TEST_CASE("PUBLISH is framed right where the length grows by a byte") {
  auto check = [](std::size_t remaining, const std::string& spaced) {
    const std::string head = packed(spaced);
    std::string out;
    append_publish(Protocol::v311, "t", std::string(remaining - 3, 'x'), out);
    CHECK(hex(out.substr(0, head.size() / 2)) == head);
    CHECK(out.size() == head.size() / 2 - 3 + remaining);
  };
  check(127, "307f 000174");
  check(128, "308001 000174");
  check(16'383, "30ff7f 000174");
  check(16'384, "30808001 000174");
}

TEST_CASE("packets are appended, not put in place of what is there") {
  std::string out = "kept";
  append_publish(Protocol::v5, "t", "1", out);
  append_disconnect(out);
  CHECK(out.substr(0, 4) == "kept");
  CHECK(hex(out.substr(4)) == packed("3005 000174 00 31 e000"));
}

TEST_CASE("a packet that is not all there waits; one that cannot be is malformed") {
  std::string whole;
  append_publish(Protocol::v5, "a/b", std::string(200, 'x'), whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string_view rest = std::string_view(whole).substr(0, size);
    Packet packet;
    CHECK(cut_packet(rest, packet) == Cut::more);
    CHECK(rest.size() == size);
  }
  for (const char* text : {"\x30\xff\xff\xff\xff", "\x30\x80\x80\x80\x80\x01"}) {
    std::string_view rest(text, 5);
    Packet packet;
    CHECK(cut_packet(rest, packet) == Cut::malformed);
  }
}

TEST_CASE("a PUBLISH that is cut short or not QoS 0 is not opened") {
  auto check = [](std::uint8_t flags, const std::string& body, bool expected) {
    std::string_view topic, payload;
    const Packet packet{publish, flags, body};
    CHECK(open_publish(Protocol::v5, packet, topic, payload) == expected);
  };
  check(0, std::string("\0\1t\0", 4), true);
  check(1, std::string("\0\1t\0", 4), true);       // retained
  check(2, std::string("\0\1t\0\1\0", 6), false);  // QoS 1
  check(0, "", false);
  check(0, std::string("\0", 1), false);
  check(0, std::string("\0\2t", 3), false);       // the topic ends too early
  check(0, std::string("\0\1t", 3), false);       // no properties
  check(0, std::string("\0\1t\5abc", 7), false);  // the properties end too early
  check(0, std::string("\0\1t\x80\1", 5), false);
}

TEST_CASE("what is built is read back, in any order of kinds and sizes") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const Protocol protocol = random() % 2 == 0 ? Protocol::v311 : Protocol::v5;
    std::vector<std::pair<std::string, std::string>> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      sent.emplace_back(std::string(random() % 300, static_cast<char>('a' + random() % 26)),
                        std::string(random() % 40'000, '\0'));
      for (char& byte : sent.back().second) byte = static_cast<char>(random());
      append_publish(protocol, sent.back().first, sent.back().second, stream);
    }
    std::string_view rest = stream;
    for (const auto& [topic, payload] : sent) {
      Packet packet;
      REQUIRE(cut_packet(rest, packet) == Cut::packet);
      CHECK(packet.type == publish);
      std::string_view topic_read, payload_read;
      REQUIRE(open_publish(protocol, packet, topic_read, payload_read));
      CHECK(topic_read == topic);
      CHECK((payload_read == payload));
    }
    CHECK(rest.empty());
  }
}

}  // namespace
