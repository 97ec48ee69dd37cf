// Recordings: what is written is read; what is damaged is skipped and counted, and everything else is still
// read.
#include "bridge/recording.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bridge/error.h"
#include "bridge/replay_reader.h"
#include "tests/temp_folder.h"

namespace {

using bridge::Message;
using bridge::RecordingWriter;
using bridge::ReplayReader;

constexpr core::Time at(std::int64_t ns) { return core::Time{core::Duration{ns}}; }

// A record that owns its bytes.
struct Kept {
  bool tick = false;
  std::int64_t arrival = 0;
  std::string topic, payload;
  int packet_id = 0, qos = 0;
  bool duplicate = false, stale = false;
  int connection = 0;
  bool operator==(const Kept&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Kept& kept) {
  return out << (kept.tick ? "tick " : "message ") << kept.arrival << ' ' << kept.topic << ' '
             << kept.payload.size() << " bytes";
}

Message message_of(const Kept& kept) {
  return {at(kept.arrival),
          kept.topic,
          kept.payload,
          static_cast<std::uint16_t>(kept.packet_id),
          static_cast<std::uint8_t>(kept.qos),
          kept.duplicate,
          kept.stale,
          static_cast<std::uint8_t>(kept.connection)};
}

void write(const std::string& path, const std::vector<Kept>& records, bool flush_each = false) {
  RecordingWriter writer(path);
  for (const auto& record : records) {
    REQUIRE((record.tick ? writer.add_tick(at(record.arrival)) : writer.add(message_of(record))));
    if (flush_each) REQUIRE(writer.flush());
  }
  REQUIRE(writer.close());
}

struct ReadBack {
  std::vector<Kept> records;
  std::uint64_t skipped = 0, reordered = 0;
  std::string problem;
};

ReadBack read(const std::string& path) {
  const auto reader = ReplayReader::open(path, {});
  ReadBack back;
  ReplayReader::Record record;
  while (reader->next(record)) {
    const Message& message = record.message;
    // The promised bytes behind the payload are there (a sanitizer looks on).
    unsigned sum = 0;
    for (std::size_t i = 0; i < bridge::payload_padding && record.kind == bridge::ReplayReader::Kind::message;
         ++i) {
      sum += static_cast<unsigned char>(message.payload.data()[message.payload.size() + i]);
    }
    CHECK(sum < 256 * bridge::payload_padding);
    back.records.push_back({record.kind == bridge::ReplayReader::Kind::tick,
                            message.arrival.time_since_epoch().count(), std::string(message.topic),
                            std::string(message.payload), message.packet_id, message.qos, message.duplicate,
                            message.stale, message.connection});
  }
  CHECK_FALSE(reader->next(record));
  back.skipped = reader->skipped();
  back.reordered = reader->reordered();
  back.problem = reader->first_problem();
  return back;
}

std::vector<Kept> three() {
  return {{false, 1'000, "a/b", "21.5", 7, 1, true, false},
          {true, 2'000, "", "", 0, 0, false, false},
          {false, 3'000, "c", "", 0, 2, false, true}};
}

}  // namespace

TEST_CASE("the bytes of the format") {
  const test::TempFolder folder;
  write(folder.file("r"), {{false, 0x0102030405060708, "a/b", "21.5", 0x1122, 1, true, true, 7}});
  const std::string bytes = folder.read("r");
  REQUIRE(bytes.size() == 8 + 16 + 32);
  CHECK(bytes.substr(0, 8) == "weirrec1");
  CHECK(bytes.substr(8, 8) == std::string("\x20\0\0\0\x01\0\0\0", 8));
  CHECK(bytes.substr(24) == std::string("\x08\x07\x06\x05\x04\x03\x02\x01"
                                        "\x04\0\0\0\x03\0\x22\x11\0\x01\x03\x07\0\0\0\0"
                                        "a/b21.5\0",
                                        32));
}

TEST_CASE("what is written is read") {
  const auto check = [](const std::vector<Kept>& records) {
    const test::TempFolder folder;
    write(folder.file("r"), records);
    const ReadBack back = read(folder.file("r"));
    CHECK(back.records == records);
    CHECK(back.skipped == 0);
    CHECK(back.reordered == 0);
    CHECK(back.problem == "");
  };
  check({});
  check(three());
  check({{false, 1, "t", std::string("\0\xff{", 3), 65535, 0, false, false}});
  check({{false, 1, std::string(65535, 't'), std::string(300'000, 'p'), 0, 0, false, false}});
  // A block of its own between small ones; blocks that are exactly full and one byte more.
  for (const std::size_t size : {262'144UL - 32, 262'144UL - 31, 262'144UL - 25, 262'144UL, 3'000'000UL}) {
    check({{false, 1, "t", "x", 0, 0, false, false},
           {false, 2, "t", std::string(size, 'p'), 0, 0, false, false},
           {false, 3, "t", "y", 0, 0, false, false}});
  }
  std::vector<Kept> many;
  for (int i = 0; i < 20'000; ++i) {
    many.push_back({false, 1'000 + i, "site/" + std::to_string(i % 7),
                    std::string(static_cast<std::size_t>(i % 90), 'x'), i % 65536, i % 3, i % 5 == 0,
                    i % 11 == 0, i % 8});
  }
  check(many);
}

TEST_CASE("times that go back are held and counted") {
  const test::TempFolder folder;
  write(folder.file("r"), {{false, 5, "a", "1", 0, 0, false, false},
                           {false, 3, "a", "2", 0, 0, false, false},
                           {false, 9, "a", "3", 0, 0, false, false}});
  const ReadBack back = read(folder.file("r"));
  REQUIRE(back.records.size() == 3);
  CHECK(back.records[1].arrival == 5);
  CHECK(back.records[2].arrival == 9);
  CHECK(back.reordered == 1);
}

TEST_CASE("a time that no engine takes costs its record") {
  const test::TempFolder folder;
  write(folder.file("r"), {{false, -1, "a", "1", 0, 0, false, false},
                           {false, INT64_MAX, "a", "2", 0, 0, false, false},
                           {false, 9, "a", "3", 0, 0, false, false}});
  const ReadBack back = read(folder.file("r"));
  REQUIRE(back.records.size() == 1);
  CHECK(back.records[0].payload == "3");
  CHECK(back.skipped == 2);
  CHECK(back.problem == "byte 24: a record whose time is before 1970 or after 2200");
}

TEST_CASE("a setup that cannot work says so") {
  const auto refused = [](auto&& action, const std::string& message) {
    try {
      action();
      FAIL_CHECK("accepted; expected: " << message);
    } catch (const bridge::SetupError& error) {
      CHECK(std::string(error.what()) == message);
    }
  };
  const test::TempFolder folder;
  const std::string there = folder.write("there", "weirrec9........");
  const std::string missing = folder.file("no/such");
  refused([&] { RecordingWriter writer(there); },
          "recording: cannot create " + there + ": it exists; give another name, or remove it first");
  refused([&] { RecordingWriter writer(missing); },
          "recording: cannot create " + missing +
              ": No such file or directory; give a file in a folder that exists and may be written");
  refused([&] { static_cast<void>(ReplayReader::open(there, {})); },
          "replay: " + there + " is a recording of format \"weirrec9\"; this weir reads \"weirrec1\"");
  CHECK(folder.read("there") == "weirrec9........");
}

TEST_CASE("a write that fails is told, and the whole blocks stay") {
  const test::TempFolder folder;
  const std::string payload(600, 'p');
  // A limit on the size of files stands in for a full disk: the second block is written in part, then no
  // more.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1024, before.rlim_max};
  {
    RecordingWriter writer(folder.file("r"));
    CHECK(writer.add({at(1), "t", payload}));
    CHECK(writer.flush());
    CHECK(writer.add({at(2), "t", payload}));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const bool flushed = writer.flush();
    const bool added = writer.add({at(3), "t", payload});
    const bool closed = writer.close();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_FALSE(flushed);
    CHECK_FALSE(added);
    CHECK_FALSE(closed);
  }
  std::signal(SIGXFSZ, handler);
  const ReadBack back = read(folder.file("r"));
  CHECK(back.records.size() == 1);
  CHECK(back.skipped == 0);
}

TEST_CASE("recordings put together by cat are read one after the other") {
  const test::TempFolder folder;
  write(folder.file("r"), three());
  const std::string bytes = folder.read("r");
  const auto check = [&](const std::string& text, std::size_t records, std::uint64_t skipped) {
    const ReadBack back = read(folder.write("both", text));
    CHECK(back.records.size() == records);
    CHECK(back.skipped == skipped);
  };
  check(bytes + bytes, 6, 0);
  check("weirrec1" + bytes, 3, 0);
  check(bytes.substr(0, bytes.size() - 3) + bytes, 3, 1);  // the first was cut off
}

TEST_CASE("cut off at every byte, the whole blocks before are read") {
  const test::TempFolder folder;
  const auto records = three();
  write(folder.file("r"), records, true);
  const std::string bytes = folder.read("r");
  // Ends of blocks: 8, then 16 + 24 + 7 padded, 16 + 24, 16 + 24 + 1 padded.
  const std::vector<std::size_t> ends{8, 56, 96, 144};
  REQUIRE(bytes.size() == ends.back());
  for (std::size_t size = 8; size < bytes.size(); ++size) {
    CAPTURE(size);
    const ReadBack back = read(folder.write("cut", bytes.substr(0, size)));
    std::size_t whole = 0;
    while (size >= ends[whole + 1]) ++whole;
    CHECK(back.records ==
          std::vector<Kept>(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(whole)));
    CHECK(back.skipped == (size == ends[whole] ? 0 : 1));
    if (size != ends[whole])
      CHECK(back.problem == "byte " + std::to_string(ends[whole]) + ": damaged or cut off up to the end");
  }
}

TEST_CASE("every bit flipped in turn costs one block and no other") {
  const test::TempFolder folder;
  const auto records = three();
  write(folder.file("r"), records, true);
  const std::string bytes = folder.read("r");
  for (std::size_t bit = 8 * 8; bit < bytes.size() * 8; ++bit) {
    CAPTURE(bit);
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const ReadBack back = read(folder.write("damaged", damaged));
    const std::size_t block = bit / 8 < 56 ? 0 : bit / 8 < 96 ? 1 : 2;
    std::vector<Kept> left = records;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(block));
    CHECK(back.records == left);
    CHECK(back.skipped == 1);
  }
}

TEST_CASE("a hole of any size is skipped") {
  const test::TempFolder folder;
  std::vector<Kept> records;
  for (int i = 0; i < 50; ++i)
    records.push_back({false, i, "t", std::string(static_cast<std::size_t>(i), 'x'), i, 0, false, false});
  write(folder.file("r"), records, true);
  const std::string bytes = folder.read("r");
  for (std::size_t removed = 8; removed < 800; removed += 8) {
    CAPTURE(removed);
    const ReadBack back = read(folder.write("hole", bytes.substr(0, 600) + bytes.substr(600 + removed)));
    CHECK(back.records.front() == records.front());
    CHECK(back.records.back() == records.back());
    CHECK(back.skipped <= 1);
    CHECK(back.records.size() + removed / 40 + 2 >= records.size());
  }
}

TEST_CASE("noise is read without harm") {
  const char* given = std::getenv("WEIR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const test::TempFolder folder;
  std::vector<Kept> records;
  for (int i = 0; i < 200; ++i) {
    records.push_back({i % 10 == 9, i, i % 10 == 9 ? "" : "t/u",
                       i % 10 == 9 ? "" : std::string(random() % 60, 'x'), 0, 0, false, false});
  }
  write(folder.file("r"), records);
  write(folder.file("many"), records, true);
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    std::string bytes = folder.read(round % 2 == 0 ? "r" : "many");
    for (std::uint64_t flips = random() % 12; flips > 0; --flips)
      bytes[8 + random() % (bytes.size() - 8)] = static_cast<char>(random());
    if (random() % 3 == 0) bytes.resize(8 + random() % (bytes.size() - 8));
    if (random() % 3 == 0)
      bytes.insert(8 + random() % (bytes.size() - 8),
                   std::string(random() % 40, static_cast<char>(random())));
    const ReadBack back = read(folder.write("noise", bytes));
    // Nothing is made up: all that is read was written.
    std::size_t expected = 0;
    for (const auto& record : back.records) {
      while (expected < records.size() && !(records[expected] == record)) ++expected;
      REQUIRE(expected < records.size());
    }
  }
}
